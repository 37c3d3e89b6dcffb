package api

import (
	"fmt"
	"path"
	"time"

	"github.com/autodefend/autodefend"
)

// AutoDeployKnown says what rules may name.
type AutoDeployKnown struct {
	// Credential, Collection, Runtime and Recipe report whether a name is known.
	Credential, Collection, Runtime, Recipe func(name string) bool
}

// CheckAutoDeploy names the first mistake in a list of rules, with its member.
func CheckAutoDeploy(rules []AutoDeployRule, known AutoDeployKnown) error {
	first := map[string]int{}
	for i := range rules {
		c := ruleCheck{path: fmt.Sprintf("rules[%d]", i), known: known}
		if at, twice := first[rules[i].Name]; twice {
			return c.bad("name", "the status is told by name", "%q is the name of rules[%d] already", clipped(rules[i].Name), at)
		}
		first[rules[i].Name] = i
		if err := c.rule(&rules[i]); err != nil {
			return err
		}
	}
	return nil
}

// ruleCheck checks one rule.
type ruleCheck struct {
	path  string
	known AutoDeployKnown
}

func (c ruleCheck) bad(member, hint, format string, args ...any) error {
	e := autodefend.Errorf(autodefend.CodeInvalid, "%s.%s: %s", c.path, member, fmt.Sprintf(format, args...))
	if hint == "" {
		return e
	}
	return e.WithHint("%s", hint)
}

// maxNameBytes bounds a rule's name.
const maxNameBytes = 256

func (c ruleCheck) rule(r *AutoDeployRule) error {
	if name := misspelt(r.whole(), "proxy", "lastModified", "autodefend", "name"); name != "" {
		return c.bad(clipped(name), "", "members are written as in the schema: proxy, lastModified, autodefend, name")
	}
	switch {
	case r.Name == "" || len(r.Name) > maxNameBytes:
		return c.bad("name", "", "a rule needs a name of 1 to %d bytes", maxNameBytes)
	case r.CredentialID == "":
		return c.bad("credentialID", "it is the _id of a credential of type aws", "a rule needs a credential")
	case !c.known.Credential(r.CredentialID):
		return c.bad("credentialID", "GET /api/v1/credentials lists them", "there is no credential %q", clipped(r.CredentialID))
	case len(r.Collections) == 0:
		return c.bad("collections", "the collection All holds every function", "a rule needs at least one collection")
	}
	switch r.AWSRegionType {
	case "", RegionRegular, RegionGov, RegionChina, RegionAll:
	default:
		return c.bad("awsRegionType", "use regular, gov, china or all", "there is no region type %q", clipped(string(r.AWSRegionType)))
	}
	if r.Region != "" && !autodefend.ValidRegion(r.Region) {
		return c.bad("region", "regions look like eu-west-1", "%q isn't the name of a region", clipped(r.Region))
	}
	if err := c.names(r); err != nil {
		return err
	}
	if _, _, err := r.ProxyPassword(); err != nil {
		return autodefend.Errorf(autodefend.CodeInvalid, "%s.%s", c.path, err).WithHint("%s", autodefend.ErrorHint(err))
	}
	return c.own(r.Own)
}

// names checks what the rule names.
func (c ruleCheck) names(r *AutoDeployRule) error {
	for i, name := range r.Collections {
		if !c.known.Collection(name) {
			return c.bad(fmt.Sprintf("collections[%d]", i), "GET /api/v1/collections lists them", "there is no collection %q", clipped(name))
		}
	}
	for i, name := range r.Runtimes {
		if !c.known.Runtime(name) {
			return c.bad(fmt.Sprintf("runtimes[%d]", i), "GET /api/v1/static/serverless-runtimes lists them", "there is no runtime %q", clipped(name))
		}
	}
	return nil
}

// The bounds of a rule's interval.
const (
	minInterval = time.Minute
	maxInterval = 7 * 24 * time.Hour
)

// own checks our additions.
func (c ruleCheck) own(o AutoDeployOptions) error {
	if o.Interval != "" {
		if d, err := time.ParseDuration(o.Interval); err != nil || d < minInterval || d > maxInterval {
			return c.bad("autodefend.interval", "write 30m, 1h or 24h", "%q isn't a duration from 1m to 168h", clipped(o.Interval))
		}
	}
	if o.MaxChanges != "" {
		if _, _, err := o.MaxChanges.parse(); err != nil {
			return c.bad("autodefend.maxChanges", autodefend.ErrorHint(err), "%s", err)
		}
	}
	if o.Recipe != "" && !c.known.Recipe(o.Recipe) {
		return c.bad("autodefend.recipe", "use autodefend, prisma-wrapper or prisma-handler", "there is no recipe %q", clipped(o.Recipe))
	}
	for i, glob := range o.Excludes {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return c.bad(fmt.Sprintf("autodefend.excludes[%d]", i), "use * for any text and ? for one character", "%q isn't a glob", clipped(glob))
		}
	}
	for i, name := range o.Regions {
		if !autodefend.ValidRegion(name) {
			return c.bad(fmt.Sprintf("autodefend.regions[%d]", i), "regions look like eu-west-1", "%q isn't the name of a region", clipped(name))
		}
	}
	return nil
}
