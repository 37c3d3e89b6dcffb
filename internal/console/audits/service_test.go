package audits

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// noon is when the tests' clock begins.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// clock is set by the tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is a service with all that is around it.
type bench struct {
	*Service
	t      testing.TB
	clock  *clock
	memory *memory
}

// start makes a service over a store in memory; change may be nil.
func start(t testing.TB, change func(c *Config)) *bench {
	t.Helper()
	clock := &clock{now: noon()}
	m := newMemory(clock.Now)
	shop := collections{
		"shop": {Functions: []string{"shop*"}}, "ireland": {Regions: []string{"eu-west-1"}},
		api.AllCollection: {},
	}
	shop.store(m)
	c := Config{
		Audits: m, Retention: m, Incidents: m, MgmtAudits: m, Documents: m, Leases: m, Defenders: m, Signals: m,
		Scopes: shop, Log: slog.New(slog.DiscardHandler), Now: clock.Now, Owner: "test",
	}
	if change != nil {
		change(&c)
	}
	return &bench{Service: New(c), t: t, clock: clock, memory: m}
}

// orders is the function of most tests.
func orders() route.FunctionIdentity {
	return route.FunctionIdentity{Account: "123456789012", Region: "eu-west-1", Function: "orders"}
}

func defender(f route.FunctionIdentity) route.Principal { return route.Principal{Function: f} }

// admin may do everything.
func admin() route.Principal {
	return route.Principal{Username: "admin", Permissions: map[api.PermName]bool{
		api.PermMonitorRuntimeServerless: true, api.PermMonitorWAAS: true, api.PermMonitorRuntimeIncidents: true, api.PermSystemLogs: true, api.PermManageDefenders: true, api.PermAccessUI: true,
	}}
}

// handler finds an endpoint.
func (b *bench) handler(method, path string) route.Handler {
	b.t.Helper()
	for _, r := range b.Routes() {
		if r.Method == method && r.Path == path {
			return r.Handle
		}
	}
	b.t.Fatalf("there is no %s %s", method, path)
	return nil
}

// call calls an endpoint: METHOD PATH[?QUERY].
func (b *bench) call(p route.Principal, endpoint string, body string, path map[string]string) (route.Answer, error) {
	b.t.Helper()
	method, target, _ := strings.Cut(endpoint, " ")
	target, rawQuery, _ := strings.Cut(target, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.handler(method, target)(b.context(), &route.Call{
		Principal: p, API: method + " /api/v1" + target, SourceIP: "192.0.2.7", Path: path, Query: query, Body: []byte(body),
		Header: func(string) string { return "" },
	})
}

func (b *bench) context() context.Context { return b.t.Context() }

// get calls an endpoint as admin and reads the answer as JSON; it returns Total-Count.
func (b *bench) get(endpoint string, into any) string {
	b.t.Helper()
	return b.getAs(admin(), endpoint, into)
}

func (b *bench) getAs(p route.Principal, endpoint string, into any) string {
	b.t.Helper()
	answer, err := b.call(p, "GET "+endpoint, "", nil)
	if err != nil {
		b.t.Fatalf("%s: %v", endpoint, err)
	}
	raw := answer.Raw
	if answer.JSON != nil {
		if raw, err = json.Marshal(answer.JSON); err != nil {
			b.t.Fatal(err)
		}
	}
	reflect.ValueOf(into).Elem().SetZero()
	if err := json.Unmarshal(raw, into); err != nil {
		b.t.Fatalf("%s: %v in %s", endpoint, err, raw)
	}
	return answer.Header["Total-Count"]
}

// post sends a batch as a function.
func (b *bench) post(f route.FunctionIdentity, audits ...string) (route.Answer, error) {
	b.t.Helper()
	return b.call(defender(f), "POST /defender/audits", "["+strings.Join(audits, ",")+"]", nil)
}

func (b *bench) mustPost(f route.FunctionIdentity, audits ...string) {
	b.t.Helper()
	answer, err := b.post(f, audits...)
	if err != nil || answer.Status != 0 || answer.Raw != nil || answer.JSON != nil {
		b.t.Fatalf("post: %+v, %v", answer, err)
	}
}

// audit is one of the runtime's as a Defender sends it; members replace or add to those it has.
func audit(id string, members ...any) string {
	all := map[string]any{
		"_id": id, "type": "processes", "effect": "alert", "attackType": "explicitlyDeniedProcess", "ruleName": "strict", "msg": "ls launched",
		"time": noon().Add(-time.Minute).Format(time.RFC3339Nano), "version": "v1.2.3", "runtime": "python3.12", "count": 1,
	}
	for i := 0; i < len(members); i += 2 {
		all[members[i].(string)] = members[i+1]
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func wantCode(t testing.TB, what string, err error, want autodefend.Code) {
	t.Helper()
	if got := autodefend.ErrorCode(err); got != want {
		t.Errorf("%s: code %q of %v, want %q", what, got, err, want)
	}
}

func TestRoutesAreWhole(t *testing.T) {
	b := start(t, nil)
	seen := map[string]bool{}
	for _, r := range b.Routes() {
		name := r.Method + " " + r.Path
		if seen[name] || r.Permission == "" || r.Summary == "" || !strings.HasSuffix(r.Summary, ".") || r.Handle == nil {
			t.Errorf("route %s: %+v", name, r)
		}
		if r.Write == (r.Method == "GET") {
			t.Errorf("route %s: Write is %v", name, r.Write)
		}
		seen[name] = true
	}
	for _, want := range []string{
		"POST /defender/audits", "POST /defender/audits/firewall", "POST /defender/heartbeat",
		"GET /audits/runtime/serverless", "GET /audits/runtime/serverless/download", "GET /audits/runtime/serverless/timeslice",
		"GET /audits/runtime/serverless/filters", "DELETE /audits/runtime/serverless",
		"GET /audits/firewall/app/serverless", "GET /audits/firewall/app/serverless/download", "GET /audits/firewall/app/serverless/timeslice",
		"GET /audits/incidents", "GET /audits/incidents/download", "PATCH /audits/incidents/acknowledge/{id}",
		"GET /audits/mgmt", "GET /audits/mgmt/download", "GET /audits/mgmt/filters", "GET /audits/live", "GET /audits/overview",
		"GET /stats/events", "GET /stats/app-firewall/count", "GET /stats/daily", "GET /stats/dashboard", "GET /stats/license",
		"GET /xsoar-alerts", "GET /defenders", "GET /defenders/names", "GET /defenders/summary", "GET /defenders/download",
		"GET /defenders/image-name", "GET /defenders/install-bundle", "DELETE /defenders/{id}",
	} {
		if !seen[want] {
			t.Errorf("there is no %s", want)
		}
	}
}

func body(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func ids(all []api.RuntimeAudit) string {
	var b strings.Builder
	for _, a := range all {
		fmt.Fprintf(&b, "%s ", a.ID)
	}
	return strings.TrimSpace(b.String())
}
