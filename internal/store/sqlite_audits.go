package store

import (
	"context"
	"database/sql"
	"errors"
)

func (sqlite) shared() bool { return false }

// insertAudits tells for each audit whether it was new.
func (sqlite) insertAudits(ctx context.Context, tx *tx, audits []newAudit) ([]bool, error) {
	added := make([]bool, len(audits))
	row := context.WithoutCancel(ctx) // the driver would start a goroutine for each row to watch it
	for i := range audits {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a := &audits[i]
		n, err := tx.exec(row, `INSERT INTO audits (seq, stream, series, time, received, request, count, id, request_id, msg, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			a.seq, a.stream, a.series, a.time, a.received, a.requestSum, a.count, a.id, a.requestID, a.msg, a.body)
		if err != nil {
			return nil, err
		}
		added[i] = n == 1
	}
	return added, nil
}

func (sqlite) readTallies(ctx context.Context, tx *tx, parts []tallyPart) (map[tallyPart][]byte, error) {
	stored := make(map[tallyPart][]byte, len(parts))
	row := context.WithoutCancel(ctx)
	for _, p := range parts {
		var counts []byte
		err := tx.queryRow(row, "SELECT counts FROM audit_tallies WHERE tier = ? AND bucket = ? AND part = ?", p.tier, p.bucket, p.part).Scan(&counts)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		stored[p] = counts
	}
	return stored, nil
}

func (sqlite) writeTallies(ctx context.Context, tx *tx, rows []tallyRow) error {
	row := context.WithoutCancel(ctx)
	for _, r := range rows {
		query, args := "INSERT OR REPLACE INTO audit_tallies (tier, bucket, part, counts) VALUES (?, ?, ?, ?)", []any{r.tier, r.bucket, r.part, r.counts}
		if len(r.counts) == 0 {
			query, args = "DELETE FROM audit_tallies WHERE tier = ? AND bucket = ? AND part = ?", args[:3]
		}
		if _, err := tx.exec(row, query, args...); err != nil {
			return err
		}
	}
	return nil
}

func (sqlite) begin() string { return "BEGIN IMMEDIATE" }

func (sqlite) execMany(ctx context.Context, tx *tx, query string, rows [][]any) error {
	for _, row := range rows {
		if _, err := tx.exec(ctx, query, row...); err != nil {
			return err
		}
	}
	return nil
}

func (sqlite) commit(ctx context.Context, tx *tx) error {
	// The driver would report a context that ended meanwhile in place of what became of the transaction.
	_, err := tx.conn.ExecContext(context.WithoutCancel(ctx), "COMMIT")
	return err
}

// listen has nothing to hear: no other process writes.
func (sqlite) listen(context.Context, *Store, func()) {}
