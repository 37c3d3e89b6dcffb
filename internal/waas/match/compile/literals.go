package compile

import (
	"cmp"
	"regexp/syntax"
	"slices"
	"strings"
)

// Bounds of a prefilter.
const (
	maxSets    = 3    // sets that must all have a member
	maxMembers = 2500 // members of one set
	maxBeside  = 250  // members of a set beside the first

	// enough is the chance at which a set needs no second one beside it.
	enough = 1e-4
	// useless is the chance from which a set is not worth its look-up: an ordinary
	// value is some 40 bytes long.
	useless = 0.03
	// priceOfMember weighs the size of the scanner against the chance of an alarm.
	priceOfMember = 2e-7
)

// Literals derives from an expression, read as [Expression] reads it, sets of
// literals of which every matching text has a member, of each set at least one.
// The literals are folded as [Scanner] folds them. The most telling set comes
// first. The result is false when there is none worth asking for, or the expression
// does not parse; it must then be run on every text.
func Literals(expr string) ([][]string, bool) {
	tree, bytewise, err := parse(expr)
	if err != nil {
		return nil, false
	}
	for _, bits := range lengths() {
		r := requirements{newListing(bytewise, false), newListing(bytewise, true), bits}
		if sets := choose(r.of(tree)); len(sets) > 0 {
			return sets, true
		}
	}
	return nil, false
}

// lengths are how telling the literals are to be, in bits: longer ones only make the
// scanner larger. Where those are too many, shorter ones may do.
func lengths() []float64 { return []float64{22, 12} }

// choose takes the best candidates that say different things.
func choose(found []candidate) [][]string {
	var sets [][]string
	for _, s := range found {
		switch {
		case len(sets) == maxSets || len(sets) > 0 && found[0].chance < enough:
			return sets
		case len(sets) > 0 && len(s.members) > maxBeside:
		case slices.ContainsFunc(sets, func(t []string) bool { return implies(t, s.members) }):
		default:
			sets = append(sets, s.members)
		}
	}
	return sets
}

// implies reports whether a text with a member of a always has one of b.
func implies(a, b []string) bool {
	for _, long := range a {
		if !slices.ContainsFunc(b, func(short string) bool { return strings.Contains(long, short) }) {
			return false
		}
	}
	return true
}

// candidate is a set of literals and the estimated chance that an ordinary short
// text has one of them at a given place.
type candidate struct {
	members []string
	chance  float64
}

func (c candidate) price() float64 {
	return c.chance + priceOfMember*float64(len(c.members))
}

// newCandidate drops members that contain another one; false when the set says
// too little or is too large.
func newCandidate(texts []string) (candidate, bool) {
	if slices.ContainsFunc(texts, func(text string) bool { return chanceOf(text) >= useless }) {
		return candidate{}, false
	}
	texts = slices.Clone(texts)
	slices.SortFunc(texts, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	texts = slices.Compact(texts)
	var c candidate
	kept := map[string]bool{}
	for _, text := range texts {
		if containsAny(text, kept) {
			continue
		}
		kept[text] = true
		c.members = append(c.members, text)
		c.chance += chanceOf(text)
		if c.chance >= useless || len(c.members) > maxMembers {
			return candidate{}, false
		}
	}
	return c, len(c.members) > 0
}

func containsAny(text string, kept map[string]bool) bool {
	for i := range len(text) {
		for j := i + 1; j <= len(text); j++ {
			if kept[text[i:j]] {
				return true
			}
		}
	}
	return false
}

// requirements finds what every match of a node has in it.
type requirements struct {
	begins, ends *listing
	bits         float64
}

// of lists candidates for a node, the best first.
func (r requirements) of(re *syntax.Regexp) []candidate {
	var found []candidate
	add := func(texts []string) {
		if c, ok := newCandidate(texts); ok {
			found = append(found, c)
		}
	}
	switch re.Op {
	case syntax.OpLiteral, syntax.OpCharClass:
		add(r.begins.node(re, r.bits).texts())
	case syntax.OpCapture, syntax.OpPlus:
		add(r.begins.node(re, r.bits).texts())
		found = append(found, r.of(re.Sub[0])...)
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			if i > 0 && sub == re.Sub[i-1] {
				continue // a repetition written out
			}
			add(r.begins.concat(re.Sub[i:], r.bits).texts())
			add(backwards(r.ends.concat(re.Sub[:i+1], r.bits).texts()))
			found = append(found, r.of(sub)...)
		}
	case syntax.OpAlternate:
		add(r.begins.node(re, r.bits).texts())
		for _, texts := range r.unions(re.Sub) {
			add(texts)
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.price(), b.price()) })
	return found
}

func backwards(texts []string) []string {
	for i, text := range texts {
		b := []byte(text)
		slices.Reverse(b)
		texts[i] = string(b)
	}
	return texts
}

// unions joins the best sets of all alternatives, then their second best, and so on.
func (r requirements) unions(alternatives []*syntax.Regexp) [][]string {
	all := make([][]candidate, len(alternatives))
	for i, re := range alternatives {
		all[i] = r.of(re)
		if len(all[i]) == 0 {
			return nil
		}
	}
	var out [][]string
	for rank := range maxSets {
		var texts []string
		for _, own := range all {
			texts = append(texts, own[min(rank, len(own)-1)].members...)
		}
		out = append(out, texts)
	}
	return out
}
