package main

import (
	"strconv"
	"strings"
)

// parse reads one SecLang file.
func parse(name, text string) (*file, error) {
	lines, err := directives(name, text)
	if err != nil {
		return nil, err
	}
	p := &parser{file: &file{name: name}}
	for _, line := range lines {
		if err := p.directive(line); err != nil {
			return nil, err
		}
	}
	if p.open != nil {
		return nil, p.open.place.errorf("the file ends in the middle of the chain")
	}
	if p.skipping != "" {
		return nil, place{file: name, line: lines[len(lines)-1].place.line}.errorf("no SecMarker %q ends the sections of paranoia levels", p.skipping)
	}
	return p.file, nil
}

// parser is the state between the directives of one file.
type parser struct {
	file     *file
	open     *secRule // the rule whose chain goes on
	level    int
	skipping string // the marker that ends the sections of paranoia levels
}

// directive reads one directive.
func (p *parser) directive(d directive) error {
	if p.open != nil && d.name != "secrule" {
		return d.place.errorf("%s in the middle of the chain of rule %d", d.name, p.open.place.rule)
	}
	switch d.name {
	case "secrule":
		return p.rule(d)
	case "secmarker":
		label := strings.Trim(d.rest, `"'`)
		if label == p.skipping {
			p.level, p.skipping = 0, ""
		}
		return nil
	case "seccomponentsignature":
		return nil
	default:
		return d.place.errorf("directive %s isn't understood", d.name)
	}
}

// rule reads a SecRule and puts it where it belongs: a section's head, a chain, or the file's list.
func (p *parser) rule(d directive) error {
	rule, err := readRule(d)
	if err != nil {
		return err
	}
	if p.open == nil && isSection(rule) {
		return p.section(rule)
	}
	if p.open == nil {
		if rule.actions.id == 0 {
			return rule.place.errorf("the rule has no id")
		}
		rule.level = p.level
		p.file.rules = append(p.file.rules, rule)
	} else {
		rule.place.rule = p.open.place.rule
		p.open.chained = append(p.open.chained, rule)
	}
	switch {
	case rule.actions.chain && p.open == nil:
		p.open = rule
	case !rule.actions.chain:
		p.open = nil
	}
	return nil
}

// isSection reports whether the rule is the head of a paranoia level's section.
func isSection(rule *secRule) bool {
	return len(rule.targets) == 1 && rule.targets[0].name == "TX" && strings.EqualFold(rule.targets[0].selector, "detection_paranoia_level")
}

// section reads "TX:DETECTION_PARANOIA_LEVEL @lt N ... skipAfter:END": what follows is of level N.
func (p *parser) section(rule *secRule) error {
	level, err := strconv.Atoi(rule.operator.argument)
	if err != nil || rule.operator.name != "lt" || rule.operator.negated || rule.actions.skipAfter == "" || rule.actions.chain {
		return rule.place.errorf("the head of a paranoia level's section has another form than \"@lt N\" with skipAfter")
	}
	if p.skipping != "" && p.skipping != rule.actions.skipAfter {
		return rule.place.errorf("sections of paranoia levels end at both %q and %q", p.skipping, rule.actions.skipAfter)
	}
	p.level, p.skipping = level, rule.actions.skipAfter
	return nil
}

// readRule reads the three parts of a SecRule.
func readRule(d directive) (*secRule, error) {
	variables, rest, found := strings.Cut(d.rest, " ")
	if !found {
		return nil, d.place.errorf("the rule has no operator")
	}
	operator, rest, ok := quoted(strings.TrimSpace(rest))
	if !ok {
		return nil, d.place.errorf("the operator isn't in double quotes")
	}
	rule := &secRule{place: d.place}
	if rest != "" {
		actions, after, ok := quoted(rest)
		if !ok || after != "" {
			return nil, d.place.errorf("the actions aren't in double quotes")
		}
		var err error
		if rule.actions, err = readActions(d.place, actions); err != nil {
			return nil, err
		}
		rule.place.rule = rule.actions.id
	}
	var err error
	if rule.targets, err = readTargets(rule.place, variables); err != nil {
		return nil, err
	}
	rule.operator, err = readOperator(rule.place, operator)
	return rule, err
}

// readOperator reads "!@name argument".
func readOperator(at place, text string) (secOperator, error) {
	var operator secOperator
	text, operator.negated = strings.CutPrefix(text, "!")
	text, named := strings.CutPrefix(text, "@")
	if !named {
		return operator, at.errorf("the operator %q has no name", text)
	}
	name, argument, _ := strings.Cut(text, " ")
	operator.name, operator.argument = name, strings.TrimSpace(argument)
	return operator, nil
}
