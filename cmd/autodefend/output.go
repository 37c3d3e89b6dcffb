package main

import (
	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend/internal/report"
)

// formatFlag adds -o with the formats that a command renders.
func formatFlag(cmd *cobra.Command, to *string, first string, others ...string) {
	help := "form of the results: " + first
	for _, name := range others {
		help += ", " + name
	}
	cmd.Flags().StringVarP(to, "output", "o", first, help+"; `FORMAT`")
	names := append([]string{first}, others...)
	// An error would mean that the flag doesn't exist.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// reportFlag adds -o with all formats of reports.
func reportFlag(cmd *cobra.Command, to *string) {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, string(f))
	}
	formatFlag(cmd, to, names[0], names[1:]...)
}
