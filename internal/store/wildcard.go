package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// wildcard matches as collections do, both in lower case: a star at the end matches a beginning, a star at
// the beginning an end, both a part; a star elsewhere is an ordinary character.
func wildcard(pattern, s string) bool {
	rest, leading, trailing := cutStars(pattern)
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

// patterns are those of one field of a collection. Exclusions, which begin with a hyphen, come first; no patterns include
// everything, and exclusions by themselves nothing, as everywhere else.
type patterns struct {
	everything       bool
	wanted, excluded patternSet
}

func patternsOf(list []string) *patterns {
	p := &patterns{everything: len(list) == 0}
	for _, entry := range list {
		switch rest, excludes := strings.CutPrefix(entry, "-"); {
		case !excludes:
			p.wanted.add(entry)
		case rest != "":
			p.excluded.add(rest)
		}
	}
	return p
}

func (p *patterns) include(s string) bool {
	s = lower(s)
	return p.everything || !p.excluded.match(s) && p.wanted.match(s)
}

// patternSet are patterns in lower case: names, of which there may be thousands, and those with stars.
type patternSet struct {
	names   map[string]bool
	starred []string
}

func (p *patternSet) add(pattern string) {
	pattern = lower(text(pattern))
	if _, leading, trailing := cutStars(pattern); leading || trailing {
		p.starred = append(p.starred, pattern)
		return
	}
	if p.names == nil {
		p.names = make(map[string]bool)
	}
	p.names[pattern] = true
}

// match tells whether one of the patterns matches a text in lower case.
func (p *patternSet) match(s string) bool {
	return p.names[s] || slices.ContainsFunc(p.starred, func(pattern string) bool { return wildcard(pattern, s) })
}

// scope is an [api.FunctionScope] made ready for many functions.
type scope struct{ accounts, functions, regions *patterns }

// scopesOf keeps nil, which doesn't restrict.
func scopesOf(scopes []api.FunctionScope) []scope {
	if scopes == nil {
		return nil
	}
	ready := make([]scope, len(scopes))
	for i, s := range scopes {
		ready[i] = scope{patternsOf(s.Accounts), patternsOf(s.Functions), patternsOf(s.Regions)}
	}
	return ready
}

// inScope tells whether a function is in one of the scopes.
func inScope(scopes []scope, account, function, region string) bool {
	return scopes == nil || slices.ContainsFunc(scopes, func(s scope) bool {
		return s.accounts.include(account) && s.regions.include(region) && s.functions.include(function)
	})
}

// scopes requires the columns to be in one of the scopes; nil doesn't restrict. However many names a scope has, they are
// one argument: SQLite bounds how deep an expression may be.
func (c *conditions) scopes(d dialect, scopes []api.FunctionScope, account, function, region string) {
	if scopes == nil {
		return
	}
	either := conditions{sql: []string{"1 = 0"}}
	for _, s := range scopesOf(scopes) {
		all := conditions{sql: []string{"1 = 1"}}
		all.patterns(d, account, s.accounts)
		all.patterns(d, function, s.functions)
		all.patterns(d, region, s.regions)
		either.add(strings.Join(all.sql, " AND "), all.args...)
	}
	c.add(anyHolds(either.sql), either.args...)
}

// anyHolds is an OR of conditions, as flat as it can be.
func anyHolds(sql []string) string {
	if len(sql) == 1 {
		return "(" + sql[0] + ")"
	}
	half := len(sql) / 2
	return "(" + anyHolds(sql[:half]) + " OR " + anyHolds(sql[half:]) + ")"
}

// patterns requires a column to be included.
func (c *conditions) patterns(d dialect, column string, p *patterns) {
	if p.everything {
		return
	}
	if none := p.excluded.matches(d, column); len(none.sql) > 0 {
		c.add("NOT "+anyHolds(none.sql), none.args...)
	}
	one := p.wanted.matches(d, column)
	c.add(anyHolds(append(one.sql, "1 = 0")), one.args...)
}

// matches are the conditions one of which a column meets that one of the patterns matches.
func (p *patternSet) matches(d dialect, column string) conditions {
	var c conditions
	if len(p.names) > 0 {
		c.add("lower("+column+") IN (SELECT value FROM "+d.textTable("p")+")", d.textsOf(slices.Sorted(maps.Keys(p.names))))
	}
	if len(p.starred) > 0 {
		like := make([]string, len(p.starred))
		for i, pattern := range p.starred {
			like[i] = likePattern(pattern)
		}
		c.add("EXISTS (SELECT 1 FROM "+d.textTable("p")+" WHERE lower("+column+") LIKE p.value ESCAPE '\\')", d.textsOf(like))
	}
	return c
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
