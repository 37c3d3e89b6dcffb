package store

import (
	"context"
	"hash/fnv"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// AppendAudits stores audits and returns how many weren't there yet: one that has the stream and id of another isn't
// stored again and counts nowhere. All are stored or none. The caller leaves the audits as they are.
func (s *Store) AppendAudits(ctx context.Context, audits []api.AuditRecord) (int, error) {
	if len(audits) == 0 {
		return 0, nil
	}
	prepared, err := s.prepareAudits(audits)
	if err != nil {
		return 0, err
	}
	j := &job{ctx: ctx, audits: prepared, size: len(audits), done: make(chan error, 1)}
	if err := s.writer.await(j, "store audits"); err != nil {
		return 0, err
	}
	return j.added, nil
}

// newAudit is an audit on its way into the database. Its source, kind, class and series are 0 while they aren't known.
type newAudit struct {
	place
	src                  source
	knd                  kind
	id, requestID, msg   string
	body                 []byte
	received, requestSum int64
	count, series, seq   int64
}

// place is where an audit counts.
type place struct{ stream, time, source, kind, class int64 }

// prepareAudits does, on the caller's time, what needs no database.
func (s *Store) prepareAudits(audits []api.AuditRecord) ([]newAudit, error) {
	prepared := make([]newAudit, len(audits))
	for i := range audits {
		a := &audits[i]
		stream, err := streamNumber(a.Stream)
		if err != nil {
			return nil, err
		}
		if a.ID == "" {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "audits[%d]: the id is empty", i)
		}
		prepared[i] = newAudit{
			place: place{stream: stream, time: a.Time.UnixMilli()}, src: sourceOf(a, stream), knd: kindOf(a, stream), id: text(a.ID), requestID: text(a.RequestID), msg: text(a.Msg), body: a.Body,
			count: int64(max(1, a.Count)), received: a.Received.UnixMilli(), requestSum: requestSum(a.RequestID),
		}
	}
	s.dimensions.lookupAll(nil, prepared)
	return prepared, nil
}

// batch are the audits of a group.
type batch struct {
	audits []newAudit
	rows   dimensionRows
}

// appendAll stores the audits of all jobs and says to each how many were new, once the transaction is committed.
func (s *Store) appendAll(ctx context.Context, tx *tx, jobs []*job) error {
	b := collectAudits(jobs)
	if len(b.audits) == 0 {
		return nil
	}
	var last int64
	if err := tx.queryRow(ctx, nextNumbers, int64(len(b.audits)), "audit").Scan(&last); err != nil {
		return err
	}
	before := last - int64(len(b.audits))
	for i := range b.audits {
		b.audits[i].seq = before + 1 + int64(i)
	}
	if before-s.counted.Load() >= s.config.uncounted {
		if _, err := s.countUpTo(ctx, tx, before, s.config.uncounted); err != nil {
			return err
		}
	}
	if err := s.assign(ctx, tx, b); err != nil {
		return err
	}
	added, err := s.dialect.insertAudits(ctx, tx, b.audits)
	if err != nil {
		return err
	}
	tx.after = append(tx.after, func() {
		s.dimensions.keep(&b.rows)
		for _, j := range jobs {
			j.added = 0
			for _, isNew := range added[:len(j.audits)] {
				j.added += int(number(isNew))
			}
			added = added[len(j.audits):]
		}
	})
	tx.signals = true
	return nil
}

// nextNumbers takes numbers from a counter and returns the last. It locks the counter until the transaction ends, so that
// numbers become visible in their order.
const nextNumbers = "UPDATE counters SET value = value + ? WHERE name = ? RETURNING value"

// collectAudits copies: what a transaction finds out about audits is void when it fails.
func collectAudits(jobs []*job) *batch {
	b := &batch{rows: dimensionRows{
		sources: make(map[source]int64), kinds: make(map[kind]int64), classes: make(map[kind]int64), series: make(map[series]int64),
	}}
	size := 0
	for _, j := range jobs {
		size += len(j.audits)
	}
	b.audits = make([]newAudit, 0, size)
	for _, j := range jobs {
		b.audits = append(b.audits, j.audits...)
	}
	return b
}

// requestSum is what requests are indexed by: narrower than their ids.
func requestSum(id string) int64 {
	if id == "" {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	return int64(h.Sum64() | 1) //nolint:gosec // the bits are what counts
}

// assign gives each audit its series, adding those that are new.
func (s *Store) assign(ctx context.Context, tx *tx, b *batch) error {
	missing := s.dimensions.lookupAll(&b.rows, b.audits)
	if len(missing) == 0 {
		return nil
	}
	// Another replica may have added them, or a transaction here that was said to have failed; the transaction's lock on
	// the counter keeps others from doing so now.
	if err := s.dimensions.refresh(ctx, s, tx); err != nil {
		return err
	}
	missing = s.dimensions.lookupAll(&b.rows, b.audits)
	return s.addDimensions(ctx, tx, b, missing)
}

// addDimensions stores what's new of the sources, kinds and series of audits that have no series.
func (s *Store) addDimensions(ctx context.Context, tx *tx, b *batch, missing []int) error {
	if len(missing) == 0 {
		return nil
	}
	// An audit needs three at most; what's left over is a gap.
	n := int64(3 * len(missing))
	var next int64
	if err := tx.queryRow(ctx, nextNumbers, n, "dimension").Scan(&next); err != nil {
		return err
	}
	b.rows.upTo = next
	next -= n
	added := addedRows{next: func() int64 { next++; return next }}
	s.dimensions.mu.RLock()
	for _, i := range missing {
		s.dimensions.addMissing(b, &b.audits[i], &added)
	}
	s.dimensions.mu.RUnlock()
	for _, a := range []struct {
		query string
		rows  [][]any
	}{
		{"INSERT INTO audit_sources (id, stream, account, region, function, function_id, runtime, provider) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", added.sources},
		{"INSERT INTO audit_kinds (id, class, stream, type, attack_type, effect, rule, severity, techniques) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", added.kinds},
		{"INSERT INTO audit_series (id, source, kind) VALUES (?, ?, ?)", added.series},
	} {
		if err := s.dialect.execMany(ctx, tx, a.query, a.rows); err != nil {
			return err
		}
	}
	return nil
}

// addedRows are the rows of small tables to be inserted.
type addedRows struct {
	next                   func() int64
	sources, kinds, series [][]any
}

// addMissing gives an audit's source, kind and series ids where they have none; the caller holds the lock.
func (d *dimensions) addMissing(b *batch, a *newAudit, added *addedRows) {
	d.lookup(&b.rows, a)
	if a.source == 0 {
		r := a.src
		a.source = added.next()
		b.rows.sources[r] = a.source
		added.sources = append(added.sources, []any{a.source, r.stream, r.account, r.region, r.function, r.functionID, r.runtime, r.provider})
	}
	r := a.knd
	a.class = d.classes[r.class()]
	if a.class == 0 {
		a.class = b.rows.classes[r.class()]
	}
	if a.kind == 0 {
		a.kind = added.next()
		if a.class == 0 {
			a.class = a.kind
		}
		b.rows.kinds[r], b.rows.classes[r.class()] = a.kind, a.class
		added.kinds = append(added.kinds, []any{a.kind, a.class, r.stream, r.kindType, r.attackType, r.effect, r.rule, r.severity, r.methods})
	}
	if a.series == 0 {
		a.series = added.next()
		b.rows.series[series{a.source, a.kind}] = a.series
		added.series = append(added.series, []any{a.series, a.source, a.kind})
	}
}
