package policy

import "strings"

// Target is the function that a rule is looked for.
type Target struct {
	Function string
	// Region is empty when it isn't known: then only regions with a wildcard match.
	Region    string
	AccountID string // looked at for Azure only
	Provider  string // aws or azure; empty means aws
	// Labels are tags, and labels of the provider.
	Labels map[string]string
}

// regionLabel begins the labels of collections that name a region.
const regionLabel = "region:"

// azure is the provider whose rules look at account ids.
const azure = "azure"

// match tells whether a collection holds the function, and why not.
func (c *Collection) match(t Target) (bool, string) {
	if c.undefined() {
		return false, "has only a name: what it holds isn't known here"
	}
	for _, foreign := range c.foreign() {
		if limits(*foreign.values) {
			return false, "limits " + foreign.name + ", and functions have none"
		}
	}
	named := func(pattern string) bool { return wildcard(pattern, t.Function) }
	if ok, entry := included(c.Functions, named, named); !ok {
		return false, notIn("functions", c.Functions, entry)
	}
	if ok, entry := included(c.Labels, t.hasLabel, t.surelyHasLabel); !ok {
		return false, notIn("labels", c.Labels, entry)
	}
	if !strings.EqualFold(t.Provider, azure) {
		return true, ""
	}
	account := func(pattern string) bool { return wildcard(pattern, t.AccountID) }
	if ok, entry := included(c.AccountIDs, account, account); !ok {
		return false, notIn("accountIDs", c.AccountIDs, entry)
	}
	return true, ""
}

// Holds tells whether a collection holds the function.
func (c *Collection) Holds(t Target) bool {
	held, _ := c.match(t)
	return held
}

// notIn says why a field doesn't match; excluded is the entry that excludes, if one does.
func notIn(field string, entries []string, excluded string) string {
	if excluded != "" {
		return field + " excludes it with " + excluded
	}
	return field + " has no match in [" + strings.Join(entries, ", ") + "]"
}

// limits tells whether a field leaves something out.
func limits(entries []string) bool {
	if len(entries) == 0 {
		return false
	}
	for _, e := range entries {
		if e == "*" || e == "" {
			return false
		}
	}
	return true
}

// included tells whether one of the entries matches. Exclusions, which begin with a hyphen, come first; the one that
// matched is returned. No entries at all match everything.
func included(entries []string, match, excluded func(pattern string) bool) (bool, string) {
	for _, e := range entries {
		if pattern, excludes := strings.CutPrefix(e, "-"); excludes && pattern != "" && excluded(pattern) {
			return false, e
		}
	}
	for _, e := range entries {
		if !strings.HasPrefix(e, "-") && match(e) {
			return true, ""
		}
	}
	return len(entries) == 0, ""
}

// hasLabel tells whether one of the function's labels matches. An unknown region is matched by each pattern of a region
// that has a wildcard.
func (t Target) hasLabel(pattern string) bool {
	if t.Region == "" && strings.Contains(pattern, "*") && hasPrefixFold(pattern, regionLabel) {
		return true
	}
	return t.surelyHasLabel(pattern)
}

// surelyHasLabel is hasLabel for exclusions: an unknown region excludes nothing.
func (t Target) surelyHasLabel(pattern string) bool {
	if pattern == "*" || t.Region != "" && wildcard(pattern, regionLabel+t.Region) {
		return true
	}
	for key, value := range t.Labels {
		if wildcard(pattern, key+":"+value) {
			return true
		}
	}
	return false
}

// wildcard matches as Prisma's scopes do, whatever the case: a star at the end matches a beginning, a star at the
// beginning an end, both a part; a star elsewhere is an ordinary character.
func wildcard(pattern, s string) bool {
	if pattern == "*" {
		return true
	}
	rest, leading := strings.CutPrefix(pattern, "*")
	rest, trailing := strings.CutSuffix(rest, "*")
	rest, s = strings.ToLower(rest), strings.ToLower(s)
	switch {
	case leading && trailing:
		return strings.Contains(s, rest)
	case leading:
		return strings.HasSuffix(s, rest)
	case trailing:
		return strings.HasPrefix(s, rest)
	default:
		return rest == s
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
