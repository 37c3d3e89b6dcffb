package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parts lists the conditions that a rule consists of: those of a rule that feeds it, its own without the constant
// ones, and its guards'.
func (c *compiler) parts(rule *secRule, guards []*secRule) ([]*secRule, error) {
	var out []*secRule
	for _, part := range rule.all() {
		constant, err := c.constant(part)
		if err != nil {
			return nil, err
		}
		if !constant {
			out = append(out, part)
		}
	}
	if len(out) == 0 {
		return nil, rule.place.errorf("all of the rule's conditions are constant")
	}
	if target := out[0].targets[0]; isNoted(target) {
		feed, err := c.feeder(out[0].place, target)
		if err != nil {
			return nil, err
		}
		out = append(feed.all(), out...)
	}
	for _, guard := range guards {
		turned := *guard
		turned.place.rule = rule.place.rule
		turned.operator.negated = !turned.operator.negated
		out = append(out, &turned)
	}
	return out, nil
}

// apart compiles a rule that minds plain file names as two: one for everything but the file name, and one for the file
// name alone, with the condition that it isn't plain.
func (c *compiler) apart(rule *secRule, parts []*secRule) [][]*secRule {
	if !slices.Contains(c.minds, rule.actions.id) {
		return [][]*secRule{parts}
	}
	isName := func(target secTarget) bool { return target.name == "REQUEST_FILENAME" }
	others, name := *parts[0], *parts[0]
	others.targets = slices.DeleteFunc(slices.Clone(others.targets), isName)
	name.targets = []secTarget{{name: "REQUEST_FILENAME"}}
	guard := &secRule{
		place: name.place, targets: name.targets, operator: secOperator{name: "validateByteRange", argument: plainNames},
	}
	return [][]*secRule{
		append([]*secRule{&others}, parts[1:]...),
		append(append([]*secRule{&name}, parts[1:]...), guard),
	}
}

// isNoted reports whether the target is a variable that a rule assigns to, and not a captured group.
func isNoted(target secTarget) bool {
	if target.name != "TX" {
		return false
	}
	_, err := strconv.Atoi(target.selector)
	return err != nil
}

// constant reports whether the condition tests a setting and always holds. One that never holds is an error: the rule
// belongs into the table of those left out.
func (c *compiler) constant(part *secRule) (bool, error) {
	target := part.targets[0]
	if !isNoted(target) || target.pattern {
		return false, nil
	}
	value, known := c.setup[strings.ToLower(target.selector)]
	if !known && !target.count {
		return false, nil
	}
	if target.count || len(part.targets) > 1 || part.operator.name != "eq" {
		return false, part.place.errorf("a test of the setting tx.%s isn't understood unless it is a single @eq", target.selector)
	}
	if (value == part.operator.argument) == part.operator.negated {
		return false, part.place.errorf("the rule never fires: the setting tx.%s is %q", target.selector, value)
	}
	return true, nil
}

// feeder finds the rule that assigns to the target.
func (c *compiler) feeder(at place, target secTarget) (*secRule, error) {
	for _, feeder := range c.feeders {
		for _, part := range feeder.rule.all() {
			if _, ok := assigned(part.actions.setvars, target); ok {
				feeder.used = true
				return feeder.rule, nil
			}
		}
	}
	return nil, at.errorf("no rule assigns to tx.%s", target.selector)
}

// assigned returns the value of the assignment to the target, if there is one. What macros put into the names of
// variables only keeps the values of several matches apart.
func assigned(setvars []secSetvar, target secTarget) (string, bool) {
	macro := regexp.MustCompile(`%\{[^}]*\}`)
	for _, set := range setvars {
		name := macro.ReplaceAllString(set.name, "")
		if !target.pattern {
			if strings.EqualFold(name, target.selector) {
				return set.value, true
			}
			continue
		}
		pattern, err := regexp.Compile("(?i)" + target.selector)
		if err == nil && pattern.MatchString(name) {
			return set.value, true
		}
	}
	return "", false
}
