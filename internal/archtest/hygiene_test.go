package archtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// largestBinary bounds files that no review can read, in bytes.
const largestBinary = 1 << 20

// unwanted is what no file of the repository may hold.
type unwanted struct {
	words   []string       // found fast: without one of them the pattern is not tried
	pattern *regexp.Regexp // decides
	only    string         // the extension it is limited to, or empty
	except  string         // the directory that may hold it, or empty
	why     string
}

// requests is where the firewall's tests keep what people and attackers send:
// their paths are nobody's machine.
const requests = "internal/waas/"

// hygiene lists what is unwanted, put together from pieces so that this file
// does not hold it either.
func hygiene() []unwanted {
	before := "(?m)(^|[\\s\"'`(=:,])"
	paths := []string{"/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Use" + "rs/"}
	hosts := []string{"proxy.go" + "lang.org", "registry.np" + "mjs.org", "deb.deb" + "ian.org"}
	notes := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"}
	return []unwanted{
		{paths[:2], regexp.MustCompile(before + "(" + strings.Join(paths[:2], "|") + `)[A-Za-z0-9._-]`), "", requests, "the path of one machine"},
		{paths[2:], regexp.MustCompile(before + "(" + strings.Join(paths[2:], "|") + `)[a-z][a-z0-9]*/`), "", requests, "the path of one machine"},
		{hosts, regexp.MustCompile(strings.Join(hosts, "|")), "", "", "the host of a package registry"},
		{notes, regexp.MustCompile(`\b(` + strings.Join(notes, "|") + `)\b`), ".go", "", "a note to oneself: do it, or file it"},
	}
}

func TestRepositoryHygiene(t *testing.T) {
	repo, patterns := repository(t), hygiene()
	for _, name := range tracked(t, repo) {
		info, err := os.Lstat(filepath.Join(repo, name))
		if err != nil || !info.Mode().IsRegular() { // removed in the work tree, or a link
			continue
		}
		content, err := os.ReadFile(filepath.Join(repo, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if bytes.IndexByte(content, 0) >= 0 {
			if len(content) > largestBinary {
				t.Errorf("%s: a binary file of %d bytes, want at most %d", name, len(content), largestBinary)
			}
			continue
		}
		for _, found := range unwantedIn(patterns, name, content) {
			t.Error(found)
		}
	}
}

// unwantedIn lists, as "file:line: what: why", what the patterns find.
func unwantedIn(patterns []unwanted, name string, content []byte) []string {
	var found []string
	for _, u := range patterns {
		wordIn := func(word string) bool { return bytes.Contains(content, []byte(word)) }
		if u.except != "" && strings.HasPrefix(name, u.except) && strings.Contains(name, "/testdata/") {
			continue
		}
		if u.only != "" && u.only != filepath.Ext(name) || !slices.ContainsFunc(u.words, wordIn) {
			continue
		}
		for _, at := range u.pattern.FindAllIndex(content, -1) {
			line := 1 + bytes.Count(content[:at[1]], []byte("\n"))
			found = append(found, fmt.Sprintf("%s:%d: %q: %s", name, line, content[at[0]:at[1]], u.why))
		}
	}
	return found
}

// tracked lists the files that git knows, relative to the repository.
func tracked(t *testing.T, repo string) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(repo, ".git")); err != nil {
		t.Skip("not a git checkout: there is no list of the repository's files")
	}
	cmd := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "ls-files", "-z")
	cmd.Dir = repo
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestUnwantedIn(t *testing.T) {
	tests := []struct {
		name, line string
		want       bool
	}{
		{"a.md", "see /wo" + "rk/main", true},
		{"a.md", `dir = "/ro` + `ot/x"`, true},
		{"a.go", "// /ho" + "me/alice/src", true},
		{"a.md", "https://example.com/wo" + "rk/main", false},
		{"a.go", "arn:aws:iam::123456789012:ro" + "ot", false},
		{"a.go", "// TO" + "DO: later", true},
		{"internal/waas/own/testdata/lfi.yaml", "/ro" + "ot/.ssh/id_rsa", false},
		{"internal/waas/own/lfi.go", "/ro" + "ot/.ssh/id_rsa", true},
		{"a.txt", "TO" + "DO", false},
		{"a.mod", "GOPROXY=https://proxy.go" + "lang.org", true},
	}
	for _, tt := range tests {
		if got := unwantedIn(hygiene(), tt.name, []byte(tt.line)); (len(got) > 0) != tt.want {
			t.Errorf("%s %q: found %q, want any: %t", tt.name, tt.line, got, tt.want)
		}
	}
}
