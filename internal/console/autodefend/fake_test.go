package autodefend

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/fakestore"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
)

// memory is a store in memory.
type memory struct {
	*fakestore.Store

	mu        sync.Mutex // guards the fields below
	functions map[string][]api.FunctionRecord
	// replaced counts replacements by site; failLeases makes every call about leases fail.
	replaced   map[string]int
	failLeases bool
}

func newMemory() *memory {
	m := &memory{functions: map[string][]api.FunctionRecord{}, replaced: map[string]int{}}
	m.Store = &fakestore.Store{Fault: func(operation string) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.failLeases && (operation == "Acquire" || operation == "Holds") {
			return autodefend.Errorf(autodefend.CodeUnavailable, "no leases")
		}
		return nil
	}}
	return m
}

// steal gives a lease to somebody else.
func (m *memory) steal(name string) { m.Steal(name, "thief", time.Hour) }

func (m *memory) ReplaceFunctions(_ context.Context, account, region string, functions []api.FunctionRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.functions[account+"/"+region] = slices.Clone(functions)
	m.replaced[account+"/"+region]++
	return nil
}

func (m *memory) Functions(_ context.Context, q api.FunctionQuery) ([]api.FunctionRecord, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []api.FunctionRecord
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	for _, site := range slices.Sorted(maps.Keys(m.functions)) {
		for _, r := range m.functions[site] {
			scoped := q.Scopes == nil || slices.ContainsFunc(q.Scopes, func(s api.FunctionScope) bool {
				return slices.ContainsFunc(s.Functions, func(p string) bool { ok, _ := path.Match(p, r.Name); return ok })
			})
			if scoped && in(q.IDs, r.ARN) && in(q.Accounts, r.Account) && in(q.Regions, r.Region) && in(q.Names, r.Name) && in(q.Runtimes, r.Runtime) &&
				in(q.Decisions, r.Decision) && in(q.Rules, r.Rule) && (q.Defended == nil || *q.Defended == r.Defended) && strings.Contains(r.Name, q.Search) {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b api.FunctionRecord) int { return cmp.Compare(a.ARN, b.ARN) })
	total := len(all)
	if q.Page.Offset >= len(all) {
		return nil, total, nil
	}
	return all[q.Page.Offset:min(len(all), q.Page.Offset+q.Page.Limit)], total, nil
}

func (m *memory) Coverage(context.Context) ([]api.Coverage, error) { return nil, nil }

// collections are those of a test.
type collections []policy.Collection

func (c collections) Collections(context.Context) ([]policy.Collection, error) { return c, nil }

func (c collections) Scopes(_ context.Context, names []string) ([]api.FunctionScope, error) {
	var scopes []api.FunctionScope
	for _, k := range c {
		if slices.Contains(names, k.Name) {
			scopes = append(scopes, api.FunctionScope{Functions: k.Functions})
		}
	}
	return scopes, nil
}

// world is a cloud in memory: sites by account/region, and which accounts credentials open.
type world struct {
	mu       sync.Mutex
	sites    map[string]map[string]*autodefend.Function
	accounts map[string][]string
	openErr  error
	// broken sites list only some of their functions; slow is how long a change takes.
	broken map[string]bool
	slow   time.Duration
	opened []Scope
	// writes are the functions that were changed, in order, with what was done; fail are functions that can't be.
	writes []string
	fail   map[string]bool
	// writing counts who writes to a site at a time, most the most there ever were.
	writing map[string]int
	most    int
	before  func(site string) // called before each wave
}

func newWorld() *world {
	return &world{
		sites: map[string]map[string]*autodefend.Function{}, accounts: map[string][]string{"aws": {account}},
		broken: map[string]bool{}, fail: map[string]bool{}, writing: map[string]int{},
	}
}

// add puts functions into the account's region.
func (w *world) add(names ...string) {
	for _, name := range names {
		w.put(account, region, name, "python3.13", nil)
	}
}

func (w *world) put(account, region, name, runtime string, tags map[string]string) *autodefend.Function {
	key := account + "/" + region
	if w.sites[key] == nil {
		w.sites[key] = map[string]*autodefend.Function{}
	}
	f := &autodefend.Function{
		ARN:     autodefend.FunctionARN{Partition: "aws", Region: region, Account: account, Name: name},
		Runtime: runtime, Architecture: autodefend.ArchX86, Handler: "app.handler", MemoryMB: 256, TimeoutSec: 30, Tags: tags, TagsKnown: true,
		Environment: autodefend.Environment{Variables: autodefend.Variables{"SECRET": "hunter2"}},
	}
	w.sites[key][name] = f
	return f
}

func (w *world) Open(_ context.Context, scope Scope) ([]Site, []autodefend.ScopeError, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = append(w.opened, scope)
	if w.openErr != nil {
		return nil, nil, w.openErr
	}
	var sites []Site
	for _, key := range slices.Sorted(maps.Keys(w.sites)) {
		a, r, _ := strings.Cut(key, "/")
		if slices.Contains(w.accounts[scope.CredentialID], a) && (len(scope.Regions) == 0 || slices.Contains(scope.Regions, r)) {
			sites = append(sites, Site{Account: a, Region: r, Fleet: &site{world: w, key: key, scope: scope}})
		}
	}
	if len(sites) == 0 {
		return nil, nil, autodefend.Errorf(autodefend.CodeDenied, "credential %s opens nothing", scope.CredentialID).WithHint("check it")
	}
	return sites, nil, nil
}

// did lists the changes so far.
func (w *world) did() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.writes)
}

// opens counts how often something was opened, atOnce the most that wrote to one site at a time.
func (w *world) opens() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.opened)
}

func (w *world) atOnce() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}

// crack makes the listing of the region partial, or whole again.
func (w *world) crack(partial bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken[account+"/"+region] = partial
}

// defended lists the functions with the Defender.
func (w *world) defended() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, site := range w.sites {
		for name, f := range site {
			if len(f.Layers) > 0 {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// site is a fleet in memory. Functions whose name begins with "big" are skipped.
type site struct {
	*world
	key   string
	scope Scope
}

func (s *site) Publish(context.Context) error { return nil }

func (s *site) list() ([]autodefend.Function, []autodefend.ScopeError) {
	var all []autodefend.Function
	for _, name := range slices.Sorted(maps.Keys(s.sites[s.key])) {
		f := *s.sites[s.key][name]
		f.Environment.Variables = maps.Clone(f.Environment.Variables)
		all = append(all, f)
	}
	if s.broken[s.key] {
		return all[:len(all)/2], []autodefend.ScopeError{{Account: account, Region: region, Code: autodefend.CodeThrottled, Message: "ListFunctions: rate exceeded"}}
	}
	return all, nil
}

func verdictOf(f autodefend.Function) autodefend.Verdict {
	return autodefend.Verdict{
		ARN: f.ARN, Name: f.ARN.Name, Account: f.ARN.Account, Region: f.ARN.Region, Runtime: f.Runtime,
		Reasons: []autodefend.Reason{}, Warnings: []autodefend.Reason{},
	}
}

const layerARN = "arn:aws:lambda:eu-west-1:111111111111:layer:autodefend-defender-x86_64:1"

func (s *site) Plan(context.Context) (Survey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, errs := s.list()
	p := &autodefend.Plan{Recipe: "autodefend", Errors: errs}
	for _, f := range all {
		v := verdictOf(f)
		excluded := slices.ContainsFunc(s.scope.Excludes, func(g string) bool { ok, _ := path.Match(g, f.ARN.Name); return ok })
		switch {
		case excluded:
			v.Decision, v.Reasons = autodefend.Exclude, []autodefend.Reason{{Check: autodefend.CheckExcluded, Message: "excluded"}}
		case len(f.Layers) > 0:
			v.Decision = autodefend.Protected
		case strings.HasPrefix(f.ARN.Name, "big"):
			v.Decision, v.Reasons = autodefend.Skip, []autodefend.Reason{{Check: autodefend.CheckCodeSize, Message: "too big", Hint: "make it smaller"}}
		default:
			v.Decision = autodefend.Protect
			v.Change = &autodefend.Change{Revision: "1", Layers: &autodefend.LayersChange{After: []string{layerARN}}}
		}
		p.Functions = append(p.Functions, v)
	}
	p.Finish()
	return Survey{Plan: p, Functions: all}, nil
}

func (s *site) PlanRollback(_ context.Context, run string) (Survey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, errs := s.list()
	p := &autodefend.Plan{Recipe: "autodefend", Errors: errs}
	for _, f := range all {
		marker := f.Environment.Variables[autodefend.MarkerVariable]
		if marker == "" || (run != "" && marker != "autodefend/"+run) {
			continue
		}
		v := verdictOf(f)
		v.Decision, v.Change = autodefend.Protected, &autodefend.Change{Layers: &autodefend.LayersChange{Before: []string{layerARN}}}
		p.Functions = append(p.Functions, v)
	}
	p.Finish()
	return Survey{Plan: p, Functions: all}, nil
}

func (s *site) Apply(ctx context.Context, p *autodefend.Plan) *autodefend.Run {
	return s.change(ctx, p, "attach", autodefend.OutcomeProtected, func(f *autodefend.Function) {
		f.Layers = []autodefend.AttachedLayer{{ARN: layerARN}}
		f.Environment.Variables[autodefend.MarkerVariable] = "autodefend/" + s.scope.Run
		f.Environment.Variables[autodefend.WrapperVariable] = "/opt/autodefend/wrapper"
	})
}

func (s *site) Rollback(ctx context.Context, p *autodefend.Plan, _ string) *autodefend.Run {
	return s.change(ctx, p, "detach", autodefend.OutcomeRolledBack, func(f *autodefend.Function) {
		f.Layers = nil
		delete(f.Environment.Variables, autodefend.MarkerVariable)
		delete(f.Environment.Variables, autodefend.WrapperVariable)
	})
}

func (s *site) change(ctx context.Context, p *autodefend.Plan, deed string, outcome autodefend.Outcome, do func(*autodefend.Function)) *autodefend.Run {
	s.mu.Lock()
	s.writing[s.key]++
	s.most = max(s.most, s.writing[s.key])
	s.mu.Unlock()
	if s.before != nil {
		s.before(s.key)
	}
	run := &autodefend.Run{Run: s.scope.Run, Results: []autodefend.Receipt{}}
	for i, v := range p.Functions {
		if ctx.Err() != nil {
			run.Stopped = fmt.Sprintf("interrupted with %d functions left", len(p.Functions)-i)
			break
		}
		if s.slow > 0 {
			time.Sleep(s.slow)
		}
		s.mu.Lock()
		r := autodefend.Receipt{ARN: v.ARN, Name: v.Name, Account: v.Account, Region: v.Region, Outcome: outcome, Reasons: []autodefend.Reason{}}
		if s.fail[v.Name] {
			r.Outcome, r.Reasons = autodefend.OutcomeFailed, []autodefend.Reason{{Check: autodefend.CheckUpdate, Message: "AWS refused"}}
		} else {
			do(s.sites[s.key][v.Name])
			s.writes = append(s.writes, deed+" "+v.Name)
		}
		run.Results = append(run.Results, r)
		s.mu.Unlock()
	}
	s.mu.Lock()
	s.writing[s.key]--
	s.mu.Unlock()
	run.Finish()
	return run
}

// policyCollection holds the functions whose name begins with a name.
func policyCollection(name string) policy.Collection {
	return policy.Collection{Name: name, Functions: []string{name + "-*"}}
}

// bench is a service with its fakes.
type bench struct {
	*Service
	t     testing.TB
	store *memory
	world *world
}

// newBench makes a service; runs are numbered by a counter that its replicas share.
func newBench(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, store: newMemory(), world: newWorld()}
	b.give(api.KindCredential, "aws", `{"_id":"aws","type":"aws"}`)
	b.give(api.KindCredential, "other", `{"_id":"other","type":"aws"}`)
	b.Service = b.replica("one", change)
	return b
}

// replica makes another service on the same store and world.
func (b *bench) replica(name string, change func(*Config)) *Service {
	b.t.Helper()
	var mu sync.Mutex
	n := 0
	cfg := Config{
		Documents: b.store, Leases: b.store, Inventory: b.store, Clouds: b.world, Replica: name,
		Collections: collections{
			policy.AllFunctions(),
			{Name: "orders", Functions: []string{"Orders-*"}},
			{Name: "ireland", Functions: []string{"*"}, Labels: []string{"region:eu-west-1"}},
			{Name: "prod", Functions: []string{"*"}, Labels: []string{"env:prod"}},
			{Name: "hosts", Functions: []string{"*"}, Hosts: []string{"web-1"}},
		},
		NewRun: func() string {
			mu.Lock()
			defer mu.Unlock()
			n++
			return fmt.Sprintf("20260101T000000-%s%03d", name[:1], n)
		},
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) give(kind api.Kind, id, body string) {
	b.t.Helper()
	if err := b.store.Write(b.t.Context(), []api.DocumentChange{{Kind: kind, ID: id, Version: api.Any, Body: []byte(body)}}, nil); err != nil {
		b.t.Fatal(err)
	}
}

// call calls the handler of a route as a client would.
func (b *bench) call(method, target, body string) (route.Answer, error) {
	b.t.Helper()
	return callAs(b.t, b.Service, route.Principal{Username: "ann"}, method, target, body)
}

func callAs(t testing.TB, s *Service, who route.Principal, method, target, body string) (route.Answer, error) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Routes() {
		for _, pattern := range append([]string{r.Path}, r.Alias...) {
			values, ok := match(pattern, u.Path)
			if r.Method != method || !ok {
				continue
			}
			return r.Handle(t.Context(), &route.Call{
				Principal: who, API: method + " " + u.Path, SourceIP: "192.0.2.1", Path: values, Query: u.Query(), Body: []byte(body),
			})
		}
	}
	t.Fatalf("no route %s %s", method, target)
	return route.Answer{}, nil
}

func match(pattern, target string) (map[string]string, bool) {
	p, q := strings.Split(pattern, "/"), strings.Split(target, "/")
	if len(p) != len(q) {
		return nil, false
	}
	values := map[string]string{}
	for i := range p {
		if name, ok := strings.CutPrefix(p[i], "{"); ok {
			values[strings.TrimSuffix(name, "}")] = q[i]
		} else if p[i] != q[i] {
			return nil, false
		}
	}
	// A literal path comes before a pattern.
	return values, len(values) == 0 || !slices.Contains([]string{"names", "download", "scan"}, values["id"])
}

// must is call for calls that have to work.
func (b *bench) must(method, target, body string) route.Answer {
	b.t.Helper()
	a, err := b.call(method, target, body)
	if err != nil {
		b.t.Fatalf("%s %s: %v (%s)", method, target, err, autodefend.ErrorHint(err))
	}
	return a
}

// get reads an answer's JSON.
func get[T any](b *bench, target string) T {
	b.t.Helper()
	a := b.must("GET", target, "")
	text := a.Raw
	if a.JSON != nil {
		var err error
		if text, err = json.Marshal(a.JSON); err != nil {
			b.t.Fatal(err)
		}
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		b.t.Fatalf("%s: %v in %s", target, err, text)
	}
	return v
}

// settled runs what is due until nothing is.
func (b *bench) settled() {
	b.t.Helper()
	for range 8 {
		b.tick(b.t.Context())
		b.workers.Wait()
	}
}

// rules posts a list of rules given as name=collection, with further members.
func (b *bench) rules(rules ...string) {
	b.t.Helper()
	b.must("POST", rulesPath, "["+strings.Join(rules, ",")+"]")
}

const rulesPath = "/settings/serverless-auto-deploy"

// rule is the JSON of one rule.
func rule(name, collection, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"name":%q,"credentialID":"aws","awsRegionType":"regular","collections":[{"name":%q}],"runtimes":["python","nodejs22.x"]%s}`, name, collection, more)
}

// scanNow asks for the evaluation of all rules, lookAgain for a look at all accounts, a moment after the last one began:
// times have milliseconds.
func (b *bench) scanNow() {
	b.t.Helper()
	time.Sleep(2 * time.Millisecond)
	b.must("POST", "/deployment/serverless/scan", "")
}

func (b *bench) lookAgain() {
	b.t.Helper()
	time.Sleep(2 * time.Millisecond)
	b.must("POST", "/serverless/scan", "")
}
