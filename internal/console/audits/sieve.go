package audits

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// sieve tests the conditions of a query that no index of a store knows, and answers as the store does.
type sieve struct {
	search string
	msgs   []string
	body   map[string][]string
}

// newSieve takes the conditions out of a query.
func newSieve(q *api.AuditQuery) sieve {
	s := sieve{search: folded(q.Search), body: q.Body}
	for _, m := range q.Msgs {
		s.msgs = append(s.msgs, folded(m))
	}
	q.Search, q.Msgs, q.Body = "", nil, nil
	return s
}

// open tells that there are no conditions.
func (s *sieve) open() bool { return s.search == "" && len(s.msgs) == 0 && len(s.body) == 0 }

// lets tells whether an audit meets the conditions.
func (s *sieve) lets(a *api.AuditRecord) bool {
	if s.search != "" || len(s.msgs) > 0 {
		msg := folded(a.Msg)
		if !strings.Contains(msg, s.search) {
			return false
		}
		if len(s.msgs) > 0 && !slices.ContainsFunc(s.msgs, func(m string) bool { return strings.Contains(msg, m) }) {
			return false
		}
	}
	return len(s.body) == 0 || hasMembers(a.Body, s.body)
}

// folded is a text with its ASCII letters in lower case: databases fold no others without a locale.
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// hasMembers tells whether each of some members is one of its texts; of a list, any element counts. No texts ask for
// nothing.
func hasMembers(body []byte, wanted map[string][]string) bool {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // numbers are compared as they are written
	var members map[string]any
	if decoder.Decode(&members) != nil {
		return false
	}
	for name, texts := range wanted {
		if len(texts) > 0 && !equals(members[name], texts) {
			return false
		}
	}
	return true
}

func equals(member any, texts []string) bool {
	elements, ok := member.([]any)
	if !ok {
		elements = []any{member}
	}
	return slices.ContainsFunc(elements, func(element any) bool {
		switch v := element.(type) {
		case string:
			return slices.Contains(texts, v)
		case json.Number:
			return slices.Contains(texts, v.String())
		case bool:
			return slices.Contains(texts, strconv.FormatBool(v))
		default:
			return false
		}
	})
}
