package compile

import (
	"strings"
	"testing"
)

// TestLiteralsGiveUp holds the work to its bound for expressions that can begin in
// very many ways, and the answer to the truth.
func TestLiteralsGiveUp(t *testing.T) {
	for _, tt := range []struct{ expr, matching string }{
		{strings.Repeat("[a-z]?[0-9]*", 60) + "needle", "q7z81needle"},
		{`(?:[a-f]?[g-k]?){0,900}needle`, "akkbneedle"},
		{`(?:(?:[jkqxz][jkqxz]){1,30}|[()]{8}){30}needle`, strings.Repeat("jkzx(((())))", 30) + "needle"},
		{`(((a?b|c?d)?e|f)?g|(h?i)?j){1,120}needle`, "cdegjneedle"},
	} {
		tree, bytewise, err := parse(tt.expr)
		if err != nil {
			t.Fatal(err)
		}
		r := requirements{newListing(bytewise, false), newListing(bytewise, true), lengths()[0]}
		r.of(tree)
		if work := max(r.begins.work, r.ends.work); work > maxWork+10*maxListed {
			t.Errorf("%.40q: made %d texts, limit %d", tt.expr, work, maxWork)
		}
		sets, _ := Literals(tt.expr)
		for _, set := range sets {
			if !implies([]string{tt.matching}, set) {
				t.Errorf("%.40q: %q has none of %q", tt.expr, tt.matching, set)
			}
		}
	}
}
