package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

func (postgres) shared() bool { return true }

// begin needs no more than the default isolation: what matters is locked by the counters.
func (postgres) begin() string { return "BEGIN" }

// insertAudits sends columns, not rows: that is nearly as fast as COPY, and leaves out what is there already.
func (d postgres) insertAudits(ctx context.Context, tx *tx, audits []newAudit) ([]bool, error) {
	n := len(audits)
	numbers := make([][]int64, 7)
	for i := range numbers {
		numbers[i] = make([]int64, n)
	}
	ids, requests, msgs, bodies := make([]string, n), make([]string, n), make([]string, n), make([][]byte, n)
	index := make(map[int64]int, n)
	for i := range audits {
		a := &audits[i]
		for column, v := range []int64{a.seq, a.stream, a.series, a.time, a.received, a.requestSum, int64(max(1, a.Count))} {
			numbers[column][i] = v
		}
		ids[i], requests[i], msgs[i], bodies[i] = text(a.ID), text(a.RequestID), text(a.Msg), blob(a.Body)
		index[a.seq] = i
	}
	added := make([]bool, n)
	err := d.raw(tx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `INSERT INTO audits (seq, stream, series, time, received, request, count, id, request_id, msg, body)
			SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::bytea[])
			ON CONFLICT DO NOTHING RETURNING seq`,
			numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], ids, requests, msgs, bodies)
		if err != nil {
			return err
		}
		var seq int64
		_, err = pgx.ForEachRow(rows, []any{&seq}, func() error {
			added[index[seq]] = true
			return nil
		})
		return err
	})
	return added, err
}

func (d postgres) addCounts(ctx context.Context, tx *tx, counts []counted) error {
	tiers, buckets, keys, ns := make([]int64, len(counts)), make([]int64, len(counts)), make([]int64, len(counts)), make([]int64, len(counts))
	for i, c := range counts {
		tiers[i], buckets[i], keys[i], ns[i] = c.tier, c.bucket, c.key, c.n
	}
	return d.raw(tx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `INSERT INTO audit_counts (tier, bucket, key, count) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
			ON CONFLICT (tier, bucket, key) DO UPDATE SET count = audit_counts.count + excluded.count`, tiers, buckets, keys, ns)
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
