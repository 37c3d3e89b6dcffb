package main

import (
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/rules"
)

// highestParanoia is the highest paranoia level that is compiled.
const highestParanoia = 2

// compiler turns parsed rules into drafts.
type compiler struct {
	data    fs.FS // where the lists of pmFromFile are
	left    map[int]string
	strict  map[int]string
	core    map[int]string
	gates   map[int]gate
	minds   []int
	class   map[int]rules.Class
	setup   map[string]string
	drafts  []draft
	seen    map[int]place // every rule's id
	feeders []*feeder     // of the file that is being compiled
	guards  []guard       // likewise
	skipped []skippedRule
}

// feeder is a rule that only notes texts in variables which a later rule tests: its conditions come in front of that
// rule's.
type feeder struct {
	rule *secRule
	used bool
}

// guard is a rule that skips some of those which follow: they get its condition, turned round, at their ends.
type guard struct {
	rule *secRule
	left int
}

// skippedRule is a rule that isn't compiled, for the report.
type skippedRule struct {
	id, level int
	reason    string
}

// newCompiler returns a compiler with the tables of the Core Rule Set.
func newCompiler(data fs.FS) *compiler {
	return &compiler{
		data: data, left: leftOut(), strict: strictInstead(), core: coreInstead(), gates: gatesByRule(), minds: mindsPlainNames(), class: classes(), setup: settings(),
		seen: map[int]place{},
	}
}

// family compiles a file of the Core Rule Set.
func (c *compiler) family(f *file, class rules.Class) error {
	return c.file(f, func(rule *secRule) (rules.Class, rules.Level, error) {
		level, err := c.level(rule)
		if err != nil {
			return 0, 0, err
		}
		if special, ok := c.class[rule.actions.id]; ok {
			return special, level, nil
		}
		return class, level, nil
	})
}

// own compiles a file of our own rules.
func (c *compiler) own(f *file) error {
	return c.file(f, func(rule *secRule) (rules.Class, rules.Level, error) {
		class, err := ownClass(rule)
		if err != nil {
			return 0, 0, err
		}
		paranoia, err := taggedLevel(rule)
		return class, ourLevel(paranoia), err
	})
}

// level returns the level that a rule of the Core Rule Set runs at. Not every file has sections.
func (c *compiler) level(rule *secRule) (rules.Level, error) {
	tagged, err := taggedLevel(rule)
	if err != nil {
		return 0, err
	}
	if tagged != rule.level && rule.level != 0 {
		return 0, rule.place.errorf("the rule is tagged for paranoia level %d and stands in the section of level %d", tagged, rule.level)
	}
	switch id := rule.actions.id; {
	case c.strict[id] != "":
		return rules.Strict, nil
	case tagged == 1 && c.core[id] != "":
		return rules.Core, nil
	default:
		return ourLevel(tagged), nil
	}
}

// ourLevel is the level for a paranoia level.
func ourLevel(paranoia int) rules.Level {
	if paranoia > 1 {
		return rules.Strict
	}
	return rules.Default
}

// taggedLevel returns the paranoia level that the rule's tag names.
func taggedLevel(rule *secRule) (int, error) {
	for _, tag := range rule.actions.tags {
		text, found := strings.CutPrefix(tag, "paranoia-level/")
		if !found {
			continue
		}
		level, err := strconv.Atoi(text)
		if err != nil || level < 1 || level > 4 {
			return 0, rule.place.errorf("there is no paranoia level %q", text)
		}
		return level, nil
	}
	return 0, rule.place.errorf("no tag names the rule's paranoia level")
}

// file compiles the rules of one file.
func (c *compiler) file(f *file, classify func(*secRule) (rules.Class, rules.Level, error)) error {
	c.feeders, c.guards = nil, nil
	for _, rule := range f.rules {
		if err := c.once(rule); err != nil {
			return err
		}
		guards := c.takeGuards()
		if rule.level > highestParanoia {
			continue
		}
		if reason := c.left[rule.actions.id]; reason != "" {
			c.skipped = append(c.skipped, skippedRule{rule.actions.id, rule.level, reason})
			continue
		}
		if err := c.rule(rule, guards, classify); err != nil {
			return err
		}
	}
	for _, feeder := range c.feeders {
		if !feeder.used {
			return feeder.rule.place.errorf("no rule reads what this one notes")
		}
	}
	return nil
}

// once notes a rule's id and refuses one that was there before.
func (c *compiler) once(rule *secRule) error {
	if before, ok := c.seen[rule.actions.id]; ok {
		return rule.place.errorf("the id is that of a rule at %s:%d", before.file, before.line)
	}
	c.seen[rule.actions.id] = rule.place
	return nil
}

// takeGuards returns the guards of the rule that is next.
func (c *compiler) takeGuards() []*secRule {
	var out []*secRule
	for i := range c.guards {
		out = append(out, c.guards[i].rule)
		c.guards[i].left--
	}
	c.guards = slices.DeleteFunc(c.guards, func(g guard) bool { return g.left == 0 })
	return out
}

// rule compiles one rule, or keeps it for those it prepares.
func (c *compiler) rule(rule *secRule, guards []*secRule, classify func(*secRule) (rules.Class, rules.Level, error)) error {
	if err := c.flow(rule); err != nil {
		return err
	}
	if rule.actions.pass {
		return c.prepare(rule)
	}
	class, level, err := classify(rule)
	if err != nil {
		return err
	}
	severity, ok := severities()[strings.ToUpper(rule.actions.severity)]
	if !ok {
		return rule.place.errorf("severity %q isn't understood", rule.actions.severity)
	}
	message := regexp.MustCompile(` \(%\{\w+\}\)`).ReplaceAllString(rule.actions.message, "")
	if message == "" || strings.Contains(message, "%{") {
		return rule.place.errorf("message %q isn't a text that can be shown as it is", rule.actions.message)
	}
	out := draft{place: rule.place, rule: rules.Rule{
		ID: rule.actions.id, Class: class, Level: level, Severity: severity, Message: message, Source: rule.place.file,
	}}
	parts, err := c.parts(rule, guards)
	if err != nil {
		return err
	}
	for _, parts := range c.apart(rule, parts) {
		out.conditions = nil
		for _, part := range parts {
			if err := c.condition(&out, part); err != nil {
				return err
			}
		}
		if err := c.narrowed(out); err != nil {
			return err
		}
	}
	return nil
}

// severities are SecLang's names.
func severities() map[string]rules.Severity {
	return map[string]rules.Severity{
		"CRITICAL": rules.Critical, "ERROR": rules.Error, "WARNING": rules.Warning, "NOTICE": rules.Notice,
	}
}

// flow refuses what a rule does to others, if it isn't known how that is to be compiled.
func (c *compiler) flow(rule *secRule) error {
	for _, part := range rule.all() {
		for _, ctl := range part.actions.ctl {
			// A matter of what the proxy buffers; the decoder has the body.
			if ctl != "forceRequestBodyVariable=On" {
				return rule.place.errorf("ctl:%s isn't understood", ctl)
			}
		}
		if part.actions.skipAfter != "" {
			return rule.place.errorf("skipAfter:%s isn't understood outside the heads of sections", part.actions.skipAfter)
		}
		if part.actions.skip > 0 && (!rule.actions.pass || len(rule.chained) > 0) {
			return rule.place.errorf("skip isn't understood in a rule that blocks or has a chain")
		}
	}
	return nil
}

// prepare keeps a rule that doesn't judge.
func (c *compiler) prepare(rule *secRule) error {
	switch {
	case rule.actions.skip > 0:
		c.guards = append(c.guards, guard{rule, rule.actions.skip})
	case len(rule.actions.setvars) > 0 && rule.actions.capture:
		c.feeders = append(c.feeders, &feeder{rule: rule})
	default:
		return rule.place.errorf("it isn't understood what this rule, which lets everything pass, is for")
	}
	return nil
}
