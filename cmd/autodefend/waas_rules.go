package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// waasRules is the command waas rules with its flags.
type waasRules struct {
	*app
	classes []string
	format  string
}

func newWAASRules(a *app) *cobra.Command {
	c := &waasRules{app: a}
	cmd := &cobra.Command{
		Long: `Lists the rules of the firewall: number, class of attacks, level, where it's from and what it
says. Rules of the levels crs and strict are looked at only where a policy asks for it; a rule
that stands at both default and crs is narrower at default. Six digits
are rules of the OWASP Core Rule Set, five are our own.`,
		Example: `  autodefend waas rules --class lfi --class cmdi
  autodefend waas rules -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.run() },
	}
	cmd.Flags().StringSliceVar(&c.classes, "class", nil, "only rules of this `CLASS`; repeatable")
	formatFlag(cmd, &c.format, "table", "json", "yaml")
	var names []string
	for _, class := range autodefend.AttackClasses() {
		names = append(names, string(class))
	}
	// An error would mean that the flag doesn't exist.
	_ = cmd.RegisterFlagCompletionFunc("class", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// ruleList is what waas rules prints.
type ruleList struct {
	Version int          `json:"version" yaml:"version"`
	Rules   []listedRule `json:"rules" yaml:"rules"`
}

// listedRule is one rule.
type listedRule struct {
	ID       int                    `json:"id" yaml:"id"`
	Class    autodefend.AttackClass `json:"class" yaml:"class"`
	Level    policy.WAASLevel       `json:"level" yaml:"level"`
	Severity string                 `json:"severity" yaml:"severity"`
	Source   string                 `json:"source" yaml:"source"` // CRS or own
	File     string                 `json:"file" yaml:"file"`
	Message  string                 `json:"message" yaml:"message"`
}

func (c *waasRules) run() error {
	wanted := make(map[autodefend.AttackClass]bool)
	for _, name := range c.classes {
		class := autodefend.AttackClass(name)
		if !slices.Contains(autodefend.AttackClasses(), class) {
			var names []string
			for _, known := range autodefend.AttackClasses() {
				names = append(names, string(known))
			}
			return autodefend.Errorf(autodefend.CodeInvalid, "option --class: %q isn't a class of attacks", name).
				WithHint("use some of: %s", strings.Join(names, " "))
		}
		wanted[class] = true
	}
	list := ruleList{Version: 1, Rules: []listedRule{}}
	all := rules.All()
	for i := range all {
		r := listed(&all[i])
		if len(wanted) == 0 || wanted[r.Class] {
			list.Rules = append(list.Rules, r)
		}
	}
	return writeData(c.stdout, c.format, list, list.table)
}

func listed(r *rules.Rule) listedRule {
	l := listedRule{
		ID: r.ID, Class: autodefend.AttackClass(r.Class.String()), Level: policy.LevelDefault, Severity: r.Severity.String(),
		Source: "CRS", File: r.Source, Message: r.Message,
	}
	switch r.Level {
	case rules.Core:
		l.Level = policy.LevelCore
	case rules.Strict:
		l.Level = policy.LevelStrict
	}
	if r.Own() {
		l.Source = "own"
	}
	return l
}

func (l ruleList) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RULE\tCLASS\tLEVEL\tSOURCE\tMESSAGE")
	for _, r := range l.Rules {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", r.ID, r.Class, r.Level, r.Source, printable(r.Message))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, count(len(l.Rules), "rule"))
	return err
}
