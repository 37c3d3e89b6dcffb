package match_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/waas/match"
	"github.com/autodefend/autodefend/internal/waas/match/compile"
)

// expressions that a byte-by-byte matcher gets wrong easily.
func expressions() []string {
	return []string{
		``, `a`, `abc`, `a|b`, `a*`, `a+b`, `(?:a|ab)(?:c|bcd)`, `x*y`, `.`, `..`, `.{3}`, `a.c`,
		`^a`, `a$`, `^$`, `^`, `$`, `^a$`, `\Aa`, `a\z`, `\A\z`, `(?-m)^a`, `(?-m)a$`, `(?-s)a.b`, `a$\n^b`, `$^`, `\n^$`,
		`\bfoo\b`, `\Bfoo`, `foo\B`, `\b`, `\B`, `\b\B`, `a\b.`, `.\ba`, `^\b`, `\b$`, `\Aa\b`, `x\b|\By`, `(?:\b|a)c`, `(?:^|,)a(?:,|$)`,
		`(?i)straße`, `(?i)sk`, `(?i)[a-z]k`, `(?i)K`, `[^a]`, `[^\x00-\x7f]`, `é+`, `[à-ÿ]`, `\x{fffd}`, `[^\x{fffd}]`, `a[^\n]*b`, `(?i)é`, `(?i)ǅ`,
		`a{0,3}b`, `(?:ab){2,4}`, `a{5}`, `[ab]{1,20}c`, `(a|b)*c`, `(?:a?){10}a{10}`, `(a*)*`, `(a*)+b`, `(?:a|b|c|d|e)*f`,
		`a.*b.*c`, `a.*?b`, `(?U)a.*b`, `\d+\s*=\s*\d+`, `\w+@\w+\.\w+`, `[[:alpha:]]+:`, `(?:union|select).{0,20}from`,
		`\xac\xed`, `(?i)\xe0b`, `[\x80-\xff]{2}`, `[^\x80]a`, `\xff.`, `^\xff$`,
		`(?:x|^)a`, `(?:x|\b)a`, `a(?:$|b)`, `(?:a$|b)c`, `(?:a$)?\nb`, `\Bb\B`, `(?:^a)+`, `(?:\Ba|b\b)+c`,
	}
}

func texts() []string {
	base := []string{
		"", "a", "b", "c", "ab", "abc", "abcd", "ba", "\n", "a\n", "\na", "a\nb", "foo", "foo bar", "xfoo", "foox", "_foo", "foo.", "a,b",
		"aaa", "aaaaaaaaaab", "abababc", "é", "éé", "\xff", "\xffa", "a\xff", "\xe2\x82", "\xe2\x82\xac", "€", "straße", "STRASSE", "STRAßE",
		"ſK", "\u017f\u212a", "sK", "S\u212a", "\u212a", "xk", "Ǆǅǆ", "\ufffd", "\xc0\x80", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "😀x", "1 = 1",
		"me@example.org", "union all select * from t", "\xac\xed\x00\x05", "\xe0b", "\xc0B", "axbxc", "a\nb\nc", "c\na\n", "xa", " a", "a ", "éa", "a€b", ",a,", "b,a",
	}
	out := slices.Clone(base)
	for _, x := range base {
		for _, y := range base {
			out = append(out, x+y)
		}
	}
	return out
}

func TestMatchAnswersLikeRegexp(t *testing.T) {
	m := match.New(0)
	for id, expr := range expressions() {
		p, like := program(t, expr), newPeer(t, expr)
		for _, text := range texts() {
			compare(t, m, id, p, like, expr, text)
		}
	}
}

func compare(t *testing.T, m *match.Machine, id int, p match.Program, like peer, expr, text string) {
	t.Helper()
	want := like.FindStringIndex(text)
	start, end, ok := m.Find(id, p, text)
	if ok != (want != nil) {
		t.Fatalf("%q on %q: Find = %v, regexp %v", expr, text, ok, want)
	}
	if got := m.Match(id, p, text); got != ok {
		t.Fatalf("%q on %q: Match = %v, Find %v", expr, text, got, ok)
	}
	if ok && len(text) <= 1<<10 && (start != want[0] || end != want[1]) {
		t.Fatalf("%q on %q: Find = %d-%d, regexp %v", expr, text, start, end, want)
	}
}

func TestSubmatchAnswersLikeRegexp(t *testing.T) {
	m := match.New(0)
	exprs := append(expressions(), `(a)(b)?(c)?`, `(a|ab)(c|bcd)(d*)`, `((a)|b)*`, `^([^=]+)=(.*)$`, `(?:(x)|(y))+`, `(a*)(a*)`, `(\w+)\s(\w+)`)
	for id, expr := range exprs {
		data, err := compile.Capturing(expr)
		if err != nil {
			t.Fatal(err)
		}
		like := newPeer(t, expr)
		for _, text := range texts() {
			got := m.Submatch(id, match.Program(data), text, nil)
			if want := like.FindStringSubmatchIndex(text); !slices.Equal(got, want) {
				t.Fatalf("%q on %q: %v, regexp %v", expr, text, got, want)
			}
		}
	}
}

func TestCoreRuleSetCompiles(t *testing.T) {
	total, largest := 0, 0
	for _, expr := range crsExpressions(t) {
		p := program(t, expr)
		total += len(p)
		if len(p) > largest {
			largest = len(p)
			t.Log(len(p), expr[:min(len(expr), 100)])
		}
	}
	t.Logf("%d bytes", total)
}

func TestScannerFindsMembers(t *testing.T) {
	sets := [][]string{{"select", "union"}, {"ect", "elec"}, {"SK", "b"}, {"ion a", "\xac\xed"}, {"zzzz"}}
	data, err := compile.Scanner(sets)
	if err != nil {
		t.Fatal(err)
	}
	s := match.Scanner(data)
	for _, tt := range []struct {
		text string
		want string
	}{
		{"", "[]"},
		{"SELECT 1", "[0 1]"},
		{"ele elec", "[1]"},
		{"union all", "[0 3]"},
		{"\u017f\u212a", "[2]"},
		{"\u017felect", "[0 1]"},
		{"selecB", "[1 2]"},
		{"\xac\xed\x00", "[3]"},
		{"zzz zzz", "[]"},
		{"zzzzz", "[4]"},
		{strings.Repeat("un", 9) + "ion", "[0]"},
	} {
		found := match.NewBitset(s.Sets())
		s.Scan(tt.text, found)
		var got []int
		for i := range sets {
			if found.Has(i) {
				got = append(got, i)
			}
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%q: %v, want %s", tt.text, got, tt.want)
		}
	}
}
