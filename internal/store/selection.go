package store

import (
	"slices"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
)

// selection is what a query's conditions on sources and kinds select, as numbers.
type selection struct {
	stream int64
	// bySource and byKind tell that there are conditions of that sort, byClass that the ones on kinds are only on what
	// classes tell apart.
	bySource, byKind, byClass bool
	// sources, kinds and classes are set where there are conditions on them.
	sources, kinds, classes []int64
	// series are those of the sources and kinds, in order; all of the stream's when nothing restricts.
	series []int64
	has    bitset
	// query is what was selected by, when newest was the last series that was known.
	query  *api.AuditQuery
	newest int64
}

// all tells that nothing restricts.
func (s *selection) all() bool { return !s.bySource && !s.byKind }

// bitset holds small numbers.
type bitset []uint64

func bitsetOf(numbers []int64) bitset {
	b := make(bitset, slices.Max(numbers)/64+1)
	for _, n := range numbers {
		b.add(n)
	}
	return b
}

func (b bitset) add(n int64) { b[n/64] |= 1 << (n % 64) }

func (b bitset) has(n int64) bool {
	i := n / 64
	return i < int64(len(b)) && b[i]&(1<<(n%64)) != 0
}

// selects finds what a query selects.
func (d *dimensions) selects(q *api.AuditQuery, stream int64) selection {
	scopes := scopesOf(q.Scopes)
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := selection{stream: stream, query: q, newest: d.series.last()}
	s.bySource = len(q.Accounts)+len(q.Regions)+len(q.Functions)+len(q.FunctionIDs)+len(q.Runtimes) > 0 || q.Scopes != nil
	other := len(q.AttackTypes)+len(q.Rules)+len(q.Severities)+len(q.Techniques) > 0
	s.byKind = other || len(q.Types)+len(q.Effects) > 0
	s.byClass = s.byKind && !other
	if s.all() {
		return s
	}
	top := max(d.sources.last(), d.kinds.last(), d.series.last())/64 + 1
	sources, kinds := make(bitset, top), make(bitset, top)
	for i := range d.sources.rows {
		if row := &d.sources.rows[i]; row.stream == stream && row.selected(q, scopes) {
			sources.add(d.sources.ids[i])
			s.sources = append(s.sources, d.sources.ids[i])
		}
	}
	for i := range d.kinds.rows {
		if row := &d.kinds.rows[i]; row.stream == stream && row.selected(q) {
			id := d.kinds.ids[i]
			kinds.add(id)
			s.kinds = append(s.kinds, id)
			s.classes = append(s.classes, d.classOf[id])
		}
	}
	slices.Sort(s.classes)
	s.classes = slices.Compact(s.classes)
	s.has = make(bitset, top)
	for i, row := range d.series.rows {
		if sources.has(row.source) && kinds.has(row.kind) {
			s.series = append(s.series, d.series.ids[i])
			s.has.add(d.series.ids[i])
		}
	}
	return s
}

func (r *source) selected(q *api.AuditQuery, scopes []scope) bool {
	return anyOf(q.Accounts, r.account) && anyOf(q.Regions, r.region) && anyOf(q.Functions, r.function) &&
		anyOf(q.FunctionIDs, r.functionID) && anyOf(q.Runtimes, r.runtime) && inScope(scopes, r.account, r.function, r.region)
}

func (r *kind) selected(q *api.AuditQuery) bool {
	return anyOf(q.Types, r.kindType) && anyOf(q.AttackTypes, r.attackType) && anyOf(q.Effects, r.effect) &&
		anyOf(q.Rules, r.rule) && anyOf(q.Severities, r.severity) && r.hasTechnique(q.Techniques)
}

func (r *kind) hasTechnique(wanted []string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(t string) bool {
		return t != "" && strings.Contains(","+r.methods+",", ","+t+",")
	})
}

// anyOf tells whether a value is one of those wanted, or none are.
func anyOf(wanted []string, s string) bool { return len(wanted) == 0 || slices.Contains(wanted, s) }

// column is what audits can be sorted and counted by.
type column struct {
	ofSource func(*source) string
	ofKind   func(*kind) string
	// class tells that classes tell it apart.
	class bool
}

// columns are by the names of the interface and by those of the audits' members.
func columns(name string) (column, bool) {
	switch name {
	case "type":
		return column{ofKind: func(k *kind) string { return k.kindType }, class: true}, true
	case "effect":
		return column{ofKind: func(k *kind) string { return k.effect }, class: true}, true
	case "attackType":
		return column{ofKind: func(k *kind) string { return k.attackType }}, true
	case "rule", "ruleName":
		return column{ofKind: func(k *kind) string { return k.rule }}, true
	case "severity":
		return column{ofKind: func(k *kind) string { return k.severity }}, true
	case "function":
		return column{ofSource: func(s *source) string { return s.function }}, true
	case "functionID":
		return column{ofSource: func(s *source) string { return s.functionID }}, true
	case "region":
		return column{ofSource: func(s *source) string { return s.region }}, true
	case "account", "accountID":
		return column{ofSource: func(s *source) string { return s.account }}, true
	case "runtime":
		return column{ofSource: func(s *source) string { return s.runtime }}, true
	case "provider":
		return column{ofSource: func(s *source) string { return s.provider }}, true
	default:
		return column{}, false
	}
}

// columnNames are what [columns] knows, for people.
const columnNames = "type, attackType, effect, rule, severity, function, functionID, region, account, runtime or provider"

// valueOfSeries is a series' value of a column; the caller holds the lock.
func (d *dimensions) valueOfSeries(c column, id int64) string {
	i, ok := d.series.byID[id]
	if !ok {
		return ""
	}
	if c.ofKind != nil {
		return c.ofKind(&d.kinds.rows[d.kinds.byID[d.series.rows[i].kind]])
	}
	return c.ofSource(&d.sources.rows[d.sources.byID[d.series.rows[i].source]])
}

// valueOfKey is the value of a column for a source, a kind or a class; the caller holds the lock.
func (d *dimensions) valueOfKey(c column, id int64) string {
	if c.ofKind != nil {
		if i, ok := d.kinds.byID[id]; ok {
			return c.ofKind(&d.kinds.rows[i])
		}
		return ""
	}
	if i, ok := d.sources.byID[id]; ok {
		return c.ofSource(&d.sources.rows[i])
	}
	return ""
}

// groups divides the selected series by a column's value, in the order of the values.
func (d *dimensions) groups(s *selection, c column, reverse bool) [][]int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	of := make(map[string][]int64)
	ids := s.series
	if s.all() {
		ids = d.seriesOf(s.stream)
	}
	for _, id := range ids {
		v := d.valueOfSeries(c, id)
		of[v] = append(of[v], id)
	}
	values := make([]string, 0, len(of))
	for v := range of {
		values = append(values, v)
	}
	slices.Sort(values)
	if reverse {
		slices.Reverse(values)
	}
	groups := make([][]int64, len(values))
	for i, v := range values {
		groups[i] = of[v]
	}
	return groups
}

// seriesOf are all series of a stream; the caller holds the lock.
func (d *dimensions) seriesOf(stream int64) []int64 {
	var ids []int64
	for i, row := range d.series.rows {
		if d.kinds.rows[d.kinds.byID[row.kind]].stream == stream {
			ids = append(ids, d.series.ids[i])
		}
	}
	return ids
}

// among is a selection of some of the series.
func (s *selection) among(ids []int64) selection {
	sub := selection{stream: s.stream, bySource: true, byKind: true, series: ids}
	if len(ids) == 0 {
		return sub
	}
	sub.has = bitsetOf(ids)
	return sub
}
