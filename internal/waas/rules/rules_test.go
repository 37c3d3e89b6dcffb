package rules_test

import (
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

func TestNamesAreComplete(t *testing.T) {
	for name, check := range map[string]struct {
		count int
		name  func(i int) string
	}{
		"classes":         {rules.Classes, func(i int) string { return rules.Class(i).String() }},
		"variables":       {rules.Variables, func(i int) string { return rules.Variable(i).String() }},
		"operators":       {rules.Operators, func(i int) string { return rules.Operator(i).String() }},
		"transformations": {rules.Transforms, func(i int) string { return rules.Transform(i).String() }},
	} {
		seen := map[string]bool{}
		for i := range check.count {
			text := check.name(i)
			if text == "" || text == "unknown" || seen[text] {
				t.Errorf("%s: number %d is called %q", name, i, text)
			}
			seen[text] = true
		}
		if got := check.name(check.count); got != "unknown" {
			t.Errorf("%s: one too many is called %q", name, got)
		}
	}
}

func TestExpandMacro(t *testing.T) {
	lookup := func(name string) string { return "<" + name + ">" }
	for text, want := range map[string]string{
		"":                         "",
		"plain":                    "plain",
		"|%{tx.0}|":                "|<tx.0>|",
		"%{tx.1}%{tx.2}":           "<tx.1><tx.2>",
		".%{request_headers.host}": ".<request_headers.host>",
	} {
		if got := rules.ExpandMacro(text, lookup); got != want {
			t.Errorf("ExpandMacro(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestTextOfAByteRange(t *testing.T) {
	bitmap := []byte(strings.Repeat("\x00", 32))
	for _, b := range []int{9, 10, 13, 128, 255} {
		bitmap[b/8] |= 1 << (b % 8)
	}
	condition := rules.Condition{Operator: rules.ValidateByteRange, Argument: string(bitmap)}
	if got, want := condition.Text(), "9-10,13,128,255"; got != want {
		t.Errorf("Text() = %q, want %q", got, want)
	}
}

func TestTargetAsText(t *testing.T) {
	for want, target := range map[string]rules.Target{
		"ARGS":                     {Variable: rules.Args},
		"!REQUEST_HEADERS:referer": {Variable: rules.Headers, Selector: "referer", Exclude: true},
		"&REQUEST_HEADERS:host":    {Variable: rules.Headers, Selector: "host", Count: true},
		"REQUEST_COOKIES:/^_pk/":   {Variable: rules.Cookies, Selector: "^_pk", Program: 1},
		"TX:1":                     {Variable: rules.Capture, Selector: "1"},
	} {
		if got := target.String(); got != want {
			t.Errorf("%+v is written %q, want %q", target, got, want)
		}
	}
}
