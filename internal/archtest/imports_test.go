package archtest

import (
	"slices"
	"strings"
	"testing"
)

func TestImportTable(t *testing.T) {
	table := architecture()
	written := make(map[string]bool)
	for _, p := range packages(t) {
		r, ok := find(table, p.rel())
		if !ok {
			t.Errorf("%s has no row in internal/archtest/table_test.go: add one that says what it is for and what it may import", p.rel())
			continue
		}
		written[r.pkg] = true
		for _, complaint := range r.check(p) {
			t.Error(complaint)
		}
	}
	for _, r := range table {
		if !written[r.pkg] && !r.future {
			t.Errorf("%s has a row but no package: remove the row, or mark it future", r.pkg)
		}
		if written[r.pkg] && r.future {
			t.Errorf("%s is written: replace its future row by one that says what it may import", r.pkg)
		}
	}
}

// find returns the row with the longest path that covers pkg.
func find(table []row, pkg string) (row, bool) {
	var best row
	for _, r := range table {
		if r.covers(pkg) && len(r.pkg) > len(best.pkg) {
			best = r
		}
	}
	return best, best.pkg != ""
}

// covers tells whether pkg is the row's package or lies below it. The root's
// row covers the root only.
func (r row) covers(pkg string) bool {
	return pkg == r.pkg || r.pkg != root && strings.HasPrefix(pkg, r.pkg+"/")
}

// check returns a complaint for each import of p that the row does not allow.
func (r row) check(p goPackage) []string {
	var complaints []string
	if r.kind == testsOnly && len(p.Imports) > 0 {
		complaints = append(complaints, p.rel()+" holds tests only ("+r.why+")")
	}
	for _, imported := range p.Imports {
		if !r.allows(imported) {
			complaints = append(complaints, p.rel()+" may not import "+relative(imported)+": "+r.kind+", "+r.why)
		}
	}
	return complaints
}

func (r row) allows(imported string) bool {
	if inStandard(imported) {
		return true
	}
	if !inModule(imported) {
		return slices.ContainsFunc(r.external, func(allowed string) bool { return hasPath(imported, allowed) })
	}
	pkg := relative(imported)
	return r.covers(pkg) || slices.ContainsFunc(r.internal, func(allowed string) bool {
		return allowed == anyOne || row{pkg: allowed}.covers(pkg)
	})
}

// hasPath tells whether importPath is prefix or lies below it.
func hasPath(importPath, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return importPath == prefix || strings.HasPrefix(importPath, prefix+"/")
}

// TestRows breaks the rules on purpose: a table that allows everything would
// pass TestImportTable too.
func TestRows(t *testing.T) {
	tests := []struct {
		pkg, imports string
		ok           bool
	}{
		{".", "strings", true},
		{".", "go.yaml.in/yaml/v3", false},
		{".", module + "/internal/plan", false},
		{"internal/plan", module, true},
		{"internal/plan", module + "/internal/report", false},
		{"internal/plan", module + "/internal/plan/runtimes", true},
		{"internal/plan/runtimes", module + "/internal/cloud", false},
		{"internal/fleet", "github.com/aws/aws-sdk-go-v2/aws", false},
		{"internal/fleet", module + "/internal/cloud", false},
		{"internal/cloud", "github.com/aws/aws-sdk-go-v2/aws", true},
		{"internal/cloud", "github.com/awsome/thing", false},
		{"internal/cloud", module + "/internal/lambdasim", false},
		{"internal/lambdasim", "github.com/aws/smithy-go/encoding/cbor", true},
		{"internal/lambdasim", "github.com/aws/smithy-go", false},
		{"internal/simtest", "strings", false},
		{"cmd/autodefend", module + "/internal/lambdasim", true},
		{"cmd/autodefend", "github.com/aws/aws-sdk-go-v2/aws", false},
		{"cmd/defender", module + "/internal/wrapper", true},
		{"cmd/defender", module + "/internal/plan", false},
	}
	for _, tt := range tests {
		r, found := find(architecture(), tt.pkg)
		if !found {
			t.Errorf("%s has no row", tt.pkg)
			continue
		}
		path := strings.TrimSuffix(module+"/"+tt.pkg, "/.")
		complaints := r.check(goPackage{ImportPath: path, Imports: []string{tt.imports}})
		if ok := len(complaints) == 0; ok != tt.ok {
			t.Errorf("%s importing %s: allowed = %t, want %t %q", tt.pkg, tt.imports, ok, tt.ok, complaints)
		}
	}
	if r, found := find(architecture(), "internal/unheard"); found {
		t.Errorf("internal/unheard is covered by the row of %s", r.pkg)
	}
}
