package main

import (
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

// condition compiles one part of a rule and appends it to the draft.
func (c *compiler) condition(out *draft, part *secRule) error {
	condition := draftCondition{
		place: part.place, captures: part.actions.capture, setvars: part.actions.setvars,
		Condition: rules.Condition{MultiMatch: part.actions.multiMatch, Negated: part.operator.negated},
	}
	condition.place.rule = out.place.rule
	for _, target := range part.targets {
		compiled, err := c.target(out, condition.place, target)
		if err != nil {
			return err
		}
		condition.targets = append(condition.targets, compiled)
	}
	for _, name := range part.actions.transforms {
		transform, ok := transformNamed(name)
		if !ok {
			return condition.place.errorf("transformation %s isn't understood", name)
		}
		condition.chain = append(condition.chain, transform)
	}
	if err := c.operator(out, &condition, part.operator); err != nil {
		return err
	}
	if len(out.conditions) > 0 {
		condition.needs = nil
	}
	out.conditions = append(out.conditions, condition)
	return nil
}

// transformNamed finds a transformation by SecLang's name.
func transformNamed(name string) (rules.Transform, bool) {
	for t := rules.None + 1; t < rules.Transforms; t++ {
		if strings.EqualFold(t.String(), name) {
			return t, true
		}
	}
	return 0, false
}

// target compiles one target.
func (c *compiler) target(out *draft, at place, target secTarget) (draftTarget, error) {
	if target.name == "TX" {
		return c.transient(out, at, target)
	}
	variable, ok := variableNamed(target.name)
	if !ok {
		return draftTarget{}, at.errorf("variable %s isn't understood", target.name)
	}
	chained := len(out.conditions) > 0
	if (variable == rules.MatchedVar || variable == rules.MatchedVars) && !chained {
		return draftTarget{}, at.errorf("%s stands in a rule that no condition comes before", target.name)
	}
	compiled := draftTarget{Target: rules.Target{
		Variable: variable, Selector: strings.ToLower(target.selector), Exclude: target.exclude, Count: target.count,
	}}
	if target.pattern {
		compiled.Selector = target.selector
		compiled.expression = "(?i)" + target.selector
	}
	return compiled, nil
}

// variableNamed finds a variable by SecLang's name.
func variableNamed(name string) (rules.Variable, bool) {
	for v := range rules.Variable(rules.Variables) {
		if v.String() == name && v != rules.Capture && v != rules.Macro {
			return v, true
		}
	}
	return 0, false
}

// transient compiles a target in TX: a captured group, or what a condition before noted.
func (c *compiler) transient(out *draft, at place, target secTarget) (draftTarget, error) {
	if target.count || target.exclude {
		return draftTarget{}, at.errorf("a count or an exclusion of tx.%s isn't understood", target.selector)
	}
	if !isNoted(target) {
		group, _ := strconv.Atoi(target.selector)
		err := capture(out, at, group)
		return draftTarget{Target: rules.Target{Variable: rules.Capture, Selector: target.selector}}, err
	}
	for i := len(out.conditions) - 1; i >= 0; i-- {
		value, ok := assigned(out.conditions[i].setvars, target)
		if !ok {
			continue
		}
		if i != lastCapture(out) && strings.Contains(strings.ToLower(value), "%{tx.") {
			return draftTarget{}, at.errorf("tx.%s is made of groups that another condition has captured since", target.selector)
		}
		text, err := c.macros(out, at, value)
		return draftTarget{Target: rules.Target{Variable: rules.Macro, Selector: text}}, err
	}
	return draftTarget{}, at.errorf("no condition before assigns to tx.%s", target.selector)
}

// lastCapture returns the index of the last condition that captures, or -1.
func lastCapture(out *draft) int {
	for i := len(out.conditions) - 1; i >= 0; i-- {
		if out.conditions[i].captures {
			return i
		}
	}
	return -1
}

// capture makes the last condition that captures keep the group.
func capture(out *draft, at place, group int) error {
	i := lastCapture(out)
	if i < 0 {
		return at.errorf("no condition before captures group %d", group)
	}
	condition := &out.conditions[i]
	if condition.Operator != rules.Rx || condition.Negated {
		return at.errorf("group %d of an operator other than @rx isn't understood", group)
	}
	condition.Captures = max(condition.Captures, uint8(group)+1)
	return nil
}

// macros replaces the settings in a text by their values. The macros that only an event can tell stay, in lower case.
func (c *compiler) macros(out *draft, at place, text string) (string, error) {
	var result strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%{")
		result.WriteString(before)
		if !found {
			return result.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", at.errorf("the macro in %q has no end", text)
		}
		value, err := c.macro(out, at, strings.ToLower(name))
		if err != nil {
			return "", err
		}
		result.WriteString(value)
		text = after
	}
}

// macro returns what stands for one macro: a setting's value, or the macro itself.
func (c *compiler) macro(out *draft, at place, name string) (string, error) {
	variable, member, _ := strings.Cut(name, ".")
	itself := "%{" + name + "}"
	switch {
	case variable == "tx" && len(member) == 1 && member >= "0" && member <= "9":
		return itself, capture(out, at, int(member[0]-'0'))
	case variable == "tx":
		setting, ok := c.setup[member]
		if !ok {
			return "", at.errorf("the macro %s isn't in the table of settings", itself)
		}
		return setting, nil
	case name == "matched_var", (variable == "request_headers" || variable == "args") && member != "":
		return itself, nil
	default:
		return "", at.errorf("the macro %s isn't understood", itself)
	}
}
