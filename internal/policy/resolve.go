package policy

import (
	"fmt"
	"slices"
)

// Resolution says which rule holds for a function, and why.
type Resolution struct {
	// Rule is the one that holds; nil when none does, and then nothing is enforced.
	Rule *Rule
	// Index is the rule's place in the policy, from 0; -1 when there is none.
	Index int
	// Looks are the rules that were looked at, in order; the last one is the one that holds, if any.
	Looks []Look
	// Undefined are collections that are only named, so that it can't be known here whether they hold the function.
	Undefined []string
}

// Look says what became of one rule.
type Look struct {
	Index   int
	Rule    string
	Matched bool
	Why     string // one sentence
}

// Resolve finds the rule for a function: the first that isn't disabled and whose scope matches. Rules below it are
// not looked at.
func (p *Policy) Resolve(t Target) Resolution {
	res := Resolution{Index: -1}
	for i := range p.Rules {
		r := &p.Rules[i]
		look := Look{Index: i, Rule: r.Name}
		look.Matched, look.Why = r.match(t, &res.Undefined)
		res.Looks = append(res.Looks, look)
		if look.Matched {
			res.Rule, res.Index = r, i
			break
		}
	}
	return res
}

// Undefined lists the collections that enabled rules only name, each once: whom those rules hold for can't be known.
func (p *Policy) Undefined() []string {
	var names []string
	for i := range p.Rules {
		for j := range p.Rules[i].Collections {
			c := &p.Rules[i].Collections[j]
			if !p.Rules[i].Disabled && c.undefined() && !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// match tells whether a rule holds for a function, and why.
func (r *Rule) match(t Target, undefined *[]string) (bool, string) {
	if r.Disabled {
		return false, "it is disabled"
	}
	if len(r.Collections) == 0 {
		return true, "it has no collections, so it holds for every function"
	}
	why := ""
	for i := range r.Collections {
		c := &r.Collections[i]
		matched, reason := c.match(t)
		if matched {
			return true, fmt.Sprintf("collection %q holds the function", c.Name)
		}
		if c.undefined() {
			*undefined = append(*undefined, c.Name)
		}
		if why != "" {
			why += "; "
		}
		why += fmt.Sprintf("collection %q: %s", c.Name, reason)
	}
	return false, why
}
