package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// policyExplain is the command policy explain with its flags.
type policyExplain struct {
	policySource
	to     targetFlags
	event  string
	format string
}

func newPolicyExplain(a *app) *cobra.Command {
	c := &policyExplain{policySource: policySource{app: a}}
	cmd := &cobra.Command{
		Long: `Says for every rule of a policy whether it holds for a function and why, down to the first
that does. With --event it also says what becomes of one act: which rule, which entry of
it, why, and the audit's words.

An event names one act: exec, connect, listen, resolve, open or tamper. docs/policy.md has
all its members.`,
		Example: `  autodefend policy explain policy.json --function orders-api --region eu-west-1
  autodefend policy explain policy.json --function orders-api --event '{"resolve": "yahoo.com", "process": {"path": "/usr/bin/wget"}}'
  autodefend policy explain policy.json --function orders-api --event '{"open": "/etc/passwd", "access": "write"}'`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	c.flags(cmd)
	c.to.flags(cmd)
	cmd.Flags().StringVar(&c.event, "event", "", "what to decide: JSON, a `FILE` with it, or - for standard input")
	formatFlag(cmd, &c.format, "table", "json")
	return cmd
}

// explanation is what policy explain prints.
type explanation struct {
	Version  int                          `json:"version"`
	Function string                       `json:"function"`
	Region   string                       `json:"region,omitempty"`
	Rules    []lookedAt                   `json:"rules"`
	Rule     string                       `json:"rule"`
	Effects  map[string]autodefend.Effect `json:"effects"`
	Notices  []string                     `json:"notices"`
	Decision *decided                     `json:"decision,omitempty"`
}

// lookedAt is one rule that was looked at.
type lookedAt struct {
	Rule  string `json:"rule"`
	Holds bool   `json:"holds"`
	Why   string `json:"why"`
}

// decided is a decision.
type decided struct {
	Allowed    bool                  `json:"allowed"`
	Ends       bool                  `json:"ends"`
	Effect     autodefend.Effect     `json:"effect,omitempty"`
	Section    string                `json:"section"`
	Entry      string                `json:"entry,omitempty"`
	Why        string                `json:"why"`
	Type       autodefend.AuditType  `json:"type,omitempty"`
	Attack     autodefend.AttackType `json:"attackType,omitempty"`
	Severity   autodefend.Severity   `json:"severity,omitempty"`
	Techniques []string              `json:"attackTechniques,omitempty"`
	Message    string                `json:"msg,omitempty"`
}

func (c *policyExplain) run(cmd *cobra.Command, name string) error {
	if err := textOrJSON(c.format, "table"); err != nil {
		return err
	}
	target, err := c.to.target(cmd)
	if err != nil {
		return err
	}
	p, err := c.policy(name)
	if err != nil {
		return err
	}
	res, err := resolve(p, target)
	if err != nil {
		return err
	}
	compiled, err := policy.Compile(res.Rule)
	if err != nil {
		return aboutFile(name, err)
	}
	x := explanation{
		Version: 1, Function: target.Function, Region: target.Region, Rules: []lookedAt{},
		Rule: compiled.RuleName(), Effects: effects(res.Rule), Notices: append([]string{}, compiled.Notices()...),
	}
	for _, l := range res.Looks {
		x.Rules = append(x.Rules, lookedAt{l.Rule, l.Matched, l.Why})
	}
	if c.event != "" {
		if err := c.decide(&x, compiled); err != nil {
			return err
		}
	}
	return writeData(c.stdout, c.format, x, x.table)
}

// decide adds what becomes of the event.
func (c *policyExplain) decide(x *explanation, compiled *policy.Compiled) error {
	text, source := []byte(c.event), "option --event"
	if !strings.HasPrefix(strings.TrimSpace(c.event), "{") {
		var err error
		if text, err = c.input("option --event:", c.event); err != nil {
			return err
		}
		source = c.event
	}
	event, err := policy.ParseEvent(text)
	if err != nil {
		return aboutFile(source, err)
	}
	d := compiled.Decide(event)
	x.Decision = &decided{
		Allowed: !d.Deny, Ends: d.End, Effect: d.Effect, Section: d.Section, Entry: d.Entry, Why: d.Why,
		Type: d.Type, Attack: d.Attack, Severity: d.Severity, Techniques: d.Techniques, Message: d.Message,
	}
	return nil
}

// effects returns the effect of each section of a rule; nil has none.
func effects(r *policy.Rule) map[string]autodefend.Effect {
	all := map[string]autodefend.Effect{"processes": "", "network": "", "dns": "", "filesystem": ""}
	if r != nil {
		all = map[string]autodefend.Effect{
			"processes": r.Processes.Effect, "network": r.Network.Effect, "dns": r.DNS.Effect, "filesystem": r.Filesystem.Effect,
		}
	}
	for name, effect := range all {
		if effect == "" {
			all[name] = autodefend.Disable
		}
	}
	return all
}

func (x explanation) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range x.Rules {
		holds := "no"
		if r.Holds {
			holds = "holds"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", printable(r.Rule), holds, printable(r.Why))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if x.Rule == "" {
		fmt.Fprintf(w, "No rule holds for %s: nothing is enforced.\n", printable(x.Function))
	} else {
		fmt.Fprintf(w, "%s: processes %s, network %s, dns %s, filesystem %s\n", printable(x.Rule),
			x.Effects["processes"], x.Effects["network"], x.Effects["dns"], x.Effects["filesystem"])
	}
	for _, notice := range x.Notices {
		fmt.Fprintf(w, "%s\n", printable(notice))
	}
	return x.Decision.table(w)
}

// table writes a decision; without one, nothing.
func (d *decided) table(w io.Writer) error {
	if d == nil {
		return nil
	}
	verdict := "ALLOWED"
	switch {
	case d.Ends:
		verdict = "DENIED, and the invocation ends"
	case !d.Allowed:
		verdict = "DENIED"
	case d.Effect != "":
		verdict = "ALLOWED with an audit"
	}
	at := d.Section
	if d.Entry != "" && !strings.HasPrefix(d.Entry, "autodefend.") {
		at += "." + d.Entry
	} else if d.Entry != "" {
		at = d.Entry
	}
	_, err := fmt.Fprintf(w, "\n%s by %s\n  why    %s\n", verdict, at, printable(d.Why))
	if d.Message != "" {
		_, err = fmt.Fprintf(w, "  audit  %s\n         type %s, attackType %s, severity %s, effect %s\n", printable(d.Message), d.Type, d.Attack, d.Severity, d.Effect)
	}
	return err
}
