package policy

import (
	"maps"
	"slices"

	"github.com/autodefend/autodefend"
)

// firewallSteps shorten a rule of the firewall. No step makes it refuse an event that it let pass: what loses its
// exceptions only alerts from then on.
func firewallSteps() []func(*WAASRule) {
	return []func(*WAASRule){
		dropWords,
		func(r *WAASRule) { dropExceptions(r, alert) },
		dropAlertingRules,
		func(r *WAASRule) { dropExceptions(r, prevent) },
		dropOwnRules,
	}
}

// clone returns a copy that can be changed.
func (r *WAASRule) clone() WAASRule {
	c := *r
	c.Applications = slices.Clone(r.Applications)
	c.Own.CustomRules = slices.Clone(r.Own.CustomRules)
	c.Own.Triggers.of = maps.Clone(r.Own.Triggers.of)
	return c
}

// dropWords leaves out what is only said.
func dropWords(r *WAASRule) {
	for i := range r.Applications {
		r.Applications[i].BlockResponse.Body = ""
	}
	for i := range r.Own.CustomRules {
		r.Own.CustomRules[i].Message = ""
	}
}

// dropExceptions leaves out the exceptions of classes up to a level, and lets them do no more than alert.
func dropExceptions(r *WAASRule, most level) {
	for i := range r.Applications {
		for _, p := range r.Applications[i].protections() {
			if l := firewallLevel(p.to.Effect); l > most || len(p.to.Exceptions) == 0 {
				continue
			}
			p.to.Exceptions = nil
			lower(&p.to.Effect)
		}
	}
}

// lower makes an effect alert when it's more.
func lower(e *autodefend.Effect) {
	if firewallLevel(*e) > alert {
		*e = autodefend.Alert
	}
}

// dropAlertingRules leaves out custom rules that only alert.
func dropAlertingRules(r *WAASRule) {
	r.Own.CustomRules = slices.DeleteFunc(r.Own.CustomRules, func(c OwnRule) bool {
		return c.Effect == "" || firewallLevel(c.Effect) <= alert && c.Effect != autodefend.Allow
	})
}

// dropOwnRules leaves out all custom rules. Without one that allowed something, nothing is refused.
func dropOwnRules(r *WAASRule) {
	if slices.ContainsFunc(r.Own.CustomRules, func(c OwnRule) bool { return c.Effect == autodefend.Allow }) {
		for i := range r.Applications {
			for _, p := range r.Applications[i].protections() {
				lower(&p.to.Effect)
			}
			lower(&r.Applications[i].Body.LimitEffect)
		}
		r.Own.FailMode = ""
	}
	r.Own.CustomRules = nil
}
