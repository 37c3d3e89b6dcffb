package plan

import (
	"fmt"
	"strings"

	"github.com/autodefend/autodefend"
)

// compactText writes variables as AWS's compact JSON text, independently of
// [EnvironmentBytes]: only quotes, backslashes and control characters are
// escaped.
func compactText(v autodefend.Variables) string {
	var pairs []string
	for _, name := range v.Names() {
		pairs = append(pairs, compactString(name)+":"+compactString(v[name]))
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

func compactString(s string) string {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	var b strings.Builder
	for _, r := range s {
		switch escape, ok := short[r]; {
		case ok:
			b.WriteString(escape)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// written is what an apply would send for the situation.
func written(s situation) autodefend.Update {
	return Materialize(s.f, attach(s.f, s.facts, inspect(s.f, s.facts)), s.facts, testRun)
}

// environmentOf gives the function a variable of this value, and fills another
// one up until the variables with ours have exactly size bytes.
func environmentOf(size int, value string) func(*situation) {
	return func(s *situation) {
		variable("VALUE", value)(s)
		variable("FILL", "")(s)
		variable("FILL", strings.Repeat("x", size-len(compactText(*written(*s).Variables))))(s)
	}
}

// requestOf fills a variable up until the update has exactly size bytes.
func requestOf(size int) func(*situation) {
	return func(s *situation) {
		long := strings.Repeat("l", 135)
		var arns []string
		for i := range 5 {
			arns = append(arns, fmt.Sprintf("arn:aws:lambda:eu-west-1:123456789012:layer:%s-%d:1", long, i))
		}
		layers(arns...)(s)
		s.f.Handler = strings.Repeat("h", 128)
		variable("FILL", "")(s)
		u := written(*s)
		have := len(`{"Environment":{"Variables":},"Handler":"","Layers":[""],"RevisionId":""}`) +
			len(compactText(*u.Variables)) + len(*u.Handler) + len(strings.Join(*u.Layers, `","`)) + len(u.RevisionID)
		variable("FILL", strings.Repeat("x", size-have))(s)
	}
}

func environmentCases() []checkCase {
	const id = autodefend.CheckEnvSize
	cases := []checkCase{
		{check: id, name: "no variables", edit: func(s *situation) { s.f.Environment.Variables = nil }, want: autodefend.Pass},
		{check: id, name: "can't be read", edit: undecryptable, want: autodefend.Unknown},
		{check: id, name: "request 5,119", recipe: "prisma-handler", edit: requestOf(5119), want: autodefend.Pass},
		{check: id, name: "request 5,120", recipe: "prisma-handler", edit: requestOf(5120), want: autodefend.Fail, message: "must have less than 5120", seen: 5120, limit: 5120},

		{check: autodefend.CheckEnvEncrypted, name: "readable", want: autodefend.Pass},
		{check: autodefend.CheckEnvEncrypted, name: "undecryptable", edit: undecryptable, want: autodefend.Fail, hint: "kms:Decrypt", seen: "AccessDeniedException", limit: ""},
	}
	for name, value := range map[string]string{
		"plain": "abc", "markup": "<a href='x'>&amp;</a>", "quotes": `say "no"`, "backslashes": `C:\dir\`, "é": "éàü", "emoji": "🚀🛡️",
		"separators": "a\u2028b\u2029c", "escaped separator": `a\u2028b`, "control": "a\n\t\b\f\r\x01\x1f\x7fb",
	} {
		for _, recipe := range BuiltinRecipes() {
			name := name + ", " + recipe
			cases = append(
				cases,
				checkCase{check: id, name: "4,095 " + name, recipe: recipe, edit: environmentOf(4095, value), want: autodefend.Pass, seen: 4095, limit: 4096},
				checkCase{check: id, name: "4,096 " + name, recipe: recipe, edit: environmentOf(4096, value), want: autodefend.Pass, seen: 4096, limit: 4096},
				checkCase{check: id, name: "4,097 " + name, recipe: recipe, edit: environmentOf(4097, value), want: autodefend.Fail, hint: "Parameter Store", seen: 4097, limit: 4096},
			)
		}
	}
	return append(cases, conflictCases()...)
}

// policyOf gives the recipe variables of its own.
func policyOf(v autodefend.Variables) func(*situation) {
	return func(s *situation) { s.facts.Recipe.Environment = v }
}

func conflictCases() []checkCase {
	const id = autodefend.CheckEnvConflict
	secret := autodefend.Variables{"TW_POLICY": "ours"}
	then := func(edits ...func(*situation)) func(*situation) {
		return func(s *situation) { *s = s.with(edits...) }
	}
	vendors := layers("arn:aws:lambda:eu-west-1:123456789012:layer:twistlock:6")
	return []checkCase{
		{check: id, name: "none", want: autodefend.Pass},
		{check: id, name: "variables of the recipe, none there", edit: policyOf(secret), want: autodefend.Pass},
		{check: id, name: "the owner has one", edit: then(policyOf(secret), variable("TW_POLICY", canary)), want: autodefend.Fail, message: "TW_POLICY", hint: "rename or remove", seen: "TW_POLICY"},
		{check: id, name: "the owner has one of the same value", edit: then(policyOf(secret), variable("TW_POLICY", "ours")), want: autodefend.Fail, seen: "TW_POLICY"},
		{check: id, name: "it's ours", edit: then(policyOf(secret), variable("TW_POLICY", "old"), variable(autodefend.MarkerVariable, "prisma-wrapper/"+testRun)), want: autodefend.Pass},
		{check: id, name: "attached by somebody else", edit: then(vendors, policyOf(secret), variable("TW_POLICY", canary)), want: autodefend.Fail, seen: "TW_POLICY"},
		{check: id, name: "attached by somebody else the same way", edit: then(vendors, policyOf(secret), variable("TW_POLICY", "ours")), want: autodefend.Pass},
		{check: id, name: "undecryptable", edit: undecryptable, want: autodefend.Unknown},
		{check: id, name: "original handler", recipe: "prisma-handler", edit: variable("ORIGINAL_HANDLER", canary), want: autodefend.Fail, seen: "ORIGINAL_HANDLER"},
		{check: id, name: "original handler beside the vendor's layer", recipe: "prisma-handler", edit: then(vendors, variable("ORIGINAL_HANDLER", canary)), want: autodefend.Fail, seen: "ORIGINAL_HANDLER"},
		{check: id, name: "redirected by somebody else", recipe: "prisma-handler", edit: then(vendors, variable("ORIGINAL_HANDLER", "shop.handler"), func(s *situation) { s.f.Handler = "twistlock.handler" }), want: autodefend.Pass},
		{check: id, name: "another recipe's marker", edit: variable(autodefend.MarkerVariable, canary+"/"+canary), want: autodefend.Fail, message: "another recipe", hint: "roll it back"},
		{check: id, name: "another recipe's marker beside our layer", edit: then(vendors, variable(autodefend.MarkerVariable, "old-name/"+testRun)), want: autodefend.Fail, message: "another recipe"},
		{check: id, name: "another recipe's ownership tag beside our layer", edit: then(vendors, tagged(autodefend.OwnershipTag, "old-name")), want: autodefend.Fail, message: "another recipe"},
	}
}
