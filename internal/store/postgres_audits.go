package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

func (postgres) shared() bool { return true }

// begin needs no more than the default isolation: what matters is locked by the counters.
func (postgres) begin() string { return "BEGIN" }

// insertAudits copies those that aren't there yet. Nobody else stores audits meanwhile: the transaction holds the lock of
// their counter. Defenders seldom send an audit twice, so it looks for them only after it has met one.
func (d postgres) insertAudits(ctx context.Context, tx *tx, audits []newAudit) ([]bool, error) {
	var added []bool
	err := d.raw(tx, func(conn *pgx.Conn) error {
		known := make(map[auditID]bool, len(audits))
		if tx.wary {
			if err := d.known(ctx, conn, audits, known); err != nil {
				return err
			}
		}
		var err error
		added, err = copyAudits(ctx, conn, audits, known)
		return err
	})
	return added, err
}

// copyAudits stores those that aren't known, each once.
func copyAudits(ctx context.Context, conn *pgx.Conn, audits []newAudit, known map[auditID]bool) ([]bool, error) {
	added, next := make([]bool, len(audits)), 0
	_, err := conn.CopyFrom(ctx, pgx.Identifier{"audits"},
		[]string{"seq", "stream", "series", "time", "received", "request", "count", "id", "request_id", "msg", "body"},
		pgx.CopyFromFunc(func() ([]any, error) {
			for ; next < len(audits); next++ {
				a := &audits[next]
				id := auditID{a.id, a.stream}
				if known[id] {
					continue
				}
				known[id], added[next] = true, true
				next++
				return []any{a.seq, a.stream, a.series, a.time, a.received, a.requestSum, a.count, a.id, a.requestID, a.msg, blob(a.body)}, nil
			}
			return nil, nil
		}))
	return added, err
}

// auditID is what an audit is known by.
type auditID struct {
	id     string
	stream int64
}

// known finds those of the audits that are stored already.
func (postgres) known(ctx context.Context, conn *pgx.Conn, audits []newAudit, known map[auditID]bool) error {
	ids := make([]string, len(audits))
	for i := range audits {
		ids[i] = audits[i].id
	}
	rows, err := conn.Query(ctx, "SELECT id, stream FROM audits WHERE id = ANY($1)", ids)
	if err != nil {
		return err
	}
	var a auditID
	_, err = pgx.ForEachRow(rows, []any{&a.id, &a.stream}, func() error {
		known[a] = true
		return nil
	})
	return err
}

func (d postgres) readTallies(ctx context.Context, tx *tx, parts []tallyPart) (map[tallyPart][]byte, error) {
	stored := make(map[tallyPart][]byte, len(parts))
	tiers, buckets, numbers := make([]int64, len(parts)), make([]int64, len(parts)), make([]int64, len(parts))
	for i, p := range parts {
		tiers[i], buckets[i], numbers[i] = p.tier, p.bucket, p.part
	}
	return stored, d.raw(tx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT t.tier, t.bucket, t.part, t.counts FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) p (tier, bucket, part)
			JOIN audit_tallies t ON t.tier = p.tier AND t.bucket = p.bucket AND t.part = p.part`, tiers, buckets, numbers)
		if err != nil {
			return err
		}
		var p tallyPart
		var counts []byte
		_, err = pgx.ForEachRow(rows, []any{&p.tier, &p.bucket, &p.part, &counts}, func() error {
			stored[p] = bytes.Clone(counts)
			return nil
		})
		return err
	})
}

func (d postgres) writeTallies(ctx context.Context, tx *tx, rows []tallyRow) error {
	tiers, buckets, parts, counts := make([]int64, len(rows)), make([]int64, len(rows)), make([]int64, len(rows)), make([][]byte, len(rows))
	empty := false
	for i, r := range rows {
		tiers[i], buckets[i], parts[i], counts[i] = r.tier, r.bucket, r.part, blob(r.counts)
		empty = empty || len(r.counts) == 0
	}
	return d.raw(tx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `INSERT INTO audit_tallies (tier, bucket, part, counts) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[])
			ON CONFLICT (tier, bucket, part) DO UPDATE SET counts = excluded.counts`, tiers, buckets, parts, counts)
		if err != nil || !empty {
			return err
		}
		_, err = conn.Exec(ctx, `DELETE FROM audit_tallies t USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) p (tier, bucket, part)
			WHERE t.tier = p.tier AND t.bucket = p.bucket AND t.part = p.part AND t.counts = ''`, tiers, buckets, parts)
		return err
	})
}

// execMany sends all at once.
func (d postgres) execMany(ctx context.Context, tx *tx, query string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	query = d.sql(query)
	return d.raw(tx, func(conn *pgx.Conn) error {
		var b pgx.Batch
		for _, row := range rows {
			b.Queue(query, row...)
		}
		return conn.SendBatch(ctx, &b).Close()
	})
}

// raw gives the driver's own connection of a transaction.
func (postgres) raw(tx *tx, f func(conn *pgx.Conn) error) error {
	var failed error
	err := tx.conn.Raw(func(c any) error {
		conn, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the driver's connection is %T", c)
		}
		failed = f(conn.Conn()) // not returned: database/sql would look at it
		return nil
	})
	return errors.Join(failed, err)
}
