package autodefend

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// PlanVersion is the version of the plan's JSON form.
const PlanVersion = 1

// Plan is the verdict on every function of a scope, and what an apply would
// change.
type Plan struct {
	Version int `json:"version" yaml:"version"`
	// Created is when the plan was made.
	Created time.Time `json:"created" yaml:"created"`
	// Recipe is the name of the recipe, and RecipeDigest the SHA-256 of all
	// that the plan's changes depend on besides the functions.
	Recipe       string    `json:"recipe" yaml:"recipe"`
	RecipeDigest string    `json:"recipe_digest" yaml:"recipe_digest"`
	Functions    []Verdict `json:"functions" yaml:"functions"`
	Summary      Summary   `json:"summary" yaml:"summary"`
	// Errors tell what couldn't be read. Functions behind them are missing
	// from the plan, and nothing is concluded from their absence.
	Errors []ScopeError `json:"errors" yaml:"errors"`
	// Digest is the SHA-256 of the plan without this field; it shows edits.
	Digest string `json:"digest,omitempty" yaml:"digest,omitempty"`
}

// Summary counts a plan's verdicts.
type Summary struct {
	Functions int `json:"functions" yaml:"functions"`
	Protect   int `json:"protect" yaml:"protect"`
	Protected int `json:"protected" yaml:"protected"`
	Repair    int `json:"repair" yaml:"repair"`
	Skip      int `json:"skip" yaml:"skip"`
	Exclude   int `json:"exclude" yaml:"exclude"`
	// Checks counts, per failing check, the functions it keeps unprotected.
	Checks map[Check]int `json:"checks" yaml:"checks"`
}

// ScopeError is something that went wrong for an account or a region as a
// whole.
type ScopeError struct {
	Account string `json:"account,omitempty" yaml:"account,omitempty"`
	Region  string `json:"region,omitempty" yaml:"region,omitempty"`
	Code    Code   `json:"code" yaml:"code"`
	Message string `json:"message" yaml:"message"`
	Hint    string `json:"hint,omitempty" yaml:"hint,omitempty"`
}

// ScopeErrorOf renders err for the account and region it befell.
func ScopeErrorOf(account, region string, err error) ScopeError {
	return ScopeError{Account: account, Region: region, Code: ErrorCode(err), Message: err.Error(), Hint: ErrorHint(err)}
}

// Finish sorts the plan by account, region and name, counts it and seals it
// with its digest.
func (p *Plan) Finish() {
	slices.SortFunc(p.Functions, func(a, b Verdict) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(p.Errors, func(a, b ScopeError) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Message, b.Message))
	})
	p.Version = PlanVersion
	p.Summary = Summarize(p.Functions)
	p.Digest = p.digest()
}

// Summarize counts verdicts.
func Summarize(verdicts []Verdict) Summary {
	s := Summary{Functions: len(verdicts), Checks: map[Check]int{}}
	for _, v := range verdicts {
		switch v.Decision {
		case Protect:
			s.Protect++
		case Protected:
			s.Protected++
		case Repair:
			s.Repair++
		case Exclude:
			s.Exclude++
		default:
			s.Skip++
		}
		if v.Decision != Skip && v.Decision != Exclude {
			continue
		}
		seen := map[Check]bool{}
		for _, r := range v.Reasons {
			if !seen[r.Check] {
				s.Checks[r.Check]++
			}
			seen[r.Check] = true
		}
	}
	return s
}

// Changes counts the functions an apply would touch.
func (s Summary) Changes() int { return s.Protect + s.Repair }

// clockSkew is how far the clocks of the machines that make and apply a plan
// may differ.
const clockSkew = 5 * time.Minute

// Verify checks a plan that was read from a file: its version, that nobody
// edited it, that it isn't older than maxAge, and that its recipe is still
// the one in force.
func (p *Plan) Verify(now time.Time, maxAge time.Duration, recipeDigest string) error {
	const again = "make a new one with: autodefend plan --out plan.json"
	switch {
	case p.Version != PlanVersion:
		return Errorf(CodeInvalid, "plan file: field version is %d, this program reads version %d", p.Version, PlanVersion).WithHint(again)
	case p.Digest == "" || p.Digest != p.digest():
		return Errorf(CodeInvalid, "plan file: field digest doesn't match the content: the file was edited or damaged").WithHint(again)
	case p.Created.Sub(now) > clockSkew:
		return Errorf(CodeInvalid, "plan file: field created is %s, which is in the future", p.Created.Format(time.RFC3339)).
			WithHint("set the clock of this machine, or of the one that made the plan")
	case now.Sub(p.Created) > maxAge:
		return Errorf(CodeConflict, "plan file: the plan is stale: it was made at %s, more than %s ago", p.Created.Format(time.RFC3339), maxAge).WithHint(again)
	case p.RecipeDigest != recipeDigest:
		return Errorf(CodeConflict, "plan file: the plan is stale: recipe %q or its limits changed since it was made", p.Recipe).WithHint(again)
	}
	return nil
}

func (p *Plan) digest() string {
	q := *p
	q.Digest = ""
	b, err := json.Marshal(q)
	if err != nil { // a plan holds nothing that can't be marshalled
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
