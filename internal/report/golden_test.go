package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	flag.Parse()
	// A locale of East Asia makes "…" two columns wide.
	text.OverrideRuneWidthEastAsianWidth(false)
	os.Exit(m.Run())
}

func must(t testing.TB, r rendering, f Format, s Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := r(&b, f, s); err != nil {
		t.Fatalf("%s: %v", f, err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; if that is meant, run go test ./internal/report -update\n%s", path, diff)
	}
}

func TestGolden(t *testing.T) {
	for name, r := range samples() {
		for _, f := range Formats() {
			got := must(t, r, f, Style{})
			golden(t, name+"."+string(f), got)
			if again := must(t, r, f, Style{}); again != got {
				t.Errorf("%s as %s: two renderings differ", name, f)
			}
		}
		golden(t, name+".color.table", must(t, r, FormatTable, Style{Color: true, Width: 100}))
		golden(t, name+".narrow.table", must(t, r, FormatTable, Style{Width: 60}))
		golden(t, name+".quiet.table", must(t, r, FormatTable, Style{Quiet: true}))
	}
}
