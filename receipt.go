package autodefend

import (
	"cmp"
	"slices"
)

// Outcome is what became of one function in an apply or a roll-back.
type Outcome string

// The outcomes.
const (
	// OutcomeProtected: the Defender is attached, and that was verified.
	OutcomeProtected Outcome = "protected"
	// OutcomeRepaired: a half-attached or outdated Defender was mended.
	OutcomeRepaired Outcome = "repaired"
	// OutcomeUnchanged: nothing needed to be done.
	OutcomeUnchanged Outcome = "unchanged"
	// OutcomeSkipped: not safe, or not asked for; nothing was done.
	OutcomeSkipped Outcome = "skipped"
	// OutcomeFailed: AWS refused or couldn't be reached; the function is as
	// its reasons say.
	OutcomeFailed Outcome = "failed"
	// OutcomeChanged: the function changed since it was planned and the
	// reviewed change no longer fits; nothing was done.
	OutcomeChanged Outcome = "changed"
	// OutcomeRolledBack: what is ours was removed, and that was verified.
	OutcomeRolledBack Outcome = "rolled-back"
)

// Receipt says what was done to one function.
type Receipt struct {
	ARN      FunctionARN `json:"arn" yaml:"arn"`
	Name     string      `json:"name" yaml:"name"`
	Account  string      `json:"account" yaml:"account"`
	Region   string      `json:"region" yaml:"region"`
	Outcome  Outcome     `json:"outcome" yaml:"outcome"`
	Reasons  []Reason    `json:"reasons" yaml:"reasons"`
	Warnings []Reason    `json:"warnings,omitempty" yaml:"warnings,omitempty"`
	// Revision is the RevisionId read after the change settled. Tagging, which
	// comes last, changes it once more.
	Revision string `json:"revision,omitempty" yaml:"revision,omitempty"`
}

// Run is the result of an apply or a roll-back.
type Run struct {
	Version int `json:"version" yaml:"version"`
	// Run is the run's id; functions it attached the Defender to carry it.
	Run     string    `json:"run" yaml:"run"`
	Results []Receipt `json:"results" yaml:"results"`
	// Summary counts the results by outcome.
	Summary map[Outcome]int `json:"summary" yaml:"summary"`
	Errors  []ScopeError    `json:"errors" yaml:"errors"`
	// Stopped says why the run ended before all functions were done.
	Stopped string `json:"stopped,omitempty" yaml:"stopped,omitempty"`
}

// Finish sorts the results by account, region and name and counts them.
func (r *Run) Finish() {
	slices.SortFunc(r.Results, func(a, b Receipt) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name, b.Name))
	})
	r.Version = PlanVersion
	r.Summary = map[Outcome]int{}
	for _, x := range r.Results {
		r.Summary[x.Outcome]++
	}
}

// Incomplete reports whether some functions failed, changed under the plan or
// weren't reached.
func (r *Run) Incomplete() bool {
	return r.Summary[OutcomeFailed]+r.Summary[OutcomeChanged] > 0 || r.Stopped != "" || len(r.Errors) > 0
}
