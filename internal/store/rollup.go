package store

import (
	"context"
	"database/sql"
	"slices"
)

// family is the one that holds what a selection and a column need to be told apart; false when none does. A nil column
// needs nothing.
func (s *selection) family(c *column) (family, bool) {
	t, ok := s.tier(c)
	return t.family(), ok
}

func (s *selection) tier(c *column) (tier, bool) {
	sources := s.bySource || c != nil && c.ofSource != nil
	kinds := s.byKind || c != nil && c.ofKind != nil
	switch {
	case sources && kinds:
		return 0, false
	case sources:
		return tierSource, true
	case s.byKind && !s.byClass, c != nil && c.ofKind != nil && !c.class:
		return tierKind, true
	default:
		return tierClass, true
	}
}

// keysIn are the keys of a family that are selected; false when all are.
func (s *selection) keysIn(f family) ([]int64, bool) {
	switch {
	case s.bySource:
		return s.sources, true
	case s.byKind && f[0].tier == tierClass:
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

// spans divides a part of time into what the tiers hold, the widest in the middle, and what's left at the ends.
func (f family) spans(from, to int64) []span {
	if len(f) == 0 {
		return notEmpty(span{0, 0, from, to})
	}
	finer, l := f[:len(f)-1], f[len(f)-1]
	first, last := ceilDiv(from, l.span)*l.span, floorDiv(to, l.span)*l.span
	if first >= last {
		return finer.spans(from, to)
	}
	return slices.Concat(finer.spans(from, first), []span{{l.tier, l.span, first, last}}, finer.spans(last, to))
}

// upTo leaves out the tiers of wider spans.
func (f family) upTo(width int64) family {
	for len(f) > 1 && f[len(f)-1].span > width {
		f = f[:len(f)-1]
	}
	return f
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

// seekLimit is how many single rows are looked up before reading all of a tier's part is cheaper.
const seekLimit = 20_000

// eachCount calls yield for the counts that a span holds.
func (s *Store) eachCount(ctx context.Context, from queryer, sel *selection, f family, sp span, yield func(bucket, key, n int64)) error {
	keys, restricted := sel.keysIn(f)
	if restricted && len(keys) == 0 {
		return nil
	}
	var wanted bitset
	if restricted {
		wanted = bitsetOf(keys)
	}
	query, args := s.talliesSQL(sp, int64(sp.tier)+sel.stream, keys)
	_, err := s.each(ctx, from, query, args, func(rows *sql.Rows) error {
		var bucket, part int64
		var packed []byte
		if err := rows.Scan(&bucket, &part, &packed); err != nil {
			return err
		}
		err := eachPacked(part, packed, func(key, n int64) {
			if !restricted || wanted.has(key) {
				yield(bucket, key, n)
			}
		})
		if err != nil {
			return damaged("its counts can't be read", err)
		}
		return nil
	})
	return err
}

// talliesSQL reads the rows of a span, of all keys or of those that share rows with some.
func (s *Store) talliesSQL(sp span, number int64, keys []int64) (string, []any) {
	const columns = "SELECT c.bucket, c.part, c.counts FROM "
	first, last := floorDiv(sp.from, sp.width), floorDiv(sp.to, sp.width)
	var parts []int64
	for _, k := range keys {
		parts = append(parts, k>>partBits)
	}
	slices.Sort(parts)
	parts = slices.Compact(parts)
	if n := int64(len(parts)); n > 0 && last-first <= seekLimit && (last-first)*n <= seekLimit {
		buckets := make([]int64, 0, last-first)
		for b := first; b < last; b++ {
			buckets = append(buckets, b)
		}
		return columns + s.dialect.setTable("b") + " CROSS JOIN " + s.dialect.setTable("k") +
				s.dialect.crossJoin() + " audit_tallies c ON c.tier = ? AND c.bucket = b.value AND c.part = k.value WHERE 1 = 1",
			[]any{s.dialect.setOf(buckets), s.dialect.setOf(parts), number}
	}
	query, args := columns+"audit_tallies c WHERE c.tier = ? AND c.bucket >= ? AND c.bucket < ?", []any{number, first, last}
	if len(parts) > 0 {
		query += " AND " + s.dialect.in("c.part")
		args = append(args, s.dialect.setOf(parts))
	}
	return query, args
}

// eachSeries calls yield for how many audits of each selected series there are in a part of time.
func (s *Store) eachSeries(ctx context.Context, from queryer, sel *selection, sp span, yield func(series, n int64)) error {
	query := "SELECT series, count(*) FROM " + s.dialect.by("audits", "audits_time") + " WHERE stream = ? AND time >= ? AND time < ? GROUP BY series"
	args := []any{sel.stream, sp.from, sp.to}
	seek := s.config.ways.narrow
	if sp.to-sp.from <= hourSpan { // little to walk through
		seek /= 20
	}
	if !sel.all() && len(sel.series) <= seek {
		query = "SELECT series, count(*) FROM " + s.dialect.by("audits", "audits_series") + " WHERE " + s.dialect.in("series") + " AND time >= ? AND time < ? GROUP BY series"
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
