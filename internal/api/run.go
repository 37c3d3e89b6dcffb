package api

import (
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// RunKind says what a run does.
type RunKind string

// The kinds of runs.
const (
	// RunApply attaches the Defender to the functions of a rule.
	RunApply RunKind = "apply"
	// RunPlan judges the functions of a rule and changes nothing.
	RunPlan RunKind = "plan"
	// RunRollback takes the Defender from the functions that one run attached it to.
	RunRollback RunKind = "rollback"
	// RunRemoval takes it from the functions that no rule covers any more.
	RunRemoval RunKind = "removal"
)

// RunState says how far a run is.
type RunState string

// The states of runs.
const (
	RunQueued  RunState = "queued"
	RunRunning RunState = "running"
	RunDone    RunState = "done"
	RunFailed  RunState = "failed"
	// RunBlocked waits for a person: more functions would lose the Defender than was confirmed.
	RunBlocked RunState = "blocked"
)

// RunRecord is one run of the Auto-Defender in the Console, with its receipts.
type RunRecord struct {
	ID   string  `json:"_id"`
	Kind RunKind `json:"kind"`
	// Rule is the name of the auto-defend rule.
	Rule string `json:"rule"`
	// Of is the run that a roll-back undoes.
	Of string `json:"of,omitempty"`
	// By is the user who asked for it; empty when it was due.
	By       string    `json:"by,omitempty"`
	State    RunState  `json:"state"`
	DryRun   bool      `json:"dryRun,omitempty"`
	Created  time.Time `json:"created"`
	Finished time.Time `json:"finished,omitzero"`
	Message  string    `json:"message,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	// Confirm is what a blocked run is confirmed with.
	Confirm string                     `json:"confirm,omitempty"`
	Summary map[autodefend.Outcome]int `json:"summary,omitempty"`
	Errors  []autodefend.ScopeError    `json:"errors,omitempty"`
	Stopped string                     `json:"stopped,omitempty"`
	// Results are the receipts of functions that were touched or couldn't be; what was skipped is in the list of functions.
	Results []autodefend.Receipt `json:"results,omitempty"`
	// Truncated says that there were more.
	Truncated bool `json:"truncated,omitempty"`
	// Plan is set for plans.
	Plan *autodefend.Plan `json:"plan,omitempty"`
	// Spec is the rule as it was.
	Spec *AutoDeployRule `json:"spec,omitempty"`
}

// AutoDeployState is what is known of one rule's evaluations.
type AutoDeployState struct {
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Next     time.Time `json:"next,omitzero"`
	// Run is the last run that touched a function.
	Run    string `json:"run,omitempty"`
	DryRun bool   `json:"dryRun,omitempty"`
	// Accounts are those that Credential opened.
	Accounts   []string `json:"accounts,omitempty"`
	Credential string   `json:"credential,omitempty"`
	// Recipes are those that functions may have got the Defender by.
	Recipes    []string `json:"recipes,omitempty"`
	Discovered int      `json:"discovered"`
	Defended   int      `json:"defended"`
	Scanned    int      `json:"scanned"`
	Total      int      `json:"total"`
	// Decisions counts verdicts.
	Decisions map[autodefend.Decision]int `json:"decisions,omitempty"`
	Errors    []string                    `json:"errors,omitempty"`
}

// AutoDeployJob is work that waits for a replica: stored until it is done, so that it survives restarts.
type AutoDeployJob struct {
	ID   string  `json:"id"`
	Kind RunKind `json:"kind"`
	Of   string  `json:"of,omitempty"`
	By   string  `json:"by,omitempty"`
	// Rule and Scope are the rule and what was in its collections when the job was made.
	Rule  AutoDeployRule `json:"rule"`
	Scope *policy.Rule   `json:"scope,omitempty"`
	// Allow is how many functions a removal may take the Defender from: with all others of the same change, if it has one.
	Allow    int    `json:"allow,omitempty"`
	Change   string `json:"change,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	// Blocked jobs wait until they are confirmed.
	Blocked bool      `json:"blocked,omitempty"`
	Created time.Time `json:"created"`
	// Next is when it may be tried.
	Next time.Time `json:"next,omitzero"`
}

// AutoDeployPreview says what a new list of rules would do, by the functions as they were seen last.
type AutoDeployPreview struct {
	// Defend are the functions that the list covers and that don't carry the Defender; Undefend those that carry it and
	// that no rule of the list covers any more.
	Defend   []PreviewFunction `json:"defend"`
	Undefend []PreviewFunction `json:"undefend"`
	// Allowed is how many functions may lose the Defender without confirmation.
	Allowed int `json:"allowed"`
	// Confirm is the digest to post the list with when more would: ?confirm=DIGEST.
	Confirm string `json:"confirm"`
	// Seen is when the oldest of what this rests on was seen.
	Seen time.Time `json:"seen,omitzero"`
}

// PreviewFunction is a function in a preview.
type PreviewFunction struct {
	ID      string `json:"_id"`
	Name    string `json:"name"`
	Account string `json:"accountID"`
	Region  string `json:"region"`
	// Rule is the rule that covers it, or covered it.
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
}
