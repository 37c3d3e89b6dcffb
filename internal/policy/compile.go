package policy

import (
	"errors"
	"fmt"

	"github.com/autodefend/autodefend"
)

// Compiled is a rule that is ready to decide. It is immutable and safe for concurrent use; the zero value allows
// everything.
type Compiled struct {
	rule       string
	failMode   autodefend.FailMode
	processes  processSection
	network    networkSection
	dns        dnsSection
	files      fileSection
	miners     *miners // nil when the rule doesn't look for them
	tamper     level
	exceptions []exception
	notices    []string
	sections   Sections
}

// Compile prepares a rule; of nil, and of a disabled rule, it makes one that is off. All mistakes in its entries are
// returned, as joined [autodefend.Error] values that name their member.
func Compile(rule *Rule) (*Compiled, error) { return compileAt("rule", rule) }

// compileAt compiles a rule that is at a path of a policy.
func compileAt(path string, rule *Rule) (*Compiled, error) {
	if rule == nil || rule.Disabled {
		return &Compiled{failMode: autodefend.FailOpen}, nil
	}
	k := compiler{path: path}
	c := &Compiled{
		rule:       rule.Name,
		failMode:   rule.Own.FailMode,
		processes:  k.processes(rule),
		network:    k.network(rule),
		dns:        k.dns(rule),
		files:      k.files(rule),
		exceptions: k.exceptions(rule.Own.Exceptions),
	}
	if c.failMode == "" {
		c.failMode = autodefend.FailOpen
	}
	if rule.Processes.Miners && c.processes.level > off {
		c.miners = knownMiners(c.processes.level)
	}
	c.settle(rule)
	c.notices = notices(rule)
	c.sections = c.tierSections()
	return c, errors.Join(k.errs...)
}

// settle fills in the effects that follow from those of other sections.
func (c *Compiled) settle(rule *Rule) {
	strongest := max(c.processes.level, c.processes.fileless, c.processes.tmp, c.network.level, c.dns.level, c.files.level)
	if strongest == off {
		return
	}
	c.tamper = prevent.or(rule.Own.Tamper)
	opaque := off
	if strongest >= prevent {
		opaque = prevent
	}
	c.processes.opaque = opaque.or(rule.Own.Opaque)
}

// notices says what of a rule isn't enforced.
func notices(rule *Rule) []string {
	if n := len(rule.CustomRules); n > 0 {
		return []string{fmt.Sprintf("custom rules aren't enforced: the rule %q refers to %d", rule.Name, n)}
	}
	return nil
}

// RuleName returns the name of the rule; "" when everything is off for want of a rule.
func (c *Compiled) RuleName() string { return c.rule }

// FailMode says what becomes of the function when the Defender fails: open unless the rule says closed.
func (c *Compiled) FailMode() autodefend.FailMode {
	if c.failMode == "" {
		return autodefend.FailOpen
	}
	return c.failMode
}

// Notices says, in sentences, what of the rule isn't enforced. The Defender logs them when it starts.
func (c *Compiled) Notices() []string { return c.notices }

// Sections tells the tiers what they can settle by themselves. The lists are shared: don't change them.
func (c *Compiled) Sections() Sections { return c.sections }

// compiler collects the mistakes in a rule's entries.
type compiler struct {
	path string
	errs []error
}

// fail records a mistake at an entry of a list.
func (k *compiler) fail(list string, i int, hint, format string, args ...any) {
	k.errs = append(k.errs, mistake(fmt.Sprintf("%s.%s[%d]", k.path, list, i), hint, format, args...))
}

// label is how an entry is named in decisions: blacklist[2].
func label(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
