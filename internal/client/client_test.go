package client

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/autodefend/autodefend"
)

const token = "s3cret-t0ken"

// TestMain fails when a goroutine outlives the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newConsole serves a handler and returns a client of it.
func newConsole(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return newClient(t, Config{Address: server.URL + "/prefix/", Token: token, UserAgent: "autodefend-defender/1"})
}

func newClient(t *testing.T, config Config) *Client {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

func audits(n int) []autodefend.Audit {
	all := make([]autodefend.Audit, n)
	for i := range all {
		all[i] = autodefend.Audit{ID: fmt.Sprint(i), Effect: autodefend.Prevent, Type: autodefend.AuditNetwork, Msg: "<&>", Time: time.Unix(1, 0).UTC()}
	}
	return all
}

func TestPostAudits(t *testing.T) {
	for _, n := range []int{1, 3, MaxBatch} {
		var got []autodefend.Audit
		c := newConsole(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "POST" || r.URL.Path != "/prefix/api/v1/defender/audits" || r.Header.Get("Authorization") != "Bearer "+token ||
				r.Header.Get("Content-Type") != "application/json" || r.Header.Get("User-Agent") != "autodefend-defender/1" {
				t.Errorf("got %s %s %v", r.Method, r.URL, r.Header)
			}
			if _, ok := r.Header["X-Idempotency-Key"]; ok {
				t.Error("the mark for net/http went over the wire")
			}
			var body io.Reader = r.Body
			if r.Header.Get("Content-Encoding") == "gzip" {
				unzipped, err := gzip.NewReader(body)
				if err != nil {
					t.Fatal(err)
				}
				body = unzipped
			}
			if compressed := body != io.Reader(r.Body); compressed != (n == MaxBatch) {
				t.Errorf("%d audits are compressed: %v", n, compressed)
			}
			if err := json.NewDecoder(body).Decode(&got); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusNoContent)
		})
		if err := c.PostAudits(t.Context(), audits(n)); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(audits(n), got); diff != "" {
			t.Errorf("not what was sent (-want +got):\n%s", diff)
		}
	}
}

func TestBatchSizes(t *testing.T) {
	c := newConsole(t, func(http.ResponseWriter, *http.Request) { t.Error("the Console was bothered") })
	if err := c.PostAudits(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := c.PostAudits(t.Context(), audits(MaxBatch+1)); autodefend.ErrorCode(err) != autodefend.CodeInvalid {
		t.Error(err)
	}
}

// TestStatuses gives what each answer means to both requests.
func TestStatuses(t *testing.T) {
	date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	tests := map[string]struct {
		status    int
		header    string
		code      autodefend.Code
		temporary bool
		least     time.Duration
		most      time.Duration
	}{
		"too many":         {429, "7", autodefend.CodeThrottled, true, 7 * time.Second, 7 * time.Second},
		"too many, dated":  {429, date, autodefend.CodeThrottled, true, 30 * time.Second, time.Minute},
		"too long":         {429, "999999999999", autodefend.CodeThrottled, true, maxRetryAfter, maxRetryAfter},
		"in the past":      {503, "-5", autodefend.CodeUnavailable, true, 0, 0},
		"nonsense":         {503, "soon", autodefend.CodeUnavailable, true, 0, 0},
		"failed":           {500, "", autodefend.CodeUnavailable, true, 0, 0},
		"no proxy":         {502, "", autodefend.CodeUnavailable, true, 0, 0},
		"slow":             {408, "", autodefend.CodeUnavailable, true, 0, 0},
		"who are you":      {401, "", autodefend.CodeDenied, false, 0, 0},
		"not you":          {403, "", autodefend.CodeDenied, false, 0, 0},
		"something else":   {404, "", autodefend.CodeNotFound, false, 0, 0},
		"malformed":        {400, "", autodefend.CodeInvalid, false, 0, 0},
		"too large":        {413, "", autodefend.CodeInvalid, false, 0, 0},
		"too much":         {422, "", autodefend.CodeInvalid, false, 0, 0},
		"redirect":         {302, "", autodefend.CodeNotFound, false, 0, 0},
		"other redirect":   {308, "", autodefend.CodeNotFound, false, 0, 0},
		"not what we said": {418, "", autodefend.CodeNotFound, false, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			c := newConsole(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				w.Header().Set("Retry-After", tt.header)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				_, _ = fmt.Fprintf(w, "you sent %v", r.Header)
			})
			_, policyErr := c.FetchPolicy(t.Context(), "")
			for _, err := range []error{c.PostAudits(t.Context(), audits(1)), policyErr} {
				temporary, ok := errors.AsType[*Temporary](err)
				if autodefend.ErrorCode(err) != tt.code || ok != tt.temporary || strings.Contains(err.Error(), token) {
					t.Errorf("got %v (%v)", err, autodefend.ErrorCode(err))
				}
				if ok && (temporary.RetryAfter() < tt.least || temporary.RetryAfter() > tt.most) {
					t.Errorf("come again after %v", temporary.RetryAfter())
				}
			}
			if calls.Load() != 2 {
				t.Errorf("%d requests", calls.Load())
			}
		})
	}
}

func TestFetchPolicy(t *testing.T) {
	c := newConsole(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.Path != "/prefix/api/v1/defender/policy" || r.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("got %s %s %v", r.Method, r.URL, r.Header)
		}
		w.Header().Set("ETag", `"v2"`)
		if r.Header.Get("If-None-Match") == `"v2"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, "ad1.envelope\n")
	})
	for etag, want := range map[string]Policy{
		"":     {Changed: true, Envelope: "ad1.envelope", ETag: `"v2"`},
		`"v1"`: {Changed: true, Envelope: "ad1.envelope", ETag: `"v2"`},
		`"v2"`: {ETag: `"v2"`},
	} {
		if got, err := c.FetchPolicy(t.Context(), etag); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", etag, got, err, want)
		}
	}
}

func TestPolicyTooLarge(t *testing.T) {
	c := newConsole(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, maxEnvelope+1))
	})
	if got, err := c.FetchPolicy(t.Context(), ""); autodefend.ErrorCode(err) != autodefend.CodeInvalid || got.Changed {
		t.Errorf("got %v, %v", got.Changed, err)
	}
}

// TestUnreachable: all of these pass, and none waits longer than its context.
func TestUnreachable(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	encrypted := httptest.NewTLSServer(http.NotFoundHandler())
	encrypted.Config.ErrorLog = nil
	defer encrypted.Close()
	for name, config := range map[string]Config{
		"nobody there":      {Address: "http://" + gone.Addr().String()},
		"no answer":         {Address: "http://" + silent.Addr().String()},
		"unknown authority": {Address: encrypted.URL},
		"proxy not there":   {Address: "https://console.test", Proxy: "http://user:" + token + "@" + gone.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			config.Token = token
			c := newClient(t, config)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			err := c.PostAudits(ctx, audits(1))
			if _, ok := errors.AsType[*Temporary](err); !ok || autodefend.ErrorCode(err) != autodefend.CodeUnavailable {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "user") {
				t.Errorf("a secret is in %q", err)
			}
		})
	}
}

// tunnel is what a proxy does with CONNECT, to an address.
func tunnel(t *testing.T, w http.ResponseWriter, address string) {
	t.Helper()
	upstream, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer upstream.Close()
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(upstream, client) }()
	_, _ = io.Copy(client, upstream)
}

// TestAuthorityAndProxy reaches a Console with an authority of its own by way of a proxy with a password.
func TestAuthorityAndProxy(t *testing.T) {
	console := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer console.Close()
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Header.Get("Proxy-Authorization") + " " + r.Header.Get("Authorization"))
		tunnel(t, w, r.Host)
	}))
	defer proxy.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: console.Certificate().Raw})
	c := newClient(t, Config{
		Address: console.URL, Token: token, CA: string(authority), Proxy: strings.Replace(proxy.URL, "//", "//user:word@", 1),
	})
	if err := c.PostAudits(t.Context(), audits(1)); err != nil {
		t.Error(err)
	}
	if got := asked.Load(); got != "CONNECT Basic dXNlcjp3b3Jk " {
		t.Errorf("the proxy got %q", got)
	}
	c.http.CloseIdleConnections()
}

// TestConnections: batches share a connection, and a question leaves none behind.
func TestConnections(t *testing.T) {
	var mu sync.Mutex
	states := map[http.ConnState]int{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	closed := make(chan struct{}, 10)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		states[state]++
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.StartTLS()
	defer server.Close()
	c := newClient(t, Config{Address: server.URL, Token: token, CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))})
	for range 3 {
		if err := c.PostAudits(t.Context(), audits(1)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := c.FetchPolicy(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Fatal("the question's connection stays")
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if states[http.StateNew] != 2 {
		t.Errorf("%d connections were made for three batches and two questions", states[http.StateNew])
	}
}

// TestThawed: the Console has ended the kept connection while the sandbox was frozen. The batch arrives all the same.
func TestThawed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	c := newClient(t, Config{Address: server.URL, Token: token})
	for range 20 {
		if err := c.PostAudits(t.Context(), audits(1)); err != nil {
			t.Fatal(err)
		}
		server.CloseClientConnections()
	}
}

func TestConfig(t *testing.T) {
	valid := Config{Address: "https://console.example.com:8083", Token: token}
	for name, change := range map[string]func(*Config){
		"no address":            func(c *Config) { c.Address = "" },
		"no scheme":             func(c *Config) { c.Address = "console.example.com" },
		"plain http":            func(c *Config) { c.Address = "http://console.example.com" },
		"plain http, disguised": func(c *Config) { c.Address = "http://127.0.0.1.example.com" },
		"user in the address":   func(c *Config) { c.Address = "https://" + token + "@console.example.com" },
		"query":                 func(c *Config) { c.Address = "https://console.example.com/?" + token },
		"not an address":        func(c *Config) { c.Address = "https://" + token + "\x7f" },
		"no token":              func(c *Config) { c.Token = " \n" },
		"token of two lines":    func(c *Config) { c.Token = token + "\r\nX: y" },
		"no certificate":        func(c *Config) { c.CA = token },
		"bad proxy":             func(c *Config) { c.Proxy = "://" + token },
		"proxy without host":    func(c *Config) { c.Proxy = token },
	} {
		t.Run(name, func(t *testing.T) {
			config := valid
			change(&config)
			_, err := New(config)
			if autodefend.ErrorCode(err) != autodefend.CodeInvalid || strings.Contains(err.Error(), token) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, address := range []string{valid.Address, "https://[::1]/x/", "http://127.0.0.1:8083", "http://localhost", "http://[::1]:1"} {
		if _, err := New(Config{Address: address, Token: " " + token + "\n"}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
