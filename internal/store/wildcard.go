package store

import (
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// wildcard matches as collections do, whatever the case of ASCII letters: a star at the end matches a beginning, a star at
// the beginning an end, both a part; a star elsewhere is an ordinary character.
func wildcard(pattern, s string) bool {
	rest, leading, trailing := cutStars(pattern)
	rest, s = lower(rest), lower(s)
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

func cutStars(pattern string) (string, bool, bool) {
	if pattern == "*" {
		return "", true, true
	}
	rest, leading := strings.CutPrefix(pattern, "*")
	rest, trailing := strings.CutSuffix(rest, "*")
	return rest, leading, trailing
}

// included tells whether the patterns include a value: exclusions, which begin with a hyphen, come first; no patterns, or
// only exclusions, include everything else.
func included(patterns []string, s string) bool {
	positive, matched := false, false
	for _, p := range patterns {
		if rest, excludes := strings.CutPrefix(p, "-"); excludes && rest != "" {
			if wildcard(rest, s) {
				return false
			}
			continue
		}
		positive = true
		matched = matched || wildcard(p, s)
	}
	return matched || !positive
}

// inScope tells whether a function is in one of the scopes; nil doesn't restrict.
func inScope(scopes []api.FunctionScope, account, function, region string) bool {
	if scopes == nil {
		return true
	}
	for _, s := range scopes {
		if included(s.Accounts, account) && included(s.Functions, function) && included(s.Regions, region) {
			return true
		}
	}
	return false
}

// scopes requires the columns to be in one of the scopes; nil doesn't restrict.
func (c *conditions) scopes(scopes []api.FunctionScope, account, function, region string) {
	if scopes == nil {
		return
	}
	either := conditions{sql: []string{"1 = 0"}}
	for _, s := range scopes {
		all := conditions{sql: []string{"1 = 1"}}
		all.patterns(account, s.Accounts)
		all.patterns(function, s.Functions)
		all.patterns(region, s.Regions)
		either.add(strings.Join(all.sql, " AND "), all.args...)
	}
	c.add("("+strings.Join(either.sql, " OR ")+")", either.args...)
}

// patterns is [included] for a column.
func (c *conditions) patterns(column string, patterns []string) {
	var either conditions
	for _, p := range patterns {
		if rest, excludes := strings.CutPrefix(p, "-"); excludes && rest != "" {
			c.add("NOT "+like(column), likePattern(rest))
			continue
		}
		either.add(like(column), likePattern(p))
	}
	if len(either.sql) > 0 {
		c.add("("+strings.Join(either.sql, " OR ")+")", either.args...)
	}
}

// likePattern is a collection's pattern for LIKE.
func likePattern(pattern string) string {
	rest, leading, trailing := cutStars(pattern)
	rest = likeLiteral(rest)
	if leading {
		rest = "%" + rest
	}
	if trailing {
		rest += "%"
	}
	return rest
}
