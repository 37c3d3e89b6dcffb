package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/autodefend/autodefend/internal/api"
)

// Expire removes audits received before a time, those of the oldest Time first, at most limit at once, and returns how
// many it removed. The counts go with them.
func (s *Store) Expire(ctx context.Context, stream api.Stream, before time.Time, limit int) (int, error) {
	number, err := streamNumber(stream)
	if err != nil {
		return 0, err
	}
	return write(ctx, s.writer, "remove old audits", max(1, min(limit, groupAudits)), func(ctx context.Context, tx *tx) (int, error) {
		var last int64 // with the lock that replicas take turns by
		if err := tx.queryRow(ctx, nextNumbers, 0, "audit").Scan(&last); err != nil {
			return 0, err
		}
		for counted := int64(-1); counted < last; { // what isn't counted can't be taken off
			var err error
			if counted, err = s.countUpTo(ctx, tx, last, 1); err != nil {
				return 0, err
			}
		}
		if err := s.dimensions.refresh(ctx, s, tx); err != nil {
			return 0, err
		}
		return s.expire(ctx, tx, number, before.UnixMilli(), limit)
	})
}

// expire relies on Time never being later than Received, so that the index on Time finds the old ones.
func (s *Store) expire(ctx context.Context, tx *tx, stream, before int64, limit int) (int, error) {
	gone := make(counts)
	var seqs []int64
	_, err := s.each(ctx, tx, "SELECT seq, series, time FROM "+s.dialect.by("audits", "audits_time")+
		" WHERE stream = ? AND time < ? AND received < ? ORDER BY time, seq LIMIT ?", []any{stream, before, before, limit}, func(rows *sql.Rows) error {
		a := place{stream: stream}
		var seq, series int64
		err := rows.Scan(&seq, &series, &a.time)
		a.source, a.kind, a.class = s.dimensions.of(series)
		gone.add(a, -1)
		seqs = append(seqs, seq)
		return err
	})
	if err != nil || len(seqs) == 0 {
		return 0, err
	}
	n, err := tx.exec(ctx, "DELETE FROM audits WHERE "+s.dialect.in("seq"), s.dialect.setOf(seqs))
	if err != nil {
		return 0, err
	}
	return int(n), s.addCounts(ctx, tx, gone.sorted())
}

// of tells what a series is of: its source, kind and class.
func (d *dimensions) of(id int64) (int64, int64, int64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	i, ok := d.series.byID[id]
	if !ok {
		return 0, 0, 0
	}
	row := d.series.rows[i]
	return row.source, row.kind, d.classOf[row.kind]
}

// Size is how much room the audits take, in bytes; with SQLite it's all that the file holds.
func (s *Store) Size(ctx context.Context) (int64, error) {
	var n int64
	err := s.db.QueryRowContext(ctx, s.dialect.sizeSQL()).Scan(&n)
	return n, failure("measure the database", s.dialect, err)
}
