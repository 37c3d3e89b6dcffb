package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/store/pgtest"
)

// start is when the tests' clock begins.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// onEach runs a test of the conformance suite on each database.
func onEach(t *testing.T, f func(t *testing.T, s *Store)) {
	t.Run("sqlite", func(t *testing.T) { f(t, openSQLite(t, Config{uncounted: 300})) })
	t.Run("postgres", func(t *testing.T) { f(t, open(t, Config{Address: pgtest.Start(t), uncounted: 300})) })
}

func openSQLite(t testing.TB, c Config) *Store {
	t.Helper()
	if c.Address == "" {
		c.Address = filepath.Join(t.TempDir(), "console.db")
	}
	return open(t, c)
}

func open(t testing.TB, c Config) *Store {
	t.Helper()
	if c.Now == nil {
		c.Now = func() time.Time { return start }
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// wantCode fails the test unless err has the code.
func wantCode(t *testing.T, err error, want autodefend.Code) {
	t.Helper()
	if got := autodefend.ErrorCode(err); got != want {
		t.Fatalf("error %v has code %q, want %q", err, got, want)
	}
}

// must fails the test when there is an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestMain keeps one PostgreSQL for all tests.
func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
