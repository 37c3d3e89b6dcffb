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

// included tells whether the patterns include a value: exclusions, which begin with a hyphen, come first; no patterns
// include everything, and exclusions by themselves nothing, as everywhere else.
func included(patterns []string, s string) bool {
	matched := len(patterns) == 0
	for _, p := range patterns {
		rest, excludes := strings.CutPrefix(p, "-")
		if excludes && rest != "" && wildcard(rest, s) {
			return false
		}
		matched = matched || !excludes && wildcard(p, s)
	}
	return matched
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

// scopes requires the columns to be in one of the scopes; nil doesn't restrict. However many names a scope has, they are
// one argument: SQLite bounds how deep an expression may be.
func (c *conditions) scopes(d dialect, scopes []api.FunctionScope, account, function, region string) {
	if scopes == nil {
		return
	}
	either := conditions{sql: []string{"1 = 0"}}
	for _, s := range scopes {
		all := conditions{sql: []string{"1 = 1"}}
		all.patterns(d, account, s.Accounts)
		all.patterns(d, function, s.Functions)
		all.patterns(d, region, s.Regions)
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

// patterns is [included] for a column.
func (c *conditions) patterns(d dialect, column string, patterns []string) {
	if len(patterns) == 0 {
		return
	}
	var wanted, excluded patternSet
	for _, p := range patterns {
		switch rest, excludes := strings.CutPrefix(p, "-"); {
		case !excludes:
			wanted.add(p)
		case rest != "":
			excluded.add(rest)
		}
	}
	if none := excluded.matches(d, column); len(none.sql) > 0 {
		c.add("NOT "+anyHolds(none.sql), none.args...)
	}
	one := wanted.matches(d, column)
	c.add(anyHolds(append(one.sql, "1 = 0")), one.args...)
}

// patternSet are patterns in lower case: names, and those with stars as LIKE has them.
type patternSet struct{ names, starred []string }

func (p *patternSet) add(pattern string) {
	rest, leading, trailing := cutStars(pattern)
	switch {
	case !leading && !trailing:
		p.names = append(p.names, lower(text(rest)))
		return
	case leading && trailing:
		rest = "%" + likeLiteral(rest) + "%"
	case leading:
		rest = "%" + likeLiteral(rest)
	default:
		rest = likeLiteral(rest) + "%"
	}
	p.starred = append(p.starred, rest)
}

// matches are the conditions one of which a column meets that one of the patterns matches.
func (p *patternSet) matches(d dialect, column string) conditions {
	var c conditions
	if len(p.names) > 0 {
		c.add("lower("+column+") IN (SELECT value FROM "+d.textTable("p")+")", d.textsOf(p.names))
	}
	if len(p.starred) > 0 {
		c.add("EXISTS (SELECT 1 FROM "+d.textTable("p")+" WHERE lower("+column+") LIKE p.value ESCAPE '\\')", d.textsOf(p.starred))
	}
	return c
}
