package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/policy"
)

// TestDocsPolicyCommands runs the commands of docs/policy.md and compares what they print.
func TestDocsPolicyCommands(t *testing.T) {
	page := readDoc(t, "policy.md")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("policy.json", []byte(block(t, page, "json")), 0o600); err != nil {
		t.Fatal(err)
	}
	want := block(t, page, "console")
	var got bytes.Buffer
	for line := range strings.Lines(want) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			got.WriteString(line)
			got.WriteString(shell(t, command))
		}
	}
	if got.String() != want {
		t.Errorf("docs/policy.md says\n%s\nthe commands print\n%s", want, got.String())
	}
}

// shell runs a command of this program as a shell would.
func shell(t *testing.T, command string) string {
	t.Helper()
	args, err := exec.Command("sh", "-c", `set -- `+strings.TrimSpace(command)+`; for a in "$@"; do printf '%s\0' "$a"; done`).Output()
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Split(strings.TrimSuffix(string(args), "\x00"), "\x00")
	var out bytes.Buffer
	if code := run(words[1:], strings.NewReader(""), &out, &out); code != 0 {
		t.Errorf("%s: exit code %d\n%s", command, code, out.String())
	}
	return out.String()
}

// block returns the first code block of a kind.
func block(t *testing.T, page, kind string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "```"+kind+"\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("no block of %s", kind)
	}
	return text
}

// TestDocsNamePolicyWords: the page has each member of our own and each built-in entry.
func TestDocsNamePolicyWords(t *testing.T) {
	page := readDoc(t, "policy.md")
	words := []string{
		"failMode", "fileless", "tmpExecutables", "opaque", "tamper", "strictEgress", "helpers", "readOnly", "exceptions",
	}
	builtin := policy.BuiltinAllowed()
	words = append(words, builtin.Domains...)
	for _, p := range builtin.Networks {
		words = append(words, p.String())
	}
	for _, word := range words {
		if !strings.Contains(page, "`"+word+"`") {
			t.Errorf("docs/policy.md doesn't name %s", word)
		}
	}
}
