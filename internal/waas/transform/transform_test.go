package transform

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

func TestKnownValues(t *testing.T) {
	for _, test := range []struct {
		kind     rules.Transform
		in, want string
	}{
		{rules.Base64Decode, "aGVsbG8=", "hello"},
		{rules.Base64Decode, "aGVs\r\nbG8", "hello"},
		{rules.Base64Decode, "aGVsbG8 d29ybGQ", "hello"},
		{rules.Base64Decode, "a", ""},
		{rules.CmdLine, `c^a"t   /e'tc\/passwd;ID`, "cat/etc/passwd id"},
		{rules.CmdLine, "echo (x)", "echo(x)"},
		{rules.CmdLine, `a "/b`, "a/b"},
		{rules.CompressWhitespace, "a \t\r\n b\u00a0\u0085c", "a b c"},
		{rules.CompressWhitespace, "SELECT\xa01", "SELECT 1"},
		{rules.CompressWhitespace, "\u00e0 b", "\u00e0 b"},
		{rules.CSSDecode, `\6a avascript\3A x\zy\`, "javascript:xzy"},
		{rules.CSSDecode, `\ff1cscript`, "<script"},
		{rules.CSSDecode, "\\0", "\ufffd"},
		{rules.EscapeSeqDecode, `\x41\101\n\q\777\`, "AA\nq\xff\\"},
		{rules.HTMLEntityDecode, "&lt;a&#x20;href&colon;&#106;", "<a href:j"},
		{rules.JSDecode, `\u0041\x42\u{43}\104\uff25\400`, "ABCDE\x200"},
		{rules.JSDecode, `\u{110000000}`, "u{110000000}"},
		{rules.Length, "four", "4"},
		{rules.Lowercase, "AÄ\xff", "aä\ufffd"},
		{rules.NormalizePath, "/a/./b/../../etc//passwd", "/etc/passwd"},
		{rules.NormalizePath, "./", "" /* Coraza: nothing is left */},
		{rules.NormalizePath, "/", "//"},
		{rules.NormalizePathWin, `C:\a\..\boot.ini::$DATA`, "C:/boot.ini"},
		{rules.NormalizePathWin, `x. /y .`, "x/y"},
		{rules.RemoveCommentsChar, "a/*b*/c<!--d-->e--f#g", "abcdefg"},
		{rules.RemoveNulls, "a\x00b", "ab"},
		{rules.RemoveWhitespace, "a \t\u3000b", "ab"},
		{rules.ReplaceComments, "a/**/b/*c", "a b "},
		{rules.URLDecode, "%41+%zz%4", "A %zz%4"},
		{rules.URLDecodeUni, "%u0041%uff1c%u2019%%41", "A<'%A"},
		{rules.URLDecodeUni, "%u00", "%u00"},
		{rules.UTF8ToUnicode, "a\u00e9\u2019\U0001f600\xff", "a%u00e9%u2019%u1f600%ufffd"},
	} {
		if got := Apply(test.kind, test.in); got != test.want {
			t.Errorf("%s(%q) = %q, want %q", test.kind, test.in, got, test.want)
		}
	}
}

func TestUnknown(t *testing.T) {
	if got := Apply(rules.Transforms, "x"); got != "x" {
		t.Errorf("a value beyond the last makes %q of x", got)
	}
}

// TestNothingToDo says what the engine counts on: ordinary text comes back as it is, without an allocation.
func TestNothingToDo(t *testing.T) {
	text := "an ordinary line of small words and 12 numbers"
	for k := rules.None; k < rules.Transforms; k++ {
		switch k {
		case rules.Base64Decode, rules.Length, rules.RemoveWhitespace:
			continue
		}
		var got string
		allocations := testing.AllocsPerRun(10, func() { got = Apply(k, text) })
		if allocations > 0 || unsafe.StringData(got) != unsafe.StringData(text) {
			t.Errorf("%s: %v allocations, %q", k, allocations, got)
		}
	}
}

// TestAgainstCoraza compares random texts made of the pieces transformations look for.
func TestAgainstCoraza(t *testing.T) {
	oracle := newOracle(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		text := randomText(random)
		for k := rules.Base64Decode; k < rules.Transforms; k++ {
			if got, want := Apply(k, text), oracle.transform(k, text); got != want {
				t.Fatalf("%s(%q) = %q, Coraza says %q", k, text, got, want)
			}
		}
	}
}

func FuzzAgainstCoraza(f *testing.F) {
	oracle := newOracle(f)
	for _, piece := range pieces() {
		f.Add(piece)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "&nGt;") {
			t.Skip("the one named character that html leaves out")
		}
		for k := rules.Base64Decode; k < rules.Transforms; k++ {
			if got, want := Apply(k, text), oracle.transform(k, text); got != want {
				t.Fatalf("%s(%q) = %q, Coraza says %q", k, text, got, want)
			}
		}
	})
}

// oracle is Coraza with one rule for each transformation, whose operator writes down what it is given.
type oracle struct {
	waf  [rules.Transforms]coraza.WAF
	seen string
}

type spy struct{ to *string }

func (s spy) Evaluate(_ plugintypes.TransactionState, text string) bool {
	*s.to = text
	return false
}

func newOracle(t testing.TB) *oracle {
	o := new(oracle)
	plugins.RegisterOperator("spy", func(plugintypes.OperatorOptions) (plugintypes.Operator, error) {
		return spy{&o.seen}, nil
	})
	for k := rules.Base64Decode; k < rules.Transforms; k++ {
		waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(fmt.Sprintf(
			"SecRuleEngine On\nSecRule ARGS_GET \"@spy x\" \"id:1,phase:1,t:none,t:%s,pass,nolog\"", k)))
		if err != nil {
			t.Fatal(err)
		}
		o.waf[k] = waf
	}
	return o
}

func (o *oracle) transform(k rules.Transform, text string) string {
	o.seen = "(the operator was not called)"
	tx := o.waf[k].NewTransaction()
	tx.AddGetRequestArgument("a", text)
	tx.ProcessRequestHeaders()
	_ = tx.Close()
	return o.seen
}

func pieces() []string {
	return []string{
		"%", "%u", "%u2019", "%uff1c", "%41", "%2", "+", "\\", "\\x", "\\x41", "\\u0041", "\\u{41}", "\\u{", "}", "\\101", "\\7", "\\8",
		"\\n", "\\\n", "\\6a ", "\\00006a", "/", "//", ".", "..", "../", "/*", "*/", "<!--", "-->", "--", "#", " ", "  ", "\t", "\r\n", "\x00",
		"\xa0", "\u00a0", "\u0085", "\u3000", "é", "’", "😀", "\xff", "\xc3", "İ", "ſ", "K", "A", "z", "9", "=", "aGVsbG8=", "&lt;", "&#x6a;",
		"&#106", "&amp", "&", "&notit;", "C:", ":", "::$DATA", ". ", "'", "\"", "^", ";", ",", "(", "\v", "\f", "\\ff1c", "\\0",
	}
}

func randomText(random *rand.Rand) string {
	all := pieces()
	var b strings.Builder
	for range 1 + random.IntN(9) {
		b.WriteString(all[random.IntN(len(all))])
	}
	return b.String()
}
