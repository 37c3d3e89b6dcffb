package audits

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// sieve tests the conditions of a query that no index of a store knows.
type sieve struct {
	search string
	msgs   []string
	body   map[string][]string
}

// newSieve takes the conditions out of a query.
func newSieve(q *api.AuditQuery) sieve {
	s := sieve{search: strings.ToLower(q.Search), body: q.Body}
	for _, m := range q.Msgs {
		s.msgs = append(s.msgs, strings.ToLower(m))
	}
	q.Search, q.Msgs, q.Body = "", nil, nil
	return s
}

// open tells that there are no conditions.
func (s *sieve) open() bool { return s.search == "" && len(s.msgs) == 0 && len(s.body) == 0 }

// lets tells whether an audit meets the conditions.
func (s *sieve) lets(a *api.AuditRecord) bool {
	if s.search != "" || len(s.msgs) > 0 {
		msg := strings.ToLower(a.Msg)
		if !strings.Contains(msg, s.search) {
			return false
		}
		if len(s.msgs) > 0 && !slices.ContainsFunc(s.msgs, func(m string) bool { return strings.Contains(msg, m) }) {
			return false
		}
	}
	if len(s.body) == 0 {
		return true
	}
	var members map[string]any
	if json.Unmarshal(a.Body, &members) != nil {
		return false
	}
	for name, wanted := range s.body {
		if !equals(members[name], wanted) {
			return false
		}
	}
	return true
}

// equals tells whether a member is one of some texts; of a list, any element counts.
func equals(member any, wanted []string) bool {
	switch v := member.(type) {
	case string:
		return slices.Contains(wanted, v)
	case bool:
		return slices.Contains(wanted, map[bool]string{true: "true", false: "false"}[v])
	case []any:
		return slices.ContainsFunc(v, func(element any) bool { return equals(element, wanted) })
	default:
		return false
	}
}
