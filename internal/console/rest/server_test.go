package rest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/console/route"
)

func TestPaths(t *testing.T) {
	w := newWorld(t, nil)
	for _, test := range []struct {
		method, path string
		status       int
		name         string // of the thing that was found
	}{
		{"GET", "/api/v1/things/a", 200, "a"},
		{"GET", "/api/v34.04/things/a", 200, "a"},
		{"GET", "/api/v1/things/Access%20all%2Fmine", 200, "Access all/mine"},
		{"GET", "/api/v1/things/%2E%2E", 200, ".."},
		{"GET", "/api/v1/things/a%00b", 200, "a\x00b"},
		{"GET", "/api/v1/things/n%C3%A4me", 200, "näme"},
		{"GET", "/api/v1/old-things/a", 200, "a"},
		{"GET", "/api/v1/things/names", 200, ""},
		{"HEAD", "/api/v1/things/a", 200, ""},
		{"GET", "//api/v1/things/a%2Fb", 200, "a/b"},
		{"GET", "//", 404, ""},
		{"GET", "/api/v2/things/a", 404, ""},
		{"GET", "/api/v1.2/things/a", 404, ""},
		{"GET", "/api/v34.4/things/a", 404, ""},
		{"GET", "/api/v34.04.1/things/a", 404, ""},
		{"GET", "/api/v1/things/a/", 404, ""},
		{"GET", "/api/v1/../v1/things/a", 404, ""},
		{"GET", "/api/v1//things/a", 404, ""},
		{"GET", "/api/v1/nothing", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "/etc/passwd", 404, ""},
		{"DELETE", "/api/v1/things/a", 405, ""},
		{"OPTIONS", "/api/v1/things/a", 405, ""},
		{"POST", "/healthz", 405, ""},
	} {
		got := w.do(test.method, test.path, "", "Authorization", "Bearer reader")
		if got.status != test.status {
			t.Errorf("%s %s: status %d, want %d: %s", test.method, test.path, got.status, test.status, got.body)
			continue
		}
		switch {
		case got.status != 200:
			got.failure(t)
		case test.name != "":
			if e := got.echoed(t); e.Name != test.name {
				t.Errorf("%s %s found %q, want %q", test.method, test.path, e.Name, test.name)
			}
		}
		if got.status == 405 && test.path != "/healthz" && got.header.Get("Allow") != "GET, HEAD, PUT" {
			t.Errorf("%s: Allow is %q", test.path, got.header.Get("Allow"))
		}
	}
}

func TestAuthentication(t *testing.T) {
	w := newWorld(t, nil)
	for _, test := range []struct {
		name, method, path string
		header             []string
		status             int
		text               string
	}{
		{"bearer", "GET", "/api/v1/things/a", []string{"Authorization", "Bearer reader"}, 200, ""},
		{"basic", "GET", "/api/v1/things/a", []string{"Authorization", "Basic cmVhZGVyOnB3"}, 200, ""},
		{"redlock", "GET", "/api/v1/things/a", []string{"X-Redlock-Auth", "reader"}, 200, ""},
		{"cookie", "PUT", "/api/v1/things/a", []string{"Cookie", SessionCookie + "=writer"}, 200, ""},
		{"another cookie", "PUT", "/api/v1/things/a", []string{"Cookie", "session=writer"}, 401, "log in first"},
		{"cookie of another site", "PUT", "/api/v1/things/a", []string{"Cookie", SessionCookie + "=writer", "Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		{"cookie of another origin", "PUT", "/api/v1/things/a", []string{"Cookie", SessionCookie + "=writer", "Origin", "https://evil.example"}, 403, "another site"},
		{"login of another site", "POST", "/api/v1/login", []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		{"token from another site", "PUT", "/api/v1/things/a", []string{"Authorization", "Bearer writer", "Sec-Fetch-Site", "cross-site"}, 200, ""},
		{"nobody", "GET", "/api/v1/things/a", nil, 401, "log in first"},
		{"wrong token", "GET", "/api/v1/things/a", []string{"Authorization", "Bearer x"}, 401, "the token isn't valid; log in again"},
		{"locked", "GET", "/api/v1/things/a", []string{"Authorization", "Bearer locked"}, 429, "too many attempts"},
		{"no database", "GET", "/api/v1/things/a", []string{"Authorization", "Bearer nodb"}, 503, "the database"},
		{"odd", "GET", "/api/v1/things/a", []string{"Authorization", "Bearer odd"}, 500, "internal error"},
		{"reader writes", "PUT", "/api/v1/things/a", []string{"Authorization", "Bearer reader"}, 403, "needs the permission things (write)"},
		{"function at people's", "GET", "/api/v1/things/a", []string{"Authorization", "Bearer function"}, 403, "a Defender's token may not"},
		{"function at users'", "GET", "/api/v1/me", []string{"Authorization", "Bearer function"}, 403, "a Defender's token may not"},
		{"user at functions'", "GET", "/api/v1/defender/policy", []string{"Authorization", "Bearer writer"}, 403, "needs the permission Defender token"},
		{"function", "GET", "/api/v1/defender/policy", []string{"Authorization", "Bearer function"}, 200, ""},
		{"any user", "GET", "/api/v1/me", []string{"Authorization", "Bearer reader"}, 200, ""},
		{"no token needed", "POST", "/api/v1/login", []string{"Authorization", "Bearer x"}, 200, ""},
		{"bad login", "POST", "/api/v1/authenticate", nil, 401, "wrong user name or password"},
		{"signing up twice", "POST", "/api/v1/signup", nil, 403, "there is an administrator"},
		{"ping", "GET", "/api/v1/_ping", nil, 200, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := w.do(test.method, test.path, "", test.header...)
			if got.status != test.status {
				t.Fatalf("status %d, want %d: %s", got.status, test.status, got.body)
			}
			if got.status != 200 && !strings.Contains(got.failure(t), test.text) {
				t.Errorf("error %s, want %q", got.body, test.text)
			}
			if (got.status == 401) != (got.header.Get("WWW-Authenticate") != "") {
				t.Errorf("WWW-Authenticate %q with status %d", got.header.Get("WWW-Authenticate"), got.status)
			}
			if wait := got.header.Get("Retry-After"); (got.status == 429 || got.status == 503) != (wait != "") {
				t.Errorf("Retry-After %q with status %d", wait, got.status)
			}
		})
	}
	if strings.Contains(w.log.String(), "Bearer") || strings.Contains(w.log.String(), "cmVhZGVy") {
		t.Error("the log holds credentials")
	}
}

func TestErrors(t *testing.T) {
	w := newWorld(t, nil)
	for _, test := range []struct {
		path   string
		status int
		text   string
		logged bool
	}{
		{"/errors/invalid", 400, "rules[2].name: is empty; give it one; rules[3].name: is twice there", false},
		{"/errors/conflict", 409, "it was changed meanwhile", false},
		{"/errors/internal", 500, "internal error", true},
		{"/errors/unavailable", 503, "the database can't be used now", true},
		{"/panic", 500, "internal error", true},
	} {
		before := len(w.log.String())
		got := w.get("/api/v1"+test.path, "reader")
		if got.status != test.status || got.failure(t) != test.text {
			t.Errorf("%s: %d %s, want %d %s", test.path, got.status, got.body, test.status, test.text)
		}
		eventually(t, func() bool { return strings.Contains(w.log.String()[before:], `"msg":"request"`) })
		lines := w.log.String()[before:]
		if logged := strings.Contains(lines, "secret cause") || strings.Contains(lines, "boom"); logged != test.logged {
			t.Errorf("%s: the cause is logged: %v, want %v:\n%s", test.path, logged, test.logged, lines)
		}
	}
}

func TestBodies(t *testing.T) {
	w := newWorld(t, nil)
	zip := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return b.String()
	}
	long := strings.Repeat("a", 1001)
	for _, test := range []struct {
		name, body, encoding string
		status               int
		got                  string
	}{
		{"plain", "x", "", 200, "x"},
		{"empty", "", "", 200, ""},
		{"gzip", zip("x"), "gzip", 200, "x"},
		{"several gzip members", zip("x") + zip("y"), "gzip", 200, "xy"},
		{"as long as allowed", long[:1000], "", 200, long[:1000]},
		{"gzip as long as allowed", zip(long[:1000]), "gzip", 200, long[:1000]},
		{"too long", long, "", 413, ""},
		{"too long inflated", zip(long), "gzip", 413, ""},
		{"a bomb", zip(strings.Repeat("a", 100_000)), "gzip", 413, ""},
		{"not gzip", "x", "gzip", 400, ""},
		{"cut gzip", zip("x")[:15], "gzip", 400, ""},
		{"unknown encoding", "x", "br", 415, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := []string{"Authorization", "Bearer writer", "Content-Type", "application/x-www-form-urlencoded"}
			if test.encoding != "" {
				header = append(header, "Content-Encoding", test.encoding)
			}
			got := w.do("PUT", "/api/v1/things/a", test.body, header...)
			if got.status != test.status {
				t.Fatalf("status %d, want %d: %s", got.status, test.status, got.body)
			}
			if got.status != 200 {
				got.failure(t)
				return
			}
			if e := got.echoed(t); e.Body != test.got {
				t.Errorf("the handler got %q, want %q", e.Body, test.got)
			}
		})
	}
}

// TestEndlessBody: a body without a length is cut where the limit is.
func TestEndlessBody(t *testing.T) {
	w := newWorld(t, nil)
	connection, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	go func() {
		head := "PUT /api/v1/things/a HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer writer\r\nTransfer-Encoding: chunked\r\n\r\n"
		_, err := connection.Write([]byte(head))
		for err == nil {
			_, err = connection.Write([]byte("5\r\naaaaa\r\n"))
		}
	}()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 413 {
		t.Errorf("status %d", response.StatusCode)
	}
}

// TestSlowBody: who doesn't send what was announced is told so.
func TestSlowBody(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.Read = 20 * time.Millisecond })
	connection, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, _ = connection.Write([]byte("PUT /api/v1/things/a HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer writer\r\nContent-Length: 5\r\n\r\na"))
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 408 {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestAnswers(t *testing.T) {
	w := newWorld(t, nil)
	list := w.get("/api/v1/things", "reader")
	if list.body != "[]" || list.header.Get("Total-Count") != "0" || list.header.Get("Etag") != `"7"` || list.header.Get("Content-Type") != "application/json" {
		t.Errorf("list: %v", list)
	}
	if names := w.get("/api/v1/things/names", "reader"); names.body != `["<a>"]` {
		t.Errorf("names: %v", names)
	}
	if written := w.do("POST", "/api/v1/things", "{}", "Authorization", "Bearer writer"); written.status != 200 || written.body != "" || written.header.Get("Content-Type") != "" {
		t.Errorf("write: %v", written)
	}
	if csv := w.get("/api/v1/csv", "reader"); csv.header.Get("Content-Type") != "text/csv" || csv.header.Get("Content-Disposition") != `attachment; filename="csv.csv"` || csv.body != "a,b\n" {
		t.Errorf("csv: %v", csv)
	}
	if version := w.get("/api/v1/version", "reader"); version.body != `"1.2.3"` {
		t.Errorf("version: %v", version)
	}
	if policy := w.get("/api/v1/defender/policy", "function"); policy.body != "envelope" || policy.header.Get("Etag") != `"1"` {
		t.Errorf("policy: %v", policy)
	}
	same := w.do("GET", "/api/v1/defender/policy", "", "Authorization", "Bearer function", "If-None-Match", `"1"`)
	if same.status != 304 || same.body != "" {
		t.Errorf("policy again: %v", same)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "",
	} {
		if got := list.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestPartsOfShortLists: who reads a list by pages gets each element once, though its handler always returns all.
func TestPartsOfShortLists(t *testing.T) {
	w := newWorld(t, nil)
	for query, want := range map[string]string{
		"": "[1,2,3]", "?limit=2": "[1,2]", "?limit=2&offset=2": "[3]", "?offset=3&limit=50": "[]", "?offset=9": "[]", "?limit=0": "[1,2,3]", "?limit=9223372036854775807&offset=1": "[2,3]",
	} {
		got := w.get("/api/v1/few"+query, "reader")
		if got.body != want || got.header.Get("Total-Count") != "3" {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for _, query := range []string{"?limit=-1", "?offset=x", "?offset=99999999999999999999"} {
		if got := w.get("/api/v1/few"+query, "reader"); got.status != 400 {
			t.Errorf("%s: %v", query, got)
		}
	}
}

// TestAnswersByTLS: a browser that came by TLS once never comes by anything else, nor to what is below the name.
func TestAnswersByTLS(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	got := w.do("GET", "/healthz", "", "X-Forwarded-Proto", "https").header.Get("Strict-Transport-Security")
	if got != "max-age=31536000; includeSubDomains" {
		t.Errorf("Strict-Transport-Security is %q", got)
	}
}

func TestRequestIDs(t *testing.T) {
	w := newWorld(t, nil)
	for given, kept := range map[string]bool{"abc-1.2_3": true, "": false, "a b": false, strings.Repeat("a", 65): false, "é": false} {
		got := w.do("GET", "/healthz", "", "X-Request-Id", given).header.Get("X-Request-Id")
		if (got == given) != kept || got == "" {
			t.Errorf("id %q became %q", given, got)
		}
	}
}

// TestLog: one line for each request, with the route and without the query.
func TestLog(t *testing.T) {
	w := newWorld(t, nil)
	w.get("/api/v1/things/a%0Ab?token=s3cret&q=1", "reader")
	eventually(t, func() bool { return strings.Contains(w.log.String(), `"msg":"request"`) })
	line := w.log.String()
	for _, want := range []string{`"method":"GET"`, `"path":"/api/v1/things/a?b"`, `"route":"/api/v1/things/{name}"`, `"status":200`, `"user":"user reader"`, `"source":"127.0.0.1"`} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	if strings.Contains(line, "s3cret") {
		t.Errorf("the log holds the query: %s", line)
	}
}

func TestHandlersEnd(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.Handle = 10 * time.Millisecond })
	if got := w.get("/api/v1/slow", "reader"); got.status != 503 || got.header.Get("Retry-After") != "5" {
		t.Errorf("a slow handler: %v", got)
	}
}

// TestBusy: who comes when there's no time is told so before anything is read, also of who calls.
func TestBusy(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.do("POST", "/api/v1/busy", strings.Repeat(" ", 2<<20)); got.status != 429 || got.header.Get("Retry-After") != "2" {
		t.Errorf("a busy route: %v", got)
	}
	if metrics := w.get("/metrics", "figures").body; !strings.Contains(metrics, `autodefend_http_requests_shed_total{class="defenders"} 1`) {
		t.Error("it isn't among what was shed")
	}
}

// TestBrokenStream: what ends too early doesn't look complete.
func TestBrokenStream(t *testing.T) {
	w := newWorld(t, nil)
	r, _ := http.NewRequest("GET", w.url+"/api/v1/errors/stream", nil)
	r.Header.Set("Authorization", "Bearer reader")
	response, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(response.Body); err == nil {
		t.Errorf("the answer looks complete: %q", b.String())
	}
	eventually(t, func() bool { return strings.Contains(w.log.String(), "secret cause") })
}

// TestDrain: draining ends streams and makes the server unready.
func TestDrain(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.Streams = 4 })
	r, _ := http.NewRequest("GET", w.url+"/api/v1/events", nil)
	r.Header.Set("Authorization", "Bearer reader")
	response, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	if err != nil || line != "data: 1\n" || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%q %v", line, err)
	}
	if people, streams := w.server.gates[classPeople].inFlight(), w.server.gates[classStreams].inFlight(); people != 0 || streams != 1 {
		t.Errorf("%d of people and %d streams are in flight", people, streams)
	}
	// One caller has a quarter of the streams.
	if got := w.get("/api/v1/events", "reader"); got.status != 429 {
		t.Errorf("a second stream: %v", got)
	}
	if got := w.get("/readyz", ""); got.status != 200 {
		t.Errorf("before draining: %v", got)
	}
	w.server.Drain()
	if _, err := bufio.NewReader(response.Body).ReadString('!'); err == nil {
		t.Error("the stream goes on")
	}
	if got := w.get("/readyz", ""); got.status != 503 {
		t.Errorf("while draining: %v", got)
	}
	if got := w.get("/api/v1/things/a", "reader"); got.status != 200 {
		t.Errorf("a request while draining: %v", got)
	}
	eventually(t, func() bool { return w.server.gates[classStreams].inFlight() == 0 })
}

// TestPanicAfterStream: a handler that panics halfway keeps no place among the streams.
func TestPanicAfterStream(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Limits.Streams = 4
		c.Routes = append(c.Routes, route.Route{
			Method: "GET", Path: "/errors/halfway", Permission: "things", Summary: "Panics halfway.", Response: "", Media: "text/csv",
			Handle: func(_ context.Context, c *route.Call) (route.Answer, error) {
				if _, err := c.Stream("text/csv"); err != nil {
					return route.Answer{}, err
				}
				panic("boom")
			},
		})
	})
	for range 3 {
		r, _ := http.NewRequest("GET", w.url+"/api/v1/errors/halfway", nil)
		r.Header.Set("Authorization", "Bearer reader")
		response, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(response.Body); err == nil || response.StatusCode != http.StatusOK {
			t.Errorf("%d, and the answer looks complete: %v", response.StatusCode, err)
		}
		_ = response.Body.Close()
		eventually(t, func() bool { return w.server.gates[classPeople].inFlight() == 0 })
		if n := w.server.gates[classStreams].inFlight(); n != 0 {
			t.Fatalf("%d streams are in flight", n)
		}
	}
}

// TestHeadOfStream: the headers of a stream can be asked for.
func TestHeadOfStream(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.do("HEAD", "/api/v1/events", "", "Authorization", "Bearer reader"); got.status != 200 || got.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v", got)
	}
	eventually(t, func() bool { return strings.Contains(w.log.String(), `"msg":"request"`) })
	if strings.Contains(w.log.String(), "request failed") {
		t.Error("it's logged as a failure")
	}
}

func TestReady(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Ready = func(context.Context) error { return autodefend.Errorf(autodefend.CodeUnavailable, "secret cause") }
	})
	if got := w.get("/readyz", ""); got.status != 503 || strings.Contains(got.body, "secret") || got.header.Get("Retry-After") == "" {
		t.Errorf("%v", got)
	}
	if got := w.get("/healthz", ""); got.status != 200 {
		t.Errorf("%v", got)
	}
}

// TestOverload: each class has its own bound, and a caller a quarter of it.
func TestOverload(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.People, c.Limits.Defenders = 8, 4 })
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan struct{}, 2)
	for range 2 {
		go func() {
			r, _ := http.NewRequestWithContext(ctx, "GET", w.url+"/api/v1/slow", nil)
			r.Header.Set("Authorization", "Bearer reader")
			if response, err := w.client.Do(r); err == nil {
				response.Body.Close()
			}
			waiting <- struct{}{}
		}()
	}
	people := w.server.gates[classPeople]
	eventually(t, func() bool { return people.inFlight() == 2 })
	eventually(t, func() bool { return w.get("/api/v1/things/a", "reader").status == 429 })
	if got := w.get("/api/v1/things/a", "writer"); got.status != 200 {
		t.Errorf("another user: %v", got)
	}
	cancel()
	<-waiting
	<-waiting
	eventually(t, func() bool { return people.inFlight() == 0 })

	for range 8 {
		if _, err := people.enter(); err != nil {
			t.Fatal(err)
		}
	}
	got := w.get("/api/v1/things/a", "reader")
	if got.status != 503 || got.header.Get("Retry-After") != "1" {
		t.Errorf("people at the bound: %v", got)
	}
	if got := w.get("/api/v1/defender/policy", "function"); got.status != 200 {
		t.Errorf("a Defender while people are at the bound: %v", got)
	}
	if got := w.get("/healthz", ""); got.status != 200 {
		t.Errorf("health at the bound: %v", got)
	}
	for range 4 {
		if _, err := w.server.gates[classDefenders].enter(); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.get("/api/v1/defender/policy", "function"); got.status != 429 || got.header.Get("Retry-After") != "1" {
		t.Errorf("Defenders at the bound: %v", got)
	}
	metrics := w.get("/metrics", "figures").body
	for _, want := range []string{
		`autodefend_http_requests_shed_total{class="defenders"} 1`, `autodefend_http_requests_in_flight{class="people"} 8`,
		`autodefend_http_requests_total{method="GET",route="/api/v1/defender/policy",status="429"} 1`, `autodefend_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// TestStrangersKeepNobodyOut: who sends the body of a login slowly takes places of strangers with his address only.
func TestStrangersKeepNobodyOut(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Limits.People, c.Limits.Strangers = 2, 8
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	strangers := w.server.gates[classStrangers]
	for i := range 2 {
		connection, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_, _ = fmt.Fprintf(connection, "POST /api/v1/login HTTP/1.1\r\nHost: c\r\nX-Forwarded-For: 2001:db8::%d\r\nContent-Length: 5\r\n\r\na", i+1)
	}
	eventually(t, func() bool {
		strangers.mu.Lock()
		defer strangers.mu.Unlock()
		return strangers.callers["address 2001:db8::/64"] == 2
	})
	if got := w.do("POST", "/api/v1/login", "{}", "X-Forwarded-For", "2001:db8::3"); got.status != 429 || got.header.Get("Retry-After") != "1" {
		t.Errorf("a third login from there: %v", got)
	}
	if got := w.do("POST", "/api/v1/login", "{}", "X-Forwarded-For", "203.0.113.1"); got.status != 200 {
		t.Errorf("a login from elsewhere: %v", got)
	}
	if got := w.get("/api/v1/things/a", "reader"); got.status != 200 {
		t.Errorf("who is known: %v", got)
	}
	for range 8 - 2 {
		if _, err := strangers.enter(); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.do("POST", "/api/v1/login", "{}", "X-Forwarded-For", "203.0.113.1"); got.status != 503 {
		t.Errorf("strangers at the bound: %v", got)
	}
	if got := w.get("/api/v1/things/a", "reader"); got.status != 200 {
		t.Errorf("who is known, then: %v", got)
	}
}

// TestStrangersSendLittle: what is read of who isn't known is bounded whatever the route and the limits say.
func TestStrangersSendLittle(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.do("POST", "/api/v1/login", strings.Repeat("a", strangerBody+1)); got.status != 413 {
		t.Errorf("a large login: status %d", got.status)
	}
	if got := w.do("POST", "/api/v1/login", strings.Repeat("a", strangerBody)); got.status != 200 {
		t.Errorf("one as large as may be: status %d", got.status)
	}
	login := newEndpoint(w.server, route.Route{Permission: route.Nobody, MaxBody: 1 << 30}, "/login")
	if login.read != strangerRead || login.route.MaxBody != strangerBody {
		t.Errorf("a login of %d bytes may take %s", login.route.MaxBody, login.read)
	}
	if known := newEndpoint(w.server, route.Route{Permission: "things"}, "/things"); known.read != w.server.limits.Read {
		t.Errorf("a body of who is known may take %s", known.read)
	}
}

func TestMetricsAreClosed(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.get("/metrics", "reader"); got.status != 401 {
		t.Errorf("with a wrong token: %v", got)
	}
	w.get("/api/v1/things/unguessable", "reader")
	w.get("/unguessable", "reader")
	w.do("UNGUESSABLE", "/", "")
	got := w.get("/metrics", "figures")
	if got.status != 200 || strings.Contains(strings.ToLower(got.body), "unguessable") {
		t.Errorf("the metrics name what callers made up: %d", got.status)
	}
	off := newWorld(t, func(c *Config) { c.MetricsToken = "" })
	if got := off.do("GET", "/metrics", "", "Authorization", "Bearer "); got.status != 404 {
		t.Errorf("without a token: %v", got)
	}
}

func TestSource(t *testing.T) {
	s := source{trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for _, test := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:5", nil, "192.0.2.1"},
		{"192.0.2.1:5", []string{"198.51.100.7"}, "192.0.2.1"}, // not a proxy of ours
		{"10.0.0.1:5", []string{"198.51.100.7"}, "198.51.100.7"},
		{"10.0.0.1:5", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"}, // the first may be made up
		{"10.0.0.1:5", []string{"203.0.113.9", "198.51.100.7, 10.1.1.1"}, "198.51.100.7"},
		{"10.0.0.1:5", []string{"198.51.100.7, nonsense"}, "10.0.0.1"},
		{"10.0.0.1:5", nil, "10.0.0.1"},
		{"[fd00::1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		{"[::ffff:10.0.0.1]:5", []string{"198.51.100.7"}, "198.51.100.7"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		if got := s.address(r); got != test.want {
			t.Errorf("%s %q: %s, want %s", test.peer, test.forwarded, got, test.want)
		}
	}
	r := &http.Request{RemoteAddr: "10.0.0.1:5", Header: http.Header{"X-Forwarded-Proto": {"https"}}}
	if !s.secure(r) || (source{}).secure(r) {
		t.Error("X-Forwarded-Proto is believed of the wrong ones")
	}
}

// TestBadTables: a table that isn't right makes no server.
func TestBadTables(t *testing.T) {
	good := route.Route{Method: "GET", Path: "/a/{x}", Permission: "p", Summary: "Does it.", Handle: done}
	for name, change := range map[string]func(*route.Route){
		"method": func(r *route.Route) { r.Method = "FETCH" }, "permission": func(r *route.Route) { r.Permission = "" },
		"summary": func(r *route.Route) { r.Summary = "Does it" }, "handler": func(r *route.Route) { r.Handle = nil },
		"path": func(r *route.Route) { r.Path = "a" }, "slash": func(r *route.Route) { r.Path = "/a/" },
		"write": func(r *route.Route) { r.Write = true }, "wildcard": func(r *route.Route) { r.Path = "/{" + versionWildcard + "}" },
		"pattern": func(r *route.Route) { r.Path = "/{not a name}" }, "twice": func(r *route.Route) { r.Alias = []string{"/a/{y}"} },
		"conflict": func(r *route.Route) { r.Path, r.Alias = "/{x}/b", []string{"/b/{x}"} },
	} {
		bad := good
		change(&bad)
		if _, err := New(Config{Routes: []route.Route{bad}}); err == nil {
			t.Errorf("%s: the table makes a server", name)
		}
	}
	if _, err := New(Config{Routes: []route.Route{good}}); err != nil {
		t.Error(err)
	}
}

func TestPublic(t *testing.T) {
	inner := &autodefend.Error{Code: autodefend.CodeInvalid, Message: "name: is empty", Err: http.ErrBodyNotAllowed}
	wrapped := &wrapper{"rules[2].", inner}
	for _, test := range []struct {
		err  error
		want string
	}{
		{inner, "name: is empty"},
		{wrapped, "rules[2].name: is empty: " + http.ErrBodyNotAllowed.Error()},
		{http.ErrBodyNotAllowed, ""},
		{&autodefend.Error{Code: autodefend.CodeInvalid, Err: inner.WithHint("give it one")}, "name: is empty; give it one"},
	} {
		got := public(test.err)
		if errors.Is(test.err, wrapped) {
			test.want = "rules[2].name: is empty"
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// wrapper puts a prefix before an error.
type wrapper struct {
	prefix string
	err    error
}

func (w *wrapper) Error() string { return w.prefix + w.err.Error() }
func (w *wrapper) Unwrap() error { return w.err }
