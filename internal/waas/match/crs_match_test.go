package match_test

import (
	"testing"

	"github.com/autodefend/autodefend/internal/waas/match"
	"github.com/autodefend/autodefend/internal/waas/match/compile"
)

// TestCoreRuleSetAnswersLikeRegexp compares every expression of the rules on
// texts written after it, with one machine and a small budget, so that automata
// are dropped and rebuilt all the time.
func TestCoreRuleSetAnswersLikeRegexp(t *testing.T) {
	m := match.New(1)
	matched, total := 0, 0
	for id, expr := range append(expressions(), crsExpressions(t)...) {
		p, like, a := program(t, expr), newPeer(t, expr), newAuthor(t, expr, uint64(id))
		for range 150 {
			text := a.text()
			compare(t, m, id, p, like, expr, text)
			total++
			if m.Match(id, p, text) {
				matched++
			}
		}
		compare(t, m, id, p, like, expr, a.long(3<<10))
	}
	t.Logf("%d of %d texts match", matched, total)
	if matched < total/4 || matched > total*9/10 {
		t.Errorf("%d of %d texts match: the comparison is one-sided", matched, total)
	}
}

// TestMatchesHaveTheirLiterals holds the prefilter to its promise: a text that
// matches has a member of every set.
func TestMatchesHaveTheirLiterals(t *testing.T) {
	exprs := append(expressions(), crsExpressions(t)...)
	var all [][]string
	ids := make([][]uint16, len(exprs))
	for n, expr := range exprs {
		sets, _ := compile.Literals(expr)
		for _, set := range sets {
			ids[n] = append(ids[n], uint16(len(all)))
			all = append(all, set)
		}
	}
	data, err := compile.Scanner(all)
	if err != nil {
		t.Fatal(err)
	}
	scanner := match.Scanner(data)
	found := match.NewBitset(scanner.Sets())
	for n, expr := range exprs {
		like, a := newPeer(t, expr), newAuthor(t, expr, uint64(n)+7)
		for range 200 {
			text := a.text()
			found.Reset()
			scanner.Scan(text, found)
			if !found.HasAll(ids[n]) && like.MatchString(text) {
				t.Fatalf("%q matches %q, which lacks a member of one of its sets", text, expr)
			}
		}
	}
}
