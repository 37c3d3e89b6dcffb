package main

// file is a parsed SecLang file.
type file struct {
	name  string
	rules []*secRule // chain starters, in order
}

// secRule is one SecRule as it stands in the file.
type secRule struct {
	place    place
	level    int // paranoia level of the section that the rule stands in; 0 outside all sections
	targets  []secTarget
	operator secOperator
	actions  secActions
	chained  []*secRule
}

// all returns the rule and those chained to it.
func (r *secRule) all() []*secRule { return append([]*secRule{r}, r.chained...) }

// secTarget is one member of a rule's list of variables.
type secTarget struct {
	count, exclude bool
	name           string // in upper case
	selector       string
	pattern        bool // selector was between slashes
}

// secOperator is a rule's operator.
type secOperator struct {
	negated  bool
	name     string
	argument string
}

// secActions is what a rule's list of actions says, as far as it means something here.
type secActions struct {
	id         int
	message    string
	severity   string
	tags       []string
	transforms []string // after the last t:none
	setvars    []secSetvar
	ctl        []string
	skipAfter  string
	skip       int
	capture    bool
	multiMatch bool
	chain      bool
	pass       bool // says nothing about an attack: the rule only prepares others
}

// secSetvar is one setvar:'tx.name=value'.
type secSetvar struct {
	name  string // without "tx.", in lower case
	value string
}
