package waas

import (
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/rules"
	"github.com/autodefend/autodefend/internal/waas/transform"
)

// chains runs the chained conditions of the rules whose first one held, after all values have been seen.
func (r *run) chains() {
	for len(r.starts) > 0 && !r.stopped() {
		id := r.starts[0].rule
		var first []hit
		rest := r.starts[:0]
		for _, s := range r.starts {
			if s.rule == id {
				first = append(first, s.hit)
			} else {
				rest = append(rest, s)
			}
		}
		r.starts = rest
		r.chain(&r.table.rules[id], first)
	}
}

// counts runs the rules whose first condition counts members: no value starts them.
func (r *run) counts() {
	if r.event.Request.Method == "" {
		return // what a message hasn't got isn't missing
	}
	for _, id := range r.table.counting {
		rule := &r.table.rules[id]
		if r.stopped() {
			return
		}
		if !r.looks.has(rule.Class) || !rule.Runs(r.level) {
			continue
		}
		if first := r.collect(rule, &rule.Conditions[0], nil, nil); len(first) > 0 {
			r.chain(rule, first)
		}
	}
}

// chain runs a rule's chained conditions after the hits of its first.
func (r *run) chain(rule *rules.Rule, matched []hit) {
	captures := matched
	report := matched[0]
	for i := 1; i < len(rule.Conditions); i++ {
		c := &rule.Conditions[i]
		if c.Gate {
			if matched = r.through(c, matched); len(matched) == 0 {
				return
			}
			report = matched[0]
			continue
		}
		matched, captures = r.link(rule, c, matched, captures)
		if len(matched) == 0 {
			return
		}
		if narrows(c) && matched[0].value != nil {
			report = matched[0]
		}
	}
	r.detect(rule, report)
}

// through are the hits that a gate lets pass.
func (r *run) through(c *rules.Condition, matched []hit) []hit {
	var pass []hit
	for _, h := range matched {
		if len(r.testChain(c, c.Argument, h.value, h.text)) > 0 {
			pass = append(pass, h)
		}
	}
	return pass
}

// narrows says whether a condition looks closer at what the one before it found.
func narrows(c *rules.Condition) bool {
	for i := range c.Targets {
		switch c.Targets[i].Variable {
		case rules.MatchedVar, rules.MatchedVars, rules.Capture:
			return true
		}
	}
	return false
}

// link runs one chained condition. It returns its hits, and the hits of the nearest capturing condition that are
// still in the running.
func (r *run) link(rule *rules.Rule, c *rules.Condition, matched, captures []hit) ([]hit, []hit) {
	if !perMatch(c) {
		hits := r.collect(rule, c, matched, nil)
		if c.Captures > 0 {
			captures = hits
		}
		return hits, captures
	}
	var hits, alive []hit
	for i := range captures {
		if r.stopped() {
			break
		}
		if found := r.collect(rule, c, matched, &captures[i]); len(found) > 0 {
			alive = append(alive, captures[i])
			hits = append(hits, found...)
		}
	}
	if c.Captures > 0 {
		alive = hits
	}
	return hits, alive
}

// perMatch says whether a condition reads groups, and so is run for each match that captured some.
func perMatch(c *rules.Condition) bool {
	if c.Macro {
		return true
	}
	for i := range c.Targets {
		if v := c.Targets[i].Variable; v == rules.Capture || v == rules.Macro {
			return true
		}
	}
	return false
}

// collect returns the hits of a condition. matched are those of the condition before it, capture is the one whose
// groups it reads.
func (r *run) collect(rule *rules.Rule, c *rules.Condition, matched []hit, capture *hit) []hit {
	var hits []hit
	argument := c.Argument
	if c.Macro {
		argument = rules.ExpandMacro(argument, r.lookup(matched, capture))
	}
	test := func(v *value, s string) {
		if !r.stopped() {
			hits = append(hits, r.testChain(c, argument, v, s)...)
		}
	}
	inEvent := false
	for i := range c.Targets {
		target := &c.Targets[i]
		switch {
		case target.Exclude:
		case target.Count:
			test(nil, r.count(rule, target))
		case !r.made(target, matched, capture, test):
			inEvent = true
		}
	}
	if !inEvent {
		return hits
	}
	for i := range r.values {
		if v := &r.values[i]; !v.spared.has(rule.Class) && r.fits(c, v) {
			test(v, v.text)
		}
	}
	return hits
}

// made tests the texts of a target that the conditions before made, and says whether it is such a target.
func (r *run) made(target *rules.Target, matched []hit, capture *hit, test func(*value, string)) bool {
	switch target.Variable {
	case rules.MatchedVar:
		if len(matched) > 0 {
			last := matched[len(matched)-1]
			test(last.value, last.text)
		}
	case rules.MatchedVars:
		for _, m := range matched {
			test(m.value, m.text)
		}
	case rules.Capture:
		if n, err := strconv.Atoi(target.Selector); err == nil && capture != nil && n < len(capture.groups) {
			test(capture.value, capture.groups[n])
		}
	case rules.Macro:
		test(source(capture), rules.ExpandMacro(target.Selector, r.lookup(matched, capture)))
	default:
		return false
	}
	return true
}

func source(h *hit) *value {
	if h == nil {
		return nil
	}
	return h.value
}

// testChain tests the outcome of a condition's chain of transformations for one text, or that of every step.
func (r *run) testChain(c *rules.Condition, argument string, v *value, s string) []hit {
	var hits []hit
	test := func(s string) {
		r.spend(len(s))
		r.aside.set(s)
		if r.test(c, argument, &r.aside) {
			hits = append(hits, r.holds(c, v, &r.aside))
		}
	}
	for _, t := range rules.Path(c.Chain) {
		before := s
		s = transform.Apply(t, s)
		if c.MultiMatch && s != before {
			test(before)
		}
	}
	test(s)
	return hits
}

// count is the number of a target's members, in decimal.
func (r *run) count(rule *rules.Rule, target *rules.Target) string {
	n := 0
	for i := range r.values {
		v := &r.values[i]
		if v.variables.Has(target.Variable) && !v.spared.has(rule.Class) && r.selects(target, v) {
			n++
		}
	}
	return strconv.Itoa(n)
}

// lookup gives the values of macros.
func (r *run) lookup(matched []hit, capture *hit) func(string) string {
	return func(name string) string {
		collection, member, _ := strings.Cut(name, ".")
		switch collection {
		case "tx":
			if n, err := strconv.Atoi(member); err == nil && capture != nil && n < len(capture.groups) {
				return capture.groups[n]
			}
		case "matched_var":
			if len(matched) > 0 {
				return matched[len(matched)-1].text
			}
		case "request_headers":
			return r.member(rules.Headers, member)
		case "args":
			return r.member(rules.Args, member)
		}
		return ""
	}
}

// member is the text of the first member of a variable with this name.
func (r *run) member(variable rules.Variable, name string) string {
	for i := range r.values {
		if v := &r.values[i]; v.variables.Has(variable) && strings.EqualFold(v.member(), name) {
			return v.text
		}
	}
	return ""
}
