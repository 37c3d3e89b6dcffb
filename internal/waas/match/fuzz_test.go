package match_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/autodefend/autodefend/internal/waas/match"
	"github.com/autodefend/autodefend/internal/waas/match/compile"
	"github.com/autodefend/autodefend/internal/waas/match/layout"
)

// FuzzExpression compares any expression on any text with regexp, and its
// prefilter with the outcome.
func FuzzExpression(f *testing.F) {
	for i, expr := range expressions() {
		f.Add(expr, texts()[i])
	}
	f.Add(`(?i)k[^s]{2,5}?\b`, "\u212aſxx \xe2\x84")
	f.Fuzz(func(t *testing.T, expr, text string) {
		if len(expr) > 80 || len(text) > 200 {
			t.Skip("large inputs are slow, not different")
		}
		data, err := compile.Expression(expr)
		if err != nil || len(data) > 1<<14 {
			t.Skip("does not compile")
		}
		if _, err := regexp.Compile("(?sm)" + expr); err != nil {
			t.Skip("does not parse with flags before it")
		}
		compare(t, match.New(1), 0, match.Program(data), newPeer(t, expr), expr, text)
		compareGroups(t, expr, text)
		sets, ok := compile.Literals(expr)
		if !ok || !newPeer(t, expr).MatchString(text) {
			return
		}
		for n := range sets {
			if found := scan(t, sets, text); !found.Has(n) {
				t.Errorf("%q matches %q, which lacks all of %q", expr, text, sets[n])
			}
		}
	})
}

func compareGroups(t *testing.T, expr, text string) {
	t.Helper()
	data, err := compile.Capturing(expr)
	if err != nil {
		return
	}
	got := match.New(1).Submatch(0, match.Program(data), text, nil)
	if want := newPeer(t, expr).FindStringSubmatchIndex(text); !slices.Equal(got, want) {
		t.Errorf("%q on %q: groups %v, regexp %v", expr, text, got, want)
	}
}

func scan(t *testing.T, sets [][]string, text string) *match.Bitset {
	t.Helper()
	data, err := compile.Scanner(sets)
	if err != nil {
		t.Fatal(err)
	}
	found := match.NewBitset(len(sets))
	match.Scanner(data).Scan(text, found)
	return found
}

// FuzzScan compares the scanner with a search for each literal.
func FuzzScan(f *testing.F) {
	f.Add("select,union,el", "SELEct \u017f")
	f.Add("k,aaa,aaaa,aab", "aaab\u212a")
	f.Add("\xac\xed,\xe2\x84\xab,\xc5x", "\xac\xed\xe2\x84\xab \xc5\xbfx")
	f.Fuzz(func(t *testing.T, list, text string) {
		if len(list) > 200 || len(text) > 500 {
			t.Skip("large inputs are slow, not different")
		}
		var sets [][]string
		for literal := range strings.SplitSeq(list, ",") {
			if literal != "" {
				sets = append(sets, []string{literal})
			}
		}
		found := scan(t, sets, text)
		for n, set := range sets {
			if want := strings.Contains(plain(text), plain(set[0])); found.Has(n) != want {
				t.Errorf("%q in %q: %v, want %v", set[0], text, found.Has(n), want)
			}
		}
	})
}

// plain folds as the scanner does.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\u017f", "s"), "\u212a", "k")
	b := []byte(s)
	for i := range b {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// FuzzWork holds any text to the bounds on work and memory: per byte, a constant
// number of visits to each instruction.
func FuzzWork(f *testing.F) {
	exprs := append(exploding(), expressions()...)
	f.Add(uint8(0), "abababbbabababbabbaaab")
	f.Add(uint8(3), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		expr := exprs[int(which)%len(exprs)]
		p := program(t, expr)
		m := match.New(1)
		m.Match(0, p, text)
		c := m.Counts()
		size := uint64(len(p)) / layout.InstSize
		if limit := 6 * size * uint64(len(text)+8); c.Steps > limit {
			t.Errorf("%q: %d steps on %d bytes, limit %d", expr, c.Steps, len(text), limit)
		}
		if c.Bytes > leastLimit {
			t.Errorf("%q: %d bytes, limit %d", expr, c.Bytes, leastLimit)
		}
	})
}
