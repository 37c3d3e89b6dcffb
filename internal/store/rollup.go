package store

import (
	"context"
	"database/sql"
)

// family is a pair of tiers that count the same by two spans of time.
type family struct {
	fine, coarse         tier
	fineSpan, coarseSpan int64
}

// family is the one that holds what a selection and a column need to be told apart; false when none does. A nil column
// needs nothing.
func (s *selection) family(c *column) (family, bool) {
	sources := s.bySource || c != nil && c.ofSource != nil
	kinds := s.byKind || c != nil && c.ofKind != nil
	switch {
	case sources && kinds:
		return family{}, false
	case sources:
		return family{tierSourceHour, tierSourceDay, hourSpan, daySpan}, true
	case s.byKind && !s.byClass, c != nil && c.ofKind != nil && !c.class:
		return family{tierKindHour, tierKindDay, hourSpan, daySpan}, true
	default:
		return family{tierClassFine, tierClassHour, fineSpan, hourSpan}, true
	}
}

// keysIn are the keys of a family that are selected; false when all are.
func (s *selection) keysIn(f family) ([]int64, bool) {
	switch {
	case s.bySource:
		return s.sources, true
	case s.byKind && f.fine == tierClassFine:
		return s.classes, true
	case s.byKind:
		return s.kinds, true
	default:
		return nil, false
	}
}

// span is a part of time that is read from one tier, or from the audits themselves when tier is 0. It ends before to.
type span struct {
	tier     tier
	width    int64
	from, to int64
}

// spans divides a part of time into what the coarse tier holds, what the fine tier does and what's left at the ends.
func (f family) spans(from, to int64) []span {
	fineFrom, fineTo := ceilDiv(from, f.fineSpan)*f.fineSpan, floorDiv(to, f.fineSpan)*f.fineSpan
	if fineFrom >= fineTo {
		return notEmpty(span{0, 0, from, to})
	}
	coarseFrom, coarseTo := ceilDiv(fineFrom, f.coarseSpan)*f.coarseSpan, floorDiv(fineTo, f.coarseSpan)*f.coarseSpan
	if coarseFrom >= coarseTo {
		return notEmpty(span{0, 0, from, fineFrom}, span{f.fine, f.fineSpan, fineFrom, fineTo}, span{0, 0, fineTo, to})
	}
	return notEmpty(
		span{0, 0, from, fineFrom}, span{f.fine, f.fineSpan, fineFrom, coarseFrom},
		span{f.coarse, f.coarseSpan, coarseFrom, coarseTo},
		span{f.fine, f.fineSpan, coarseTo, fineTo}, span{0, 0, fineTo, to},
	)
}

func notEmpty(spans ...span) []span {
	var kept []span
	for _, s := range spans {
		if s.from < s.to {
			kept = append(kept, s)
		}
	}
	return kept
}

// seekLimit is how many single counts are looked up before reading all of a tier's part is cheaper.
const seekLimit = 20_000

// eachCount calls yield for what a span holds, by the given column of the counts: bucket or key.
func (s *Store) eachCount(ctx context.Context, from queryer, sel *selection, f family, sp span, by string, yield func(group, n int64)) error {
	keys, restricted := sel.keysIn(f)
	if restricted && len(keys) == 0 {
		return nil
	}
	first, last := floorDiv(sp.from, sp.width), floorDiv(sp.to, sp.width)
	number := int64(sp.tier) + sel.stream
	query := "SELECT c." + by + ", sum(c.count) FROM audit_counts c WHERE c.tier = ? AND c.bucket >= ? AND c.bucket < ?"
	args := []any{number, first, last}
	switch {
	case !restricted:
	case last-first <= seekLimit && (last-first)*int64(len(keys)) <= seekLimit:
		buckets := make([]int64, 0, last-first)
		for b := first; b < last; b++ {
			buckets = append(buckets, b)
		}
		query = "SELECT c." + by + ", sum(c.count) FROM " + s.dialect.setTable("b") + " CROSS JOIN " + s.dialect.setTable("k") +
			s.dialect.crossJoin() + " audit_counts c ON c.tier = ? AND c.bucket = b.value AND c.key = k.value WHERE 1 = 1"
		args = []any{s.dialect.setOf(buckets), s.dialect.setOf(keys), number}
	default:
		query += " AND c.key IN (" + s.dialect.set() + ")"
		args = append(args, s.dialect.setOf(keys))
	}
	_, err := s.each(ctx, from, query+" GROUP BY c."+by, args, func(rows *sql.Rows) error {
		var group, n int64
		err := rows.Scan(&group, &n)
		yield(group, n)
		return err
	})
	return err
}

// eachSeries calls yield for how many audits of each selected series there are in a part of time.
func (s *Store) eachSeries(ctx context.Context, from queryer, sel *selection, sp span, yield func(series, n int64)) error {
	query := "SELECT series, count(*) FROM " + s.dialect.by("audits", "audits_time") + " WHERE stream = ? AND time >= ? AND time < ? GROUP BY series"
	args := []any{sel.stream, sp.from, sp.to}
	seek := narrow
	if sp.to-sp.from <= hourSpan { // little to walk through
		seek /= 20
	}
	if !sel.all() && len(sel.series) <= seek {
		query = "SELECT series, count(*) FROM " + s.dialect.by("audits", "audits_series") + " WHERE series IN (" + s.dialect.set() + ") AND time >= ? AND time < ? GROUP BY series"
		args[0] = s.dialect.setOf(sel.series)
	}
	_, err := s.each(ctx, from, query, args, func(rows *sql.Rows) error {
		var id, n int64
		err := rows.Scan(&id, &n)
		if sel.all() || sel.has.has(id) {
			yield(id, n)
		}
		return err
	})
	return err
}

// counting is the part of time that spans read from tiers; empty when none does.
func counting(spans []span) span {
	var whole span
	for _, sp := range spans {
		if sp.tier == 0 {
			continue
		}
		if whole.tier == 0 {
			whole = sp
		}
		whole.to = sp.to
	}
	return whole
}

// eachUncounted calls yield for the selected audits of a part of time that aren't in the tables of counts yet.
func (s *Store) eachUncounted(ctx context.Context, from queryer, sel *selection, sp span, yield func(series, ms int64)) error {
	if sp.tier == 0 {
		return nil
	}
	// The number is read first: a planner that doesn't know it would read the whole table.
	var counted int64
	_, err := s.each(ctx, from, "SELECT value FROM counters WHERE name = 'counted'", nil, func(rows *sql.Rows) error { return rows.Scan(&counted) })
	if err != nil {
		return err
	}
	_, err = s.each(ctx, from, s.uncountedSQL(), []any{counted, sel.stream, sp.from, sp.to}, func(rows *sql.Rows) error {
		var id, ms int64
		err := rows.Scan(&id, &ms)
		if sel.all() || sel.has.has(id) {
			yield(id, ms)
		}
		return err
	})
	return err
}

func (s *Store) uncountedSQL() string {
	stream, time := s.dialect.unindexed("stream"), s.dialect.unindexed("time")
	return "SELECT series, time FROM audits WHERE seq > ? AND " + stream + " = ? AND " + time + " >= ? AND " + time + " < ?"
}
