package audits

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/fakestore"
)

// memory is a store in memory, for what a database can't be made to do at will. What is asked of it is what the tests
// ask; the real store has tests of its own.
type memory struct {
	*fakestore.Store

	mu        sync.Mutex // guards the fields below
	audits    map[api.Stream][]api.AuditRecord
	ids       map[string]bool // by stream and id
	sequence  int64
	incidents map[string]api.Incident
	mgmt      []api.MgmtAudit
	defenders map[string]api.DefenderRecord
	heardIn   []int // the sizes of batches
	watchers  []chan struct{}
	bloat     int64         // how much larger the store is than its audits; grows by what is removed when it's kept
	keeps     bool          // what was freed is kept
	fail      error         // of every write
	block     chan struct{} // appending waits for it
}

func newMemory(now func() time.Time) *memory {
	m := &memory{
		audits: map[api.Stream][]api.AuditRecord{}, ids: map[string]bool{}, incidents: map[string]api.Incident{}, defenders: map[string]api.DefenderRecord{},
	}
	m.Store = &fakestore.Store{Now: now, Fault: func(operation string) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if operation == "Write" {
			return m.fail
		}
		return nil
	}}
	return m
}

func (m *memory) AppendAudits(ctx context.Context, audits []api.AuditRecord) (int, error) {
	if m.block != nil {
		select {
		case <-m.block:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return 0, m.fail
	}
	added := 0
	for _, a := range audits {
		if m.ids[string(a.Stream)+a.ID] {
			continue
		}
		m.ids[string(a.Stream)+a.ID] = true
		m.sequence++
		a.Sequence = m.sequence
		m.audits[a.Stream] = append(m.audits[a.Stream], a)
		added++
	}
	m.signal()
	return added, nil
}

func (m *memory) signal() {
	for _, w := range m.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (m *memory) Watch(ctx context.Context) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := make(chan struct{}, 1)
	m.watchers = append(m.watchers, w)
	return w
}

func (m *memory) find(q api.AuditQuery) []api.AuditRecord {
	var found []api.AuditRecord
	in := func(values []string, value string) bool { return len(values) == 0 || slices.Contains(values, value) }
	for _, a := range m.audits[q.Stream] {
		if a.Sequence <= q.After || q.Before > 0 && a.Sequence >= q.Before ||
			!q.From.IsZero() && a.Time.Before(q.From) || !q.To.IsZero() && a.Time.After(q.To) ||
			!in(q.Functions, a.Function) || !in(q.Types, a.Type) || !in(q.Effects, a.Effect) || !in(q.Accounts, a.Account) {
			continue
		}
		if q.Scopes != nil && !slices.ContainsFunc(q.Scopes, func(s api.FunctionScope) bool { return s.Holds(a.Account, a.Region, a.Function) }) {
			continue
		}
		found = append(found, a)
	}
	slices.SortFunc(found, func(a, b api.AuditRecord) int {
		if q.After > 0 || q.Before != 0 {
			return int(b.Sequence - a.Sequence)
		}
		return cmp.Or(b.Time.Compare(a.Time), int(b.Sequence-a.Sequence))
	})
	if q.Page.Reverse != (q.Page.Sort == "time") {
		slices.Reverse(found)
	}
	return found
}

func page[V any](all []V, p api.Page) []V {
	all = all[min(p.Offset, len(all)):]
	if p.Limit > 0 {
		all = all[:min(p.Limit, len(all))]
	}
	return all
}

func (m *memory) Audits(_ context.Context, q api.AuditQuery) ([]api.AuditRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return page(m.find(q), q.Page), nil
}

func (m *memory) CountAudits(_ context.Context, q api.AuditQuery) (api.AuditCount, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return api.AuditCount{Total: len(m.find(q))}, nil
}

func (m *memory) Timeslice(_ context.Context, q api.AuditQuery, buckets int) ([]api.Slice, error) {
	return nil, nil
}

func (m *memory) Tally(_ context.Context, q api.AuditQuery, column string, limit int) ([]api.Tally, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := map[string]int{}
	for _, a := range m.find(q) {
		counts[map[string]string{
			"type": a.Type, "effect": a.Effect, "function": a.Function, "region": a.Region, "account": a.Account, "rule": a.Rule,
			"attackType": a.AttackType, "runtime": a.Runtime, "severity": a.Severity,
		}[column]]++
	}
	var all []api.Tally
	for value, count := range counts {
		all = append(all, api.Tally{Value: value, Count: count})
	}
	slices.SortFunc(all, func(a, b api.Tally) int {
		return (b.Count-a.Count)*1000 + strings.Compare(a.Value, b.Value)
	})
	return page(all, api.Page{Limit: limit}), nil
}

func (m *memory) Expire(_ context.Context, stream api.Stream, before time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	m.audits[stream] = slices.DeleteFunc(m.audits[stream], func(a api.AuditRecord) bool {
		gone := n < limit && a.Received.Before(before)
		if gone {
			n++
		}
		return gone
	})
	if m.keeps {
		m.bloat += int64(1000 * n)
	}
	return n, m.fail
}

func (m *memory) Size(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bloat + int64(1000*(len(m.audits[api.StreamRuntime])+len(m.audits[api.StreamFirewall]))), nil
}

func (m *memory) ExpireMgmt(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := len(m.mgmt)
	m.mgmt = slices.DeleteFunc(m.mgmt, func(a api.MgmtAudit) bool { return a.Time.Before(before) })
	return was - len(m.mgmt), nil
}

func (m *memory) ExpireIncidents(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, i := range m.incidents { // one at once
		if i.Time.Before(before) {
			delete(m.incidents, id)
			return 1, nil
		}
	}
	return 0, nil
}

func (m *memory) PutIncident(_ context.Context, i api.Incident) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if known, ok := m.incidents[i.ID]; ok {
		i.SerialNum, i.Acknowledged = known.SerialNum, known.Acknowledged
	} else {
		i.SerialNum = int64(len(m.incidents) + 1)
	}
	m.incidents[i.ID] = i
	return nil
}

func (m *memory) Incidents(_ context.Context, q api.IncidentQuery) ([]api.Incident, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []api.Incident
	for _, i := range m.incidents {
		if len(q.IDs) > 0 && !slices.Contains(q.IDs, i.ID) || q.Acknowledged != nil && *q.Acknowledged != i.Acknowledged ||
			!q.From.IsZero() && i.Time.Before(q.From) || !q.To.IsZero() && i.Time.After(q.To) ||
			len(q.Categories) > 0 && !slices.Contains(q.Categories, i.Category) {
			continue
		}
		if q.Scopes != nil && !slices.ContainsFunc(q.Scopes, func(s api.FunctionScope) bool { return s.Holds(i.AccountID, i.Region, i.Function) }) {
			continue
		}
		i.Audits = slices.Clone(i.Audits)
		found = append(found, i)
	}
	slices.SortFunc(found, func(a, b api.Incident) int { return int(b.SerialNum - a.SerialNum) })
	return page(found, q.Page), len(found), nil
}

func (m *memory) Acknowledge(_ context.Context, id string, acknowledged bool, audit *api.MgmtAudit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.incidents[id]
	i.Acknowledged = acknowledged
	m.incidents[id] = i
	m.mgmt = append(m.mgmt, *audit)
	return nil
}

func (m *memory) MgmtAudits(_ context.Context, q api.MgmtQuery) ([]api.MgmtAudit, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := slices.Clone(m.mgmt)
	slices.Reverse(found)
	return page(found, q.Page), len(found), nil
}

func (m *memory) AddMgmt(_ context.Context, audit api.MgmtAudit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mgmt = append(m.mgmt, audit)
	return m.fail
}

func (m *memory) Heard(_ context.Context, defenders []api.DefenderRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.heardIn = append(m.heardIn, len(defenders))
	for _, d := range defenders {
		if known, ok := m.defenders[d.FunctionID]; ok {
			d.FirstSeen = known.FirstSeen
		}
		m.defenders[d.FunctionID] = d
	}
	return nil
}

func (m *memory) Defenders(_ context.Context, q api.DefenderQuery) ([]api.DefenderRecord, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []api.DefenderRecord
	for _, d := range m.defenders {
		if len(q.IDs) > 0 && !slices.Contains(q.IDs, d.FunctionID) || !q.SeenSince.IsZero() && d.LastSeen.Before(q.SeenSince) ||
			!q.NotSeenSince.IsZero() && !d.LastSeen.Before(q.NotSeenSince) {
			continue
		}
		if q.Scopes != nil && !slices.ContainsFunc(q.Scopes, func(s api.FunctionScope) bool { return s.Holds(d.Account, d.Region, d.Function) }) {
			continue
		}
		found = append(found, d)
	}
	slices.SortFunc(found, func(a, b api.DefenderRecord) int { return strings.Compare(a.FunctionID, b.FunctionID) })
	return page(found, q.Page), len(found), nil
}

func (m *memory) ForgetDefender(_ context.Context, functionID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.defenders, functionID)
	return nil
}

func (m *memory) CountDefenders(_ context.Context, since time.Time) (int, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	connected := 0
	for _, d := range m.defenders {
		if !d.LastSeen.Before(since) {
			connected++
		}
	}
	return connected, len(m.defenders), nil
}

// collections are scopes by name, also stored as documents.
type collections map[string]api.FunctionScope

func (c collections) Scopes(_ context.Context, names []string) ([]api.FunctionScope, error) {
	var all []api.FunctionScope
	for _, name := range names {
		scope, ok := c[name]
		if !ok {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "collections: there is no collection %q", name)
		}
		all = append(all, scope)
	}
	return all, nil
}

func (c collections) store(m *memory) {
	for name := range c {
		body, _ := json.Marshal(map[string]string{"name": name})
		_ = m.Write(context.Background(), []api.DocumentChange{{Kind: api.KindCollection, ID: name, Body: body}}, nil)
	}
}

func nth(prefix string, n int) string { return prefix + strconv.Itoa(n) }

// slow takes some time for each audit, one batch after the other.
type slow struct {
	*memory

	each time.Duration
	one  sync.Mutex
}

func (s *slow) AppendAudits(_ context.Context, audits []api.AuditRecord) (int, error) {
	s.one.Lock()
	defer s.one.Unlock()
	time.Sleep(time.Duration(len(audits)) * s.each)
	return len(audits), nil
}

// nowhere keeps nothing.
type nowhere struct{ *memory }

func (nowhere) AppendAudits(_ context.Context, audits []api.AuditRecord) (int, error) {
	return len(audits), nil
}
