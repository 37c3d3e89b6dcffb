//go:build linux

package runner

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Interpreter is a language's program on this machine.
type Interpreter struct {
	// Path is the program itself, behind every link and shim.
	Path string
	// Roots are the directories that its installation is made of.
	Roots []string
}

// probeWithin bounds the start of an interpreter.
const probeWithin = 20 * time.Second

// question has an interpreter print its program and its directories.
func question(name string) []string {
	switch {
	case strings.HasPrefix(name, "python"):
		return []string{"-I", "-c", "import sys; print(sys.executable, sys.prefix, sys.base_prefix, sep='\\n')"}
	case strings.HasPrefix(name, "node"):
		return []string{"-p", "process.execPath + '\\n' + require('path').dirname(require('path').dirname(process.execPath))"}
	case strings.HasPrefix(name, "ruby"):
		return []string{"--disable=gems", "-rrbconfig", "-e", "puts RbConfig.ruby, RbConfig::CONFIG['prefix']"}
	}
	return nil
}

// FindInterpreter finds the first of some names on the PATH and asks it where
// it is installed, since what is on the PATH is often a link or a shim.
func FindInterpreter(ctx context.Context, names ...string) (Interpreter, error) {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	var cause error
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		found, err := askInterpreter(ctx, path, question(name))
		if err == nil {
			return found, nil
		}
		cause = err
	}
	if cause != nil {
		return Interpreter{}, fmt.Errorf("find %s: %w", names[0], cause)
	}
	return Interpreter{}, fmt.Errorf("find %s: %w", names[0], exec.ErrNotFound)
}

// askInterpreter asks an interpreter where it is.
func askInterpreter(ctx context.Context, path string, args []string) (Interpreter, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	out, err := cmd.Output()
	if err != nil {
		return Interpreter{}, fmt.Errorf("ask %s: %w", path, err)
	}
	lines := strings.Fields(string(out))
	if len(lines) < 2 {
		return Interpreter{}, fmt.Errorf("ask %s: no answer", path)
	}
	program, err := filepath.EvalSymlinks(lines[0])
	if err != nil {
		return Interpreter{}, fmt.Errorf("ask %s: %w", path, err)
	}
	i := Interpreter{Path: program}
	for _, root := range append([]string{filepath.Dir(program)}, lines[1:]...) {
		if root != "/" && !slices.Contains(i.Roots, root) {
			i.Roots = append(i.Roots, root)
		}
	}
	return i, nil
}

// Binds returns what a sandbox must show for the interpreter to run.
func (i Interpreter) Binds() []Bind {
	var binds []Bind
	for _, root := range i.Roots {
		if info, err := os.Stat(root); err == nil && info.IsDir() {
			binds = append(binds, Bind{Source: root})
		}
	}
	// A directory before those within it, so that each is shown once.
	slices.SortFunc(binds, func(a, b Bind) int { return len(a.Source) - len(b.Source) })
	return binds
}
