package main

import (
	"os"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/expression"
)

// TestDocsWAASCommands runs the commands of docs/waas.md and compares what they print.
func TestDocsWAASCommands(t *testing.T) {
	page, runtime := readDoc(t, "waas.md"), block(t, readDoc(t, "policy.md"), "json")
	t.Chdir(t.TempDir())
	for name, kind := range map[string]string{"waas.json": "json", "events.jsonl": "jsonl"} {
		if err := os.WriteFile(name, []byte(block(t, page, kind)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("policy.json", []byte(runtime), 0o600); err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(page, "## In functions")
	for line := range strings.Lines(block(t, section, "")) {
		if !strings.HasPrefix(line, "autodefend apply ") { // that one is run on a simulated AWS, in testdata/script/waas_policy.txt
			shell(t, line)
		}
	}
	want := block(t, page, "console")
	var got strings.Builder
	for line := range strings.Lines(want) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			got.WriteString(line)
			got.WriteString(shell(t, command))
		}
	}
	if got.String() != want {
		t.Errorf("docs/waas.md says\n%s\nthe commands print\n%s", want, got.String())
	}
}

// TestDocsWAASExpressions: the examples of custom rules can be compiled.
func TestDocsWAASExpressions(t *testing.T) {
	_, section, _ := strings.Cut(readDoc(t, "waas.md"), "## Custom rules")
	for line := range strings.Lines(block(t, section, "")) {
		if err := expression.Check(strings.TrimSpace(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestDocsNameWAASWords: the page has each word that a policy of the firewall can hold.
func TestDocsNameWAASWords(t *testing.T) {
	page := readDoc(t, "waas.md")
	words := []string{"level", "strict", "triggers", "classes", "customRules", "budgetMs", "failMode", "onQueue", "batchItemFailures", "error", "drop"}
	words = append(words, "path", "query", "queryValues", "cookie", "UserAgentHeader", "header", "body", "rawBody", "XMLPath", "JSONPath", "keyPattern", "valuePattern")
	words = append(words, policy.WAASTriggers()...)
	words = append(words, expression.Functions()...)
	for _, class := range autodefend.AttackClasses() {
		if class != autodefend.ClassMalformedRequest {
			words = append(words, string(class))
		}
	}
	for _, name := range expression.Attributes() {
		if !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, "`"+name+`["…"]`+"`") {
			t.Errorf("docs/waas.md doesn't name %s", name)
		}
	}
	for _, word := range words {
		if !strings.Contains(page, "`"+word+"`") {
			t.Errorf("docs/waas.md doesn't name %s", word)
		}
	}
}
