//go:build linux

package endtoend

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/lambdasim/runner"
	"github.com/autodefend/autodefend/internal/policy"
)

// console is a Console with one policy.
type console struct {
	*httptest.Server

	mu       sync.Mutex // guards below
	policy   string
	tag      string
	runtime  []autodefend.Audit
	firewall []autodefend.FirewallAudit
}

func newConsole(t *testing.T) *console {
	t.Helper()
	c := &console{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/defender/policy", func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.policy == "" || r.Header.Get("If-None-Match") == c.tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", c.tag)
		_, _ = io.WriteString(w, c.policy)
	})
	mux.HandleFunc("POST /api/v1/defender/audits", func(w http.ResponseWriter, r *http.Request) { take(c, &c.runtime, w, r) })
	mux.HandleFunc("POST /api/v1/defender/audits/firewall", func(w http.ResponseWriter, r *http.Request) { take(c, &c.firewall, w, r) })
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

// take receives audits.
func take[A any](c *console, all *[]A, w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	var err error
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, err = gzip.NewReader(r.Body)
	}
	var some []A
	if err == nil {
		err = json.NewDecoder(body).Decode(&some)
	}
	if err != nil || r.Header.Get("Authorization") != "Bearer token" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	*all = append(*all, some...)
}

// serve has a policy from now on.
func (c *console) serve(tag, policy string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tag, c.policy = `"`+tag+`"`, policy
}

func (c *console) received() ([]autodefend.Audit, []autodefend.FirewallAudit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.runtime), slices.Clone(c.firewall)
}

// TestConsoleSwitches: a function whose firewall is off gets another policy while it runs, and then another one. What the
// log has of audits, the Console has.
func TestConsoleSwitches(t *testing.T) {
	c := newConsole(t)
	at := func(hours int) func(*policy.Envelope) {
		return func(e *policy.Envelope) {
			e.Console, e.Interval = policy.Console{Address: c.URL, Token: "token"}, time.Second
			e.Issued = issued().Add(time.Duration(hours) * time.Hour)
		}
	}
	f := start(t, one(), runner.ProfileLambda, encoded(t, nil, both, at(0)))
	attack := bytesOf(t, rest(attacks()[0].text))
	var log []byte
	until := func(seen bool) {
		t.Helper()
		for end := time.Now().Add(patience); ; {
			r := f.invoke(attack)
			log = append(log, r.Log...)
			if saw(r) == seen {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the policy doesn't change; the log\n%s", log)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	until(true)
	c.serve("2", encoded(t, rule(autodefend.Prevent), both, at(1)))
	until(false)
	c.serve("3", encoded(t, rule(autodefend.Disable), both, at(2)))
	until(true)
	log = append(log, f.invoke(bytesOf(t, urlRequest("GET", "/run", "text/plain", ""))).Log...)
	f.agrees(c, log)
}

// agrees compares the audits of a log with those at the Console, which may still be on their way.
func (f *function) agrees(c *console, log []byte) {
	f.t.Helper()
	fromRuntime := runtimeAudits(log)
	want := audits(log)
	if len(want) == 0 || len(fromRuntime) == 0 {
		f.t.Fatalf("%d audits of the firewall, %d of the runtime rule in the log\n%s", len(want), len(fromRuntime), log)
	}
	idle := bytesOf(f.t, urlRequest("GET", "/none", "text/plain", ""))
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		others, got := c.received()
		if len(got) >= len(want) && len(others) >= len(fromRuntime) || time.Now().After(end) {
			if diff := cmp.Diff(want, got); diff != "" {
				f.t.Errorf("the firewall's audits (-log +Console):\n%s", diff)
			}
			if diff := cmp.Diff(fromRuntime, others); diff != "" {
				f.t.Errorf("the runtime rule's audits (-log +Console):\n%s", diff)
			}
			return
		}
		fromRuntime = append(fromRuntime, runtimeAudits(f.invoke(idle).Log)...)
	}
}

// runtimeAudits are those of the runtime rule in a log.
func runtimeAudits(log []byte) []autodefend.Audit {
	var all []autodefend.Audit
	for line := range bytes.Lines(log) {
		var a autodefend.Audit
		if json.Unmarshal(line, &a) == nil && a.AttackType != "" {
			all = append(all, a)
		}
	}
	return all
}
