package main

import (
	"io/fs"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	crs "github.com/corazawaf/coraza-coreruleset/v4"
)

// coreRules parses one file of the Core Rule Set.
func coreRules(t *testing.T, name string) *file {
	t.Helper()
	data, err := fs.Sub(crs.FS, "@owasp_crs")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := read(data, name)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestSettingsAreTheDefaults(t *testing.T) {
	text, err := fs.ReadFile(crs.FS, "@owasp_crs/REQUEST-901-INITIALIZATION.conf")
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	for _, match := range regexp.MustCompile(`setvar:'tx\.(\w+)=([^']*)'`).FindAllStringSubmatch(string(text), -1) {
		defaults[match[1]] = match[2]
	}
	for name, value := range settings() {
		if defaults[name] != value {
			t.Errorf("setting %s is %q, the Core Rule Set's default is %q", name, value, defaults[name])
		}
	}
}

func TestReasonsAreGiven(t *testing.T) {
	for id, reason := range leftOut() {
		if reason == "" || strictInstead()[id] != "" {
			t.Errorf("rule %d is left out for the reason %q and has another one to be strict: %q", id, reason, strictInstead()[id])
		}
	}
}

func TestQuietTables(t *testing.T) {
	for id, reason := range coreInstead() {
		if _, ok := gatesByRule()[id]; ok || reason == "" || strictInstead()[id] != "" {
			t.Errorf("rule %d is for the level crs for the reason %q, and in another table too", id, reason)
		}
	}
	for id, g := range gatesByRule() {
		if g.reason == "" || strictInstead()[id] != "" || leftOut()[id] != "" {
			t.Errorf("rule %d has a gate for the reason %q, and is in another table too", id, g.reason)
		}
		if _, err := regexp.Compile(g.sign); err != nil {
			t.Errorf("rule %d: %v", id, err)
		}
	}
}

// Rule 941010 keeps the XSS rules away from file names of plain characters. Most don't match such a name anyway: with
// the other characters taken away, no expression's end can be reached, whatever its assertions say, and every word
// needs one of them. The rest must be in the table.
func TestPlainFileNames(t *testing.T) {
	tried := 0
	for _, rule := range coreRules(t, "REQUEST-941-APPLICATION-ATTACK-XSS.conf").rules {
		if rule.actions.id == 941010 && rule.operator != (secOperator{negated: true, name: "validateByteRange", argument: plainNames}) {
			t.Errorf("the plain characters are %s, rule 941010 says %v", plainNames, rule.operator)
		}
		readsNames := slices.ContainsFunc(rule.targets, func(target secTarget) bool { return target.name == "REQUEST_FILENAME" })
		if rule.level > highestParanoia || !readsNames || !slices.Contains(rule.actions.tags, "xss-perf-disable") {
			continue
		}
		tried++
		if got, want := matchesPlainName(t, rule.operator), slices.Contains(mindsPlainNames(), rule.actions.id); got != want {
			t.Errorf("rule %d matches a plain file name: %v, the table says %v", rule.actions.id, got, want)
		}
	}
	if tried < 20 {
		t.Errorf("only %d rules were tried", tried)
	}
}

// matchesPlainName reports whether the operator may match a file name of plain characters.
func matchesPlainName(t *testing.T, operator secOperator) bool {
	t.Helper()
	plain := func(r rune) bool {
		return r == 20 || r >= 45 && r <= 57 || r >= 'A' && r <= 'Z' || r == '_' || r >= 'a' && r <= 'z'
	}
	allPlain := func(word string) bool {
		return !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) })
	}
	switch operator.name {
	case "rx":
		return reaches(t, operator.argument, plain)
	case "pm":
		return slices.ContainsFunc(strings.Fields(operator.argument), allPlain)
	case "contains":
		return allPlain(operator.argument)
	case "detectXSS": // needs a tag, an attribute or a scheme: a character out of <, = and :
		return false
	default:
		t.Errorf("what operator %s matches isn't known", operator.name)
		return false
	}
}

// reaches reports whether the end of an expression can be reached by allowed characters alone.
func reaches(t *testing.T, expression string, allowed func(rune) bool) bool {
	t.Helper()
	parsed, err := syntax.Parse("(?s)"+expression, syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]bool, len(program.Inst))
	var visit func(pc uint32) bool
	visit = func(pc uint32) bool {
		if seen[pc] {
			return false
		}
		seen[pc] = true
		inst := &program.Inst[pc]
		switch inst.Op {
		case syntax.InstMatch:
			return true
		case syntax.InstFail:
			return false
		case syntax.InstAlt, syntax.InstAltMatch:
			return visit(inst.Out) || visit(inst.Arg)
		case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
			return visit(inst.Out)
		default:
			for r := range rune(128) {
				if allowed(r) && inst.MatchRune(r) {
					return visit(inst.Out)
				}
			}
			return false
		}
	}
	return visit(uint32(program.Start))
}
