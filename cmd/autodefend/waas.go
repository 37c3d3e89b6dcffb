package main

import (
	"github.com/spf13/cobra"
)

func newWAAS(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Long: `The firewall inspects the events of functions before their handlers see them. These commands
try it on this machine: what it says of events, and what its rules are. docs/waas.md says
how a policy of it is written; autodefend policy validate checks one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, c := range []command{
		{"test", "", "Say what the firewall finds in events, and what becomes of them", newWAASTest},
		{"rules", "", "List the rules of the firewall", newWAASRules},
	} {
		sub := c.build(a)
		sub.Use, sub.Short = c.use, c.synopsis
		cmd.AddCommand(sub)
	}
	return cmd
}
