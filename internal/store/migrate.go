package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
)

//go:embed migrations
var migrationFiles embed.FS

// migration is one step forward. Steps that were released never change: a database knows their sums.
type migration struct {
	version int
	name    string
	sql     string
	sum     string
}

// migrations returns a dialect's steps in order.
func migrations(d dialect) ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/"+d.name()+"/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	steps := make([]migration, len(names))
	for i, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		steps[i] = migration{version: i + 1, name: path.Base(name), sql: string(text), sum: hex.EncodeToString(sum[:])}
	}
	return steps, nil
}

const makeVersions = `CREATE TABLE IF NOT EXISTS schema_versions (
  version BIGINT PRIMARY KEY, name TEXT NOT NULL, sum TEXT NOT NULL, applied BIGINT NOT NULL)`

// migrate brings a database up to date, each step in a transaction of its own.
func migrate(ctx context.Context, db *sql.DB, d dialect, now func() time.Time) error {
	steps, err := migrations(d)
	if err != nil {
		return err
	}
	return migrateTo(ctx, db, d, steps, now)
}

func migrateTo(ctx context.Context, db *sql.DB, d dialect, steps []migration, now func() time.Time) error {
	for {
		done, err := step(ctx, db, d, steps, now)
		if err != nil {
			return failure("migrate the database", d, err)
		}
		if done {
			return nil
		}
	}
}

// step carries out the first step that is missing; true when none is. The lock keeps other replicas out.
func step(ctx context.Context, db *sql.DB, d dialect, steps []migration, now func() time.Time) (bool, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back, and before one the error is another
	if err := d.lockMigrations(ctx, tx); err != nil {
		return false, err
	}
	exists, err := d.hasTable(ctx, tx, "schema_versions")
	if err != nil {
		return false, err
	}
	version := 0
	if exists {
		if version, err = checkVersions(ctx, tx, steps); err != nil {
			return false, err
		}
	} else if err := refuseForeign(ctx, tx, d); err != nil {
		return false, err
	}
	if exists && version == len(steps) {
		return true, nil
	}
	if _, err := tx.ExecContext(ctx, makeVersions); err != nil {
		return false, err
	}
	if version == len(steps) {
		return true, tx.Commit()
	}
	next := steps[version]
	if _, err := tx.ExecContext(ctx, next.sql); err != nil {
		return false, fmt.Errorf("%s: %w", next.name, err)
	}
	_, err = tx.ExecContext(ctx, d.sql("INSERT INTO schema_versions (version, name, sum, applied) VALUES (?, ?, ?, ?)"),
		next.version, next.name, next.sum, now().UnixMilli())
	if err != nil {
		return false, err
	}
	return false, tx.Commit()
}

// checkVersions returns the version of a database, or an error when it isn't one of ours up to a version that we know.
func checkVersions(ctx context.Context, tx *sql.Tx, steps []migration) (int, error) {
	rows, err := tx.QueryContext(ctx, "SELECT version, name, sum FROM schema_versions ORDER BY version")
	if err != nil {
		return 0, err
	}
	defer rows.Close() //nolint:errcheck // it was only read
	n := 0
	for rows.Next() {
		var m migration
		if err := rows.Scan(&m.version, &m.name, &m.sum); err != nil {
			return 0, err
		}
		if n >= len(steps) {
			return 0, autodefend.Errorf(autodefend.CodeInvalid, "the database was written by a newer version (its schema is %d, this program knows %d)", m.version, len(steps)).
				WithHint("nothing was changed; run the newer version, or restore a backup made before it with: autodefend console restore")
		}
		if m.version != steps[n].version || m.sum != steps[n].sum {
			return 0, autodefend.Errorf(autodefend.CodeInvalid, "the database's schema differs from what this program knows at step %d (%s)", m.version, m.name).
				WithHint("nothing was changed; run the version that made it, or restore a backup with: autodefend console restore")
		}
		n++
	}
	return n, rows.Err()
}

// refuseForeign keeps our tables out of a database that is somebody else's.
func refuseForeign(ctx context.Context, tx *sql.Tx, d dialect) error {
	foreign, err := d.hasTable(ctx, tx, "")
	if err != nil || !foreign {
		return err
	}
	return autodefend.Errorf(autodefend.CodeInvalid, "the database has tables that aren't the Console's").
		WithHint("nothing was changed; give the Console a database of its own")
}
