package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store/pgtest"
	"github.com/google/go-cmp/cmp"
)

// probed is a database that calls probe before each query.
type probed struct {
	queryer
	probe func()
}

func (p probed) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.probe()
	return p.queryer.QueryContext(ctx, query, args...)
}

// TestRefreshLocksNothingWhileItReads: those who hold the connections that it may wait for look up what they read.
func TestRefreshLocksNothingWhileItReads(t *testing.T) {
	address := pgtest.Start(t)
	a, b := open(t, Config{Address: address}), open(t, Config{Address: address})
	_, err := a.AppendAudits(t.Context(), []api.AuditRecord{newEstate(1, 5, time.Hour).audit(1)})
	must(t, err)
	queries := 0
	must(t, b.dimensions.refresh(t.Context(), b, probed{b.db, func() {
		queries++
		if !b.dimensions.mu.TryRLock() {
			t.Errorf("query %d is made with the lock held", queries)
			return
		}
		b.dimensions.mu.RUnlock()
	}}))
	if queries != 4 || b.dimensions.series.last() == 0 {
		t.Errorf("%d queries, and series up to %d", queries, b.dimensions.series.last())
	}
}

// committing is a dialect that calls ended when a transaction was committed, before the store knows, with what became of
// it; the store is told what ended returns.
type committing struct {
	dialect
	ended func(err error) error
}

func (c committing) commit(ctx context.Context, tx *tx) error {
	return c.ended(c.dialect.commit(ctx, tx))
}

// TestNewSeriesAreReadWhole: audits of a new function that are there before the store, or this replica, knows the function
// are read with all that belongs to them, and those who follow a selection don't miss them.
func TestNewSeriesAreReadWhole(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx, e := t.Context(), newEstate(1, 5, time.Hour)
		known, added := e.audit(2), e.audit(2)
		e.describe(&known, 1, 1)
		e.describe(&added, 2, 2)
		_, err := s.AppendAudits(ctx, []api.AuditRecord{known})
		must(t, err)
		queries := map[string]api.AuditQuery{
			"newest":          {Page: api.Page{Limit: 1}},
			"following":       {After: 1},
			"following types": {After: 1, Types: []string{added.Type}, Rules: []string{added.Rule}},
			"following scope": {After: 1, Scopes: []api.FunctionScope{{Functions: []string{added.Function}}}},
		}
		selections := make(map[string]selection)
		for name, q := range queries {
			q.Stream = api.StreamRuntime
			queries[name] = q
			selections[name], err = s.selection(ctx, &q, streamRuntime)
			must(t, err)
		}
		want := added
		want.Sequence = 2
		s.dialect = committing{s.dialect, func(err error) error {
			for name, q := range queries {
				sel := selections[name]
				var found []api.AuditRecord
				if _, err := s.eachAudit(ctx, &q, &sel, 0, 1, func(a *api.AuditRecord) { found = append(found, *a) }); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if diff := cmp.Diff([]api.AuditRecord{want}, found); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
				s.dimensions.forget()
			}
			return err
		}}
		_, err = s.AppendAudits(ctx, []api.AuditRecord{added})
		must(t, err)
	})
}

// TestNewSeriesAreCounted by what they say, before the store knows them.
func TestNewSeriesAreCounted(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx, a := t.Context(), newEstate(1, 5, time.Hour).audit(1)
		c, _ := columns("rule")
		s.dialect = committing{s.dialect, func(err error) error {
			sel := selection{stream: streamRuntime}
			found := idCounts{series: make(map[int64]int64), keys: make(map[int64]int64)}
			f, _ := sel.family(&c)
			must(t, s.reading(ctx, "count", func(tx *sql.Tx) error { return s.tallyCounts(ctx, tx, &sel, f, boundsOf(&api.AuditQuery{}), found) }))
			var kind int64
			must(t, s.db.QueryRow("SELECT id FROM audit_kinds").Scan(&kind))
			found.keys[kind] = 4 // as if another replica had counted some already
			tally := make(map[string]int64)
			must(t, s.addValues(ctx, c, found, tally))
			if diff := cmp.Diff(map[string]int64{a.Rule: 5}, tally); diff != "" {
				t.Errorf("tally (-want +got):\n%s", diff)
			}
			return err
		}}
		_, err := s.AppendAudits(ctx, []api.AuditRecord{a})
		must(t, err)
	})
}

// TestCommitThatOnlySeemsToFail: what it stored is found and counted as everything else, whether somebody looks for it,
// or its function has more audits, or only others have.
func TestCommitThatOnlySeemsToFail(t *testing.T) {
	for _, next := range []string{"found", "continued", "counted"} {
		t.Run(next, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *Store) {
				ctx, e := t.Context(), newEstate(1, 5, time.Hour)
				batches := made(e, 3, 200, 600)
				for n, batch := range batches {
					for i := range batch {
						e.describe(&batch[i], min(n, 1), 1)
					}
				}
				_, err := s.AppendAudits(ctx, batches[0])
				must(t, err)
				if next == "continued" { // too few for anything to be counted before its function has more
					batches[1] = batches[1][:50]
				}
				own := s.dialect
				s.dialect = committing{own, func(err error) error { return errors.Join(err, context.DeadlineExceeded) }}
				_, err = s.AppendAudits(ctx, batches[1])
				wantCode(t, err, autodefend.CodeUnavailable)
				s.dialect = own
				want := []api.Tally{{Value: "svc-0000", Count: 201}, {Value: "svc-0001", Count: 200}}
				switch next {
				case "found":
					q := api.AuditQuery{Stream: api.StreamRuntime, Functions: []string{batches[1][0].Function}}
					if page, err := s.Audits(ctx, q); err != nil || len(page) != 200 || page[0].Function != q.Functions[0] {
						t.Errorf("%d are found, %v", len(page), err)
					}
				case "continued":
					_, err = s.AppendAudits(ctx, batches[2])
					must(t, err)
					want = []api.Tally{{Value: "svc-0001", Count: 250}, {Value: "svc-0000", Count: 201}}
				}
				again := batches[0][0]
				again.ID = "again"
				_, err = s.AppendAudits(ctx, []api.AuditRecord{again}) // counts those before it
				must(t, err)
				if s.counted.Load() < 400 {
					t.Fatalf("counted up to %d", s.counted.Load())
				}
				tally, err := s.Tally(ctx, api.AuditQuery{Stream: api.StreamRuntime}, "function", 0)
				must(t, err)
				if diff := cmp.Diff(want, tally); diff != "" {
					t.Errorf("tally (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// forget makes as if nothing had been read of the small tables.
func (d *dimensions) forget() {
	none := newDimensions()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sources, d.kinds, d.series, d.classes, d.classOf, d.upTo = none.sources, none.kinds, none.series, none.classes, none.classOf, 0
}
