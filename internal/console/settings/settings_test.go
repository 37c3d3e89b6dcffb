package settings

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/store"
)

// world is a service on a database of its own, and a clock.
type world struct {
	*Service
	t     *testing.T
	store *store.Store
	mu    sync.Mutex
	time  time.Time
	heard []api.DefenderRecord
	// functions are the inventory.
	functions []api.FunctionRecord
	asked     int // questions to the inventory
}

const (
	functionName = "orders"
	region       = "eu-west-1"
	account      = "123456789012"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	var err error
	if w.store, err = store.Open(t.Context(), store.Config{Address: filepath.Join(t.TempDir(), "console.db"), Now: w.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	k, err := keys.New(make([]byte, keys.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	w.Service = New(Config{
		Documents: w.store, Audits: w.store, Inventory: w, Heartbeats: w, Keys: k, Tokens: w, Signer: k.PolicySigner(),
		Address: "https://console.example.com:8083", CA: "sha256:" + strings.Repeat("ab", 32), Layers: w,
		Log: slog.New(slog.DiscardHandler), Now: w.now,
	})
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

func (w *world) DefenderToken(id route.FunctionIdentity) string {
	return "adt1." + id.Account + "." + id.Region + "." + id.Function + "." + time.Unix(id.Issued, 0).UTC().Format("20060102150405")
}

func (w *world) LayerZip(_ context.Context, arch string) ([]byte, error) {
	return []byte("layer of " + arch), nil
}

func (w *world) Heard(d api.DefenderRecord) { w.heard = append(w.heard, d) }

func (w *world) ReplaceFunctions(context.Context, string, string, []api.FunctionRecord) error {
	return nil
}

func (w *world) Coverage(context.Context) ([]api.Coverage, error) { return nil, nil }

func (w *world) Functions(_ context.Context, q api.FunctionQuery) ([]api.FunctionRecord, int, error) {
	w.asked++
	var found []api.FunctionRecord
	for _, f := range w.functions {
		if (len(q.Names) == 0 || q.Names[0] == f.Name) && (len(q.Regions) == 0 || q.Regions[0] == f.Region) && (len(q.Accounts) == 0 || q.Accounts[0] == f.Account) {
			found = append(found, f)
		}
	}
	total := len(found)
	found = found[min(q.Page.Offset, total):]
	if q.Page.Limit > 0 {
		found = found[:min(q.Page.Limit, len(found))]
	}
	return found, total, nil
}

// tagged puts a function with a tag into the inventory.
func (w *world) tagged(name, key, value string) {
	body, err := json.Marshal(api.FunctionInfo{FunctionTags: []api.ExternalLabel{{Key: key, Value: value}}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.functions = append(w.functions, api.FunctionRecord{
		ARN: "arn:aws:lambda:" + region + ":" + account + ":function:" + name, Account: account, Region: region, Name: name, Body: body,
	})
}

// call calls a route's handler.
func (w *world) call(method, path, body string) (route.Answer, error) {
	w.t.Helper()
	return w.callAs(administrator(), method, path, body, nil)
}

func administrator() route.Principal {
	p := route.Principal{Username: "ann", Permissions: make(map[api.PermName]bool)}
	for _, name := range api.PermNames() {
		p.Permissions[name] = true
	}
	return p
}

func (w *world) callAs(p route.Principal, method, path, body string, header map[string]string) (route.Answer, error) {
	w.t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range w.Routes() {
		if values, ok := match(r.Path, u.EscapedPath()); ok && r.Method == method {
			return r.Handle(w.t.Context(), &route.Call{
				Principal: p, API: method + " " + u.Path, SourceIP: "192.0.2.1", Path: values, Query: u.Query(), Body: []byte(body),
				Header: func(name string) string { return header[name] },
			})
		}
	}
	w.t.Fatalf("no route %s %s", method, path)
	return route.Answer{}, nil
}

// match matches a path with a route's, as the mux will.
func match(pattern, path string) (map[string]string, bool) {
	a, b := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return nil, false
	}
	values := make(map[string]string)
	for i := range a {
		if strings.HasPrefix(a[i], "{") {
			value, err := url.PathUnescape(b[i])
			if err != nil {
				return nil, false
			}
			values[strings.Trim(a[i], "{}")] = value
			continue
		}
		if a[i] != b[i] {
			return nil, false
		}
	}
	return values, true
}

// must calls and wants no error; it returns the body.
func (w *world) must(method, path, body string) string {
	w.t.Helper()
	answer, err := w.call(method, path, body)
	if err != nil {
		w.t.Fatalf("%s %s: %s", method, path, err)
	}
	if method != "GET" && method != "POST" && (answer.JSON != nil || answer.Raw != nil || answer.Status != 0) {
		w.t.Fatalf("%s %s answers a write with %+v", method, path, answer)
	}
	return text(w.t, answer)
}

func text(t *testing.T, a route.Answer) string {
	t.Helper()
	if a.JSON == nil {
		return string(a.Raw)
	}
	raw, err := json.Marshal(a.JSON)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// refused calls and wants an error of a code that has some words.
func (w *world) refused(method, path, body string, code autodefend.Code, words ...string) {
	w.t.Helper()
	_, err := w.call(method, path, body)
	if autodefend.ErrorCode(err) != code {
		w.t.Errorf("%s %s %.200s: error %v, want %s", method, path, body, err, code)
		return
	}
	told := err.Error() + "; " + autodefend.ErrorHint(err)
	for _, word := range words {
		if !strings.Contains(told, word) {
			w.t.Errorf("%s %s %.200s: error %q, want it with %q", method, path, body, told, word)
		}
	}
}

// mgmt returns the management audits, the newest first.
func (w *world) mgmt() []api.MgmtAudit {
	w.t.Helper()
	all, _, err := w.store.MgmtAudits(w.t.Context(), api.MgmtQuery{Page: api.Page{Limit: 50}})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) public() ed25519.PublicKey { return w.publicKey() }
