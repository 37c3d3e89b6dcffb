package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// fakeConsole is a Console with one policy.
type fakeConsole struct {
	*httptest.Server
	mu     sync.Mutex
	policy string
	audits []autodefend.Audit
}

func newConsole(t *testing.T) *fakeConsole {
	t.Helper()
	c := &fakeConsole{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/defender/policy", func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.policy == "" || r.Header.Get("If-None-Match") == `"2"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"2"`)
		_, _ = io.WriteString(w, c.policy)
	})
	mux.HandleFunc("POST /api/v1/defender/audits", func(w http.ResponseWriter, r *http.Request) {
		var audits []autodefend.Audit
		if err := json.NewDecoder(r.Body).Decode(&audits); err != nil || r.Header.Get("Authorization") != "Bearer token" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.audits = append(c.audits, audits...)
	})
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

func (c *fakeConsole) serve(policy string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy = policy
}

func (c *fakeConsole) received() []autodefend.Audit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.audits
}

// reachable lets a policy name the Console, to be asked after a second.
func (c *fakeConsole) reachable(e *policy.Envelope) {
	e.Console = policy.Console{Address: c.URL, Token: "token"}
	e.Interval = time.Second
}

// TestRefresh: a policy from the Console holds from some poll on, in processes that run already; the tiers hear of it.
func TestRefresh(t *testing.T) {
	const open = `open("/etc/hostname").close()`
	for _, tiers := range enforcing(t) {
		t.Run(tiers, func(t *testing.T) {
			console := newConsole(t)
			f := startFunction(t, setup{policy: encoded(t, envelope(quiet(), console.reachable)), tiers: tiers, argv: python(t)})
			if got := f.invoke(open); got.kind != "response" {
				t.Errorf("got %+v under a policy that is off", got)
			}
			newer := func(e *policy.Envelope) { e.Issued = e.Issued.Add(time.Hour) }
			console.serve(encoded(t, envelope(denying(autodefend.Prevent), console.reachable, newer)))
			f.await("the new policy", func() bool { return f.invoke(open).kind == "error" })
			f.awaitLine("policy changed")
			f.await("the audit at the Console", func() bool { return len(console.received()) > 0 })
			if got, want := console.received()[0], f.audits()[0]; got.ID != want.ID || got.Msg != want.Msg {
				t.Errorf("the Console got %+v, the log %+v", got, want)
			}
		})
	}
}

// TestTamperedRefresh: a policy that somebody changed on its way is refused, with an audit.
func TestTamperedRefresh(t *testing.T) {
	console := newConsole(t)
	f := startFunction(t, setup{policy: encoded(t, envelope(alertAll(), console.reachable)), tiers: "none", argv: python(t)})
	console.serve(tampered(encoded(t, envelope(quiet(), console.reachable))))
	f.await("the audit", func() bool {
		f.invoke("result = 1")
		return len(f.audits()) > 0
	})
	if got := f.audits()[0]; got.AttackType != autodefend.AttackPolicyHijacked || got.RuleName != "orders" {
		t.Errorf("got %+v", got)
	}
}

// TestShutdown: at SIGTERM what is left goes to the Console, and the runtime's end is the function's.
func TestShutdown(t *testing.T) {
	for _, tiers := range enforcing(t) {
		t.Run(tiers, func(t *testing.T) {
			console := newConsole(t)
			f := startFunction(t, setup{policy: encoded(t, envelope(denying(autodefend.Alert), console.reachable)), tiers: tiers, argv: python(t)})
			f.events <- `import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *a: sys.exit(42))
open("/etc/hostname").close()
time.sleep(600)`
			f.awaitAudits(1)
			f.signal(syscall.SIGTERM)
			f.await("the audit at the Console", func() bool { return len(console.received()) == 1 })
		})
	}
}
