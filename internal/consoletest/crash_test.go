package consoletest

import (
	"context"
	"math"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store"
	"github.com/autodefend/autodefend/internal/store/pgtest"
)

// times is how often a test repeats what it does to the database: seldom, or as often as the product promises.
func times(seldom, often int) int {
	if *long {
		return often
	}
	return seldom
}

// TestKills kills the process that writes, again and again.
func TestKills(t *testing.T) {
	for name, address := range map[string]func(t testing.TB) string{
		"SQLite":     func(t testing.TB) string { return filepath.Join(t.TempDir(), "console.db") },
		"PostgreSQL": pgtest.Start,
	} {
		t.Run(name, func(t *testing.T) {
			database := address(t)
			all := acknowledged{audits: map[string]bool{}}
			kills := times(12, 200)
			for range kills {
				writeUntilKilled(t, database, &all)
				all.check(t, database)
			}
			t.Logf("%d kills: %d audits and %d writes of a document were acknowledged and are there", kills, len(all.audits), all.counter)
		})
	}
}

// TestPowerCuts kills the process that writes and takes from its disk what wasn't synchronized.
func TestPowerCuts(t *testing.T) {
	disk := mountForgetful(t)
	database := filepath.Join(disk.dir, "console.db")
	all := acknowledged{audits: map[string]bool{}}
	cuts := times(8, 50)
	for range cuts {
		writeUntilKilled(t, database, &all)
		disk.cutPower(t)
		all.check(t, database)
		disk.cutPower(t) // what looking did is forgotten too
	}
	t.Logf("%d power cuts, %s synchronizations: %d audits and %d writes of a document were acknowledged and are there",
		cuts, disk.synchronizations(t), len(all.audits), all.counter)
}

// check fails the test unless all that was acknowledged is in the database, once. More may be there: what was stored when
// the writer could no longer be told.
func (a *acknowledged) check(t *testing.T, address string) {
	t.Helper()
	ctx := t.Context()
	s, err := store.Open(ctx, store.Config{Address: address})
	if err != nil {
		t.Fatalf("open after the crash: %v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	there := settledAudits(ctx, t, s)
	for id := range a.audits {
		switch there[id] {
		case 0:
			t.Fatalf("audit %s was acknowledged and is gone", id)
		case 1:
		default:
			t.Fatalf("audit %s is there %d times", id, there[id])
		}
	}
	a.checkCounter(ctx, t, s)
}

// checkCounter compares the document with what was acknowledged, and with the management audits that came with it.
func (a *acknowledged) checkCounter(ctx context.Context, t *testing.T, s *store.Store) {
	t.Helper()
	if a.counter == 0 {
		return
	}
	d, err := s.Document(ctx, api.KindSettings, counter)
	if err != nil {
		t.Fatal(err)
	}
	if d.Version < a.counter || string(d.Body) != `{"n":`+strconv.FormatInt(d.Version, 10)+`}` {
		t.Fatalf("version %d of the document was acknowledged; version %d is there: %s", a.counter, d.Version, d.Body)
	}
	_, total, err := s.MgmtAudits(ctx, api.MgmtQuery{Page: api.Page{Limit: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if int64(total) != d.Version {
		t.Fatalf("the document was written %d times, with %d management audits", d.Version, total)
	}
}

// settledAudits counts the audits by id and compares them with what the store has counted. PostgreSQL may commit what the
// writer had sent before it was killed between the two questions, so they are asked again when they differ.
func settledAudits(ctx context.Context, t *testing.T, s *store.Store) map[string]int {
	t.Helper()
	for attempt := 0; ; attempt++ {
		there, counted := storedAudits(ctx, t, s), 0
		tallies, err := s.Tally(ctx, api.AuditQuery{Stream: api.StreamRuntime}, "effect", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, tally := range tallies {
			counted += tally.Count
		}
		if counted == len(there) {
			return there
		}
		if attempt == 5 {
			t.Fatalf("%d audits are counted and %d are there", counted, len(there))
		}
	}
}

// storedAudits counts the audits by id.
func storedAudits(ctx context.Context, t *testing.T, s *store.Store) map[string]int {
	t.Helper()
	there := map[string]int{}
	// A bound makes it the order of sequences from the first page on.
	q := api.AuditQuery{Stream: api.StreamRuntime, Before: math.MaxInt64, Page: api.Page{Limit: 5000}}
	for {
		page, err := s.Audits(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			there[r.ID]++
		}
		if len(page) < q.Page.Limit {
			return there
		}
		q.Before = page[len(page)-1].Sequence
	}
}
