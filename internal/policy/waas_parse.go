package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// ParseWAAS reads a policy of the firewall, a list of its rules, or a single rule. All mistakes are returned, each with
// the path of its member, as joined [autodefend.Error] values of code invalid.
func ParseWAAS(data []byte) (*WAASPolicy, error) {
	p := &WAASPolicy{}
	errs := parseRules(data, "firewall/app/serverless", p, &p.Rules)
	errs = append(errs, names(p.scopes())...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// IsWAAS tells a policy of the firewall from one of the runtime by what it looks like: its id, or what its rules have.
func IsWAAS(data []byte) bool {
	data = bytes.TrimSpace(data)
	var rules []json.RawMessage
	if json.Unmarshal(data, &rules) != nil {
		rules = []json.RawMessage{data}
	}
	for _, raw := range rules {
		given, _ := members(raw)
		for _, m := range given {
			switch strings.ToLower(m.name) {
			case "_id":
				return string(m.raw) == `"`+waasID+`"`
			case "minport", "maxport", "applicationsspec":
				return true
			case "rules":
				return m.raw[0] == '[' && IsWAAS(m.raw)
			}
		}
	}
	return false
}

func (p *WAASPolicy) scopes() []ruleScope {
	all := make([]ruleScope, len(p.Rules))
	for i := range p.Rules {
		all[i] = ruleScope{p.Rules[i].Name, p.Rules[i].Disabled, p.Rules[i].Collections}
	}
	return all
}

// WAASResolution says which rule of the firewall holds for a function, and why.
type WAASResolution struct {
	// Rule is the one that holds; nil when none does, and then nothing is inspected.
	Rule *WAASRule
	// Index is the rule's place in the policy, from 0; -1 when there is none.
	Index int
	// Looks are the rules that were looked at, in order; the last one is the one that holds, if any.
	Looks []Look
	// Undefined are collections that are only named, so that it can't be known here whether they hold the function.
	Undefined []string
}

// Resolve finds the rule for a function: the first that isn't disabled and whose scope matches.
func (p *WAASPolicy) Resolve(t Target) WAASResolution {
	res := WAASResolution{}
	res.Index, res.Looks, res.Undefined = look(p.scopes(), t)
	if res.Index >= 0 {
		res.Rule = &p.Rules[res.Index]
	}
	return res
}

// Undefined lists the collections that enabled rules only name, each once: whom those rules hold for can't be known.
func (p *WAASPolicy) Undefined() []string { return undefinedNames(p.scopes()) }

// Define fills in the collections that the rules only name.
func (p *WAASPolicy) Define(collections []Collection) { define(p.scopes(), collections) }

// MarshalJSON returns the policy as Prisma's JSON: what was read comes back, members that mean nothing to us included.
func (p *WAASPolicy) MarshalJSON() ([]byte, error) { return marshalWalker(p) }

// MarshalJSON returns the rule as Prisma's JSON.
func (r *WAASRule) MarshalJSON() ([]byte, error) { return marshalWalker(r) }

// UnmarshalJSON reads a rule.
func (r *WAASRule) UnmarshalJSON(data []byte) error {
	var errs []error
	*r = WAASRule{}
	readObject("rule", data, r, &errs)
	return errors.Join(errs...)
}
