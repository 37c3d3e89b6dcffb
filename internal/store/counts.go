package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
)

// tier is a table of counts: audits of one stream by something and by spans of time.
type tier int64

// What is counted. A stream's number is added: the tiers of the two streams are apart.
const (
	tierClassFine tier = 10 * (iota + 1)
	tierClassHour
	tierKindHour
	tierKindDay
	tierSourceHour
	tierSourceDay
)

// Spans of time, in milliseconds.
const (
	fineSpan = 5 * 60 * 1000
	hourSpan = 60 * 60 * 1000
	daySpan  = 24 * hourSpan
)

// uncountedAudits is how many audits may not be in the tables of counts yet. Counting many at once costs less, as they
// share counts; whoever reads counts adds the rest.
const uncountedAudits = 5000

// countUpTo counts the audits up to a sequence, if at least some aren't yet. The transaction holds the lock of the
// counter of audits, and has stored none itself.
func (s *Store) countUpTo(ctx context.Context, tx *tx, last, atLeast int64) error {
	var counted int64
	if err := tx.queryRow(ctx, "SELECT value FROM counters WHERE name = ?", "counted").Scan(&counted); err != nil {
		return err
	}
	if last-counted >= atLeast && last > counted {
		if s.dialect.shared() {
			if err := s.dimensions.refresh(ctx, s, tx); err != nil {
				return err
			}
		}
		added := make(counts)
		_, err := s.each(ctx, tx, "SELECT stream, series, time FROM audits WHERE seq > ? AND seq <= ?", []any{counted, last}, func(rows *sql.Rows) error {
			var a place
			var series int64
			err := rows.Scan(&a.stream, &series, &a.time)
			a.source, a.kind, a.class = s.dimensions.of(series)
			added.add(a, 1)
			return err
		})
		if err != nil {
			return err
		}
		if err := s.dialect.addCounts(ctx, tx, added.sorted()); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, "UPDATE counters SET value = ? WHERE name = ?", last, "counted"); err != nil {
			return err
		}
		counted = last
	}
	tx.after = append(tx.after, func() { s.counted.Store(counted) })
	return nil
}

// countKey names one count. Bucket is the number of the span since 1970.
type countKey struct{ tier, bucket, key int64 }

// counted is what is to be added to a count.
type counted struct {
	countKey
	n int64
}

type counts map[countKey]int64

// add counts an audit n times, which is -1 for one that goes.
func (c counts) add(a place, n int64) {
	fine, hour, day := floorDiv(a.time, fineSpan), floorDiv(a.time, hourSpan), floorDiv(a.time, daySpan)
	c[countKey{int64(tierClassFine) + a.stream, fine, a.class}] += n
	c[countKey{int64(tierClassHour) + a.stream, hour, a.class}] += n
	c[countKey{int64(tierKindHour) + a.stream, hour, a.kind}] += n
	c[countKey{int64(tierKindDay) + a.stream, day, a.kind}] += n
	c[countKey{int64(tierSourceHour) + a.stream, hour, a.source}] += n
	c[countKey{int64(tierSourceDay) + a.stream, day, a.source}] += n
}

// sorted returns the counts in the order of the table.
func (c counts) sorted() []counted {
	all := make([]counted, 0, len(c))
	for k, n := range c {
		all = append(all, counted{k, n})
	}
	slices.SortFunc(all, func(a, b counted) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.key, b.key))
	})
	return all
}

// floorDiv rounds down, before 1970 too.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// ceilDiv rounds up.
func ceilDiv(a, b int64) int64 { return -floorDiv(-a, b) }
