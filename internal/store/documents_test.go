package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/google/go-cmp/cmp"
)

func TestDocuments(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		body := []byte("{\"a\":  1,\n\"nul\":\"\x00\xff\"}")
		must(t, s.Write(ctx, []api.DocumentChange{
			{Kind: api.KindCollection, ID: "b", Body: body},
			{Kind: api.KindCollection, ID: "Z", Version: api.Any, Body: []byte("2")},
			{Kind: api.KindUser, ID: "b", Body: []byte("3")},
		}, nil))
		d, err := s.Document(ctx, api.KindCollection, "b")
		must(t, err)
		want := api.Document{Kind: api.KindCollection, ID: "b", Version: 1, Modified: start, Body: body}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("document (-want +got):\n%s", diff)
		}
		must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindCollection, ID: "b", Version: 1, Body: []byte("4")}}, nil))
		all, err := s.Documents(ctx, api.KindCollection)
		must(t, err)
		var got []string
		for _, d := range all {
			got = append(got, fmt.Sprintf("%s %d %s", d.ID, d.Version, d.Body))
		}
		if diff := cmp.Diff([]string{"Z 1 2", "b 2 4"}, got); diff != "" {
			t.Errorf("documents (-want +got):\n%s", diff)
		}
		must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindCollection, ID: "b", Version: 2}}, nil))
		_, err = s.Document(ctx, api.KindCollection, "b")
		wantCode(t, err, autodefend.CodeNotFound)
		if d, err := s.Document(ctx, api.KindUser, "b"); err != nil || string(d.Body) != "3" {
			t.Errorf("a document of another kind is %q, %v", d.Body, err)
		}
	})
}

func TestWriteConflicts(t *testing.T) {
	one := func(version int64, body string) []api.DocumentChange {
		c := api.DocumentChange{Kind: api.KindRole, ID: "r", Version: version}
		if body != "" {
			c.Body = []byte(body)
		}
		return []api.DocumentChange{{Kind: api.KindRole, ID: "other", Version: api.Any, Body: []byte("x")}, c}
	}
	tests := []struct {
		name   string
		exists bool
		change []api.DocumentChange
		want   autodefend.Code
	}{
		{"new", false, one(0, "1"), ""},
		{"new, whatever", false, one(api.Any, "1"), ""},
		{"new, but it was there", false, one(3, "1"), autodefend.CodeConflict},
		{"delete nothing", false, one(api.Any, ""), autodefend.CodeNotFound},
		{"delete what was deleted", false, one(1, ""), autodefend.CodeConflict},
		{"create what exists", true, one(0, "1"), autodefend.CodeConflict},
		{"older", true, one(1, "1"), autodefend.CodeConflict},
		{"newer", true, one(3, "1"), autodefend.CodeConflict},
		{"same", true, one(2, "1"), ""},
		{"whatever", true, one(api.Any, "1"), ""},
		{"delete older", true, one(1, ""), autodefend.CodeConflict},
		{"delete", true, one(2, ""), ""},
		{"delete whatever", true, one(api.Any, ""), ""},
	}
	onEach(t, func(t *testing.T, s *Store) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				ctx := t.Context()
				_ = s.Write(ctx, []api.DocumentChange{{Kind: api.KindRole, ID: "r", Version: api.Any}}, nil)
				_ = s.Write(ctx, []api.DocumentChange{{Kind: api.KindRole, ID: "other", Version: api.Any}}, nil)
				if tt.exists {
					must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindRole, ID: "r", Body: []byte("0")}}, nil))
					must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindRole, ID: "r", Version: 1, Body: []byte("00")}}, nil))
				}
				before, err := s.Generation(ctx, api.KindRole)
				must(t, err)
				wantCode(t, s.Write(ctx, tt.change, &api.MgmtAudit{Time: start, Username: tt.name}), tt.want)
				after, err := s.Generation(ctx, api.KindRole)
				must(t, err)
				_, err = s.Document(ctx, api.KindRole, "other")
				_, audits, audit := s.MgmtAudits(ctx, api.MgmtQuery{Usernames: []string{tt.name}})
				must(t, audit)
				if written := tt.want == ""; written != (err == nil) || written != (after > before) || written != (audits == 1) {
					t.Errorf("written %t: the other document's error is %v, generation %d became %d, %d audits", written, err, before, after, audits)
				}
			})
		}
	})
}

func TestGeneration(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		generation := func(kinds ...api.Kind) int64 {
			g, err := s.Generation(ctx, kinds...)
			must(t, err)
			return g
		}
		users, both, all := generation(api.KindUser), generation(api.KindUser, api.KindRole), generation()
		must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindRole, ID: "r", Body: []byte("1")}}, nil))
		if generation(api.KindUser) != users || generation(api.KindUser, api.KindRole) <= both || generation() <= all {
			t.Errorf("generations are %d, %d, %d after a write of a role, were %d, %d, %d",
				generation(api.KindUser), generation(api.KindUser, api.KindRole), generation(), users, both, all)
		}
		both = generation(api.KindUser, api.KindRole)
		must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindRole, ID: "r", Version: api.Any}}, nil))
		if generation(api.KindUser, api.KindRole) <= both {
			t.Error("deleting doesn't count as a write")
		}
	})
}

// TestConcurrentWrites: of many changes made from the same version one succeeds, and failing ones don't hurt others that
// share their transaction.
func TestConcurrentWrites(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		var wg sync.WaitGroup
		errs := make([]error, 64)
		for i := range errs {
			wg.Go(func() {
				errs[i] = errors.Join(
					s.Write(ctx, []api.DocumentChange{{Kind: api.KindRun, ID: fmt.Sprint(i), Body: []byte("1")}}, nil),
					s.Write(ctx, []api.DocumentChange{{Kind: api.KindRole, ID: "r", Body: fmt.Append(nil, i)}}, nil),
				)
			})
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
				if d, err := s.Document(ctx, api.KindRole, "r"); err != nil || !bytes.Equal(d.Body, fmt.Append(nil, i)) {
					t.Errorf("%d won, but the document is %q, %v", i, d.Body, err)
				}
				continue
			}
			wantCode(t, err, autodefend.CodeConflict)
		}
		runs, err := s.Documents(ctx, api.KindRun)
		must(t, err)
		if won != 1 || len(runs) != len(errs) {
			t.Errorf("%d writers won, want 1; %d others are stored, want %d", won, len(runs), len(errs))
		}
	})
}

func TestMgmtAudits(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for i := range 5 {
			must(t, s.AddMgmt(ctx, api.MgmtAudit{
				API: "/api/v1/x", Diff: fmt.Sprintf("100%% of _%d", i), Failure: i == 1, SourceIP: "127.0.0.1", Status: "done",
				Time: start.Add(time.Duration(i) * time.Second), Type: []api.MgmtType{api.MgmtLogin, api.MgmtRule}[i%2], Username: fmt.Sprintf("User%d", i%3),
			}))
		}
		tests := []struct {
			name  string
			q     api.MgmtQuery
			want  []int
			total int
		}{
			{"all, the newest first", api.MgmtQuery{}, []int{4, 3, 2, 1, 0}, 5},
			{"reversed", api.MgmtQuery{Page: api.Page{Reverse: true, Limit: 2}}, []int{0, 1}, 5},
			{"second page", api.MgmtQuery{Page: api.Page{Offset: 2, Limit: 2}}, []int{2, 1}, 5},
			{"offset alone", api.MgmtQuery{Page: api.Page{Offset: 4}}, []int{0}, 5},
			{"beyond the end", api.MgmtQuery{Page: api.Page{Offset: 9, Limit: 2}}, nil, 5},
			{"negative offset", api.MgmtQuery{Page: api.Page{Offset: -1, Limit: 1}}, []int{4}, 5},
			{"by name", api.MgmtQuery{Page: api.Page{Sort: "username"}}, []int{3, 0, 4, 1, 2}, 5},
			{"by name, reversed", api.MgmtQuery{Page: api.Page{Sort: "username", Reverse: true}}, []int{2, 1, 4, 0, 3}, 5},
			{"type", api.MgmtQuery{Types: []string{"rule"}}, []int{3, 1}, 2},
			{"types", api.MgmtQuery{Types: []string{"rule", "login"}, Page: api.Page{Limit: 1}}, []int{4}, 5},
			{"user", api.MgmtQuery{Usernames: []string{"User0"}}, []int{3, 0}, 2},
			{"times", api.MgmtQuery{From: start.Add(time.Second), To: start.Add(2 * time.Second)}, []int{2, 1}, 2},
			{"search", api.MgmtQuery{Search: "USER1"}, []int{4, 1}, 2},
			{"search has no wildcards", api.MgmtQuery{Search: "100% of _3"}, []int{3}, 1},
			{"search for a wildcard", api.MgmtQuery{Search: "1_0"}, nil, 0},
			{"SQL is data", api.MgmtQuery{Search: `' OR 1=1 --`, Usernames: []string{`"; DROP TABLE mgmt_audits`}}, nil, 0},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				audits, total, err := s.MgmtAudits(ctx, tt.q)
				must(t, err)
				var got []int
				for _, a := range audits {
					got = append(got, int(a.Time.Sub(start)/time.Second))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" || total != tt.total {
					t.Errorf("of %d, want %d (-want +got):\n%s", total, tt.total, diff)
				}
			})
		}
		audits, _, err := s.MgmtAudits(ctx, api.MgmtQuery{Usernames: []string{"User1"}, Types: []string{"rule"}})
		must(t, err)
		want := []api.MgmtAudit{{API: "/api/v1/x", Diff: "100% of _1", Failure: true, SourceIP: "127.0.0.1", Status: "done", Time: start.Add(time.Second), Type: api.MgmtRule, Username: "User1"}}
		if diff := cmp.Diff(want, audits); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
		_, _, err = s.MgmtAudits(ctx, api.MgmtQuery{Page: api.Page{Sort: "seq; DROP TABLE documents"}})
		wantCode(t, err, autodefend.CodeInvalid)
		if n, err := s.ExpireMgmt(ctx, start.Add(2*time.Second)); n != 2 || err != nil {
			t.Errorf("%d expired, %v, want 2", n, err)
		}
		if _, total, err := s.MgmtAudits(ctx, api.MgmtQuery{}); total != 3 || err != nil {
			t.Errorf("%d are left, %v, want 3", total, err)
		}
	})
}
