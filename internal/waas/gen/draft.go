package main

import "github.com/autodefend/autodefend/internal/waas/rules"

// draft is a rule whose conditions don't yet know the numbers of their programs, groups and chains.
type draft struct {
	place      place
	rule       rules.Rule // without conditions
	conditions []draftCondition
}

// draftCondition is a condition with what its numbers will be made from.
type draftCondition struct {
	rules.Condition
	place    place
	targets  []draftTarget
	chain    []rules.Transform
	captures bool        // the rule says "capture"
	setvars  []secSetvar // of the rule
	// expression is what Program will be compiled from; "" for none.
	expression string
	// needs are the literal groups: of each at least one literal occurs in every text the operator matches.
	needs [][]string
}

// draftTarget is a target with the expression of its pattern.
type draftTarget struct {
	rules.Target
	expression string
}
