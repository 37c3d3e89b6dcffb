package store

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store/pgtest"
)

func TestBackupAndRestore(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	path, backup := filepath.Join(dir, "con?sole #1.db"), filepath.Join(dir, "backup.db")
	s, err := Open(ctx, Config{Address: path})
	must(t, err)
	e := newEstate(1, 5, time.Hour)
	count := func(s *Store) int {
		n, err := s.CountAudits(ctx, api.AuditQuery{Stream: api.StreamRuntime})
		must(t, err)
		return n.Total
	}
	ctxWriting, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { // the store goes on meanwhile
		defer close(ended)
		for ctxWriting.Err() == nil {
			_, _ = s.AppendAudits(ctxWriting, []api.AuditRecord{e.audit(1000)})
		}
	}()
	must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindUser, ID: "u", Body: []byte("1")}}, nil))
	must(t, s.Backup(ctx, backup))
	stop()
	<-ended
	wantCode(t, s.Backup(ctx, backup), autodefend.CodeConflict)
	wantCode(t, Restore(ctx, Config{Address: path}, backup), autodefend.CodeConflict) // in use
	must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindUser, ID: "later", Body: []byte("1")}}, nil))
	before := count(s)
	must(t, s.Close())

	must(t, Restore(ctx, Config{Address: path, Now: func() time.Time { return start }}, backup))
	s = openSQLite(t, Config{Address: path})
	if _, err := s.Document(ctx, api.KindUser, "u"); err != nil {
		t.Error(err)
	}
	_, err = s.Document(ctx, api.KindUser, "later")
	wantCode(t, err, autodefend.CodeNotFound)
	restored, err := s.Audits(ctx, api.AuditQuery{Stream: api.StreamRuntime})
	must(t, err)
	if len(restored) != count(s) {
		t.Errorf("%d audits are restored, %d are counted", len(restored), count(s))
	}
	aside := openSQLite(t, Config{Address: path + ".replaced-20261122T120000Z"})
	if got := count(aside); got != before {
		t.Errorf("the replaced database has %d audits, want %d", got, before)
	}
	_, err = aside.Document(ctx, api.KindUser, "later")
	must(t, err)
}

func TestRestoreRefuses(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "console.db")
	must(t, os.WriteFile(filepath.Join(dir, "text"), []byte("not a database, but long enough to have a header"), 0o600))
	s, err := Open(ctx, Config{Address: path})
	must(t, err)
	must(t, s.Write(ctx, []api.DocumentChange{{Kind: api.KindUser, ID: "u", Body: make([]byte, 100_000)}}, nil))
	must(t, s.Backup(ctx, filepath.Join(dir, "backup")))
	must(t, s.Close())
	whole, err := os.ReadFile(filepath.Join(dir, "backup"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "cut"), whole[:len(whole)/2], 0o600))
	want, err := os.ReadFile(path)
	must(t, err)
	for name, code := range map[string]autodefend.Code{"none": autodefend.CodeNotFound, "text": autodefend.CodeUnavailable, "cut": autodefend.CodeUnavailable} {
		wantCode(t, Restore(ctx, Config{Address: path}, filepath.Join(dir, name)), code)
		if got, err := os.ReadFile(path); err != nil || string(got) != string(want) {
			t.Errorf("%s: the database changed, %v", name, err)
		}
	}
}

func TestPostgresHasItsOwnTools(t *testing.T) {
	address := pgtest.Start(t)
	s := open(t, Config{Address: address})
	for _, err := range []error{s.Backup(t.Context(), "x"), Restore(t.Context(), Config{Address: address}, "x")} {
		wantCode(t, err, autodefend.CodeInvalid)
		if autodefend.ErrorHint(err) == "" {
			t.Errorf("%v has no hint", err)
		}
	}
}

// TestReplicasHearEachOther: what one replica stores is told to those who watch another.
func TestReplicasHearEachOther(t *testing.T) {
	address := pgtest.Start(t)
	a, b := open(t, Config{Address: address}), open(t, Config{Address: address})
	heard := b.Watch(t.Context())
	e := newEstate(1, 5, time.Hour)
	for range 2 {
		_, err := a.AppendAudits(t.Context(), []api.AuditRecord{e.audit(10)})
		must(t, err)
		<-heard
	}
	page, err := b.Audits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime})
	if err != nil || len(page) != 2 || page[0].Function == "" {
		t.Errorf("the other replica finds %+v, %v", page, err)
	}
}
