package store

import (
	"context"
	"database/sql"
)

// migrationLock is a number that nobody else is likely to lock.
const migrationLock = 7225468293401

func (postgres) lockMigrations(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock))
	return err
}

func (postgres) hasTable(ctx context.Context, tx *sql.Tx, name string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND ($1 = '' OR tablename = $1)", name).Scan(&n)
	return n > 0, err
}
