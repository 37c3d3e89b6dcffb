package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store/pgtest"
	"github.com/jackc/pgx/v5"
)

// TestFullDisk: a full database refuses writes with the right code, goes on reading, and recovers by itself.
func TestFullDisk(t *testing.T) {
	s := openSQLite(t, Config{})
	ctx := t.Context()
	e := newEstate(1, 50, time.Hour)
	batch := made(e, 1, 2000, 2000)[0]
	_, err := s.AppendAudits(ctx, batch[:10])
	must(t, err)
	// The limit is the connection's, and goes with it.
	must(t, s.writer.do(ctx, "limit", 1, func(ctx context.Context, tx *tx) error {
		var pages int64
		return tx.queryRow(ctx, "PRAGMA max_page_count = 60").Scan(&pages)
	}))
	_, err = s.AppendAudits(ctx, batch)
	wantCode(t, err, autodefend.CodeUnavailable)
	page, err := s.Audits(ctx, api.AuditQuery{Stream: api.StreamRuntime})
	if err != nil || len(page) != 10 {
		t.Errorf("%d audits are read, %v, want 10", len(page), err)
	}
	n, err := s.AppendAudits(ctx, batch)
	if err != nil || n != 1990 {
		t.Errorf("%d were new when there was room again, %v, want 1990", n, err)
	}
}

// TestEmptyFile: it becomes a database.
func TestEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	must(t, os.WriteFile(path, nil, 0o600))
	s := openSQLite(t, Config{Address: path})
	must(t, s.Ping(t.Context()))
}

// TestQueueIsBounded: when the writer can't keep up, callers are told at once.
func TestQueueIsBounded(t *testing.T) {
	s := openSQLite(t, Config{Queue: 2})
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.writer.do(context.Background(), "hold", 1, func(context.Context, *tx) error {
			close(held)
			<-hold
			return nil
		})
	})
	<-held
	abandoned, cancel := context.WithCancel(t.Context())
	for i := range 2 {
		j := &job{ctx: abandoned, run: func(context.Context, *tx) error { t.Error("an abandoned write is carried out"); return nil }, size: 1, done: make(chan error, 1)}
		if err := s.writer.submit(j); err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	err := s.Write(t.Context(), []api.DocumentChange{{Kind: api.KindUser, ID: "u", Body: []byte("1")}}, nil)
	wantCode(t, err, autodefend.CodeUnavailable)
	if autodefend.ErrorHint(err) == "" {
		t.Error("no hint")
	}
	if _, err := s.Documents(t.Context(), api.KindUser); err != nil {
		t.Errorf("reading: %v", err)
	}
	cancel()
	close(hold)
	wg.Wait()
	for err = unavailable("not tried yet"); autodefend.ErrorCode(err) == autodefend.CodeUnavailable; { // the abandoned ones are put aside first
		err = s.Write(t.Context(), []api.DocumentChange{{Kind: api.KindUser, ID: "u", Body: []byte("1")}}, nil)
	}
	must(t, err)
}

// TestServerEndsConnections: a PostgreSQL that ends its connections costs the writes of that moment, and no restart.
func TestServerEndsConnections(t *testing.T) {
	address := pgtest.Start(t)
	s := open(t, Config{Address: address})
	ctx := t.Context()
	e := newEstate(1, 50, time.Hour)
	killer, err := pgx.Connect(ctx, address)
	must(t, err)
	defer killer.Close(ctx)
	stored := 0
	for i := range 10 {
		if i%3 == 2 {
			_, err := killer.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			must(t, err)
		}
		batch := []api.AuditRecord{e.audit(100)}
		for try := range 3 {
			if _, err = s.AppendAudits(ctx, batch); err == nil {
				stored++
				break
			}
			wantCode(t, err, autodefend.CodeUnavailable)
			if try == 2 {
				t.Fatalf("audit %d: %v", i, err)
			}
		}
	}
	var page []api.AuditRecord
	for range 10 { // each of the pool's connections may have to be found dead first
		if page, err = s.Audits(ctx, api.AuditQuery{Stream: api.StreamRuntime}); err == nil {
			break
		}
	}
	if err != nil || len(page) != 10 || stored != 10 {
		t.Errorf("%d of %d audits are there, %v", len(page), stored, err)
	}
}

// TestGroupSurvivesOneFailure: a write that fails in a group of many hurts nobody else.
func TestGroupSurvivesOneFailure(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		hold, held := make(chan struct{}), make(chan struct{})
		go func() {
			_ = s.writer.do(context.Background(), "hold", 1, func(context.Context, *tx) error {
				close(held)
				<-hold
				return nil
			})
		}()
		<-held
		var wg sync.WaitGroup
		errs := make([]error, 30)
		e := newEstate(1, 50, time.Hour)
		audits := made(e, 30, 3, 90)
		for i := range errs {
			wg.Go(func() {
				switch i % 3 {
				case 0:
					_, errs[i] = s.AppendAudits(context.Background(), audits[i])
				case 1:
					errs[i] = s.Write(context.Background(), []api.DocumentChange{{Kind: api.KindRun, ID: fmt.Sprint(i), Body: []byte("1")}}, nil)
				default:
					errs[i] = s.writer.do(context.Background(), "fail", 1, func(ctx context.Context, tx *tx) error {
						if _, err := tx.exec(ctx, "INSERT INTO counters (name, value) VALUES (?, 1)", fmt.Sprint("lost", i)); err != nil {
							return err
						}
						_, err := tx.exec(ctx, "INSERT INTO counters (name, value) VALUES ('audit', 1)")
						return err
					})
				}
			})
		}
		close(hold)
		wg.Wait()
		for i, err := range errs {
			want := autodefend.Code("")
			if i%3 == 2 {
				want = autodefend.CodeInternal
			}
			if got := autodefend.ErrorCode(err); got != want {
				t.Errorf("write %d: %v", i, err)
			}
		}
		count, err := s.CountAudits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime})
		must(t, err)
		runs, err := s.Documents(t.Context(), api.KindRun)
		must(t, err)
		var lost int
		must(t, s.db.QueryRow("SELECT count(*) FROM counters WHERE name LIKE 'lost%'").Scan(&lost))
		if count.Total != 30 || len(runs) != 10 || lost != 0 {
			t.Errorf("%d audits, %d documents, %d of what failed", count.Total, len(runs), lost)
		}
	})
}
