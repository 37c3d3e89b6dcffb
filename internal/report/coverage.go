package report

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/autodefend/autodefend"
)

// Coverage says how much of an estate is protected, and of every other
// function why it isn't.
type Coverage struct {
	Version int `json:"version" yaml:"version"`
	// AsOf is when the estate was read.
	AsOf time.Time `json:"as_of" yaml:"as_of"`
	// Percent is the protected share of all functions, rounded down: 100 means
	// all.
	Percent  int                `json:"percent" yaml:"percent"`
	Summary  autodefend.Summary `json:"summary" yaml:"summary"`
	Accounts []Share            `json:"accounts" yaml:"accounts"`
	Regions  []Share            `json:"regions" yaml:"regions"`
	Runtimes []Share            `json:"runtimes" yaml:"runtimes"`
	// Reasons count, per check, the functions it keeps unprotected or broken,
	// the most frequent first.
	Reasons []ReasonCount `json:"reasons" yaml:"reasons"`
	// Unprotected are all functions that aren't protected, in the plan's
	// order.
	Unprotected []Unprotected `json:"unprotected" yaml:"unprotected"`
	// Errors tell what couldn't be read and so isn't counted.
	Errors []autodefend.ScopeError `json:"errors" yaml:"errors"`
}

// Share is the coverage of one account, region or runtime.
type Share struct {
	Key       string `json:"key" yaml:"key"`
	Functions int    `json:"functions" yaml:"functions"`
	Protected int    `json:"protected" yaml:"protected"`
	// Pending are those an apply would protect or repair.
	Pending  int `json:"pending" yaml:"pending"`
	Skipped  int `json:"skipped" yaml:"skipped"`
	Excluded int `json:"excluded" yaml:"excluded"`
	Percent  int `json:"percent" yaml:"percent"`
}

// ReasonCount is how many functions one check keeps unprotected.
type ReasonCount struct {
	Check     autodefend.Check `json:"check" yaml:"check"`
	Functions int              `json:"functions" yaml:"functions"`
	Meaning   string           `json:"meaning" yaml:"meaning"`
}

// Unprotected is a function that isn't protected, and why. A function without
// reasons can be protected at once.
type Unprotected struct {
	ARN      autodefend.FunctionARN `json:"arn" yaml:"arn"`
	Name     string                 `json:"name" yaml:"name"`
	Account  string                 `json:"account" yaml:"account"`
	Region   string                 `json:"region" yaml:"region"`
	Runtime  string                 `json:"runtime" yaml:"runtime"`
	Decision autodefend.Decision    `json:"decision" yaml:"decision"`
	Reasons  []autodefend.Reason    `json:"reasons" yaml:"reasons"`
}

// StatusOf computes the coverage from a plan.
func StatusOf(p *autodefend.Plan) Coverage {
	c := Coverage{
		Version: autodefend.PlanVersion, AsOf: p.Created, Summary: autodefend.Summarize(p.Functions), Errors: slices.Clone(p.Errors),
		Accounts: shares(p.Functions, func(v autodefend.Verdict) string { return v.Account }),
		Regions:  shares(p.Functions, func(v autodefend.Verdict) string { return v.Region }),
		Runtimes: shares(p.Functions, func(v autodefend.Verdict) string { return runtimeText(v.Runtime) }),
	}
	c.Percent = percent(c.Summary.Protected, c.Summary.Functions)
	counts := map[autodefend.Check]int{}
	for _, v := range p.Functions {
		if v.Decision == autodefend.Protected {
			continue
		}
		c.Unprotected = append(c.Unprotected, Unprotected{
			ARN: v.ARN, Name: v.Name, Account: v.Account, Region: v.Region, Runtime: v.Runtime, Decision: v.Decision, Reasons: v.Reasons,
		})
		for _, check := range distinctChecks(v.Reasons) {
			counts[check]++
		}
	}
	for check, n := range counts {
		c.Reasons = append(c.Reasons, ReasonCount{Check: check, Functions: n, Meaning: ruleOf(check).short})
	}
	slices.SortFunc(c.Reasons, func(a, b ReasonCount) int {
		return cmp.Or(-cmp.Compare(a.Functions, b.Functions), cmp.Compare(a.Check, b.Check))
	})
	return c.complete()
}

// shares counts verdicts by key, sorted by key.
func shares(verdicts []autodefend.Verdict, key func(autodefend.Verdict) string) []Share {
	byKey := map[string]*Share{}
	for _, v := range verdicts {
		s := byKey[key(v)]
		if s == nil {
			s = &Share{Key: key(v)}
			byKey[s.Key] = s
		}
		s.Functions++
		switch v.Decision {
		case autodefend.Protected:
			s.Protected++
		case autodefend.Protect, autodefend.Repair:
			s.Pending++
		case autodefend.Exclude:
			s.Excluded++
		default:
			s.Skipped++
		}
	}
	return each(slices.Sorted(maps.Keys(byKey)), func(k string) Share {
		s := *byKey[k]
		s.Percent = percent(s.Protected, s.Functions)
		return s
	})
}

func percent(part, whole int) int {
	if whole == 0 {
		return 0
	}
	return part * 100 / whole
}

// distinctChecks returns each check once, in order.
func distinctChecks(reasons []autodefend.Reason) []autodefend.Check {
	var out []autodefend.Check
	for _, r := range reasons {
		if !slices.Contains(out, r.Check) {
			out = append(out, r.Check)
		}
	}
	return out
}

// complete returns a copy without null lists.
func (c Coverage) complete() Coverage {
	c.Accounts, c.Regions, c.Runtimes = each(c.Accounts, validShare), each(c.Regions, validShare), each(c.Runtimes, validShare)
	c.Reasons = each(c.Reasons, func(r ReasonCount) ReasonCount {
		r.Check = autodefend.Check(valid(string(r.Check)))
		return r
	})
	c.Errors = each(c.Errors, completeError)
	if c.Summary.Checks == nil {
		c.Summary.Checks = map[autodefend.Check]int{}
	}
	c.Unprotected = each(c.Unprotected, func(u Unprotected) Unprotected {
		u.Runtime, u.Reasons = valid(u.Runtime), each(u.Reasons, completeReason)
		return u
	})
	return c
}

func validShare(s Share) Share {
	s.Key = valid(s.Key)
	return s
}

// verdicts returns the unprotected functions as verdicts.
func (c Coverage) verdicts() []autodefend.Verdict {
	return each(c.Unprotected, func(u Unprotected) autodefend.Verdict {
		return autodefend.Verdict{
			ARN: u.ARN, Name: u.Name, Account: u.Account, Region: u.Region, Runtime: u.Runtime, Decision: u.Decision, Reasons: u.Reasons,
		}
	})
}

// summary is one line.
func (c Coverage) summary() string {
	s := c.Summary
	if s.Functions == 0 {
		return "No functions found."
	}
	n := strconv.Itoa
	return n(c.Percent) + "% protected: " + n(s.Protected) + " of " + count(s.Functions, "function") + "; " +
		n(s.Changes()) + " can be protected now, " + n(s.Skip) + " skipped, " + n(s.Exclude) + " excluded."
}
