package store

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/autodefend/autodefend/internal/api"
)

// ways say which way a page is found: that depends on how much its conditions select.
type ways struct {
	// narrow selections have so many series at most, which are looked up one by one; wider ones are found by walking
	// through time.
	narrow int
	// few series are looked up at once. When there are more, most pages are found among the first audits, whatever they
	// are: so many are glanced at.
	few, glance int
	// deep pages are left to the database's own sorting.
	deep int
	// step is how many keys of a walk are read at once.
	step int
}

func usualWays() ways { return ways{narrow: 20_000, few: 200, glance: 5_000, deep: 2_000, step: 5_000} }

// key is where an audit is in the order of time.
type key struct{ time, seq, series int64 }

// bounds are a query's bounds of time and sequence, all inclusive, and its direction.
type bounds struct {
	from, to          int64
	after, before     int64
	bySequence, older bool // older first
}

// forever bounds times: half of what fits, so that sums don't overflow.
const forever = math.MaxInt64 / 4

func boundsOf(q *api.AuditQuery) bounds {
	b := bounds{from: -forever, to: forever, after: q.After + 1, before: math.MaxInt64, older: q.Page.Reverse}
	if !q.From.IsZero() {
		b.from = q.From.UnixMilli()
	}
	if !q.To.IsZero() {
		b.to = q.To.UnixMilli()
	}
	if q.Before != 0 {
		b.before = q.Before - 1
	}
	if q.After <= 0 {
		b.after = 0
	}
	b.bySequence = q.After > 0 || q.Before != 0
	return b
}

func (b bounds) direction() string {
	if b.older {
		return ""
	}
	return " DESC"
}

// compare orders keys as a page does.
func (b bounds) compare(x, y key) int {
	c := cmp.Or(cmp.Compare(x.time, y.time), cmp.Compare(x.seq, y.seq))
	if b.bySequence {
		c = cmp.Compare(x.seq, y.seq)
	}
	if b.older {
		return c
	}
	return -c
}

func (b bounds) include(k key) bool {
	return b.from <= k.time && k.time <= b.to && b.after <= k.seq && k.seq <= b.before
}

// keys finds the first need keys of a selection.
func (s *Store) keys(ctx context.Context, sel *selection, b bounds, need int) ([]key, error) {
	switch {
	case b.bySequence:
		return s.keysBySequence(ctx, sel, b, need)
	case sel.all():
		return s.readKeys(ctx, s.walkSQL(b), need, sel.stream, b.from, b.to, need)
	case len(sel.series) == 0:
		return nil, nil
	case len(sel.series) <= s.config.ways.narrow && need <= s.config.ways.deep:
		if len(sel.series) > s.config.ways.few {
			if found, all, err := s.keysByTime(ctx, sel, b, need, s.config.ways.glance); all || err != nil {
				return found, err
			}
		}
		return s.keysBySeries(ctx, sel, b, need)
	case len(sel.series) <= s.config.ways.narrow:
		d := b.direction()
		return s.readKeys(ctx, "SELECT seq, time, series FROM audits WHERE "+s.dialect.in("series")+" AND time >= ? AND time <= ? ORDER BY time"+d+", seq"+d+" LIMIT ?",
			need, s.dialect.setOf(sel.series), b.from, b.to, need)
	default:
		found, _, err := s.keysByTime(ctx, sel, b, need, math.MaxInt)
		return found, err
	}
}

// walkSQL walks through time, within bounds.
func (s *Store) walkSQL(b bounds) string {
	d := b.direction()
	return "SELECT seq, time, series FROM " + s.dialect.by("audits", "audits_time") + " WHERE stream = ? AND time >= ? AND time <= ? ORDER BY time" + d + ", seq" + d + " LIMIT ?"
}

func (s *Store) readKeys(ctx context.Context, query string, room int, args ...any) ([]key, error) {
	keys := make([]key, 0, min(room, s.config.ways.step))
	err := s.eachPrepared(ctx, query, args, func(rows *sql.Rows) error {
		var k key
		err := rows.Scan(&k.seq, &k.time, &k.series)
		keys = append(keys, k)
		return err
	})
	return keys, err
}

// keysBySeries looks at the series whose first audit within the bounds comes first: the others can't be on the page.
func (s *Store) keysBySeries(ctx context.Context, sel *selection, b bounds, need int) ([]key, error) {
	candidates := sel.series
	if len(candidates) > need {
		var err error
		if candidates, err = s.foremost(ctx, sel, b, need); err != nil {
			return nil, err
		}
	}
	query := s.seriesSQL(b)
	var found []key
	for _, id := range candidates {
		more, err := s.readKeys(ctx, query, need, id, b.from, b.to, need)
		if err != nil {
			return nil, err
		}
		if len(more) == 0 {
			continue
		}
		found = append(found, more...)
		slices.SortFunc(found, b.compare)
		if len(found) >= need {
			found = found[:need]
			if b.older {
				b.to = min(b.to, found[need-1].time)
			} else {
				b.from = max(b.from, found[need-1].time)
			}
		}
	}
	return found, nil
}

// seriesSQL walks through the audits of a series.
func (s *Store) seriesSQL(b bounds) string {
	d := b.direction()
	return "SELECT seq, time, series FROM " + s.dialect.by("audits", "audits_series") + " WHERE series = ? AND time >= ? AND time <= ? ORDER BY time" + d + ", seq" + d + " LIMIT ?"
}

// foremost returns the series whose first audits come first: so many as are needed, and those whose first audit has the
// time of the last one's, as only the sequence tells which of these comes first.
func (s *Store) foremost(ctx context.Context, sel *selection, b bounds, need int) ([]int64, error) {
	args := []any{b.to, s.dialect.setOf(sel.series), b.from, need}
	if b.older {
		args[0], args[2] = b.from, b.to
	}
	var ids []int64
	err := s.eachPrepared(ctx, s.foremostSQL(b), args, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// foremostSQL looks up each series' first audit.
func (s *Store) foremostSQL(b bounds) string {
	bound, outer, last, d := "a.time <= ?", "first >= ", "min", b.direction()
	if b.older {
		bound, outer, last = "a.time >= ?", "first <= ", "max"
	}
	return "WITH x AS MATERIALIZED (SELECT j.value, (SELECT a.time FROM " + s.dialect.by("audits", "audits_series", "a") +
		" WHERE a.series = j.value AND " + bound + " ORDER BY a.time" + d + " LIMIT 1) AS first FROM " + s.dialect.setTable("j") +
		") SELECT value FROM x WHERE " + outer + "(SELECT " + last + "(first) FROM (SELECT first FROM x WHERE " + outer + "? ORDER BY first" + d +
		" LIMIT ?) y) ORDER BY first" + d
}

// walkOnSQL is walkSQL from a key on.
func (s *Store) walkOnSQL(b bounds) string {
	d, beyond := b.direction(), "<"
	if b.older {
		beyond = ">"
	}
	return "SELECT seq, time, series FROM " + s.dialect.by("audits", "audits_time") + " WHERE stream = ? AND time >= ? AND time <= ? AND (time, seq) " + beyond +
		" (?, ?) ORDER BY time" + d + ", seq" + d + " LIMIT ?"
}

// keysByTime walks through time and keeps what's selected. It gives up after most keys, and tells whether it found all.
func (s *Store) keysByTime(ctx context.Context, sel *selection, b bounds, need, most int) ([]key, bool, error) {
	query := s.walkOnSQL(b)
	var found []key
	last := key{time: forever, seq: math.MaxInt64}
	if b.older {
		last = key{time: -forever}
	}
	step := s.config.ways.step
	for ; most > 0; most -= step {
		more, err := s.readKeys(ctx, query, step, sel.stream, b.from, b.to, last.time, last.seq, step)
		if err != nil {
			return nil, false, err
		}
		for _, k := range more {
			if sel.has.has(k.series) {
				found = append(found, k)
			}
		}
		if len(found) >= need {
			return found[:need], true, nil
		}
		if len(more) < step {
			return found, true, nil
		}
		last = more[len(more)-1]
		if b.older {
			b.from = last.time
		} else {
			b.to = last.time
		}
	}
	return nil, false, nil
}

// keysBySequence walks in the order of storing. Those who follow what's stored ask for little and often, so it begins with
// what's needed and takes larger steps when that isn't found.
func (s *Store) keysBySequence(ctx context.Context, sel *selection, b bounds, need int) ([]key, error) {
	query := s.orderSQL(b)
	var found []key
	for step := min(need, s.config.ways.step); ; step = min(4*step, s.config.ways.step) {
		keys, err := s.readKeys(ctx, query, step, sel.stream, b.after, b.before, step)
		if err != nil {
			return nil, err
		}
		if err := s.learn(ctx, sel, keys); err != nil {
			return nil, err
		}
		for _, k := range keys {
			if b.include(k) && (sel.all() || sel.has.has(k.series)) {
				found = append(found, k)
			}
		}
		if len(found) >= need {
			return found[:need], nil
		}
		if len(keys) < step {
			return found, nil
		}
		last := keys[len(keys)-1]
		if b.older {
			b.after = last.seq + 1
		} else {
			b.before = last.seq - 1
		}
	}
}

// orderSQL walks in the order of storing.
func (s *Store) orderSQL(b bounds) string {
	return "SELECT seq, time, series FROM " + s.dialect.by("audits", "audits_order") + " WHERE stream = ? AND seq >= ? AND seq <= ? ORDER BY seq" + b.direction() + " LIMIT ?"
}

// keysByColumn goes through the values of a column in their order; those with the same value are newest first.
func (s *Store) keysByColumn(ctx context.Context, sel *selection, c column, b bounds, need int) ([]key, error) {
	groups := s.dimensions.groups(sel, c, b.older)
	b.older = false
	var found []key
	for _, ids := range groups {
		sub := sel.among(ids)
		more, err := s.keys(ctx, &sub, b, need-len(found))
		if err != nil {
			return nil, err
		}
		if found = append(found, more...); len(found) >= need {
			break
		}
	}
	return found, nil
}
