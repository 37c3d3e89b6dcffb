package archtest

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite defender.deps")

// depsFile lists every package linked into the layer's program. A diff of it in
// a review is the moment to ask whether each customer's function should carry
// the newcomer.
const depsFile = "defender.deps"

// TestDefenderDependencies holds the layer program's packages to the list that
// is checked in. Internals of the standard library are left out: they come and
// go with Go's own releases.
func TestDefenderDependencies(t *testing.T) {
	got := strings.Join(linked(t, "./cmd/defender"), "\n") + "\n"
	if *update {
		if err := os.WriteFile(depsFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(depsFile)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	was, is := strings.Fields(string(want)), strings.Fields(got)
	for _, p := range is {
		if !slices.Contains(was, p) {
			t.Errorf("the layer's program now links %s", p)
		}
	}
	for _, p := range was {
		if !slices.Contains(is, p) {
			t.Errorf("the layer's program no longer links %s", p)
		}
	}
	t.Errorf("%s is out of date: if that is wanted, go test ./internal/archtest -update", depsFile)
}

// TestDefenderStaysSmall names what must never be linked, list or no list.
func TestDefenderStaysSmall(t *testing.T) {
	banned := map[string]string{
		"database/sql":                    "SQL belongs to the Console",
		"html/template":                   "pages belong to the Console",
		"text/template":                   "keeps every exported method alive in the binary",
		"testing":                         "tests stay in tests",
		"github.com/aws":                  "AWS is called by the Auto-Defender only",
		"github.com/spf13":                "the program takes no flags from people",
		"github.com/jedib0t":              "nobody looks at its tables",
		"go.yaml.in":                      "configuration reaches it as variables and JSON",
		module + "/internal/lambdasim":    "the simulator simulates, it does not ship",
		"github.com/rogpeppe/go-internal": "tests stay in tests",
	}
	for _, p := range linked(t, "./cmd/defender") {
		for prefix, why := range banned {
			if hasPath(p, prefix) {
				t.Errorf("the layer's program links %s: %s", p, why)
			}
		}
	}
}

// TestDefenderTestsStayClose: what the program's own tests import shows what it
// is thought to need.
func TestDefenderTestsStayClose(t *testing.T) {
	r, _ := find(architecture(), "cmd/defender")
	r.external = append(r.external, testLibraries()...)
	for _, p := range packages(t) {
		if !r.covers(p.rel()) {
			continue
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if !r.allows(imported) {
				t.Errorf("tests of %s may not import %s: %s", p.rel(), relative(imported), r.why)
			}
		}
	}
}

// linked lists the packages of a program as built for either architecture of
// AWS Lambda, sorted.
func linked(t *testing.T, program string) []string {
	t.Helper()
	seen := make(map[string]bool)
	for _, arch := range []string{"amd64", "arm64"} {
		out := goTool(t, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch}, "list", "-deps", program)
		for p := range strings.FieldsSeq(string(out)) {
			if !inStandard(p) || !slices.ContainsFunc(strings.Split(p, "/"), isInternal) {
				seen[p] = true
			}
		}
	}
	var all []string
	for p := range seen {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

func isInternal(element string) bool {
	return element == "internal" || element == "vendor"
}
