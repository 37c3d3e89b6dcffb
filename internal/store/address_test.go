package store

import (
	"os"
	"path/filepath"
	"testing"
)

func TestVerified(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for address, want := range map[string]string{
		"postgres://u:p@db.internal/x":                "postgres://u:p@db.internal/x?sslmode=verify-full",
		"postgres://db.internal:5432/x?pool=1":        "postgres://db.internal:5432/x?pool=1&sslmode=verify-full",
		"postgres://192.0.2.1/x":                      "postgres://192.0.2.1/x?sslmode=verify-full",
		"postgres://db.internal/x?sslmode=disable":    "postgres://db.internal/x?sslmode=disable",
		"postgres://127.0.0.1/x":                      "postgres://127.0.0.1/x",
		"postgres://[::1]:5432/x":                     "postgres://[::1]:5432/x",
		"postgres://localhost/x":                      "postgres://localhost/x",
		"postgres:///x?host=/var/run/postgresql":      "postgres:///x?host=/var/run/postgresql",
		"postgres://u@%2Fvar%2Frun%2Fpostgresql/name": "postgres://u@%2Fvar%2Frun%2Fpostgresql/name",
	} {
		if got := verified(address); got != want {
			t.Errorf("%s became %s, want %s", address, got, want)
		}
	}
}

func TestOnlyTheOwnerReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.db")
	s, err := Open(t.Context(), Config{Address: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}
