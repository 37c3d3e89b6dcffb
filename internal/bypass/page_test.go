package bypass

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the matrix into docs/security.md")

const (
	pagePath  = "docs/security.md"
	pageBegin = "<!-- The matrix: go test ./internal/bypass -run TestPage -update -->\n"
	pageEnd   = "<!-- End of the matrix. -->\n"
)

// TestPage holds the matrix in the documentation against the data that TestAttempts is held against.
func TestPage(t *testing.T) {
	path := filepath.Join(repository, pagePath)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), pageBegin)
	_, after, closed := strings.Cut(rest, pageEnd)
	if !ok || !closed {
		t.Fatalf("%s has no place for the matrix", pagePath)
	}
	want := before + pageBegin + matrix() + pageEnd + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("the matrix in %s is not current: go test ./internal/bypass -run TestPage -update", pagePath)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// matrix renders all attempts: first in numbers, then one by one.
func matrix() string {
	var b strings.Builder
	b.WriteString(summary())
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n### %s\n\n| attempt | how | kernel | preload | preload, Lambda |\n|---|---|---|---|---|\n", g.title)
		for _, a := range g.attempts {
			fmt.Fprintf(&b, "| `%s` | %s%s |", a.name, cell(a.about), marks(a))
			for _, c := range columns() {
				fmt.Fprintf(&b, " %s |", emphasis(a.expected(c)))
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n")
	return b.String()
}

// summary counts the verdicts of each column.
func summary() string {
	verdicts := []verdict{prevented, refused, ended, outside, detected, uncovered}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d attempts.\n\n| |", len(attempts()))
	for _, v := range verdicts {
		fmt.Fprintf(&b, " %s |", v)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(verdicts)) + "\n")
	for _, c := range columns() {
		count := map[verdict]int{}
		for _, a := range attempts() {
			count[a.expected(c)]++
		}
		fmt.Fprintf(&b, "| %s |", c.title)
		for _, v := range verdicts {
			fmt.Fprintf(&b, " %d |", count[v])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// marks say what else a reader should know of an attempt.
func marks(a attempt) string {
	var all []string
	if a.tries > 0 {
		all = append(all, fmt.Sprintf("%d tries", a.tries))
	}
	if slices.Contains(a.needs, kernelX32) {
		all = append(all, "kernels with x32 only")
	}
	if a.crafted {
		all = append(all, "crafted")
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}

// emphasis makes what gets through stand out.
func emphasis(v verdict) string {
	if v == uncovered || v == detected {
		return "**" + string(v) + "**"
	}
	return string(v)
}

// cell makes text fit for a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
