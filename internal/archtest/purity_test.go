package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// effects lists what an engine may not import: whatever reaches outside the
// process or remembers between calls. io, net/url and net/netip are values only.
func effects() []string {
	return []string{"os", "net", "net/http", "net/rpc", "net/smtp", "log", "syscall", "database/sql", "crypto/rand", "plugin", "unsafe"}
}

// harmless lists packages under a forbidden path that a kind of package may use
// all the same. The dictionary knows slog because its types say what of them may
// appear in a log.
func harmless(kind string) []string {
	if kind == dictionary {
		return []string{"net/url", "net/netip", "log/slog"}
	}
	return []string{"net/url", "net/netip"}
}

// clocks lists functions, by package, that make two calls with the same
// arguments differ.
func clocks() map[string][]string {
	return map[string][]string{
		"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
		"math/rand/v2": {
			"Int", "IntN", "Int32", "Int32N", "Int64", "Int64N", "N", "Uint", "UintN", "Uint32", "Uint32N",
			"Uint64", "Uint64N", "Float32", "Float64", "NormFloat64", "ExpFloat64", "Perm", "Shuffle",
		},
		"math/rand": {
			"Int", "Intn", "Int31", "Int31n", "Int63", "Int63n", "Uint32", "Uint64", "Float32", "Float64",
			"NormFloat64", "ExpFloat64", "Perm", "Shuffle", "Read", "Seed",
		},
	}
}

func TestEnginesArePure(t *testing.T) {
	table := architecture()
	for _, p := range packages(t) {
		r, ok := find(table, p.rel())
		if !ok || r.kind != engine && r.kind != dictionary {
			continue
		}
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Errorf("parse %s/%s: %v", p.rel(), name, err)
				continue
			}
			for _, found := range impurities(r.kind, fset, file) {
				t.Errorf("%s/%s: the %s is pure; time and randomness are arguments", p.rel(), found, r.kind)
			}
		}
	}
}

// impurities lists, as "file:line: what", the imports and calls in a file of a
// package of that kind that have effects or read a clock.
func impurities(kind string, fset *token.FileSet, file *ast.File) []string {
	var found []string
	report := func(pos token.Pos, what string) {
		p := fset.Position(pos)
		found = append(found, filepath.Base(p.Filename)+":"+strconv.Itoa(p.Line)+": "+what)
	}
	forbidden := make(map[string][]string) // by the name the file uses
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		if path == "unsafe" && strings.HasSuffix(fset.Position(spec.Pos()).Filename, "_unsafe.go") {
			continue // a view of bytes has no effect; its file says what it relies on
		}
		if slices.ContainsFunc(effects(), func(e string) bool { return hasPath(path, e) }) && !slices.Contains(harmless(kind), path) {
			report(spec.Pos(), "imports "+path)
		}
		if functions, ok := clocks()[path]; ok {
			forbidden[localName(spec, path)] = functions
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(forbidden[x.Name], sel.Sel.Name) {
			report(sel.Pos(), "uses "+x.Name+"."+sel.Sel.Name)
		}
		return true
	})
	return found
}

// localName is the name by which a file refers to an import.
func localName(spec *ast.ImportSpec, path string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return filepath.Base(strings.TrimSuffix(path, "/v2"))
}

func TestImpurities(t *testing.T) {
	tests := []struct {
		name, source string
		want         []string
	}{
		{"pure", `import ("time"; "net/url"; "math/rand/v2"); var _ = time.Second; var _ = url.Parse; var _ = rand.New`, nil},
		{"clock", `import "time"; var _ = time.Now()`, []string{"f.go:1: uses time.Now"}},
		{"renamed clock", `import clock "time"; var f = clock.Since`, []string{"f.go:1: uses clock.Since"}},
		{"dice", `import "math/rand/v2"; var _ = rand.IntN(6)`, []string{"f.go:1: uses rand.IntN"}},
		{"files", `import "os/exec"; var _ = exec.Command`, []string{"f.go:1: imports os/exec"}},
		{"network", `import "net/http/httptest"; var _ = httptest.NewServer`, []string{"f.go:1: imports net/http/httptest"}},
		{"log", `import "log/slog"; var _ = slog.Info`, []string{"f.go:1: imports log/slog"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, "f.go", "package p; "+tt.source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if got := impurities(engine, fset, file); !slices.Equal(got, tt.want) {
				t.Errorf("impurities = %q, want %q", got, tt.want)
			}
		})
	}
}
