package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/store/pgtest"
	"github.com/google/go-cmp/cmp"
)

// eachDialect runs a test with an empty database of each kind.
func eachDialect(t *testing.T, f func(t *testing.T, c Config)) {
	t.Run("sqlite", func(t *testing.T) { f(t, Config{Address: filepath.Join(t.TempDir(), "x.db")}) })
	t.Run("postgres", func(t *testing.T) { f(t, Config{Address: pgtest.Start(t)}) })
}

// with gives a test the writing connection of a database.
func with(t *testing.T, c Config, f func(db *sql.DB, d dialect)) {
	t.Helper()
	d, err := dialectOf(c.withDefaults())
	must(t, err)
	db, err := d.open(writing)
	must(t, err)
	f(db, d)
	must(t, db.Close())
}

// TestMigrateFromEveryVersion: each earlier database, with something in it, becomes what a new one is.
func TestMigrateFromEveryVersion(t *testing.T) {
	filling := []string{
		"INSERT INTO documents (kind, id, version, modified, body) VALUES ('user', 'u', 7, 0, CAST('1' AS %s))",
		"UPDATE counters SET value = 41 WHERE name = 'audit'",
	}
	eachDialect(t, func(t *testing.T, c Config) {
		d, err := dialectOf(c.withDefaults())
		must(t, err)
		steps, err := migrations(d)
		must(t, err)
		for version := range steps {
			t.Run(fmt.Sprint(version), func(t *testing.T) {
				c := c
				if _, ok := d.(sqlite); ok {
					c.Address = filepath.Join(t.TempDir(), "x.db")
				} else {
					c.Address = pgtest.Start(t)
				}
				with(t, c, func(db *sql.DB, d dialect) {
					must(t, migrateTo(t.Context(), db, d, steps[:version], time.Now))
					for i, s := range filling {
						if i < version {
							_, err := db.Exec(strings.ReplaceAll(s, "%s", map[bool]string{true: "bytea", false: "BLOB"}[d.shared()]))
							must(t, err)
						}
					}
				})
				s := open(t, c)
				if _, err := s.Document(t.Context(), api.KindUser, "u"); version >= 1 && err != nil {
					t.Error(err)
				}
				_, err := s.AppendAudits(t.Context(), []api.AuditRecord{newEstate(1, 5, time.Hour).audit(1)})
				must(t, err)
				page, err := s.Audits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime})
				if want := int64(1); err != nil || version >= 2 && page[0].Sequence != 42 || version < 2 && page[0].Sequence != want {
					t.Errorf("page %+v, %v", page, err)
				}
				fresh := c
				if _, ok := d.(sqlite); ok {
					fresh.Address = filepath.Join(t.TempDir(), "fresh.db")
				} else {
					fresh.Address = pgtest.Start(t)
				}
				if diff := cmp.Diff(schemaOf(t, open(t, fresh)), schemaOf(t, s)); diff != "" {
					t.Errorf("schema (-new +migrated):\n%s", diff)
				}
			})
		}
	})
}

func schemaOf(t *testing.T, s *Store) []string {
	t.Helper()
	query := "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
	if s.dialect.shared() {
		query = "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = 'public' UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
	}
	var all []string
	_, err := s.each(t.Context(), s.db, query, nil, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		all = append(all, line)
		return err
	})
	must(t, err)
	return all
}

// TestRefusesOtherDatabases: what isn't ours, or newer, or changed, is left as it is.
func TestRefusesOtherDatabases(t *testing.T) {
	tests := []struct {
		name, change, says, hint string
	}{
		{"newer", "INSERT INTO schema_versions (version, name, sum, applied) VALUES (99, '0099_x.sql', 'x', 0)", "newer version", "restore"},
		{"changed", "UPDATE schema_versions SET sum = 'x' WHERE version = 2", "step 2", "restore"},
		{"foreign", "DROP TABLE schema_versions", "aren't the Console's", "of its own"},
	}
	eachDialect(t, func(t *testing.T, c Config) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := c
				file := !strings.HasPrefix(c.Address, "postgres:")
				if c.Address = pgtest.Start(t); file {
					c.Address = filepath.Join(t.TempDir(), "x.db")
				}
				s, err := Open(t.Context(), c)
				must(t, err)
				must(t, s.Close())
				with(t, c, func(db *sql.DB, _ dialect) {
					_, err := db.Exec(tt.change)
					must(t, err)
				})
				var before []byte
				if file {
					before, err = os.ReadFile(c.Address)
					must(t, err)
				}
				_, err = Open(t.Context(), c)
				wantCode(t, err, autodefend.CodeInvalid)
				if !strings.Contains(err.Error(), tt.says) || !strings.Contains(autodefend.ErrorHint(err), tt.hint) {
					t.Errorf("error %q, hint %q", err, autodefend.ErrorHint(err))
				}
				if !file {
					return
				}
				if after, err := os.ReadFile(c.Address); err != nil || !bytes.Equal(before, after) {
					t.Errorf("the file changed, %v", err)
				}
			})
		}
	})
}

// TestRefusesDamagedFiles: they stay as they are, and the hint says what to do.
func TestRefusesDamagedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := Open(t.Context(), Config{Address: path})
	must(t, err)
	must(t, s.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	garbage := bytes.Clone(whole)
	for i := 100; i < len(garbage); i++ {
		garbage[i] = byte(i * 7)
	}
	for name, content := range map[string][]byte{
		"text": []byte("hello"), "header": append([]byte("SQLite format 4\x00"), whole[16:]...), "cut": whole[:5000], "garbage": garbage,
		"start": []byte(sqliteHeader),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			must(t, os.WriteFile(path, content, 0o600))
			_, err := Open(t.Context(), Config{Address: path})
			wantCode(t, err, autodefend.CodeUnavailable)
			if !strings.Contains(autodefend.ErrorHint(err), "restore") {
				t.Errorf("error %q has the hint %q", err, autodefend.ErrorHint(err))
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(content, after) {
				t.Errorf("the file changed, %v", err)
			}
		})
	}
}

func TestOpenRefusesAddresses(t *testing.T) {
	for _, address := range []string{"", "mysql://x", "/nowhere/at/all/x.db", "postgres://%zz"} {
		_, err := Open(t.Context(), Config{Address: address})
		wantCode(t, err, autodefend.CodeInvalid)
		if autodefend.ErrorHint(err) == "" {
			t.Errorf("%q: %v has no hint", address, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := Open(ctx, Config{Address: "postgres://secret:word@127.0.0.1:1/x"})
	wantCode(t, err, autodefend.CodeUnavailable)
	if strings.Contains(err.Error(), "word") {
		t.Errorf("%v tells the password", err)
	}
}

// TestMigrateAtOnce: replicas that start together migrate once.
func TestMigrateAtOnce(t *testing.T) {
	c := Config{Address: pgtest.Start(t)}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(t.Context(), c)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestReplicasStoreTogether: two replicas that store the same audits of new functions at the same time count each once.
func TestReplicasStoreTogether(t *testing.T) {
	address := pgtest.Start(t)
	replicas := []*Store{open(t, Config{Address: address, uncounted: 100}), open(t, Config{Address: address, uncounted: 100})}
	m, e := newModel(), newEstate(3, 40, 24*time.Hour)
	batches := made(e, 60, 20, 1200)
	var wg sync.WaitGroup
	for i, s := range replicas {
		for part := range 4 {
			wg.Go(func() {
				for k := range batches {
					if _, err := s.AppendAudits(t.Context(), batches[(k+part*7+i*13)%len(batches)]); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for _, batch := range batches {
		for _, a := range batch {
			m.add(a)
		}
	}
	for _, s := range replicas {
		for _, q := range []api.AuditQuery{{}, {Rules: []string{"rule 3", "rule 7"}}, {Functions: []string{"svc-0001", "svc-0002"}}} {
			q.Stream = api.StreamRuntime
			count, err := s.CountAudits(t.Context(), q)
			must(t, err)
			if want := len(m.matching(q)); count.Total != want {
				t.Errorf("%d are counted, want %d", count.Total, want)
			}
			tally, err := s.Tally(t.Context(), q, "type", 0)
			must(t, err)
			if diff := cmp.Diff(m.tally(q, "type"), tally); diff != "" {
				t.Errorf("tally (-want +got):\n%s", diff)
			}
		}
	}
	a, err := replicas[0].Audits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime})
	must(t, err)
	b, err := replicas[1].Audits(t.Context(), api.AuditQuery{Stream: api.StreamRuntime})
	must(t, err)
	if diff := cmp.Diff(a, b); diff != "" || len(a) != len(m.audits) {
		t.Errorf("the replicas' pages differ, of %d audits (-first +second):\n%s", len(a), diff)
	}
}
