package main

import (
	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/expression"
)

// firewall reads a policy of the firewall from a file, or from standard input, and checks it.
func (s *policySource) firewall(name string) (*policy.WAASPolicy, error) {
	text, err := s.input("policy", name)
	if err != nil {
		return nil, err
	}
	p, err := s.parseFirewall(name, text)
	if err != nil {
		return nil, err
	}
	if _, err := p.Check(expression.Check); err != nil {
		return nil, aboutFile(name, err)
	}
	return p, nil
}

func (s *policySource) parseFirewall(name string, text []byte) (*policy.WAASPolicy, error) {
	p, err := policy.ParseWAAS(text)
	if err == nil && len(p.Rules) > 0 && !policy.IsWAAS(text) {
		err = autodefend.Errorf(autodefend.CodeInvalid, "it isn't a policy of the firewall").
			WithHint("one has applicationsSpec in its rules: docs/waas.md has an example")
	}
	if err != nil {
		return nil, aboutFile(name, err)
	}
	collections, err := s.defined()
	if err != nil {
		return nil, err
	}
	p.Define(collections)
	return p, nil
}

// firewallRule finds the firewall's rule for a function; nil when none holds.
func (s *policySource) firewallRule(name string, target policy.Target) (*policy.WAASRule, error) {
	p, err := s.firewall(name)
	if err != nil {
		return nil, err
	}
	res := p.Resolve(target)
	return res.Rule, onlyNamed(res.Undefined)
}
