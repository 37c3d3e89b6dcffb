package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// Bounds of a query for audits.
const (
	// maxPage is the largest page, and what a page without a limit has.
	maxPage = 10_000
	// scanned is how many of the audits that the other conditions find, in the order of the page, are looked at for what
	// no index knows: a text in the message, and members of the body.
	scanned = 10_000
	// rowChunk is how many audits are read at once, and scanChunk how many the database looks at.
	rowChunk  = 500
	scanChunk = 2500
)

// Audits returns a page, the newest first by Time unless the page says otherwise. With After or Before the order is that
// of Sequence. A page may be sorted by time or by a column of [Store.Tally]; it has 10,000 audits at most. Msgs, Search and
// Body look at the first 10,000 audits that the other conditions find.
func (s *Store) Audits(ctx context.Context, q api.AuditQuery) ([]api.AuditRecord, error) {
	limit := maxPage
	if q.Page.Limit > 0 {
		limit = min(q.Page.Limit, maxPage)
	}
	offset := max(0, q.Page.Offset)
	stream, err := streamNumber(q.Stream)
	if err != nil {
		return nil, err
	}
	sel, err := s.selection(ctx, &q, stream)
	if err != nil {
		return nil, failure("read audits", s.dialect, err)
	}
	var found []api.AuditRecord
	_, err = s.eachAudit(ctx, &q, &sel, offset, limit, func(a *api.AuditRecord) { found = append(found, *a) })
	return found, failure("read audits", s.dialect, err)
}

func (s *Store) selection(ctx context.Context, q *api.AuditQuery, stream int64) (selection, error) {
	if s.dialect.shared() || s.dimensions.doubted.Load() {
		if err := s.dimensions.refresh(ctx, s, s.db); err != nil {
			return selection{}, err
		}
	}
	return s.dimensions.selects(q, stream), nil
}

// learn makes a selection anew when keys have series that were added since it was made, so that those who follow what's
// stored don't pass over them.
func (s *Store) learn(ctx context.Context, sel *selection, keys []key) error {
	newest := int64(0)
	for _, k := range keys {
		newest = max(newest, k.series)
	}
	if sel.all() || sel.query == nil || newest <= sel.newest {
		return nil
	}
	if err := s.dimensions.refresh(ctx, s, s.db); err != nil {
		return err
	}
	*sel = s.dimensions.selects(sel.query, sel.stream)
	return nil
}

// sift tells whether audits must be looked at for conditions that no index knows.
func sift(q *api.AuditQuery) bool {
	return len(q.IDs)+len(q.RequestIDs)+len(q.Msgs)+len(q.Body) > 0 || q.Search != ""
}

// eachAudit calls yield for a query's audits from offset on, up to limit, and returns how many it had to choose from.
func (s *Store) eachAudit(ctx context.Context, q *api.AuditQuery, sel *selection, offset, limit int, yield func(*api.AuditRecord)) (int, error) {
	keys, err := s.candidates(ctx, q, sel, offset, limit)
	if err != nil {
		return 0, err
	}
	test := sieve(q)
	if !sift(q) {
		offset = 0 // the keys begin with the page
	}
	for part := range slices.Chunk(keys, scanChunk) {
		if part, err = s.narrowed(ctx, q, part); err != nil {
			return 0, err
		}
		for rows := range slices.Chunk(part, rowChunk) {
			audits, err := s.readAudits(ctx, q.Stream, rows)
			if err != nil {
				return 0, err
			}
			for i := range audits {
				switch {
				case !test(&audits[i]):
				case offset > 0:
					offset--
				case limit > 0:
					limit--
					yield(&audits[i])
				}
			}
			if limit == 0 {
				return len(keys), nil
			}
		}
	}
	return len(keys), nil
}

// narrowed has the database drop what can't pass the sieve, as reading an audit costs ten times as much as looking at it.
// What is left is still to be tested.
func (s *Store) narrowed(ctx context.Context, q *api.AuditQuery, keys []key) ([]key, error) {
	var c conditions
	c.search(q.Search, "msg")
	c.either(q.Msgs, func(m string) (string, any) { return like("msg"), "%" + likeLiteral(m) + "%" })
	for _, name := range slices.Sorted(maps.Keys(q.Body)) {
		if values := q.Body[name]; !slices.ContainsFunc(values, escapable) {
			c.either(values, func(v string) (string, any) { return s.dialect.hasBytes("body"), []byte(v) })
		}
	}
	if len(c.sql) == 0 {
		return keys, nil
	}
	c.add(s.dialect.in("seq"), s.dialect.setOf(seqsOf(keys)))
	kept := make(map[int64]bool)
	_, err := s.each(ctx, s.db, "SELECT seq FROM audits"+c.where(), c.args, func(rows *sql.Rows) error {
		var seq int64
		err := rows.Scan(&seq)
		kept[seq] = true
		return err
	})
	return slices.DeleteFunc(slices.Clone(keys), func(k key) bool { return !kept[k.seq] }), err
}

// escapable tells that JSON, as Go writes it, doesn't have a text as it is.
func escapable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) })
}

func seqsOf(keys []key) []int64 {
	seqs := make([]int64, len(keys))
	for i, k := range keys {
		seqs[i] = k.seq
	}
	return seqs
}

// candidates are the keys, in the order of the page, among which the audits are: the page itself when the audits needn't be
// looked at.
func (s *Store) candidates(ctx context.Context, q *api.AuditQuery, sel *selection, offset, limit int) ([]key, error) {
	b := boundsOf(q)
	if q.Page.Sort == "time" {
		b.older = !b.older
	}
	byTime := q.Page.Sort == "" || q.Page.Sort == "time"
	switch {
	case len(q.IDs) > 0:
		return s.keysByID(ctx, sel, b, q.IDs)
	case len(q.RequestIDs) > 0:
		return s.keysByRequest(ctx, sel, b, q.RequestIDs)
	case sift(q) && byTime:
		return s.keys(ctx, sel, b, scanned)
	case byTime && sel.all() && !b.bySequence:
		return s.readKeys(ctx, s.walkSQL(b)+" OFFSET ?", limit, sel.stream, b.from, b.to, limit, offset)
	}
	need := offset + limit
	if sift(q) {
		need = scanned
	}
	keys, err := s.sortedKeys(ctx, q, sel, b, need)
	if !sift(q) {
		keys = keys[min(offset, len(keys)):]
	}
	return keys, err
}

func (s *Store) sortedKeys(ctx context.Context, q *api.AuditQuery, sel *selection, b bounds, need int) ([]key, error) {
	if q.Page.Sort == "" || q.Page.Sort == "time" {
		return s.keys(ctx, sel, b, need)
	}
	c, ok := columns(q.Page.Sort)
	if !ok {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "sort: %q can't be sorted by", q.Page.Sort).
			WithHint("sort by time, %s", columnNames)
	}
	return s.keysByColumn(ctx, sel, c, b, need)
}

func (s *Store) keysByID(ctx context.Context, sel *selection, b bounds, ids []string) ([]key, error) {
	var c conditions
	c.add("stream = ?", sel.stream)
	c.in("id", ids)
	return s.keysOf(ctx, sel, b, "SELECT seq, time, series FROM audits"+c.where(), c.args)
}

func (s *Store) keysByRequest(ctx context.Context, sel *selection, b bounds, ids []string) ([]key, error) {
	sums := make([]int64, len(ids))
	for i, id := range ids {
		sums[i] = requestSum(id)
	}
	return s.keysOf(ctx, sel, b, requestSQL(s), []any{s.dialect.setOf(sums), sel.stream})
}

func requestSQL(s *Store) string {
	return "SELECT seq, time, series FROM " + s.dialect.by("audits", "audits_request") + " WHERE " + s.dialect.in("request") + " AND request <> 0 AND stream = ?"
}

// keysOf filters and sorts what a query finds by an index of its own.
func (s *Store) keysOf(ctx context.Context, sel *selection, b bounds, query string, args []any) ([]key, error) {
	var found []key
	_, err := s.each(ctx, s.db, query, args, func(rows *sql.Rows) error {
		var k key
		err := rows.Scan(&k.seq, &k.time, &k.series)
		if b.include(k) && (sel.all() || sel.has.has(k.series)) {
			found = append(found, k)
		}
		return err
	})
	slices.SortFunc(found, b.compare)
	return found, err
}

// readAudits reads the audits of keys, in their order. One that was removed meanwhile is left out.
func (s *Store) readAudits(ctx context.Context, stream api.Stream, keys []key) ([]api.AuditRecord, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, series, bySequence := make([]api.AuditRecord, 0, len(keys)), make([]int64, 0, len(keys)), make(map[int64]int, len(keys))
	query := "SELECT seq, series, time, received, count, id, request_id, msg, body FROM audits WHERE " + s.dialect.in("seq")
	err := s.eachPrepared(ctx, query, []any{s.dialect.setOf(seqsOf(keys))}, func(row *sql.Rows) error {
		a := api.AuditRecord{Stream: stream}
		var id, time, received int64
		err := row.Scan(&a.Sequence, &id, &time, &received, &a.Count, &a.ID, &a.RequestID, &a.Msg, &a.Body)
		a.Time, a.Received = at(time), at(received)
		bySequence[a.Sequence] = len(rows)
		rows, series = append(rows, a), append(series, id)
		return err
	})
	if err == nil {
		err = s.describe(ctx, rows, series)
	}
	if err != nil {
		return nil, err
	}
	audits := make([]api.AuditRecord, 0, len(keys))
	for _, k := range keys {
		if i, ok := bySequence[k.seq]; ok {
			audits = append(audits, rows[i])
		}
	}
	return audits, nil
}

// describe fills in what audits of the series share with others. A series that isn't known was added since they were
// found: by another replica, or by a transaction that this one is still committing.
func (s *Store) describe(ctx context.Context, audits []api.AuditRecord, series []int64) error {
	if s.dimensions.describe(audits, series) {
		return nil
	}
	if err := s.dimensions.refresh(ctx, s, s.db); err != nil {
		return err
	}
	if !s.dimensions.describe(audits, series) {
		return damaged("an audit's function and rule aren't there", nil)
	}
	return nil
}

// describe reports false when it doesn't know one of the series.
func (d *dimensions) describe(audits []api.AuditRecord, series []int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for i := range audits {
		row, ok := d.series.byID[series[i]]
		if !ok {
			return false
		}
		d.fill(&audits[i], d.series.rows[row])
	}
	return true
}

// fill gives an audit what its source and its kind say; the caller holds the lock.
func (d *dimensions) fill(a *api.AuditRecord, of series) {
	src := &d.sources.rows[d.sources.byID[of.source]]
	knd := &d.kinds.rows[d.kinds.byID[of.kind]]
	a.Account, a.Region, a.Function, a.FunctionID, a.Runtime, a.Provider = src.account, src.region, src.function, src.functionID, src.runtime, src.provider
	a.Type, a.AttackType, a.Effect, a.Rule, a.Severity = knd.kindType, knd.attackType, knd.effect, knd.rule, knd.severity
	if knd.methods != "" {
		a.Techniques = "," + knd.methods + ","
	}
}

// sieve tests the conditions that no index knows.
func sieve(q *api.AuditQuery) func(*api.AuditRecord) bool {
	if !sift(q) {
		return func(*api.AuditRecord) bool { return true }
	}
	msgs := make([]string, len(q.Msgs))
	for i, m := range q.Msgs {
		msgs[i] = lower(m)
	}
	search := lower(q.Search)
	return func(a *api.AuditRecord) bool {
		if !anyOf(q.IDs, a.ID) || !anyOf(q.RequestIDs, a.RequestID) {
			return false
		}
		if len(msgs) > 0 || search != "" {
			msg := lower(a.Msg)
			if !strings.Contains(msg, search) || len(msgs) > 0 && !slices.ContainsFunc(msgs, func(m string) bool { return strings.Contains(msg, m) }) {
				return false
			}
		}
		return hasMembers(a.Body, q.Body)
	}
}

// hasMembers tells whether each of the members has one of its values; of an array, any element counts.
func hasMembers(body []byte, wanted map[string][]string) bool {
	if len(wanted) == 0 {
		return true
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return false
	}
	for name, values := range wanted {
		if len(values) > 0 && !hasValue(members[name], values) {
			return false
		}
	}
	return true
}

func hasValue(raw json.RawMessage, values []string) bool {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return false
	}
	elements, ok := v.([]any)
	if !ok {
		elements = []any{v}
	}
	return slices.ContainsFunc(elements, func(e any) bool {
		switch e := e.(type) {
		case string:
			return slices.Contains(values, e)
		case json.Number:
			return slices.Contains(values, e.String())
		case bool:
			return slices.Contains(values, map[bool]string{true: "true", false: "false"}[e])
		default:
			return false
		}
	})
}
