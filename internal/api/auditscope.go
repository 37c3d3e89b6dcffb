package api

import "strings"

// Holds tells whether a function is in scope. A field without patterns holds everything; patterns have a collection's
// wildcards, and those that begin with a hyphen exclude.
func (s FunctionScope) Holds(account, region, function string) bool {
	return held(s.Accounts, account) && held(s.Regions, region) && held(s.Functions, function)
}

func held(patterns []string, value string) bool {
	for _, p := range patterns {
		if excluded, ok := strings.CutPrefix(p, "-"); ok && excluded != "" && matches(excluded, value) {
			return false
		}
	}
	for _, p := range patterns {
		if !strings.HasPrefix(p, "-") && matches(p, value) {
			return true
		}
	}
	return len(patterns) == 0
}

// matches compares without regard to case: a star at the end matches a beginning, a star at the beginning an end, both a
// part; a star elsewhere is an ordinary character.
func matches(pattern, value string) bool {
	rest, leading := strings.CutPrefix(pattern, "*")
	rest, trailing := strings.CutSuffix(rest, "*")
	rest, value = strings.ToLower(rest), strings.ToLower(value)
	switch {
	case leading && (trailing || rest == ""):
		return strings.Contains(value, rest)
	case leading:
		return strings.HasSuffix(value, rest)
	case trailing:
		return strings.HasPrefix(value, rest)
	default:
		return rest == value
	}
}
