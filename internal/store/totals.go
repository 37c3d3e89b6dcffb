package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Bounds of counting what no table of counts holds.
const (
	// countLimit is where [Store.CountAudits] stops.
	countLimit = 10_000
	// maxSlices bounds how finely time may be divided.
	maxSlices = 10_000
)

// reading runs f on one state of the database, so that counts and audits agree.
func (s *Store) reading(ctx context.Context, op string, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, s.dialect.readOnly())
	if err != nil {
		return failure(op, s.dialect, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return failure(op, s.dialect, f(tx))
}

// CountAudits counts what a query finds. It's exact where the tables of counts hold what the conditions need, and stops at
// 10,000 elsewhere.
func (s *Store) CountAudits(ctx context.Context, q api.AuditQuery) (api.AuditCount, error) {
	const op = "count audits"
	stream, err := streamNumber(q.Stream)
	if err != nil {
		return api.AuditCount{}, err
	}
	sel, err := s.selection(ctx, &q, stream)
	if err != nil {
		return api.AuditCount{}, failure(op, s.dialect, err)
	}
	q.Page = api.Page{}
	b := boundsOf(&q)
	if sift(&q) {
		return s.countSifted(ctx, &q, &sel)
	}
	f, ok := sel.family(nil)
	if !ok || b.bySequence {
		return s.countKeys(ctx, &sel, b)
	}
	total := int64(0)
	err = s.reading(ctx, op, func(tx *sql.Tx) error {
		return s.count(ctx, tx, &sel, f, b.from, b.to+1, &total)
	})
	return api.AuditCount{Total: int(total)}, err
}

func (s *Store) count(ctx context.Context, tx *sql.Tx, sel *selection, f family, from, to int64, total *int64) error {
	spans := f.spans(from, to)
	for _, sp := range spans {
		var err error
		if sp.tier == 0 {
			err = s.eachSeries(ctx, tx, sel, sp, func(_, n int64) { *total += n })
		} else {
			err = s.eachCount(ctx, tx, sel, f, sp, func(_, _, n int64) { *total += n })
		}
		if err != nil {
			return err
		}
	}
	return s.eachUncounted(ctx, tx, sel, counting(spans), func(_, _ int64) { *total++ })
}

func (s *Store) countSifted(ctx context.Context, q *api.AuditQuery, sel *selection) (api.AuditCount, error) {
	n := 0
	looked, err := s.eachAudit(ctx, q, sel, 0, countLimit, func(*api.AuditRecord) { n++ })
	return api.AuditCount{Total: n, AtLeast: n >= countLimit || looked >= scanned}, failure("count audits", s.dialect, err)
}

// countKeys counts in an index.
func (s *Store) countKeys(ctx context.Context, sel *selection, b bounds) (api.AuditCount, error) {
	if len(sel.series) == 0 && !sel.all() {
		return api.AuditCount{}, nil
	}
	n := 0
	var err error
	if b.bySequence || len(sel.series) > s.config.ways.narrow {
		var keys []key
		keys, err = s.keys(ctx, sel, b, countLimit+1)
		n = len(keys)
	} else {
		err = s.db.QueryRowContext(ctx, s.dialect.sql("SELECT count(*) FROM (SELECT 1 FROM "+s.dialect.by("audits", "audits_series")+
			" WHERE "+s.dialect.in("series")+" AND time >= ? AND time <= ? LIMIT ?) x"), s.dialect.setOf(sel.series), b.from, b.to, countLimit+1).Scan(&n)
	}
	return api.AuditCount{Total: min(n, countLimit), AtLeast: n > countLimit}, failure("count audits", s.dialect, err)
}

// Timeslice divides From to To in buckets; the first audit's time and now stand for those that aren't given. Where the
// tables of counts are used, the bounds between buckets are those of hours or days near by, or of five minutes, and the
// slices say so.
func (s *Store) Timeslice(ctx context.Context, q api.AuditQuery, buckets int) ([]api.Slice, error) {
	const op = "count audits by time"
	if buckets < 1 || buckets > maxSlices {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "buckets: %d isn't from 1 to %d", buckets, maxSlices)
	}
	stream, err := streamNumber(q.Stream)
	if err != nil {
		return nil, err
	}
	sel, err := s.selection(ctx, &q, stream)
	if err != nil {
		return nil, failure(op, s.dialect, err)
	}
	b := boundsOf(&q)
	if b.from, b.to, err = s.between(ctx, &q, stream, b); err != nil {
		return nil, failure(op, s.dialect, err)
	}
	if b.to < b.from {
		return newCut(b.from, b.from-1, buckets).slices(), nil
	}
	cut := newCut(b.from, b.to, buckets)
	f, ok := sel.family(nil)
	switch {
	case sift(&q) || b.bySequence:
		q.From, q.To = at(b.from), at(b.to)
		q.Page = api.Page{}
		_, err = s.eachAudit(ctx, &q, &sel, 0, scanned, func(a *api.AuditRecord) { cut.add(a.Time.UnixMilli(), 1) })
	case ok && cut.width() >= fineSpan:
		cut.snap(f)
		err = s.reading(ctx, op, func(tx *sql.Tx) error { return s.fillFromCounts(ctx, tx, &sel, f, cut) })
	default:
		err = s.fillFromAudits(ctx, &sel, cut)
	}
	return cut.slices(), failure(op, s.dialect, err)
}

// between gives open bounds of time a value.
func (s *Store) between(ctx context.Context, q *api.AuditQuery, stream int64, b bounds) (int64, int64, error) {
	if q.To.IsZero() {
		b.to = s.config.Now().UnixMilli()
	}
	if q.From.IsZero() {
		var first sql.NullInt64
		err := s.db.QueryRowContext(ctx, s.dialect.sql("SELECT min(time) FROM audits WHERE stream = ?"), stream).Scan(&first)
		if err != nil {
			return 0, 0, err
		}
		b.from = b.to
		if first.Valid {
			b.from = min(first.Int64, b.to)
		}
	}
	return b.from, b.to, nil
}

// fillFromCounts reads the tiers up to the one that the cut was snapped to.
func (s *Store) fillFromCounts(ctx context.Context, tx *sql.Tx, sel *selection, f family, c *cut) error {
	spans := f.upTo(c.snapped).spans(c.edges[0], c.edges[len(c.edges)-1])
	for _, sp := range spans {
		var err error
		if sp.tier == 0 {
			err = s.fillSpan(ctx, tx, sel, sp, c)
		} else {
			err = s.eachCount(ctx, tx, sel, f, sp, func(bucket, _, n int64) { c.add(bucket*sp.width, n) })
		}
		if err != nil {
			return err
		}
	}
	return s.eachUncounted(ctx, tx, sel, counting(spans), func(_, ms int64) { c.add(ms, 1) })
}

// fillSpan counts the audits of a part of time that lies within one slice or two.
func (s *Store) fillSpan(ctx context.Context, tx *sql.Tx, sel *selection, sp span, c *cut) error {
	for _, part := range c.split(sp) {
		if err := s.eachSeries(ctx, tx, sel, part, func(_, n int64) { c.add(part.from, n) }); err != nil {
			return err
		}
	}
	return nil
}

// fillFromAudits counts in an index, slice by slice in one query.
func (s *Store) fillFromAudits(ctx context.Context, sel *selection, c *cut) error {
	first, last := c.edges[0], c.edges[len(c.edges)-1]
	width := max(1, c.width())
	query := "SELECT time / ?, series, count(*) FROM " + s.dialect.by("audits", "audits_time") + " WHERE stream = ? AND time >= ? AND time < ? GROUP BY 1, 2"
	args := []any{width, sel.stream, first, last}
	if !sel.all() {
		if len(sel.series) == 0 {
			return nil
		}
		if len(sel.series) <= s.config.ways.narrow {
			query = "SELECT time / ?, series, count(*) FROM " + s.dialect.by("audits", "audits_series") + " WHERE " + s.dialect.in("series") + " AND time >= ? AND time < ? GROUP BY 1, 2"
			args[1] = s.dialect.setOf(sel.series)
		}
	}
	return s.fillGrouped(ctx, query, args, sel, width, c)
}

func (s *Store) fillGrouped(ctx context.Context, query string, args []any, sel *selection, width int64, c *cut) error {
	c.align(width)
	args[len(args)-2], args[len(args)-1] = c.edges[0], c.edges[len(c.edges)-1]
	_, err := s.each(ctx, s.db, query, args, func(rows *sql.Rows) error {
		var bucket, id, n int64
		err := rows.Scan(&bucket, &id, &n)
		if sel.all() || sel.has.has(id) {
			c.add(max(bucket*width, c.edges[0]), n)
		}
		return err
	})
	return err
}

// Tally counts by a column: type, attackType, effect, rule, function, functionID, region, account, runtime, provider or
// severity; the most frequent first. A limit of 0 is none.
func (s *Store) Tally(ctx context.Context, q api.AuditQuery, name string, limit int) ([]api.Tally, error) {
	const op = "count audits by a column"
	c, ok := columns(name)
	if !ok {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "audits can't be counted by %q", name).WithHint("count by %s", columnNames)
	}
	stream, err := streamNumber(q.Stream)
	if err != nil {
		return nil, err
	}
	sel, err := s.selection(ctx, &q, stream)
	if err != nil {
		return nil, failure(op, s.dialect, err)
	}
	q.Page = api.Page{}
	b := boundsOf(&q)
	tally, found := make(map[string]int64), idCounts{series: make(map[int64]int64), keys: make(map[int64]int64)}
	switch f, ok := sel.family(&c); {
	case sift(&q) || b.bySequence:
		_, err = s.eachAudit(ctx, &q, &sel, 0, scanned, func(a *api.AuditRecord) { tally[c.of(sourceOf(a, stream), kindOf(a, stream))]++ })
	case ok:
		err = s.reading(ctx, op, func(tx *sql.Tx) error { return s.tallyCounts(ctx, tx, &sel, f, b, found) })
	default:
		err = s.eachSeries(ctx, s.db, &sel, span{from: b.from, to: b.to + 1}, func(id, n int64) { found.series[id] += n })
	}
	if err == nil {
		err = s.addValues(ctx, c, found, tally)
	}
	if err != nil {
		return nil, failure(op, s.dialect, err)
	}
	return mostFrequent(tally, limit), nil
}

// idCounts are counts by the ids of series and by the keys of a family.
type idCounts struct{ series, keys map[int64]int64 }

func (s *Store) tallyCounts(ctx context.Context, tx *sql.Tx, sel *selection, f family, b bounds, found idCounts) error {
	spans := f.spans(b.from, b.to+1)
	for _, sp := range spans {
		var err error
		if sp.tier == 0 {
			err = s.eachSeries(ctx, tx, sel, sp, func(id, n int64) { found.series[id] += n })
		} else {
			err = s.eachCount(ctx, tx, sel, f, sp, func(_, key, n int64) { found.keys[key] += n })
		}
		if err != nil {
			return err
		}
	}
	return s.eachUncounted(ctx, tx, sel, counting(spans), func(id, _ int64) { found.series[id]++ })
}

// addValues adds up counts by what a column says of their ids. No connection is held: it may take one for ids that are
// newer than what's known.
func (s *Store) addValues(ctx context.Context, c column, found idCounts, tally map[string]int64) error {
	if !s.dimensions.knows(c, found) {
		if err := s.dimensions.refresh(ctx, s, s.db); err != nil {
			return err
		}
	}
	s.dimensions.mu.RLock()
	defer s.dimensions.mu.RUnlock()
	for id, n := range found.series {
		tally[s.dimensions.valueOfSeries(c, id)] += n
	}
	for key, n := range found.keys {
		tally[s.dimensions.valueOfKey(c, key)] += n
	}
	return nil
}

// knows tells whether none of the ids is newer than what's known.
func (d *dimensions) knows(c column, found idCounts) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	keys := d.sources.last()
	if c.ofKind != nil {
		keys = d.kinds.last()
	}
	return newest(found.series) <= d.series.last() && newest(found.keys) <= keys
}

func newest(counts map[int64]int64) int64 {
	last := int64(0)
	for id := range counts {
		last = max(last, id)
	}
	return last
}

func (c column) of(src source, knd kind) string {
	if c.ofKind != nil {
		return c.ofKind(&knd)
	}
	return c.ofSource(&src)
}

func mostFrequent(tally map[string]int64, limit int) []api.Tally {
	all := make([]api.Tally, 0, len(tally))
	for v, n := range tally {
		if n > 0 {
			all = append(all, api.Tally{Value: v, Count: int(n)})
		}
	}
	slices.SortFunc(all, func(a, b api.Tally) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all
}

// cut divides time in slices. Edges are one more than slices; each slice ends before the next begins.
type cut struct {
	edges   []int64
	n       []int64
	snapped int64 // what the edges are multiples of
}

// newCut divides [from, to], in milliseconds.
func newCut(from, to int64, slices int) *cut {
	c := &cut{edges: make([]int64, slices+1), n: make([]int64, slices)}
	for i := range c.edges {
		c.edges[i] = from + (to+1-from)/int64(slices)*int64(i) + (to+1-from)%int64(slices)*int64(i)/int64(slices)
	}
	return c
}

func (c *cut) width() int64 { return (c.edges[len(c.edges)-1] - c.edges[0]) / int64(len(c.n)) }

// snap moves the inner edges to where counts end: days, hours or five minutes, as wide as the slices allow.
func (c *cut) snap(f family) {
	narrowed := f.upTo(c.width())
	c.snapped = narrowed[len(narrowed)-1].span
	c.round(c.snapped)
}

// align moves the inner edges to multiples of a width, so that a division tells the slice.
func (c *cut) align(width int64) { c.round(width) }

func (c *cut) round(width int64) {
	for i := 1; i < len(c.edges)-1; i++ {
		c.edges[i] = max(c.edges[0], floorDiv(c.edges[i], width)*width)
	}
}

// add counts at a time.
func (c *cut) add(ms, n int64) {
	i, found := slices.BinarySearch(c.edges, ms)
	if !found {
		i--
	}
	for i+1 < len(c.edges) && c.edges[i+1] == c.edges[i] { // an empty slice
		i++
	}
	if i >= 0 && i < len(c.n) {
		c.n[i] += n
	}
}

// split divides a span where slices end.
func (c *cut) split(sp span) []span {
	var parts []span
	for _, e := range c.edges {
		if sp.from < e && e < sp.to {
			parts = append(parts, span{from: sp.from, to: e})
			sp.from = e
		}
	}
	return append(parts, sp)
}

func (c *cut) slices() []api.Slice {
	all := make([]api.Slice, len(c.n))
	for i, n := range c.n {
		all[i] = api.Slice{Count: int(n), Start: time.UnixMilli(c.edges[i]).UTC(), End: time.UnixMilli(c.edges[i+1]).UTC()}
	}
	return all
}
