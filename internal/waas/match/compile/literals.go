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
	maxMembers = 4000 // members of one set

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
	r := requirements{newListing(bytewise, false), newListing(bytewise, true)}
	found := r.of(tree)
	var sets [][]string
	for _, s := range found {
		if len(sets) == maxSets || len(sets) > 0 && found[0].chance < enough {
			break
		}
		if s.chance >= useless || slices.ContainsFunc(sets, func(t []string) bool { return implies(t, s.members) }) {
			continue
		}
		sets = append(sets, s.members)
	}
	return sets, len(sets) > 0
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
// nothing.
func newCandidate(texts []string) (candidate, bool) {
	texts = slices.Clone(texts)
	slices.SortFunc(texts, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	texts = slices.Compact(texts)
	if len(texts) == 0 || texts[0] == "" {
		return candidate{}, false
	}
	var c candidate
	kept := map[string]bool{}
	for _, text := range texts {
		if containsAny(text, kept) {
			continue
		}
		kept[text] = true
		c.members = append(c.members, text)
		c.chance += chanceOf(text)
	}
	return c, len(c.members) <= maxMembers
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
		add(r.begins.node(re, target).texts())
	case syntax.OpCapture, syntax.OpPlus:
		add(r.begins.node(re, target).texts())
		found = append(found, r.of(re.Sub[0])...)
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			if i > 0 && sub == re.Sub[i-1] {
				continue // a repetition written out
			}
			add(r.begins.concat(re.Sub[i:], target).texts())
			add(backwards(r.ends.concat(re.Sub[:i+1], target).texts()))
			found = append(found, r.of(sub)...)
		}
	case syntax.OpAlternate:
		add(r.begins.node(re, target).texts())
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
