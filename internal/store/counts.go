package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
)

// tier is a table of counts: audits of one stream by something and by spans of time.
type tier int64

// What is counted, from the finest spans of time to the widest. A stream's number is added: the tiers of the two streams
// are apart.
const (
	tierClass  tier = 10
	tierKind   tier = 20
	tierSource tier = 30
)

// family are the tiers that count by the same, the finest first.
type family []level

// level is a tier and its span of time.
type level struct {
	tier tier
	span int64
}

func (t tier) family() family {
	return family{{t, fineSpan}, {t + 100, hourSpan}, {t + 200, daySpan}}
}

// Spans of time, in milliseconds.
const (
	fineSpan = 5 * 60 * 1000
	hourSpan = 60 * 60 * 1000
	daySpan  = 24 * hourSpan
)

const (
	// uncountedAudits is how many audits may not be in the tables of counts yet. Counting many at once costs less, as they
	// share counts; whoever reads counts adds the rest.
	uncountedAudits = 5000
	// countedAtOnce bounds how many times as many are counted in one transaction.
	countedAtOnce = 20
)

// countUpTo counts the audits up to a sequence, if at least some aren't yet, and no more than so many at once. It returns
// up to where they are counted. The transaction holds the lock of the counter of audits, and has stored none itself.
func (s *Store) countUpTo(ctx context.Context, tx *tx, last, atLeast int64) (int64, error) {
	var counted int64
	if err := tx.queryRow(ctx, "SELECT value FROM counters WHERE name = ?", "counted").Scan(&counted); err != nil {
		return 0, err
	}
	if last-counted >= atLeast && last > counted {
		last = min(last, counted+countedAtOnce*s.config.uncounted)
		if err := s.countBetween(ctx, tx, counted, last); err != nil {
			return 0, err
		}
		if _, err := tx.exec(ctx, "UPDATE counters SET value = ? WHERE name = ?", last, "counted"); err != nil {
			return 0, err
		}
		counted = last
	}
	tx.after = append(tx.after, func() { s.counted.Store(counted) })
	return counted, nil
}

// countBetween counts the audits after a sequence, up to another.
func (s *Store) countBetween(ctx context.Context, tx *tx, after, last int64) error {
	if err := s.dimensions.refresh(ctx, s, tx); err != nil {
		return err
	}
	added := make(counts)
	_, err := s.each(ctx, tx, "SELECT stream, series, time FROM audits WHERE seq > ? AND seq <= ?", []any{after, last}, func(rows *sql.Rows) error {
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
	return s.addCounts(ctx, tx, added.sorted())
}

// catchUp counts what a migration left uncounted: some ten seconds for a million audits.
func (s *Store) catchUp(ctx context.Context) error {
	var behind int64
	err := s.db.QueryRowContext(ctx, "SELECT a.value - c.value FROM counters a, counters c WHERE a.name = 'audit' AND c.name = 'counted'").Scan(&behind)
	for err == nil && behind >= s.config.uncounted {
		behind, err = write(ctx, s.writer, "count audits", 1, func(ctx context.Context, tx *tx) (int64, error) {
			var last int64
			if err := tx.queryRow(ctx, nextNumbers, 0, "audit").Scan(&last); err != nil {
				return 0, err
			}
			counted, err := s.countUpTo(ctx, tx, last, 1)
			return last - counted, err
		})
	}
	return failure("count audits", s.dialect, err)
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
	for _, t := range [...]struct {
		tier tier
		key  int64
	}{{tierClass, a.class}, {tierKind, a.kind}, {tierSource, a.source}} {
		for _, l := range t.tier.family() {
			c[countKey{int64(l.tier) + a.stream, floorDiv(a.time, l.span), t.key}] += n
		}
	}
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
