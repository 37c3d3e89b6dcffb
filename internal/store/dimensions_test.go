package store

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store/pgtest"
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
