// Package plan is the Risk Engine: it judges whether the Defender can be
// attached to a function safely, says why not where it can't, and computes the
// change that attaches it and the inverse change that removes it.
//
// It's pure: what it needs to know comes as arguments, time included, and the
// same arguments always give the same verdict. So a plan can be reviewed,
// stored and recomputed before it's applied.
package plan

import (
	"time"

	"github.com/autodefend/autodefend"
)

// Facts are what a verdict rests on besides the function itself: the recipe,
// and what is true of the function's account and region.
type Facts struct {
	// Now is the time that runtimes' block dates are compared with.
	Now       time.Time
	Recipe    autodefend.Recipe
	Runtimes  Catalog
	Selection Selection
	// Tag marks protected functions.
	Tag autodefend.Tag
	// AllowBlockedRuntimes ignores runtimes' block dates, which AWS has moved
	// before.
	AllowBlockedRuntimes bool

	// Defender is the layer version to attach, by architecture.
	Defender map[string]autodefend.LayerVersion
	// DefenderProblem says, by architecture, why there is none.
	DefenderProblem map[string]string
	// DefenderUnread holds the architectures whose layer couldn't be looked up,
	// so that nothing is concluded from its absence.
	DefenderUnread map[string]bool
	// Layers are the layer versions in functions' lists, by ARN, as far as
	// they were read.
	Layers map[string]autodefend.LayerVersion
	// CodeUnzipped is the exact size of functions' code after extraction in
	// bytes, by function ARN, as far as it was read.
	CodeUnzipped map[string]int64
	// CodeSigning is the policy, Enforce or Warn, of functions with a
	// code-signing configuration, by function ARN.
	CodeSigning map[string]string
	// EdgeRoles holds execution roles by ARN and whether Lambda@Edge may
	// assume them, as far as they were read.
	EdgeRoles map[string]bool
	// Denied are the IAM actions the caller is known to lack.
	Denied []string
	// Policy gives the value of the recipe's policy variable; nil leaves the
	// variable alone.
	Policy PolicySource
}

// Assess judges one function.
func Assess(f autodefend.Function, facts Facts) autodefend.Verdict {
	v := autodefend.Verdict{
		ARN: f.ARN, Name: f.ARN.Name, Account: f.ARN.Account, Region: f.ARN.Region, Runtime: f.Runtime,
		Reasons: []autodefend.Reason{}, Warnings: []autodefend.Reason{},
	}
	facts = facts.withPolicy(f)
	have := inspect(f, facts)
	var fails []autodefend.Finding
	for _, check := range checks() {
		switch finding := check(f, facts); finding.Status {
		case autodefend.Fail:
			fails = append(fails, finding)
		case autodefend.Warn:
			v.Warnings = append(v.Warnings, finding.Reason)
		case autodefend.Pass, autodefend.Unknown:
		}
	}
	decide(&v, f, facts, have, fails)
	return v
}

// decide chooses the decision from what is attached and what failed.
func decide(v *autodefend.Verdict, f autodefend.Function, facts Facts, have attachment, fails []autodefend.Finding) {
	for _, fail := range fails {
		v.Reasons = append(v.Reasons, fail.Reason)
	}
	switch {
	case excluded(fails):
		v.Decision = autodefend.Exclude
	case f.Environment.Error != "":
		// Without the variables nobody can tell what is attached.
		v.Decision = autodefend.Skip
	case have.complete():
		// It runs protected; what would stop a new attachment is worth
		// knowing, but no reason to touch it.
		v.Decision = autodefend.Protected
		v.Warnings = append(v.Warnings, v.Reasons...)
		v.Reasons = []autodefend.Reason{}
	case len(fails) > 0 && have.broken() && have.ours() && !facts.DefenderUnread[f.Architecture] && canDetach(f, facts):
		v.Decision = autodefend.Repair
		v.Change = detach(f, facts, have)
		v.Reasons = append([]autodefend.Reason{have.remains()}, v.Reasons...)
	case len(fails) > 0:
		v.Decision = autodefend.Skip
	case have.any():
		v.Decision = autodefend.Repair
		v.Change = attach(f, facts, have)
		v.Reasons = have.defects()
	default:
		v.Decision = autodefend.Protect
		v.Change = attach(f, facts, have)
	}
}

func excluded(fails []autodefend.Finding) bool {
	for _, f := range fails {
		if f.Check == autodefend.CheckExcluded || f.Check == autodefend.CheckTagCondition {
			return true
		}
	}
	return false
}

// AssessRollback judges whether what is ours can be removed from a function.
// The verdict is Protected with a change, Skip with the reasons why not, or
// Exclude when nothing of ours is there. Only functions attached by the run
// count when run isn't empty.
func AssessRollback(f autodefend.Function, facts Facts, run string) autodefend.Verdict {
	v := autodefend.Verdict{
		ARN: f.ARN, Name: f.ARN.Name, Account: f.ARN.Account, Region: f.ARN.Region, Runtime: f.Runtime,
		Reasons: []autodefend.Reason{}, Warnings: []autodefend.Reason{}, Decision: autodefend.Exclude,
	}
	have := inspect(f, facts)
	// Where the variables can't be read, nobody can tell which run it was.
	otherRun := run != "" && have.marker.run != run && f.Environment.Error == ""
	if !have.any() || otherRun {
		return v
	}
	if have.foreign() {
		v.Decision = autodefend.Skip
		v.Reasons = append(v.Reasons, otherRecipe().Reason)
		return v
	}
	if f.Environment.Error == "" && !have.ours() {
		v.Decision = autodefend.Skip
		v.Reasons = append(v.Reasons, autodefend.Reason{
			Check:   autodefend.CheckAttachment,
			Message: "the layer was attached by somebody else: neither the variable " + autodefend.MarkerVariable + " nor the tag is there",
			Hint:    "remove it where it was attached, or run apply first to take the function over",
		})
		return v
	}
	for _, check := range detachChecks() {
		if finding := check(f, facts); finding.Status == autodefend.Fail {
			v.Reasons = append(v.Reasons, finding.Reason)
		}
	}
	if len(v.Reasons) > 0 {
		v.Decision = autodefend.Skip
		return v
	}
	v.Decision = autodefend.Protected
	v.Change = detach(f, facts, have)
	return v
}

// canDetach reports whether the inverse change would be accepted by AWS.
func canDetach(f autodefend.Function, facts Facts) bool {
	for _, check := range detachChecks() {
		if check(f, facts).Status == autodefend.Fail {
			return false
		}
	}
	return true
}
