package main

import (
	"os"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/plan"
)

// TestDocsNameEveryOption: the page of the configuration has a row for each
// option with its flag and its variable.
func TestDocsNameEveryOption(t *testing.T) {
	page := readDoc(t, "configuration.md")
	for _, o := range options(&config{}) {
		row := ""
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "| `"+o.key+"` |") {
				row = line
			}
		}
		if row == "" || !strings.Contains(row, "`"+o.env+"`") || (o.flag != "" && !strings.Contains(row, "`--"+o.flag+"`")) {
			t.Errorf("docs/configuration.md has no row for %s with --%s and %s: %q", o.key, o.flag, o.env, row)
		}
	}
}

// TestDocsNameEveryCheck: the page of the checks has a heading for each.
func TestDocsNameEveryCheck(t *testing.T) {
	page := readDoc(t, "checks.md")
	recipe, err := plan.BuiltinRecipe(plan.DefaultRecipe)
	if err != nil {
		t.Fatal(err)
	}
	ids := []autodefend.Check{autodefend.CheckAttachment, autodefend.CheckRevision, autodefend.CheckUpdate}
	for _, f := range plan.Examine(autodefend.Function{}, plan.Facts{Recipe: recipe}) {
		ids = append(ids, f.Check)
	}
	for _, id := range ids {
		if strings.Count(page, "\n## `"+string(id)+"`\n") != 1 {
			t.Errorf("docs/checks.md has no heading, or several, for %s", id)
		}
	}
	if have := strings.Count(page, "\n## `"); have != len(ids) {
		t.Errorf("docs/checks.md has %d headings of checks, there are %d checks", have, len(ids))
	}
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
