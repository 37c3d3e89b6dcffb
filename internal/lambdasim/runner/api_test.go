//go:build linux

package runner

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// apiClient speaks to the API of a life, as a function's processes do.
type apiClient struct {
	t    *testing.T
	base string
}

// newAPI serves a life and returns it with a client.
func newAPI(t *testing.T, external ...string) (*life, apiClient) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := serveAPI(listener, slog.New(slog.DiscardHandler))
	t.Cleanup(a.close)
	l := newLife(Function{Name: "f", Version: "$LATEST", Handler: "h", AccountID: "123456789012"}, external)
	a.life.Store(l)
	return l, apiClient{t, "http://" + listener.Addr().String()}
}

// call makes a request and returns the status, the headers and the body.
// Headers are given as "Name: value".
func (c apiClient) call(method, path, body string, headers ...string) (int, http.Header, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(bounded(c.t), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, strings.TrimSpace(string(text))
}

const invocationPath = "/2018-06-01/runtime/invocation/"

// offered is an event that a life offers.
func offered(l *life) *invocation {
	i := &invocation{
		Event: Event{
			Payload: []byte(`{"a":1}`), RequestID: "id-1", TraceID: "Root=1", ARN: "arn:x",
			ClientContext: `{"c":1}`, Identity: `{"i":1}`, TenantID: "blue",
		},
		deadline: time.UnixMilli(1234),
	}
	l.offer(i)
	return i
}

func TestRuntimeAPINext(t *testing.T) {
	l, c := newAPI(t)
	offered(l)
	status, h, body := c.call("GET", invocationPath+"next", "")
	if status != 200 || body != `{"a":1}` {
		t.Errorf("got %d %s", status, body)
	}
	for name, want := range map[string]string{
		headerRequestID: "id-1", headerDeadline: "1234", headerARN: "arn:x", headerTrace: "Root=1",
		headerClientContext: `{"c":1}`, headerIdentity: `{"i":1}`, headerTenant: "blue", "Content-Type": "application/json",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestRuntimeAPIStates(t *testing.T) {
	l, c := newAPI(t)
	i := offered(l)
	steps := []struct {
		name, method, path, body string
		status                   int
		answer                   string
	}{
		{"an answer before its event", "POST", "id-1/response", "1", 400, `"errorType":"InvalidRequestID"`},
		{"the event", "GET", "next", "", 200, `{"a":1}`},
		{"another before it is answered", "GET", "next", "", 403, `"errorType":"InvalidStateTransition"`},
		{"an answer to something else", "POST", "id-2/response", "1", 400, `"errorType":"InvalidRequestID"`},
		{"an error for something else", "POST", "id-2/error", "{}", 400, `"errorType":"InvalidRequestID"`},
		{"the answer", "POST", "id-1/response", `"yes"`, 202, `{"status":"OK"}`},
		{"the answer again", "POST", "id-1/response", `"no"`, 403, `"errorType":"InvalidStateTransition"`},
		{"an error after the answer", "POST", "id-1/error", `{}`, 403, `"errorType":"InvalidStateTransition"`},
		{"what isn't there", "GET", "nothing/at/all", "", 404, ""},
		{"another method", "PUT", "next", "", 405, ""},
	}
	for _, s := range steps {
		status, _, body := c.call(s.method, invocationPath+s.path, s.body)
		if status != s.status || !strings.Contains(body, s.answer) {
			t.Errorf("%s: got %d %s, want %d %s", s.name, status, body, s.status, s.answer)
		}
	}
	if got := l.answerTo(i); !got.answered || string(got.payload) != `"yes"` || got.failure != nil {
		t.Errorf("got %+v", got)
	}
}

func TestExtensionsAPIRefusals(t *testing.T) {
	_, c := newAPI(t, "watcher")
	const base = "/2020-01-01/extension/"
	tests := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		answer                   string
	}{
		{"without a name", "POST", "register", `{}`, nil, 400, "Extension.InvalidExtensionName"},
		{"not JSON", "POST", "register", `{`, []string{"Lambda-Extension-Name: watcher"}, 400, "InvalidRequestFormat"},
		{"an unknown event", "POST", "register", `{"events":["BIRTHDAY"]}`, []string{"Lambda-Extension-Name: watcher"}, 400, "Extension.InvalidEventType"},
		{"an internal one that wants SHUTDOWN", "POST", "register", `{"events":["SHUTDOWN"]}`, []string{"Lambda-Extension-Name: inner"}, 400, "Extension.InvalidEventType"},
		{"an internal one", "POST", "register", `{"events":["INVOKE"]}`, []string{"Lambda-Extension-Name: inner"}, 200, `{"functionName":"f","functionVersion":"$LATEST","handler":"h"}`},
		{"an external one", "POST", "register", `{"events":["SHUTDOWN"]}`, []string{"Lambda-Extension-Name: watcher", "Lambda-Extension-Accept-Feature: accountId"}, 200, `"accountId":"123456789012"`},
		{"twice", "POST", "register", `{}`, []string{"Lambda-Extension-Name: watcher"}, 403, "Extension.AlreadyRegistered"},
		{"no identifier", "GET", "event/next", "", nil, 403, "Extension.MissingExtensionIdentifier"},
		{"a false identifier", "GET", "event/next", "", []string{"Lambda-Extension-Identifier: x"}, 403, "Extension.UnknownExtensionIdentifier"},
		{"an error of nobody", "POST", "exit/error", "", []string{"Lambda-Extension-Identifier: x"}, 403, "Extension.UnknownExtensionIdentifier"},
	}
	for _, tt := range tests {
		status, _, body := c.call(tt.method, base+tt.path, tt.body, tt.headers...)
		if status != tt.status || !strings.Contains(body, tt.answer) {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, status, body, tt.status, tt.answer)
		}
	}
}

func TestTelemetryIsNotSupported(t *testing.T) {
	_, c := newAPI(t)
	for path, want := range map[string]string{"/2020-08-15/logs": "Logs.NotSupported", "/2022-07-01/telemetry": "Telemetry.NotSupported"} {
		if status, _, body := c.call("PUT", path, "{}"); status != http.StatusAccepted || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %s", path, status, body)
		}
	}
}

func TestInitErrorEndsTheWait(t *testing.T) {
	l, c := newAPI(t)
	status, _, _ := c.call("POST", "/2018-06-01/runtime/init/error", `{"errorMessage":"no"}`, "Lambda-Runtime-Function-Error-Type: Runtime.Bad")
	if err := l.ready(bounded(t)); status != 202 || err == nil {
		t.Errorf("got %d, %v", status, err)
	}
	if why := l.why(); why.kind != "Runtime.Bad" || string(why.payload) != `{"errorMessage":"no"}` {
		t.Errorf("got %+v", why)
	}
}

func TestPollersThatGoAway(t *testing.T) {
	l, c := newAPI(t)
	ctx, cancel := context.WithCancel(bounded(t))
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r, _ := http.NewRequestWithContext(ctx, "GET", c.base+invocationPath+"next", nil)
		if answer, err := http.DefaultClient.Do(r); err == nil {
			answer.Body.Close()
		}
	}()
	if err := l.ready(bounded(t)); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-gone
	eventually(t, "the life notices", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return !l.polling
	})
	i := offered(l)
	if status, _, body := c.call("GET", invocationPath+"next", ""); status != 200 || body != string(i.Payload) {
		t.Errorf("the next poller got %d %s", status, body)
	}
}
