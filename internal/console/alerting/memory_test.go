package alerting

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/fakestore"
	"github.com/autodefend/autodefend/internal/console/route"
)

// memory is the storage that alerting needs, without a disk. Its faults are errors that operations return.
type memory struct {
	*fakestore.Store

	mu       sync.Mutex // guards the fields below
	audits   []api.AuditRecord
	outbox   map[string]api.Delivery
	held     map[string]time.Time // until when a delivery isn't given out
	enqueued int                  // deliveries that were put in
	faults   map[string]error
	stored   chan struct{}
	reading  func() // called once, before audits are read
}

func newMemory() *memory {
	m := &memory{
		outbox: make(map[string]api.Delivery), held: make(map[string]time.Time), faults: make(map[string]error), stored: make(chan struct{}, 1),
	}
	m.Store = &fakestore.Store{Fault: func(operation string) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.faults[operation]
	}}
	return m
}

func (m *memory) fault(operation string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults[operation] = err
}

func (m *memory) AppendAudits(_ context.Context, audits []api.AuditRecord) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range audits {
		a.Sequence = int64(len(m.audits) + 1)
		m.audits = append(m.audits, a)
	}
	select {
	case m.stored <- struct{}{}:
	default:
	}
	return len(audits), nil
}

func (m *memory) Audits(_ context.Context, q api.AuditQuery) ([]api.AuditRecord, error) {
	m.mu.Lock()
	reading := m.reading
	m.reading = nil
	m.mu.Unlock()
	if reading != nil {
		reading()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.faults["Audits"]; err != nil {
		return nil, err
	}
	if q.Before != math.MaxInt64 {
		return nil, errors.New("only in the order of their numbers")
	}
	var found []api.AuditRecord
	for _, a := range m.audits {
		if a.Stream == q.Stream && a.Sequence > q.After {
			found = append(found, a)
		}
	}
	if !q.Page.Reverse {
		slices.Reverse(found)
	}
	return found[:min(len(found), q.Page.Limit)], nil
}

func (m *memory) CountAudits(context.Context, api.AuditQuery) (api.AuditCount, error) {
	return api.AuditCount{}, nil
}

func (m *memory) Timeslice(context.Context, api.AuditQuery, int) ([]api.Slice, error) {
	return nil, nil
}

func (m *memory) Tally(context.Context, api.AuditQuery, string, int) ([]api.Tally, error) {
	return nil, nil
}

func (m *memory) Enqueue(_ context.Context, alerts []api.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.faults["Enqueue"]; err != nil {
		return err
	}
	for _, d := range alerts {
		if _, has := m.outbox[d.ID]; !has {
			m.outbox[d.ID] = d
			m.enqueued++
		}
	}
	return nil
}

func (m *memory) Due(_ context.Context, now time.Time, hold time.Duration, limit int) ([]api.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var due []api.Delivery
	for _, d := range m.outbox {
		if d.Outcome == "" && !d.Next.After(now) && !m.held[d.ID].After(now) {
			due = append(due, d)
		}
	}
	slices.SortFunc(due, func(a, b api.Delivery) int {
		return cmp.Or(a.Next.Compare(b.Next), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	due = due[:min(len(due), limit)]
	for _, d := range due {
		m.held[d.ID] = now.Add(hold)
	}
	return due, nil
}

func (m *memory) Settle(_ context.Context, d api.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.faults["Settle"]; err != nil {
		return err
	}
	delete(m.held, d.ID)
	if d.Outcome == "delivered" {
		delete(m.outbox, d.ID)
		return nil
	}
	m.outbox[d.ID] = d
	return nil
}

func (m *memory) Dead(_ context.Context, page api.Page) ([]api.Delivery, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var dead []api.Delivery
	for _, d := range m.outbox {
		if d.Outcome == "dead" {
			dead = append(dead, d)
		}
	}
	slices.SortFunc(dead, func(a, b api.Delivery) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	if page.Reverse {
		slices.Reverse(dead)
	}
	from := min(page.Offset, len(dead))
	return dead[from:min(from+page.Limit, len(dead))], len(dead), nil
}

func (m *memory) Watch(context.Context) <-chan struct{} { return m.stored }

// left is how many deliveries are in the outbox.
func (m *memory) left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.outbox)
}

// waiting are the deliveries in the outbox by outcome.
func (m *memory) waiting(outcome string) []api.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []api.Delivery
	for _, d := range m.outbox {
		if d.Outcome == outcome {
			all = append(all, d)
		}
	}
	return all
}

// sent is one message that a sender got.
type sent struct {
	at      time.Time
	channel string
	target  api.AlertTarget
	alert   api.Alert
}

// recorder is a sender that keeps what it gets and answers with errors.
type recorder struct {
	mu     sync.Mutex
	all    []sent
	tried  []time.Time
	answer func(to api.AlertTarget, alert api.Alert) error
	takes  time.Duration
}

func (r *recorder) Send(ctx context.Context, to api.AlertTarget, alert api.Alert) error {
	if r.takes > 0 {
		time.Sleep(r.takes) // in virtual time
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.mu.Lock()
	r.tried = append(r.tried, time.Now())
	r.mu.Unlock()
	if r.answer != nil {
		if err := r.answer(to, alert); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, sent{time.Now(), to.Channel, to, alert})
	return nil
}

// got are the ids of the audits that arrived by a channel, in their order; "" is all channels.
func (r *recorder) got(channel string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, s := range r.all {
		if channel != "" && s.channel != channel {
			continue
		}
		for _, a := range s.alert.Audits {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// tries are when messages were sent, whatever came of them.
func (r *recorder) tries() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.tried)
}

func (r *recorder) messages() []sent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// vault seals by turning bytes round, and binds to the place.
type vault struct{}

func (vault) Seal(plain, aad []byte) []byte {
	all := append(append([]byte{}, aad...), 0, 0)
	for _, b := range plain {
		all = append(all, ^b)
	}
	return all
}

func (vault) Open(sealed, aad []byte) ([]byte, error) {
	prefix := append(append([]byte{}, aad...), 0, 0)
	if len(sealed) < len(prefix) || string(sealed[:len(prefix)]) != string(prefix) {
		return nil, errors.New("sealed elsewhere")
	}
	var plain []byte
	for _, b := range sealed[len(prefix):] {
		plain = append(plain, ^b)
	}
	return plain, nil
}

// wallet has three credentials.
type wallet struct{}

func (wallet) Credential(_ context.Context, id string) (api.Credential, error) {
	switch id {
	case "mail":
		return api.Credential{ID: id, Type: api.CredentialBasic, AccountID: "ann", Secret: api.CredentialSecret{Plain: "pw"}}, nil
	case "hook":
		return api.Credential{ID: id, Type: api.CredentialAPIToken, APIToken: api.CredentialSecret{Plain: "tok"}}, nil
	case "aws":
		return api.Credential{ID: id, Type: api.CredentialAWS, AccountID: "AKIA", Secret: api.CredentialSecret{Plain: "s"}}, nil
	default:
		return api.Credential{}, autodefend.Errorf(autodefend.CodeNotFound, "no credential")
	}
}

func newService(m *memory, r *recorder, owner string) *Service {
	return New(Config{
		Documents: m, Audits: m, Outbox: m, Leases: m, Signals: m, Vault: vault{}, Credentials: wallet{}, Sender: r, Owner: owner,
		Jitter: func() float64 { return 1 },
	})
}

// call calls a route of the service.
func call(t *testing.T, s *Service, method, path, id, body string) (route.Answer, error) {
	t.Helper()
	manager := route.Principal{Username: "ann", Permissions: map[api.PermName]bool{api.PermManageAlerts: true, api.PermManageCreds: true}}
	return callAs(t, s, manager, method, path, id, body)
}

func callAs(t *testing.T, s *Service, who route.Principal, method, path, id, body string) (route.Answer, error) {
	t.Helper()
	for _, r := range s.Routes() {
		if r.Method == method && r.Path == path {
			return r.Handle(t.Context(), &route.Call{
				Principal: who, API: method + " " + path, SourceIP: "203.0.113.1", Path: map[string]string{"id": id}, Body: []byte(body),
			})
		}
	}
	t.Fatalf("there is no route %s %s", method, path)
	return route.Answer{}, nil
}

// put writes a profile.
func put(t *testing.T, s *Service, body string) {
	t.Helper()
	answer, err := call(t, s, "POST", "/alert-profiles", "", body)
	if err != nil {
		t.Fatalf("POST /alert-profiles: %v", err)
	}
	if answer.JSON != nil || answer.Raw != nil || answer.Status != 0 {
		t.Errorf("a write answers %+v, want nothing", answer)
	}
}

// listed reads the profiles as a client does.
func profilesOf(t *testing.T, s *Service) []map[string]any {
	t.Helper()
	answer, err := call(t, s, "GET", "/alert-profiles", "", "")
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(answer.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatal(err)
	}
	if answer.Header["Total-Count"] != strconv.Itoa(len(all)) {
		t.Errorf("Total-Count %q for %d", answer.Header["Total-Count"], len(all))
	}
	return all
}

// audit is a stored audit of a rule.
func audit(stream api.Stream, id, rule string) api.AuditRecord {
	return api.AuditRecord{
		ID: id, Stream: stream, Time: time.Unix(1795348800, 0), Received: time.Unix(1795348801, 0), Account: "123456789012", Region: "eu-west-1",
		Function: "orders", Rule: rule, Effect: "prevent", Msg: "message of " + id, Count: 1, Body: []byte(`{"_id":"` + id + `"}`),
	}
}
