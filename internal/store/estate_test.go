package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/google/go-cmp/cmp"
)

func TestLeases(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		a, ok, err := s.Acquire(ctx, "job", "a", time.Minute)
		if err != nil || !ok || a.Token != 1 || a.Owner != "a" || !a.Expires.After(time.Now()) {
			t.Fatalf("a's lease is %+v, %t, %v", a, ok, err)
		}
		if _, ok, err := s.Acquire(ctx, "job", "b", time.Minute); ok || err != nil {
			t.Fatalf("b has what a has: %t, %v", ok, err)
		}
		longer, ok, err := s.Acquire(ctx, "job", "a", time.Hour)
		if err != nil || !ok || longer.Token != a.Token || !longer.Expires.After(a.Expires) {
			t.Fatalf("prolonged is %+v, %t, %v", longer, ok, err)
		}
		must(t, s.Holds(ctx, a))
		must(t, s.Release(ctx, api.Lease{Name: "job", Owner: "a", Token: 7})) // an older one
		must(t, s.Holds(ctx, a))
		must(t, s.Release(ctx, a))
		wantCode(t, s.Holds(ctx, a), autodefend.CodeConflict)
		b, ok, err := s.Acquire(ctx, "job", "b", time.Minute)
		if err != nil || !ok || b.Token <= a.Token {
			t.Fatalf("b's lease is %+v, %t, %v", b, ok, err)
		}
		wantCode(t, s.Holds(ctx, a), autodefend.CodeConflict)
		if other, ok, err := s.Acquire(ctx, "other", "a", time.Minute); err != nil || !ok || other.Token != 1 {
			t.Errorf("another lease is %+v, %t, %v", other, ok, err)
		}
		_, _, err = s.Acquire(ctx, "x", "", time.Minute)
		wantCode(t, err, autodefend.CodeInvalid)
	})
}

// TestLeaseExpires waits for a lease to end by the database's clock.
func TestLeaseExpires(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a, _, err := s.Acquire(ctx, "job", "a", time.Millisecond)
		must(t, err)
		for {
			b, ok, err := s.Acquire(ctx, "job", "b", time.Minute)
			must(t, err)
			if !ok {
				continue
			}
			if b.Token != a.Token+1 {
				t.Errorf("the token went from %d to %d", a.Token, b.Token)
			}
			wantCode(t, s.Holds(ctx, a), autodefend.CodeConflict)
			return
		}
	})
}

// TestLeaseHasOneOwner: of many who want a lease at once one gets it.
func TestLeaseHasOneOwner(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		owners := 0
		for i := range 20 {
			wg.Go(func() {
				_, ok, err := s.Acquire(t.Context(), "job", fmt.Sprint(i), time.Hour)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if ok {
					owners++
				}
			})
		}
		wg.Wait()
		if owners != 1 {
			t.Errorf("%d own the lease", owners)
		}
	})
}

func functionRecords(account, region string, names ...string) []api.FunctionRecord {
	var all []api.FunctionRecord
	for i, name := range names {
		all = append(all, api.FunctionRecord{
			ARN: "arn:" + region + ":" + account + ":" + name, Account: account, Region: region, Name: name, Runtime: "python3.13", Architecture: []string{"arm64", "x86_64"}[i%2],
			Defended: i%2 == 0, Decision: []string{"protect", "skip"}[i%2], Rule: "r", Modified: start.Add(time.Duration(i) * time.Hour), Seen: start, Body: []byte(`{}`),
		})
	}
	return all
}

func TestInventory(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.ReplaceFunctions(ctx, "1", "eu", functionRecords("1", "eu", "gone", "b", "c")))
		must(t, s.ReplaceFunctions(ctx, "1", "us", functionRecords("1", "us", "Pay_1", "payX1", "z")))
		must(t, s.ReplaceFunctions(ctx, "1", "eu", functionRecords("1", "eu", "a", "b", "c")))
		yes := true
		names := func(q api.FunctionQuery) ([]string, int) {
			t.Helper()
			all, total, err := s.Functions(ctx, q)
			must(t, err)
			var names []string
			for _, f := range all {
				names = append(names, f.Name)
			}
			return names, total
		}
		tests := []struct {
			name  string
			q     api.FunctionQuery
			want  []string
			total int
		}{
			{"all", api.FunctionQuery{}, []string{"a", "b", "c", "Pay_1", "payX1", "z"}, 6},
			{"page", api.FunctionQuery{Page: api.Page{Sort: "name", Reverse: true, Offset: 1, Limit: 2}}, []string{"payX1", "c"}, 6},
			{"defended", api.FunctionQuery{Defended: &yes, Regions: []string{"eu"}}, []string{"a", "c"}, 2},
			{"search has no wildcards", api.FunctionQuery{Search: "AY_1"}, []string{"Pay_1"}, 1},
			{"by id", api.FunctionQuery{IDs: []string{"arn:us:1:z", "' OR 1=1 --"}}, []string{"z"}, 1},
			{"decision and architecture", api.FunctionQuery{Decisions: []string{"skip"}, Architectures: []string{"x86_64"}, Names: []string{"b", "a"}}, []string{"b"}, 1},
			{"no scope", api.FunctionQuery{Scopes: []api.FunctionScope{}}, nil, 0},
			{"scope", api.FunctionQuery{Scopes: []api.FunctionScope{{Functions: []string{"PAY_*"}}}}, []string{"Pay_1"}, 1},
			{"exclusion", api.FunctionQuery{Scopes: []api.FunctionScope{{Functions: []string{"*", "-pay*"}, Regions: []string{"us"}}, {Functions: []string{"a"}}}}, []string{"a", "z"}, 2},
			{"other account", api.FunctionQuery{Scopes: []api.FunctionScope{{Accounts: []string{"2"}}}}, nil, 0},
		}
		for _, tt := range tests {
			if got, total := names(tt.q); cmp.Diff(tt.want, got) != "" || total != tt.total {
				t.Errorf("%s: %v of %d, want %v of %d", tt.name, got, total, tt.want, tt.total)
			}
		}
		got, _, err := s.Functions(ctx, api.FunctionQuery{IDs: []string{"arn:eu:1:b"}})
		must(t, err)
		if diff := cmp.Diff(functionRecords("1", "eu", "a", "b")[1:], got); diff != "" {
			t.Errorf("function (-want +got):\n%s", diff)
		}
		coverage, err := s.Coverage(ctx)
		must(t, err)
		want := []api.Coverage{
			{Account: "1", Region: "eu", Decision: "protect", Defended: true, Count: 2},
			{Account: "1", Region: "eu", Decision: "skip", Count: 1},
			{Account: "1", Region: "us", Decision: "protect", Defended: true, Count: 2},
			{Account: "1", Region: "us", Decision: "skip", Count: 1},
		}
		if diff := cmp.Diff(want, coverage); diff != "" {
			t.Errorf("coverage (-want +got):\n%s", diff)
		}
	})
}

// TestWildcards: SQL and Go agree about patterns, and about characters that LIKE knows.
func TestWildcards(t *testing.T) {
	names := []string{"pay", "PAY-api", "x-pay", "p%y", "p_y", `p\y`, "", "a*b", "ünï"}
	patterns := []string{"*", "pay", "PAY*", "*pay", "*A*", "p%y", "p_*", `*\y`, "a*b", "**", "-pay", "-*", "-", "", "ünï", "*'; --"}
	onEach(t, func(t *testing.T, s *Store) {
		must(t, s.ReplaceFunctions(t.Context(), "1", "eu", functionRecords("1", "eu", names...)))
		for _, p := range patterns {
			for _, q := range []string{"none", "-pay*", "*Y*"} {
				list := []string{p, q}
				if q == "none" {
					list = list[:1]
				}
				found, _, err := s.Functions(t.Context(), api.FunctionQuery{Scopes: []api.FunctionScope{{Functions: list}}})
				must(t, err)
				got := make(map[string]bool)
				for _, f := range found {
					got[f.Name] = true
				}
				for _, name := range names {
					if want := patternsOf(list).include(name); got[name] != want {
						t.Errorf("%q includes %q: %t, want %t", list, name, got[name], want)
					}
				}
			}
		}
	})
	for _, tt := range []struct {
		patterns []string
		name     string
		want     bool
	}{
		{nil, "a", true},
		{[]string{"*"}, "a", true},
		{[]string{"A"}, "a", true},
		{[]string{"a*"}, "abc", true},
		{[]string{"a*"}, "ba", false},
		{[]string{"*c"}, "abc", true},
		{[]string{"*b*"}, "abc", true},
		{[]string{"a*c"}, "abc", false},
		{[]string{"*", "-a*"}, "abc", false},
		{[]string{"-a*"}, "b", false},
		{[]string{"-"}, "-", false},
		{[]string{"-a*", "b"}, "c", false},
		{[]string{""}, "a", false},
	} {
		if got := patternsOf(tt.patterns).include(tt.name); got != tt.want {
			t.Errorf("%q includes %q: %t", tt.patterns, tt.name, got)
		}
		if got := (api.FunctionScope{Functions: tt.patterns}).Holds("", "", tt.name); got != tt.want {
			t.Errorf("elsewhere %q includes %q: %t", tt.patterns, tt.name, got)
		}
	}
}

// TestManyPatterns: scopes may have as many names, patterns and exclusions as tags find functions, and users many scopes.
func TestManyPatterns(t *testing.T) {
	const many = 5000
	numbered := func(format string) []string {
		list := make([]string, many)
		for i := range list {
			list[i] = fmt.Sprintf(format, i)
		}
		return list
	}
	each := make([]api.FunctionScope, many)
	for i := range each {
		each[i].Functions = []string{fmt.Sprintf("FN-%d", i)}
	}
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for _, name := range []string{"fn-0", "Fn-4999", "fn-5000"} {
			must(t, s.ReplaceFunctions(ctx, name, "eu", functionRecords(name, "eu", name)))
			must(t, s.Heard(ctx, []api.DefenderRecord{{FunctionID: name, Function: name, LastSeen: start}}))
			must(t, s.PutIncident(ctx, api.Incident{ID: name, Function: name, Time: start}))
		}
		for name, tt := range map[string]struct {
			scopes []api.FunctionScope
			want   int
		}{
			"names":      {[]api.FunctionScope{{Functions: numbered("fN-%d")}}, 2},
			"beginnings": {[]api.FunctionScope{{Functions: numbered("FN-%04d*")}}, 1},
			"exclusions": {[]api.FunctionScope{{Functions: append(numbered("-fn-%d"), "*")}}, 1},
			"both":       {[]api.FunctionScope{{Functions: append(numbered("-fn-%d*"), numbered("fn-%d")...)}}, 0},
			"scopes":     {each, 2},
		} {
			_, functions, err := s.Functions(ctx, api.FunctionQuery{Scopes: tt.scopes})
			must(t, err)
			_, defenders, err := s.Defenders(ctx, api.DefenderQuery{Scopes: tt.scopes})
			must(t, err)
			_, incidents, err := s.Incidents(ctx, api.IncidentQuery{Scopes: tt.scopes})
			must(t, err)
			if functions != tt.want || defenders != tt.want || incidents != tt.want {
				t.Errorf("%s: %d functions, %d Defenders, %d incidents, want %d", name, functions, defenders, incidents, tt.want)
			}
		}
	})
}

func TestDefenders(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		first := api.DefenderRecord{FunctionID: "arn:a", Account: "1", Region: "eu", Function: "a", Runtime: "python3.13", Version: "1", PolicyETag: "x", FirstSeen: start, LastSeen: start}
		must(t, s.Heard(ctx, []api.DefenderRecord{first, {FunctionID: "arn:b", Function: "b", LastSeen: start.Add(time.Hour)}}))
		must(t, s.Heard(ctx, []api.DefenderRecord{{FunctionID: "arn:a", Version: "2", LastSeen: start.Add(time.Minute)}}))
		must(t, s.Heard(ctx, []api.DefenderRecord{{FunctionID: "arn:a", Version: "0", PolicyETag: "w", LastSeen: start.Add(-time.Minute)}}))
		all, total, err := s.Defenders(ctx, api.DefenderQuery{})
		must(t, err)
		a := first
		a.Version, a.FirstSeen, a.LastSeen = "2", start.Add(-time.Minute), start.Add(time.Minute)
		want := []api.DefenderRecord{a, {FunctionID: "arn:b", Function: "b", FirstSeen: start.Add(time.Hour), LastSeen: start.Add(time.Hour)}}
		if diff := cmp.Diff(want, all); diff != "" || total != 2 {
			t.Errorf("of %d (-want +got):\n%s", total, diff)
		}
		for name, q := range map[string]api.DefenderQuery{
			"since": {NotSeenSince: start.Add(time.Hour)}, "scope": {Scopes: []api.FunctionScope{{Regions: []string{"E*"}}}},
			"version": {Versions: []string{"2"}, Accounts: []string{"1"}, Runtimes: []string{"python3.13"}}, "search": {Search: "ARN:A"}, "page": {Page: api.Page{Limit: 1}},
		} {
			if got, _, err := s.Defenders(ctx, q); err != nil || len(got) != 1 || got[0].FunctionID != "arn:a" {
				t.Errorf("%s finds %v, %v", name, got, err)
			}
		}
		if seen, all, err := s.CountDefenders(ctx, start.Add(time.Hour)); seen != 1 || all != 2 || err != nil {
			t.Errorf("%d of %d were seen, %v", seen, all, err)
		}
		must(t, s.ForgetDefender(ctx, "arn:a"))
		wantCode(t, s.ForgetDefender(ctx, "arn:a"), autodefend.CodeNotFound)
	})
}

func TestOutbox(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		delivery := func(id string, next time.Duration) api.Delivery {
			return api.Delivery{ID: id, Profile: "p", Body: []byte("{}"), Created: start, Next: start.Add(next)}
		}
		must(t, s.Enqueue(ctx, []api.Delivery{delivery("a", 0), delivery("b", time.Minute), delivery("c", -time.Minute), delivery("d", -time.Second)}))
		must(t, s.Enqueue(ctx, []api.Delivery{delivery("a", time.Hour)})) // is there already
		due := func(now time.Duration, limit int) map[string]api.Delivery {
			t.Helper()
			taken, err := s.Due(ctx, start.Add(now), time.Minute, limit)
			must(t, err)
			of := make(map[string]api.Delivery)
			for _, d := range taken {
				of[d.ID] = d
			}
			return of
		}
		first := due(0, 2)
		if len(first) != 2 || first["c"].ID == "" || first["d"].ID == "" {
			t.Fatalf("due are %v, want those that wait longest", first)
		}
		if second := due(0, 10); len(second) != 1 || !second["a"].Next.Equal(start.Add(time.Minute)) {
			t.Fatalf("due are %v, want a, held for a minute", second)
		}
		if third := due(0, 10); len(third) != 0 {
			t.Fatalf("due are %v, but all are taken", third)
		}
		a, c, d := delivery("a", 0), first["c"], first["d"]
		a.Outcome = "delivered"
		must(t, s.Settle(ctx, a))
		c.Attempts, c.Outcome, c.LastError = 9, "dead", "no"
		must(t, s.Settle(ctx, c))
		d.Attempts, d.Next = 1, start.Add(time.Hour)
		must(t, s.Settle(ctx, d))
		if later := due(2*time.Minute, 10); len(later) != 1 || later["b"].ID == "" {
			t.Errorf("due are %v, want b", later)
		}
		dead, total, err := s.Dead(ctx, api.Page{Limit: 10})
		must(t, err)
		if diff := cmp.Diff([]api.Delivery{c}, dead); diff != "" || total != 1 {
			t.Errorf("dead of %d (-want +got):\n%s", total, diff)
		}
		wantCode(t, s.Settle(ctx, api.Delivery{ID: "none"}), autodefend.CodeNotFound)
		wantCode(t, s.Settle(ctx, api.Delivery{ID: "c", Outcome: "lost"}), autodefend.CodeInvalid)
	})
}

func TestIncidents(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		incident := func(id string, hour int) api.Incident {
			return api.Incident{
				ID: id, Category: "cryptoMiner", Type: "function", Function: "f" + id, Region: "eu", Time: start.Add(time.Duration(hour) * time.Hour),
				Audits: []autodefend.Audit{{ID: "1", Msg: "m", Time: start}},
			}
		}
		must(t, s.PutIncident(ctx, incident("a", 1)))
		must(t, s.PutIncident(ctx, incident("b", 2)))
		changed := incident("a", 3)
		changed.Category, changed.SerialNum = "portScanning", 77
		must(t, s.PutIncident(ctx, changed))
		must(t, s.Acknowledge(ctx, "b", true, &api.MgmtAudit{Time: start, Username: "u"}))
		wantCode(t, s.Acknowledge(ctx, "none", true, &api.MgmtAudit{Time: start, Username: "u"}), autodefend.CodeNotFound)
		all, total, err := s.Incidents(ctx, api.IncidentQuery{})
		must(t, err)
		b := incident("b", 2)
		changed.SerialNum, b.SerialNum, b.Acknowledged = 1, 2, true
		if diff := cmp.Diff([]api.Incident{changed, b}, all); diff != "" || total != 2 {
			t.Errorf("of %d (-want +got):\n%s", total, diff)
		}
		no := false
		for name, q := range map[string]api.IncidentQuery{
			"open": {Acknowledged: &no}, "category": {Categories: []string{"portScanning"}}, "time": {From: start.Add(150 * time.Minute)},
			"search": {Search: "PORTSC"}, "scope": {Scopes: []api.FunctionScope{{Functions: []string{"*A"}}}}, "function": {Functions: []string{"fa"}}, "id": {IDs: []string{"a"}},
		} {
			if got, _, err := s.Incidents(ctx, q); err != nil || len(got) != 1 || got[0].ID != "a" {
				t.Errorf("%s finds %v, %v", name, got, err)
			}
		}
		if _, audits, err := s.MgmtAudits(ctx, api.MgmtQuery{Usernames: []string{"u"}}); audits != 1 || err != nil {
			t.Errorf("%d management audits, %v, want 1", audits, err)
		}
		wantCode(t, s.PutIncident(ctx, api.Incident{}), autodefend.CodeInvalid)
	})
}

// TestExpireIncidents: the oldest go first, so many at once, whether they are acknowledged or not.
func TestExpireIncidents(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		var wg sync.WaitGroup
		for i := range incidentsAtOnce + 3 {
			wg.Go(func() {
				if err := s.PutIncident(ctx, api.Incident{ID: fmt.Sprint(i), Time: start.Add(time.Duration(i) * time.Second)}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		must(t, s.Acknowledge(ctx, "1000", true, nil))
		before := start.Add(time.Duration(incidentsAtOnce+1) * time.Second)
		for i, want := range []int{incidentsAtOnce, 1, 0} {
			if n, err := s.ExpireIncidents(ctx, before); n != want || err != nil {
				t.Fatalf("round %d: %d are removed, %v, want %d", i, n, err, want)
			}
			left, _, err := s.Incidents(ctx, api.IncidentQuery{Page: api.Page{Reverse: true, Limit: 1}})
			must(t, err)
			if oldest := []string{"1000", "1001", "1001"}[i]; left[0].ID != oldest {
				t.Errorf("round %d: the oldest one is %s, want %s", i, left[0].ID, oldest)
			}
		}
		if _, left, err := s.Incidents(ctx, api.IncidentQuery{Page: api.Page{Limit: 1}}); left != 2 || err != nil {
			t.Errorf("%d are left, %v", left, err)
		}
	})
}

// TestExpire: what is removed is gone from pages and counts alike.
func TestExpire(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		m := filled(t, s, 800)
		sequences(t, s, m)
		before := start.Add(20 * 24 * time.Hour)
		kept, want := newModel(), 0
		for _, a := range m.audits {
			if a.Stream == api.StreamRuntime && a.Received.Before(before) {
				want++
				continue
			}
			kept.audits = append(kept.audits, a)
		}
		removed := 0
		for {
			n, err := s.Expire(ctx, api.StreamRuntime, before, 200)
			must(t, err)
			if n > 200 {
				t.Fatalf("%d removed at once", n)
			}
			if removed += n; n == 0 {
				break
			}
		}
		if removed != want {
			t.Errorf("%d removed, want %d", removed, want)
		}
		for _, stream := range []api.Stream{api.StreamRuntime, api.StreamFirewall} {
			for _, column := range []string{"type", "rule", "function"} {
				q := api.AuditQuery{Stream: stream}
				tally, err := s.Tally(ctx, q, column, 0)
				must(t, err)
				if diff := cmp.Diff(kept.tally(q, column), tally); diff != "" {
					t.Errorf("%s by %s (-want +got):\n%s", stream, column, diff)
				}
			}
			page, err := s.Audits(ctx, api.AuditQuery{Stream: stream, Page: api.Page{Reverse: true, Limit: 20}})
			must(t, err)
			if diff := cmp.Diff(kept.page(api.AuditQuery{Stream: stream, Page: api.Page{Reverse: true, Limit: 20}}), page); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		}
		if size, err := s.Size(ctx); err != nil || size < 100_000 {
			t.Errorf("the size is %d, %v", size, err)
		}
	})
}

func TestWatch(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		changes := s.Watch(ctx)
		_, err := s.AppendAudits(ctx, []api.AuditRecord{newEstate(1, 5, time.Hour).audit(1)})
		must(t, err)
		<-changes
		must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindUser, ID: "u", Body: []byte("1")}}, nil))
		<-changes
		cancel()
		for range changes { // until it's closed
			continue
		}
	})
}

// TestClosed: a store that was closed says so.
func TestClosed(t *testing.T) {
	s, err := Open(t.Context(), Config{Address: t.TempDir() + "/x.db"})
	must(t, err)
	must(t, s.Close())
	must(t, s.Close())
	_, appended := s.AppendAudits(t.Context(), []api.AuditRecord{newEstate(1, 5, time.Hour).audit(1)})
	_, read := s.Documents(t.Context(), api.KindUser)
	for _, err := range []error{appended, read, s.Write(t.Context(), nil, nil)} {
		if !errors.As(err, new(*autodefend.Error)) {
			t.Errorf("error %v has no code", err)
		}
		wantCode(t, err, autodefend.CodeUnavailable)
	}
	for range s.Watch(t.Context()) {
		continue
	}
}
