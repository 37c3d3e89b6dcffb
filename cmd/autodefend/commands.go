package main

import (
	"github.com/spf13/cobra"
)

// Groups of commands in the help text.
const (
	groupFleet   = "fleet"
	groupLayer   = "layer"
	groupConsole = "console"
	groupTry     = "try"
	groupOther   = "other"
)

type group struct{ id, title string }

func groups() []group {
	return []group{
		{groupFleet, "Functions:"},
		{groupLayer, "The Defender's layer:"},
		{groupConsole, "The Console:"},
		{groupTry, "Trying it without AWS:"},
		{groupOther, "Other:"},
	}
}

// command is a row of the table of commands.
type command struct {
	use      string
	group    string
	synopsis string
	build    func(*app) *cobra.Command
}

// commands returns all commands in the order of the help text.
func commands() []command {
	return []command{
		{"plan", groupFleet, "Say what an apply would do, and why not; change nothing", newPlan},
		{"apply", groupFleet, "Attach the Defender where that's safe, and verify it", newApply},
		{"rollback", groupFleet, "Remove what Autodefend attached, and nothing else", newRollback},
		{"status", groupFleet, "Show the coverage, and what is unprotected and why", newStatus},
		{"explain FUNCTION", groupFleet, "Show every check of one function with its numbers", newExplain},
		{"invoke FUNCTION", groupFleet, "Run a function once and show its answer and audits", newInvoke},
		{"layer", groupLayer, "Build, publish, list and prune the Defender's layer", newLayer},
		{"policy", groupLayer, "Check and explain policies, and make a function's TW_POLICY", newPolicy},
		{"waas", groupLayer, "Try the firewall on events, and list its rules", newWAAS},
		{"console", groupConsole, "Serve policies, rules and audits by an API", newConsole},
		{"api METHOD PATH", groupConsole, "Call the Console's API and print what it answers", newAPI},
		{"demo", groupTry, "Protect a simulated estate, step by step", newDemo},
		{"sim", groupTry, "Serve a simulated AWS on this machine for any AWS client", newSim},
		{"config", groupOther, "Show the configuration in force and where it came from", newConfigCommand},
		{"version", groupOther, "Print the version", newVersion},
	}
}

// selectors are the options that say which functions are meant and how AWS is
// reached.
func selectors() []string {
	return []string{
		"regions", "functions", "exclude", "tags", "profile", "accounts", "external_id",
		"recipe", "layer_arn", "policy", "waas", "policy_key", "as_of", "versions", "metrics", "rate",
	}
}

// limiters are the options of commands that change functions.
func limiters() []string { return []string{"dry_run", "max_changes", "max_failures"} }

// reachers are the options that say how AWS is reached.
func reachers() []string { return []string{"regions", "profile", "accounts", "external_id", "rate"} }
