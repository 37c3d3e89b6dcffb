package main

import (
	"path"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/fleet"
)

// now is the time in UTC.
func now() time.Time { return time.Now().UTC() }

// narrow keeps of a plan what the selectors ask for.
func (c *applyCommand) narrow(p *autodefend.Plan) {
	selection := c.cfg.selection()
	everywhere := len(c.cfg.Regions) == 0 || c.cfg.Regions[0] == "all"
	p.Functions = slices.DeleteFunc(p.Functions, func(v autodefend.Verdict) bool {
		return !selection.Includes(v.Name) || v.Changes() && matches(selection.Exclude, v.Name) ||
			!everywhere && !slices.Contains(c.cfg.Regions, v.Region)
	})
	p.Summary = autodefend.Summarize(p.Functions)
}

// matches reports whether one of the globs matches the name.
func matches(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := path.Match(glob, name)
		return ok && err == nil
	})
}

// regionsOf lists the regions of a plan.
func regionsOf(p *autodefend.Plan) []string {
	var regions []string
	for _, v := range p.Functions {
		if !slices.Contains(regions, v.Region) {
			regions = append(regions, v.Region)
		}
	}
	return regions
}

// reaches checks that the credentials reach every account and region in which
// the plan changes something, and drops the regions it doesn't mention.
func (c *applyCommand) reaches(s *scope, p *autodefend.Plan) error {
	for _, v := range p.Functions {
		if !v.Changes() || s.has(v.Account, v.Region) {
			continue
		}
		c.complain("", s.errors)
		return autodefend.Errorf(autodefend.CodeDenied, "%s: it's the plan of another account: it changes functions in %s %s, and these credentials reach %s",
			c.planFile, v.Account, v.Region, s).
			WithHint("nothing was changed; use the account's credentials, or name a role in it with --assume-role")
	}
	s.regions = slices.DeleteFunc(s.regions, func(r fleet.Region) bool {
		return !slices.ContainsFunc(p.Functions, func(v autodefend.Verdict) bool { return v.Account == r.Account && v.Region == r.Name })
	})
	return nil
}
