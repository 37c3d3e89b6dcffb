package autodefend

import (
	"context"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/plan"
	"github.com/autodefend/autodefend/internal/policy"
)

// cover is a rule with what its collections hold.
type cover struct {
	rule api.AutoDeployRule
	// scope has the rule's collections; which functions they hold is decided as for policies.
	scope policy.Policy
	// missing are collections that don't exist any more.
	missing []string
	// accounts are those that the rule's credential opened before; nil when that isn't known yet.
	accounts []string
	catalog  plan.Catalog
}

// covers makes the covers of rules, in their order.
func (s *Service) covers(ctx context.Context, rules []api.AutoDeployRule, states map[string]api.AutoDeployState) ([]cover, error) {
	known, err := s.cfg.Collections.Collections(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]policy.Collection{"All": policy.AllFunctions()}
	for _, c := range known {
		byName[c.Name] = c
	}
	out := make([]cover, len(rules))
	for i, r := range rules {
		out[i] = cover{rule: r, catalog: s.cfg.Runtimes}
		if was := states[r.Name]; was.Credential == r.CredentialID {
			out[i].accounts = was.Accounts
		}
		scope := policy.Rule{Name: r.Name}
		for _, name := range r.Collections {
			c, ok := byName[name]
			if !ok {
				out[i].missing = append(out[i].missing, name)
				continue
			}
			scope.Collections = append(scope.Collections, c)
		}
		if len(scope.Collections) == 0 { // a policy's rule without collections would hold for everything
			scope.Disabled = true
		}
		out[i].scope.Rules = []policy.Rule{scope}
	}
	return out, nil
}

// snapshot is the rule's scope as it is stored with a job.
func (c *cover) snapshot() *policy.Rule { return &c.scope.Rules[0] }

// coverOf makes the cover of a stored snapshot.
func (s *Service) coverOf(rule api.AutoDeployRule, scope *policy.Rule) cover {
	c := cover{rule: rule, catalog: s.cfg.Runtimes}
	if scope != nil {
		c.scope.Rules = []policy.Rule{*scope}
	}
	return c
}

// holds reports whether the rule covers the function, if it's in an account of the rule's credential, and why not.
func (c *cover) holds(f *autodefend.Function) (bool, string) {
	switch {
	case !c.region(f.ARN.Partition, f.ARN.Region):
		return false, "the region isn't one of the rule's"
	case !c.runtime(f.Runtime):
		return false, "the runtime " + f.Runtime + " isn't one of the rule's"
	case len(c.scope.Rules) == 0:
		return false, "the rule has no collections"
	}
	found := c.scope.Resolve(policy.Target{
		Function: f.ARN.Name, Region: f.ARN.Region, AccountID: f.ARN.Account, Provider: "aws", Labels: f.Tags,
	})
	if found.Rule == nil {
		return false, found.Looks[len(found.Looks)-1].Why
	}
	return true, ""
}

// reaches says whether the rule's credential opens the account: surely, or perhaps, when it was never opened.
func (c *cover) reaches(account, credential string) (bool, bool) {
	if c.rule.CredentialID == credential || slices.Contains(c.accounts, account) {
		return true, true
	}
	return false, c.accounts == nil
}

// region reports whether a region is meant by the rule.
func (c *cover) region(partition, region string) bool {
	if names := c.regions(); len(names) > 0 && !slices.Contains(names, region) {
		return false
	}
	return c.rule.AWSRegionType.Holds(partition)
}

// regions are the names that the rule is restricted to; nil when it isn't. Collections that only hold labels of regions
// restrict it too, so that the others needn't be opened.
func (c *cover) regions() []string {
	switch {
	case len(c.rule.Own.Regions) > 0:
		return c.rule.Own.Regions
	case c.rule.Region != "":
		return []string{c.rule.Region}
	case len(c.scope.Rules) == 0:
		return nil
	}
	var names []string
	for _, collection := range c.scope.Rules[0].Collections {
		if len(collection.Labels) == 0 {
			return nil
		}
		for _, label := range collection.Labels {
			name, is := strings.CutPrefix(label, "region:")
			if !is || !autodefend.ValidRegion(name) {
				return nil
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// runtime reports whether a function's runtime is meant: by its name, with or without ".x", or by its family.
func (c *cover) runtime(name string) bool {
	if len(c.rule.Runtimes) == 0 {
		return true
	}
	return slices.ContainsFunc(c.rule.Runtimes, func(r string) bool {
		return r == "*" || r == name || r+".x" == name || (name != "" && r == c.catalog[name].Family)
	})
}

// owner is the index of the first rule that covers a function of a site that was opened with a credential; -1 when none
// does. With unsure, rules count whose credential was never opened.
func owner(covers []cover, f *autodefend.Function, credential string, unsure bool) int {
	for i := range covers {
		sure, perhaps := covers[i].reaches(f.ARN.Account, credential)
		if !sure && (!unsure || !perhaps) {
			continue
		}
		if held, _ := covers[i].holds(f); held {
			return i
		}
	}
	return -1
}

// scopeOf is what is opened for a rule.
func (s *Service) scopeOf(c *cover, run string) (Scope, error) {
	proxy, err := s.proxyOf(c.rule)
	return Scope{
		CredentialID: c.rule.CredentialID, RegionType: c.rule.AWSRegionType, Regions: c.regions(), Recipe: c.rule.Own.Recipe,
		Excludes: c.rule.Own.Excludes, ConsoleAddr: c.rule.ConsoleAddr, Proxy: proxy, Run: run,
	}, err
}

// knownRuntime reports whether a rule may name a runtime: one of AWS's, a family, or one that is long retired and that
// old lists still name.
func (s *Service) knownRuntime(name string) bool {
	if _, ok := s.cfg.Runtimes[name]; ok || name == "*" {
		return true
	}
	if _, ok := s.cfg.Runtimes[name+".x"]; ok || slices.Contains(retiredRuntimes(), name) {
		return true
	}
	for _, r := range s.cfg.Runtimes {
		if r.Family == name {
			return true
		}
	}
	return false
}

func retiredRuntimes() []string {
	return []string{"nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnet5.0", "dotnet7"}
}
