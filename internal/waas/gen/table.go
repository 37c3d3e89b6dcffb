package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/match/compile"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// table is everything that the generated files hold.
type table struct {
	rules    []rules.Rule
	nodes    []rules.Node
	programs []string // compiled, number 1 first
	groups   [][]string
	scanner  string

	numbers   map[programKey]int16
	groupNums map[string]uint16
}

// programKey tells compiled expressions apart.
type programKey struct {
	expression string
	groups     bool
}

// newTable gives the drafts their numbers.
func newTable(drafts []draft) (*table, error) {
	slices.SortStableFunc(drafts, func(a, b draft) int {
		return cmp.Or(cmp.Compare(order(&a.rule), order(&b.rule)), a.rule.ID-b.rule.ID)
	})
	t := &table{numbers: map[programKey]int16{}, groupNums: map[string]uint16{}}
	for i := range drafts {
		if err := t.add(&drafts[i]); err != nil {
			return nil, err
		}
	}
	var err error
	if t.nodes, err = tree(drafts, t.rules); err != nil {
		return nil, err
	}
	scanner, err := compile.Scanner(t.groups)
	if err != nil {
		return nil, err
	}
	t.scanner = string(scanner)
	return t, nil
}

// order puts our own rules behind the Core Rule Set's.
func order(rule *rules.Rule) int {
	if rule.Own() {
		return 1
	}
	return 0
}

// add appends a rule.
func (t *table) add(d *draft) error {
	rule := d.rule
	for i := range d.conditions {
		condition, err := t.condition(&d.conditions[i])
		if err != nil {
			return d.conditions[i].place.errorf("%w", err)
		}
		rule.Conditions = append(rule.Conditions, condition)
	}
	t.rules = append(t.rules, rule)
	return nil
}

// condition numbers what a condition refers to, but for the chain.
func (t *table) condition(d *draftCondition) (rules.Condition, error) {
	out := d.Condition
	for _, target := range d.targets {
		program, err := t.program(target.expression, false)
		if err != nil {
			return out, fmt.Errorf("selector %q: %w", target.Selector, err)
		}
		target.Program = program
		out.Targets = append(out.Targets, target.Target)
	}
	var err error
	if out.Program, err = t.program(d.expression, d.Captures > 1); err != nil {
		return out, err
	}
	for _, literals := range d.needs {
		if group := t.group(literals); !slices.Contains(out.Needs, group) {
			out.Needs = append(out.Needs, group)
		}
	}
	return out, nil
}

// program returns the number of a compiled expression.
func (t *table) program(expression string, groups bool) (int16, error) {
	if expression == "" {
		return rules.NoProgram, nil
	}
	key := programKey{expression, groups}
	if n, ok := t.numbers[key]; ok {
		return n, nil
	}
	translate := compile.Expression
	if groups {
		translate = compile.Capturing
	}
	program, err := translate(expression)
	if err != nil {
		return 0, err
	}
	t.programs = append(t.programs, string(program))
	n := int16(len(t.programs))
	t.numbers[key] = n
	return n, nil
}

// group returns the number of a group of literals.
func (t *table) group(literals []string) uint16 {
	key := strings.Join(literals, "\x00\n")
	if n, ok := t.groupNums[key]; ok {
		return n
	}
	n := uint16(len(t.groups))
	t.groups = append(t.groups, literals)
	t.groupNums[key] = n
	return n
}
