// Command gen compiles the OWASP Core Rule Set and our own rules into package rules: rules_gen.go, the table for
// people and the compiler, and automata.bin, the expressions and literals for the matcher. It runs in the directory of
// package rules, by go generate.
//
// It fails on everything that it doesn't understand and that no table of exceptions (scope.go) names, so that an
// update of the rules is never half compiled. Its output depends on the rules alone.
package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	crs "github.com/corazawaf/coraza-coreruleset/v4"
)

func main() { os.Exit(run(os.Stdout, os.Stderr)) }

// run generates the files in the current directory.
func run(out, errs io.Writer) int {
	result, err := generate(os.DirFS(filepath.Join("..", "own")))
	if err == nil {
		err = result.write(".")
	}
	if err != nil {
		fmt.Fprintln(errs, "gen:", err)
		return 1
	}
	result.report(out)
	return 0
}

// result is what was generated.
type result struct {
	table   *table
	skipped []skippedRule
	source  []byte
	blob    []byte
}

// write puts the files into a directory.
func (r *result) write(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, blobFile), r.blob, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sourceFile), r.source, 0o644)
}

// generate compiles the Core Rule Set and the files *.conf of our own.
func generate(own fs.FS) (*result, error) {
	data, err := fs.Sub(crs.FS, "@owasp_crs")
	if err != nil {
		return nil, err
	}
	c := newCompiler(data)
	for _, family := range families() {
		parsed, err := read(data, family.file)
		if err != nil {
			return nil, err
		}
		if err := c.family(parsed, family.class); err != nil {
			return nil, err
		}
	}
	names, err := fs.Glob(own, "*.conf")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		parsed, err := read(own, name)
		if err != nil {
			return nil, err
		}
		if err := c.own(parsed); err != nil {
			return nil, err
		}
	}
	if err := c.stale(); err != nil {
		return nil, err
	}
	return finish(c)
}

// read parses a file.
func read(files fs.FS, name string) (*file, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	return parse(path.Base(name), string(text))
}

// stale refuses entries of the tables of exceptions that no rule answers to.
func (c *compiler) stale() error {
	for _, id := range c.minds {
		if _, ok := c.seen[id]; !ok {
			return fmt.Errorf("scope.go: there is no rule %d that minds plain file names", id)
		}
	}
	for id := range c.left {
		if _, ok := c.seen[id]; !ok {
			return fmt.Errorf("scope.go: there is no rule %d to leave out", id)
		}
	}
	for id := range c.strict {
		if _, ok := c.seen[id]; !ok {
			return fmt.Errorf("scope.go: there is no rule %d for the strict level", id)
		}
	}
	for id := range c.core {
		if _, ok := c.seen[id]; !ok {
			return fmt.Errorf("quiet.go: there is no rule %d for the level crs", id)
		}
	}
	for id := range c.gates {
		if _, ok := c.seen[id]; !ok {
			return fmt.Errorf("quiet.go: there is no rule %d for a gate", id)
		}
	}
	for id := range c.class {
		if _, ok := c.seen[id]; !ok {
			return fmt.Errorf("scope.go: there is no rule %d with a class of its own", id)
		}
	}
	return nil
}

// finish numbers everything and writes it down.
func finish(c *compiler) (*result, error) {
	t, err := newTable(c.drafts)
	if err != nil {
		return nil, err
	}
	blob, starts := t.blob()
	source, err := t.source(starts)
	if err != nil {
		return nil, fmt.Errorf("format the generated source: %w", err)
	}
	return &result{table: t, skipped: c.skipped, source: source, blob: blob}, nil
}
