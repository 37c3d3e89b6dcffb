package store

import (
	"context"
	"database/sql"
)

// lockMigrations has nothing to do: the writing connection begins with the database's only write lock.
func (sqlite) lockMigrations(context.Context, *sql.Tx) error { return nil }

func (sqlite) hasTable(ctx context.Context, tx *sql.Tx, name string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema
		WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND (?1 = '' OR name = ?1)`, name).Scan(&n)
	return n > 0, err
}

// retryable: only one connection writes, so nobody loses against another.
func (sqlite) retryable(error) bool { return false }
