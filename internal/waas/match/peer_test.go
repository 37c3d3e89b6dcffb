package match_test

import (
	"regexp"
	"testing"

	"rsc.io/binaryregexp"

	"github.com/autodefend/autodefend/internal/waas/match"
	"github.com/autodefend/autodefend/internal/waas/match/compile"
)

// peer is the standard library's or, for expressions over bytes, Coraza's choice
// of a matcher: the answer that ours must equal.
type peer interface {
	MatchString(s string) bool
	FindStringIndex(s string) []int
	FindStringSubmatchIndex(s string) []int
}

func newPeer(t testing.TB, expr string) peer {
	t.Helper()
	if compile.NamesBytes(expr) {
		re, err := binaryregexp.Compile(expr)
		if err != nil {
			t.Fatal(err)
		}
		return re
	}
	re, err := regexp.Compile("(?sm)" + expr)
	if err != nil {
		t.Fatal(err)
	}
	return re
}

func program(t testing.TB, expr string) match.Program {
	t.Helper()
	p, err := compile.Expression(expr)
	if err != nil {
		t.Fatalf("%q: %v", expr, err)
	}
	return match.Program(p)
}
