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

// ruleScope is whom a rule holds for: what rules of all kinds have in common.
type ruleScope struct {
	name        string
	disabled    bool
	collections []Collection
}

func (p *Policy) scopes() []ruleScope {
	all := make([]ruleScope, len(p.Rules))
	for i := range p.Rules {
		all[i] = ruleScope{p.Rules[i].Name, p.Rules[i].Disabled, p.Rules[i].Collections}
	}
	return all
}

// Resolve finds the rule for a function: the first that isn't disabled and whose scope matches. Rules below it are
// not looked at.
func (p *Policy) Resolve(t Target) Resolution {
	res := Resolution{}
	res.Index, res.Looks, res.Undefined = look(p.scopes(), t)
	if res.Index >= 0 {
		res.Rule = &p.Rules[res.Index]
	}
	return res
}

// look finds the first rule that holds; -1 when none does.
func look(rules []ruleScope, t Target) (int, []Look, []string) {
	var looks []Look
	var undefined []string
	for i, r := range rules {
		matched, why := r.match(t, &undefined)
		looks = append(looks, Look{Index: i, Rule: r.name, Matched: matched, Why: why})
		if matched {
			return i, looks, undefined
		}
	}
	return -1, looks, undefined
}

// Undefined lists the collections that enabled rules only name, each once: whom those rules hold for can't be known.
func (p *Policy) Undefined() []string { return undefinedNames(p.scopes()) }

func undefinedNames(rules []ruleScope) []string {
	var names []string
	for _, r := range rules {
		for j := range r.collections {
			c := &r.collections[j]
			if !r.disabled && c.undefined() && !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// match tells whether a rule holds for a function, and why.
func (r *ruleScope) match(t Target, undefined *[]string) (bool, string) {
	if r.disabled {
		return false, "it is disabled"
	}
	if len(r.collections) == 0 {
		return true, "it has no collections, so it holds for every function"
	}
	why := ""
	for i := range r.collections {
		c := &r.collections[i]
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
