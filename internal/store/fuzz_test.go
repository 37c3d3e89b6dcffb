package store

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// FuzzFilters: whatever a filter's values are, they are data. Each query answers what the plain model does, and nothing
// changes by it.
func FuzzFilters(f *testing.F) {
	for _, s := range []string{
		"svc-0001", "' OR 1=1 --", `"; DROP TABLE audits; --`, "%", "_", `\`, "*", "-*", "-", "", "\x00", "\xff", "$1", "?", "{}", "ümläut", "rule 3", "İ", "time", "a,b",
	} {
		f.Add(s, "alert", 3)
		f.Add("python3.13", s, 50)
	}
	s, err := Open(f.Context(), Config{Address: filepath.Join(f.TempDir(), "x.db"), uncounted: 50})
	must(f, err)
	f.Cleanup(func() { must(f, s.Close()) })
	m, e := newModel(), newEstate(1, 12, time.Hour)
	batch := made(e, 1, 120, 120)[0]
	for i := range batch {
		m.add(batch[i])
	}
	_, err = s.AppendAudits(f.Context(), batch)
	must(f, err)
	must(f, s.ReplaceFunctions(f.Context(), "1", "eu", functionRecords("1", "eu", "pay", "Pay-api", "x_y", "50%", `back\slash`)))
	f.Fuzz(func(t *testing.T, a, b string, limit int) {
		page := api.Page{Limit: limit%200 + 1}
		for _, q := range []api.AuditQuery{
			{Functions: []string{a, "svc-0002"}, Effects: []string{b}},
			{Rules: []string{a, b}},
			{RequestIDs: []string{a, b}},
			{IDs: []string{a, b}},
			{Types: []string{a}, Regions: []string{b}},
			{Techniques: []string{"execution", a}, Severities: []string{b, "low"}},
		} {
			q.Stream, q.Page = api.StreamRuntime, page
			got, err := s.Audits(t.Context(), q)
			must(t, err)
			want := m.page(q)
			if !slices.EqualFunc(got, want, func(x, y api.AuditRecord) bool { return x.ID == y.ID }) && plainText(a) && plainText(b) {
				t.Errorf("%+v finds %d, want %d", q, len(got), len(want))
			}
			_, err = s.CountAudits(t.Context(), q)
			must(t, err)
		}
		fuzzText(t, s, a, b, page)
		fuzzLists(t, s, a, b, page)
		if all, err := s.Audits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime}); err != nil || len(all) != len(batch) {
			t.Fatalf("%d audits are left, %v", len(all), err)
		}
	})
}

// plainText tells that a text is stored as it is, and that the model's techniques, which know no commas, are the store's.
func plainText(s string) bool { return text(s) == s && !strings.Contains(s, ",") }

func fuzzText(t *testing.T, s *Store, a, b string, page api.Page) {
	for _, q := range []api.AuditQuery{{Search: a}, {Msgs: []string{a, b}}, {Body: map[string][]string{a: {b}}}, {Stream: api.Stream(a)}, {Page: api.Page{Sort: a}}} {
		if q.Stream == "" {
			q.Stream = api.StreamRuntime
		}
		q.Page.Limit = page.Limit
		if _, err := s.Audits(t.Context(), q); err != nil {
			wantCode(t, err, autodefend.CodeInvalid)
		}
	}
}

func fuzzLists(t *testing.T, s *Store, a, b string, page api.Page) {
	for _, patterns := range [][]string{{a}, {b, a}} {
		found, _, err := s.Functions(t.Context(), api.FunctionQuery{Scopes: []api.FunctionScope{{Functions: patterns}}})
		must(t, err)
		for _, name := range []string{"pay", "Pay-api", "x_y", "50%", `back\slash`} {
			in := slices.ContainsFunc(found, func(f api.FunctionRecord) bool { return f.Name == name })
			if in != patternsOf(patterns).include(name) && plainText(a) && plainText(b) {
				t.Errorf("%q includes %q: %t", patterns, name, in)
			}
		}
	}
	_, _, err := s.Functions(t.Context(), api.FunctionQuery{Search: a, Names: []string{b}, Page: page})
	must(t, err)
	_, _, err = s.MgmtAudits(t.Context(), api.MgmtQuery{Search: a, Usernames: []string{b}, Types: []string{a}, Page: page})
	must(t, err)
	_, _, err = s.Incidents(t.Context(), api.IncidentQuery{Search: b, Categories: []string{a}, Page: page})
	must(t, err)
	page.Sort = a
	if _, _, err = s.Defenders(t.Context(), api.DefenderQuery{Search: b, Page: page}); err != nil {
		wantCode(t, err, autodefend.CodeInvalid)
	}
}
