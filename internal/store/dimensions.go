package store

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// source is what audits of one function share.
type source struct {
	stream                                                   int64
	account, region, function, functionID, runtime, provider string
}

// kind is what audits of one rule share.
type kind struct {
	stream                                                int64
	kindType, attackType, effect, rule, severity, methods string
}

// series are the audits of one source and one kind.
type series struct{ source, kind int64 }

// dimensions holds the small tables in memory. Their ids come from one counter and grow in the order of commits, so that
// a replica that read up to an id has missed nothing before it.
type dimensions struct {
	mu      sync.RWMutex
	sources table[source]
	kinds   table[kind]
	series  table[series]
	// classes are the least ids of the kinds that share stream, type and effect.
	classes map[kind]int64
	classOf map[int64]int64
	// upTo is an id: no row up to it is missing here.
	upTo int64
	// doubted tells that rows may be stored that are missing here, though no other process writes.
	doubted atomic.Bool
}

// table is one small table: rows in the order of their ids, and the ids by what they say.
type table[T comparable] struct {
	ids  []int64
	rows []T
	byID map[int64]int
	of   map[T]int64
}

func newTable[T comparable]() table[T] {
	return table[T]{byID: make(map[int64]int), of: make(map[T]int64)}
}

func (t *table[T]) add(id int64, row T) {
	if _, ok := t.byID[id]; ok {
		return
	}
	t.byID[id] = len(t.ids)
	t.ids, t.rows, t.of[row] = append(t.ids, id), append(t.rows, row), id
}

func (t *table[T]) last() int64 {
	if len(t.ids) == 0 {
		return 0
	}
	return t.ids[len(t.ids)-1]
}

func newDimensions() *dimensions {
	return &dimensions{
		sources: newTable[source](), kinds: newTable[kind](), series: newTable[series](),
		classes: make(map[kind]int64), classOf: make(map[int64]int64),
	}
}

// class is a kind with only what the finest counts tell apart.
func (k kind) class() kind { return kind{stream: k.stream, kindType: k.kindType, effect: k.effect} }

func (d *dimensions) addKind(id, class int64, k kind) {
	d.kinds.add(id, k)
	d.classes[k.class()] = class
	d.classOf[id] = class
}

// rows that a transaction added or read, to be kept when it's committed.
type dimensionRows struct {
	sources map[source]int64
	kinds   map[kind]int64
	classes map[kind]int64
	series  map[series]int64
	// upTo is the last id that the transaction took, if it took any.
	upTo int64
}

// refresh reads what isn't known yet. A transaction calls it before it takes ids itself. Nothing is locked while the
// database is asked: those who read hold one of its connections when they look something up here, and would wait for each
// other. Several may refresh at once: each has read all rows up to some id, so that adding in any order leaves none out.
func (d *dimensions) refresh(ctx context.Context, s *Store, from queryer) error {
	doubted := d.doubted.Swap(false)
	err := d.readOn(ctx, s, from)
	if err != nil && doubted {
		d.doubted.Store(true)
	}
	return err
}

func (d *dimensions) readOn(ctx context.Context, s *Store, from queryer) error {
	var upTo int64
	_, err := s.each(ctx, from, "SELECT value FROM counters WHERE name = 'dimension'", nil, func(rows *sql.Rows) error { return rows.Scan(&upTo) })
	if err != nil {
		return err
	}
	d.mu.RLock()
	known, last := d.upTo, newerThan{d.sources.last(), d.kinds.last(), d.series.last()}
	d.mu.RUnlock()
	if upTo <= known {
		return nil
	}
	read, err := last.read(ctx, s, from)
	if err != nil {
		return err
	}
	read.upTo = upTo
	d.add(read)
	return nil
}

// newerThan are the last ids that are known of the small tables.
type newerThan struct{ sources, kinds, series int64 }

// readRows are rows of the small tables, each in the order of their ids. Classes are those of the kinds.
type readRows struct {
	sources []entry[source]
	kinds   []entry[kind]
	classes []int64
	series  []entry[series]
	upTo    int64
}

// read reads newer rows. Series are read first: what they name is there when they are.
func (n newerThan) read(ctx context.Context, s *Store, from queryer) (*readRows, error) {
	r := &readRows{}
	_, err := s.each(ctx, from, "SELECT id, source, kind FROM audit_series WHERE id > ? ORDER BY id", []any{n.series}, func(rows *sql.Rows) error {
		var e entry[series]
		err := rows.Scan(&e.id, &e.row.source, &e.row.kind)
		r.series = append(r.series, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	_, err = s.each(ctx, from, "SELECT id, stream, account, region, function, function_id, runtime, provider FROM audit_sources WHERE id > ? ORDER BY id",
		[]any{n.sources}, func(rows *sql.Rows) error {
			var e entry[source]
			err := rows.Scan(&e.id, &e.row.stream, &e.row.account, &e.row.region, &e.row.function, &e.row.functionID, &e.row.runtime, &e.row.provider)
			r.sources = append(r.sources, e)
			return err
		})
	if err != nil {
		return nil, err
	}
	_, err = s.each(ctx, from, "SELECT id, class, stream, type, attack_type, effect, rule, severity, techniques FROM audit_kinds WHERE id > ? ORDER BY id",
		[]any{n.kinds}, func(rows *sql.Rows) error {
			var e entry[kind]
			var class int64
			k := &e.row
			err := rows.Scan(&e.id, &class, &k.stream, &k.kindType, &k.attackType, &k.effect, &k.rule, &k.severity, &k.methods)
			r.kinds, r.classes = append(r.kinds, e), append(r.classes, class)
			return err
		})
	return r, err
}

// add adds rows; those that are known already change nothing.
func (d *dimensions) add(r *readRows) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range r.sources {
		d.sources.add(e.id, e.row)
	}
	for i, e := range r.kinds {
		d.addKind(e.id, r.classes[i], e.row)
	}
	for _, e := range r.series {
		d.series.add(e.id, e.row)
	}
	d.upTo = max(d.upTo, r.upTo)
}

// lookupAll gives audits what's known, in memory or by the transaction, and returns those whose series isn't.
func (d *dimensions) lookupAll(r *dimensionRows, audits []newAudit) []int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var missing []int
	for i := range audits {
		if audits[i].series != 0 {
			continue
		}
		if d.lookup(r, &audits[i]); audits[i].series == 0 {
			missing = append(missing, i)
		}
	}
	return missing
}

// lookup gives an audit the ids that are known; the caller holds the lock.
func (d *dimensions) lookup(r *dimensionRows, a *newAudit) {
	a.source, a.kind = d.sources.of[a.src], d.kinds.of[a.knd]
	if r != nil && a.source == 0 {
		a.source = r.sources[a.src]
	}
	if r != nil && a.kind == 0 {
		a.kind = r.kinds[a.knd]
	}
	a.class = d.classOf[a.kind]
	pair := series{a.source, a.kind}
	a.series = d.series.of[pair]
	if r != nil && a.series == 0 {
		a.series = r.series[pair]
	}
}

// keep adds what a committed transaction added, in the order of the ids.
func (d *dimensions) keep(r *dimensionRows) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range byID(r.sources) {
		d.sources.add(e.id, e.row)
	}
	for _, e := range byID(r.kinds) {
		d.addKind(e.id, r.classes[e.row.class()], e.row)
	}
	for _, e := range byID(r.series) {
		d.series.add(e.id, e.row)
	}
	d.upTo = max(d.upTo, r.upTo)
}

// Numbers of streams, as they are stored.
const (
	streamRuntime  = 1
	streamFirewall = 2
)

func streamNumber(s api.Stream) (int64, error) {
	switch s {
	case api.StreamRuntime:
		return streamRuntime, nil
	case api.StreamFirewall:
		return streamFirewall, nil
	default:
		return 0, autodefend.Errorf(autodefend.CodeInvalid, "there is no stream of audits named %q", s).
			WithHint("use %q or %q", api.StreamRuntime, api.StreamFirewall)
	}
}

func sourceOf(a *api.AuditRecord, stream int64) source {
	return source{
		stream: stream, account: text(a.Account), region: text(a.Region), function: text(a.Function),
		functionID: text(a.FunctionID), runtime: text(a.Runtime), provider: text(a.Provider),
	}
}

func kindOf(a *api.AuditRecord, stream int64) kind {
	return kind{
		stream: stream, kindType: text(a.Type), attackType: text(a.AttackType), effect: text(a.Effect),
		rule: text(a.Rule), severity: text(a.Severity), methods: text(strings.Trim(a.Techniques, ",")),
	}
}
