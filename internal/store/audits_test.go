package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/google/go-cmp/cmp"
)

// filled is a store and a model with the same audits, in batches of different sizes, some of which come twice.
func filled(t *testing.T, s *Store, total int) *model {
	t.Helper()
	m, e := newModel(), newEstate(1, 60, 40*24*time.Hour)
	for n := 0; n < total; {
		var batch []api.AuditRecord
		for range 1 + e.r.IntN(200) {
			a := e.audit(total)
			if e.r.IntN(4) == 0 {
				a.Stream = api.StreamFirewall
			}
			if e.r.IntN(20) == 0 && len(m.audits) > 0 {
				a.ID = m.audits[e.r.IntN(len(m.audits))].ID
			}
			if e.r.IntN(10) == 0 { // a clock that was wrong
				a.Time = a.Time.Add(-time.Duration(e.r.IntN(1e6)) * time.Second)
			}
			batch = append(batch, a)
		}
		want := 0
		for _, a := range batch {
			if m.add(a) {
				want++
			}
		}
		got, err := s.AppendAudits(t.Context(), batch)
		must(t, err)
		if got != want {
			t.Fatalf("%d of a batch were new, want %d", got, want)
		}
		n += len(batch)
	}
	return m
}

// plain leaves out the sequences, which have gaps where audits came twice.
func plain(audits []api.AuditRecord) []api.AuditRecord {
	audits = slices.Clone(audits)
	for i := range audits {
		audits[i].Sequence = 0
	}
	return audits
}

// sequences gives the model the store's sequences, after checking that they grow as the model's do.
func sequences(t *testing.T, s *Store, m *model) {
	t.Helper()
	of := make(map[string]int64)
	for _, stream := range []api.Stream{api.StreamRuntime, api.StreamFirewall} {
		for after := int64(0); ; {
			page, err := s.Audits(t.Context(), api.AuditQuery{Stream: stream, After: max(after, 1) - 1, Page: api.Page{Limit: 1000, Reverse: true, Offset: 0}, Before: 1 << 60})
			must(t, err)
			for _, a := range page {
				of[string(stream)+"/"+a.ID] = a.Sequence
				after = a.Sequence + 1
			}
			if len(page) < 1000 {
				break
			}
		}
	}
	last := int64(0)
	for i := range m.audits {
		a := &m.audits[i]
		seq := of[string(a.Stream)+"/"+a.ID]
		if seq <= last {
			t.Fatalf("audit %d has sequence %d after %d", i, seq, last)
		}
		a.Sequence, last = seq, seq
	}
}

// randomQuery draws conditions from the audits that are there, and now and then from elsewhere.
func randomQuery(r *rand.Rand, m *model) api.AuditQuery {
	some := func(value func(a api.AuditRecord) string) []string {
		if r.IntN(6) != 0 {
			return nil
		}
		values := []string{value(m.audits[r.IntN(len(m.audits))])}
		for range r.IntN(3) {
			values = append(values, value(m.audits[r.IntN(len(m.audits))]))
		}
		return values
	}
	q := api.AuditQuery{
		Stream:   api.StreamRuntime,
		Accounts: some(func(a api.AuditRecord) string { return a.Account }), Regions: some(func(a api.AuditRecord) string { return a.Region }),
		Functions: some(func(a api.AuditRecord) string { return a.Function }), FunctionIDs: some(func(a api.AuditRecord) string { return a.FunctionID }),
		Runtimes: some(func(a api.AuditRecord) string { return a.Runtime }), Types: some(func(a api.AuditRecord) string { return a.Type }),
		AttackTypes: some(func(a api.AuditRecord) string { return a.AttackType }), Effects: some(func(a api.AuditRecord) string { return a.Effect }),
		Rules: some(func(a api.AuditRecord) string { return a.Rule }), Severities: some(func(a api.AuditRecord) string { return a.Severity }),
		Techniques: some(func(a api.AuditRecord) string { return strings.Split(a.Techniques+",execution", ",")[1] }),
	}
	if r.IntN(4) == 0 {
		q.Stream = api.StreamFirewall
	}
	when := func() time.Time {
		return m.audits[r.IntN(len(m.audits))].Time.Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
	}
	if r.IntN(2) == 0 {
		q.From = when()
	}
	if r.IntN(2) == 0 {
		q.To = when()
	}
	switch r.IntN(8) {
	case 0:
		q.Scopes = []api.FunctionScope{{Functions: []string{"SVC-000*"}}, {Functions: []string{"svc-001*"}, Regions: []string{"eu-west-1"}}}
	case 1:
		q.Scopes = []api.FunctionScope{}
	}
	return q
}

// rare adds conditions that no index knows.
func rare(r *rand.Rand, m *model, q api.AuditQuery) api.AuditQuery {
	a := m.audits[r.IntN(len(m.audits))]
	switch r.IntN(6) {
	case 0:
		q.IDs = []string{a.ID, m.audits[0].ID}
	case 1:
		q.RequestIDs = []string{a.RequestID, "none"}
	case 2:
		q.Msgs = []string{"HOST1", "host2"}
	case 3:
		q.Search = "example7."
	case 4:
		q.Body = map[string][]string{"method": {"PUT", "GET"}}
	case 5:
		q.After, q.Before = a.Sequence, a.Sequence+500
	}
	return q
}

// TestAuditsAgainstModel compares pages, counts, slices and tallies of random queries with the plain model's.
func TestAuditsAgainstModel(t *testing.T) {
	onEach(t, againstModel)
	// The ways of large tables.
	for name, w := range map[string]ways{
		"glance": {narrow: 200, few: 2, glance: 40, deep: 50, step: 20}, "walk": {narrow: 3, few: 2, glance: 10, deep: 50, step: 10},
	} {
		t.Run(name, func(t *testing.T) { againstModel(t, openSQLite(t, Config{uncounted: 300, ways: w})) })
	}
}

func againstModel(t *testing.T, s *Store) {
	m := filled(t, s, 1200)
	sequences(t, s, m)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 100 {
		q := randomQuery(r, m)
		if r.IntN(3) == 0 {
			q = rare(r, m, q)
		}
		q.Page = api.Page{Offset: r.IntN(2) * r.IntN(300), Limit: 1 + r.IntN(60), Reverse: r.IntN(2) == 0}
		if r.IntN(4) == 0 && q.After == 0 {
			q.Page.Sort = []string{"time", "type", "rule", "function", "region", "severity"}[r.IntN(6)]
		}
		if len(q.IDs)+len(q.RequestIDs) > 0 {
			q.Page.Sort = ""
		}
		checkQuery(t, s, m, r, q)
		if t.Failed() {
			t.Fatalf("query %d: %+v", i, q)
		}
	}
}

func checkQuery(t *testing.T, s *Store, m *model, r *rand.Rand, q api.AuditQuery) {
	t.Helper()
	ctx := t.Context()
	got, err := s.Audits(ctx, q)
	must(t, err)
	if diff := cmp.Diff(m.page(q), got); diff != "" && len(m.page(q))+len(got) > 0 {
		t.Errorf("page (-want +got):\n%s", diff)
	}
	q.Page = api.Page{}
	all := m.matching(q)
	count, err := s.CountAudits(ctx, q)
	must(t, err)
	if count != (api.AuditCount{Total: len(all)}) {
		t.Errorf("count is %+v, want %d", count, len(all))
	}
	column := []string{"type", "attackType", "effect", "rule", "function", "region", "account", "runtime", "severity"}[r.IntN(9)]
	tally, err := s.Tally(ctx, q, column, 0)
	must(t, err)
	if diff := cmp.Diff(m.tally(q, column), tally); diff != "" {
		t.Errorf("tally of %s (-want +got):\n%s", column, diff)
	}
	sliced, err := s.Timeslice(ctx, q, 1+r.IntN(100))
	must(t, err)
	checkSlices(t, sliced, all, q)
}

// checkSlices: what slices say of themselves must be so, and they must leave nothing out.
func checkSlices(t *testing.T, sliced []api.Slice, all []api.AuditRecord, q api.AuditQuery) {
	t.Helper()
	times := make([]int64, len(all))
	for i, a := range all {
		times[i] = a.Time.UnixMilli()
	}
	slices.Sort(times)
	total := 0
	for i, s := range sliced {
		from, _ := slices.BinarySearch(times, s.Start.UnixMilli())
		to, _ := slices.BinarySearch(times, s.End.UnixMilli())
		want := to - from
		if s.Count != want || s.End.Before(s.Start) || i > 0 && !s.Start.Equal(sliced[i-1].End) {
			t.Errorf("slice %d of %d counts %d from %v to %v, want %d", i, len(sliced), s.Count, s.Start, s.End, want)
		}
		total += s.Count
	}
	if !q.To.IsZero() && total != len(all) {
		t.Errorf("slices count %d, want %d", total, len(all))
	}
}

// TestPagesOfOneMoment: audits of many functions that have the same time are each on one page.
func TestPagesOfOneMoment(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const many, limit = 90, 7
		e := newEstate(1, 5, time.Hour)
		batch := made(e, 1, many, many)[0]
		for i := range batch {
			batch[i].Time, batch[i].Function = start, fmt.Sprint("svc-", i)
		}
		_, err := s.AppendAudits(t.Context(), batch)
		must(t, err)
		for _, reverse := range []bool{false, true} {
			for offset := 0; offset < many; offset += limit {
				page, err := s.Audits(t.Context(), api.AuditQuery{
					Stream: api.StreamRuntime, Scopes: []api.FunctionScope{{Functions: []string{"svc-*"}}}, Page: api.Page{Offset: offset, Limit: limit, Reverse: reverse},
				})
				must(t, err)
				for i, a := range page {
					want := int64(many - offset - i)
					if reverse {
						want = int64(offset + i + 1)
					}
					if a.Sequence != want {
						t.Errorf("reverse %t, from %d: audit %d has sequence %d, want %d", reverse, offset, i, a.Sequence, want)
					}
				}
			}
		}
	})
}

func TestAppendIsIdempotent(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		e := newEstate(9, 5, time.Hour)
		batch := []api.AuditRecord{e.audit(4), e.audit(4), e.audit(4), e.audit(4)}
		batch[3].ID = batch[0].ID
		var wg sync.WaitGroup
		added := make([]int, 20)
		for i := range added {
			wg.Go(func() {
				n, err := s.AppendAudits(t.Context(), batch)
				if err != nil {
					t.Error(err)
				}
				added[i] = n
			})
		}
		wg.Wait()
		sum := 0
		for _, n := range added {
			sum += n
		}
		count, err := s.CountAudits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime})
		must(t, err)
		page, err := s.Audits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime})
		must(t, err)
		if sum != 3 || count.Total != 3 || len(page) != 3 {
			t.Errorf("%d were new, %d are counted, %d are there, want 3", sum, count.Total, len(page))
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		e := newEstate(9, 5, time.Hour)
		for name, spoil := range map[string]func(a *api.AuditRecord){
			"stream": func(a *api.AuditRecord) { a.Stream = "x" },
			"id":     func(a *api.AuditRecord) { a.ID = "" },
		} {
			batch := []api.AuditRecord{e.audit(4), e.audit(4)}
			spoil(&batch[1])
			_, err := s.AppendAudits(t.Context(), batch)
			wantCode(t, err, autodefend.CodeInvalid)
			if count, err := s.CountAudits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime}); err != nil || count.Total != 0 {
				t.Errorf("%s: %d are there, %v", name, count.Total, err)
			}
		}
		_, err := s.Audits(t.Context(), api.AuditQuery{Stream: "x"})
		wantCode(t, err, autodefend.CodeInvalid)
		_, err = s.Audits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime, Page: api.Page{Sort: "msg; --"}})
		wantCode(t, err, autodefend.CodeInvalid)
		_, err = s.Tally(t.Context(), api.AuditQuery{Stream: api.StreamRuntime}, "body", 1)
		wantCode(t, err, autodefend.CodeInvalid)
		_, err = s.Timeslice(t.Context(), api.AuditQuery{Stream: api.StreamRuntime}, 0)
		wantCode(t, err, autodefend.CodeInvalid)
	})
}

// TestForeignBytes: what both databases can't keep is replaced, and nothing else.
func TestForeignBytes(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		a := newEstate(9, 5, time.Hour).audit(1)
		a.Msg, a.Rule, a.Function = "a\x00b\xffc'; DROP TABLE audits; --", "\x00", "ünï\xc3"
		a.Body = []byte("\x00\xff not JSON")
		_, err := s.AppendAudits(t.Context(), []api.AuditRecord{a})
		must(t, err)
		page, err := s.Audits(t.Context(), api.AuditQuery{Stream: a.Stream, Functions: []string{"ünï\uFFFD"}, Search: "drop table"})
		must(t, err)
		a.Msg, a.Rule, a.Function = "a\uFFFDb\uFFFDc'; DROP TABLE audits; --", "\uFFFD", "ünï\uFFFD"
		if diff := cmp.Diff([]api.AuditRecord{a}, plain(page)); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
	})
}

// TestReopen: what's held in memory is what was stored.
func TestReopen(t *testing.T) {
	path := t.TempDir() + "/console.db"
	s := openSQLite(t, Config{Address: path})
	m := filled(t, s, 500)
	must(t, s.Close())
	s = openSQLite(t, Config{Address: path})
	sequences(t, s, m)
	checkQuery(t, s, m, rand.New(rand.NewPCG(1, 1)), api.AuditQuery{Stream: api.StreamRuntime, Functions: []string{"svc-0000", "svc-0001"}, Page: api.Page{Limit: 50}})
	e := newEstate(77, 300, time.Hour)
	for i := range 50 {
		a := e.audit(50)
		a.ID = fmt.Sprint(i)
		m.add(a)
		_, err := s.AppendAudits(t.Context(), []api.AuditRecord{a})
		must(t, err)
	}
	sequences(t, s, m)
	checkQuery(t, s, m, rand.New(rand.NewPCG(1, 1)), api.AuditQuery{Stream: api.StreamRuntime, Rules: []string{"rule 7", "rule 8"}, Page: api.Page{Limit: 50}})
}

// TestFindsWhatNoIndexKnows: texts in messages and members of audits, also where JSON spells them in its own way.
func TestFindsWhatNoIndexKnows(t *testing.T) {
	members := []map[string]any{
		{"url": "/a?b=<c>&d", "pid": 7}, {"url": "/a", "interactive": true}, {"url": `say "hi"`, "tags": []string{"/a", "x"}}, {"url": "gr\u00fc\u00df"}, {"other": "/a"},
	}
	msgs := []string{"Wget 100%", "wget_x", "WGET", "GR\u00dc\u00df", "none"}
	tests := []struct {
		name string
		q    api.AuditQuery
		want string
	}{
		{"plain", api.AuditQuery{Body: map[string][]string{"url": {"/a"}}}, "1"},
		{"escaped", api.AuditQuery{Body: map[string][]string{"url": {"/a?b=<c>&d"}}}, "0"},
		{"quoted", api.AuditQuery{Body: map[string][]string{"url": {`say "hi"`}}}, "2"},
		{"not ASCII", api.AuditQuery{Body: map[string][]string{"url": {"gr\u00fc\u00df"}}}, "3"},
		{"either", api.AuditQuery{Body: map[string][]string{"url": {"/a", "gr\u00fc\u00df"}}}, "1 3"},
		{"a list's element", api.AuditQuery{Body: map[string][]string{"tags": {"/a"}}}, "2"},
		{"number", api.AuditQuery{Body: map[string][]string{"pid": {"7"}}}, "0"},
		{"bool", api.AuditQuery{Body: map[string][]string{"interactive": {"true"}}}, "1"},
		{"both", api.AuditQuery{Body: map[string][]string{"url": {"/a"}, "interactive": {"true"}}}, "1"},
		{"neither", api.AuditQuery{Body: map[string][]string{"url": {"/a"}, "pid": {"7"}}}, ""},
		{"message", api.AuditQuery{Search: "wget"}, "0 1 2"},
		{"no wildcards", api.AuditQuery{Search: "T_"}, "1"},
		{"percent", api.AuditQuery{Search: "%"}, "0"},
		{"not ASCII in a message", api.AuditQuery{Search: "r\u00dc"}, "3"},
		{"one of two messages", api.AuditQuery{Msgs: []string{"NON", "100"}}, "0 4"},
		{"message and member", api.AuditQuery{Search: "wget", Body: map[string][]string{"url": {"/a"}}}, "1"},
	}
	onEach(t, func(t *testing.T, s *Store) {
		e := newEstate(5, 3, time.Hour)
		for i, m := range members {
			a := e.audit(len(members))
			a.ID, a.Msg = fmt.Sprint(i), msgs[i]
			var err error
			a.Body, err = json.Marshal(m)
			must(t, err)
			_, err = s.AppendAudits(t.Context(), []api.AuditRecord{a})
			must(t, err)
		}
		for _, tt := range tests {
			tt.q.Stream = api.StreamRuntime
			page, err := s.Audits(t.Context(), tt.q)
			must(t, err)
			var found []string
			for _, a := range page {
				found = append(found, a.ID)
			}
			slices.Sort(found)
			if got := strings.Join(found, " "); got != tt.want {
				t.Errorf("%s: found %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}
