package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// TestMain fails when a goroutine outlives the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server with a small table, and what it logged.
type world struct {
	*testing.T
	server *Server
	url    string
	log    *lockedBuffer
	client *http.Client
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// people are who may call: a writer, a reader and a function.
type people struct{}

func (people) Authenticate(_ context.Context, c Credentials) (route.Principal, error) {
	const things api.PermName = "things"
	switch {
	case c.Authorization == "Bearer writer" || c.Cookie == "writer":
		return route.Principal{Username: "writer", Role: "editors", Permissions: map[api.PermName]bool{things: true}}, nil
	case c.Authorization == "Bearer reader" || c.Authorization == "Basic cmVhZGVyOnB3":
		return route.Principal{Username: "reader", Role: "readers", Permissions: map[api.PermName]bool{things: false}}, nil
	case c.Authorization == "Bearer function":
		return route.Principal{
			Username: "f", Permissions: map[api.PermName]bool{route.Function: true},
			Function: route.FunctionIdentity{Account: "1", Region: "r", Function: "f"},
		}, nil
	case c.Authorization == "Bearer locked":
		return route.Principal{}, autodefend.Errorf(autodefend.CodeThrottled, "too many attempts")
	case c.Authorization == "Bearer nodb":
		return route.Principal{}, autodefend.Errorf(autodefend.CodeUnavailable, "the database can't be used now")
	case c.Authorization == "Bearer odd":
		return route.Principal{}, errors.New("secret cause")
	default:
		return route.Principal{}, &autodefend.Error{Code: autodefend.CodeDenied, Message: "the token isn't valid", Hint: "log in again", Err: errors.New("secret cause")}
	}
}

// echoed is what the route /things/{name} answers.
type echoed struct {
	Name  string   `json:"name"`
	Query []string `json:"query"`
	Body  string   `json:"body"`
	From  string   `json:"from"`
	API   string   `json:"api"`
	User  string   `json:"user"`
}

func echo(_ context.Context, c *route.Call) (route.Answer, error) {
	return route.Answer{JSON: echoed{c.Path["name"], c.Query["q"], string(c.Body), c.SourceIP, c.API, c.Principal.Username}}, nil
}

func fails(err error) route.Handler {
	return func(context.Context, *route.Call) (route.Answer, error) { return route.Answer{}, err }
}

func done(context.Context, *route.Call) (route.Answer, error) { return route.Answer{}, nil }

// table is a route of each kind.
func table() []route.Route {
	return append(own("1.2.3"), []route.Route{
		{Method: "GET", Path: "/things", Permission: "things", Summary: "Lists things.", List: true, Response: []echoed{}, Handle: func(context.Context, *route.Call) (route.Answer, error) {
			return route.Answer{JSON: []echoed(nil), Header: map[string]string{"Total-Count": "0", "ETag": `"7"`}}, nil
		}},
		{Method: "POST", Path: "/things", Permission: "things", Write: true, Summary: "Adds a thing.", Request: echoed{}, MaxBody: 1000, Handle: done},
		{Method: "GET", Path: "/things/{name}", Permission: "things", Summary: "Reads a thing.", Response: echoed{}, Alias: []string{"/old-things/{name}"}, Handle: echo},
		{Method: "PUT", Path: "/things/{name}", Permission: "things", Write: true, Summary: "Changes a thing.", Request: echoed{}, Response: echoed{}, MaxBody: 1000, Handle: echo},
		{Method: "GET", Path: "/things/names", Permission: "things", Summary: "Names things.", Response: []string{}, Handle: func(context.Context, *route.Call) (route.Answer, error) {
			return route.Answer{JSON: []string{"<a>"}}, nil
		}},
		{Method: "GET", Path: "/few", Permission: "things", Summary: "Lists few things.", Response: []int{}, Handle: func(context.Context, *route.Call) (route.Answer, error) {
			return route.Answer{JSON: []int{1, 2, 3}, Header: map[string]string{"Total-Count": "3"}}, nil
		}},
		{Method: "POST", Path: "/login", Permission: route.Nobody, Summary: "Logs in.", Request: echoed{}, Response: echoed{}, Handle: echo},
		{Method: "POST", Path: "/authenticate", Permission: route.Nobody, Summary: "Refuses a login.", Handle: fails(autodefend.Errorf(autodefend.CodeDenied, "wrong user name or password"))},
		{Method: "POST", Path: "/signup", Permission: route.Nobody, Summary: "Refuses.", Handle: fails(autodefend.Errorf(autodefend.CodeDenied, "there is an administrator"))},
		{Method: "GET", Path: "/me", Permission: route.AnyUser, Summary: "Says who calls.", Response: echoed{}, Handle: echo},
		{Method: "GET", Path: "/defender/policy", Permission: route.Function, Summary: "Gives the policy.", Response: "", Handle: func(_ context.Context, c *route.Call) (route.Answer, error) {
			if c.Header("If-None-Match") == `"1"` {
				return route.Answer{Status: http.StatusNotModified, Header: map[string]string{"ETag": `"1"`}}, nil
			}
			return route.Answer{Raw: []byte("envelope"), Media: "text/plain", Header: map[string]string{"ETag": `"1"`}}, nil
		}},
		{Method: "POST", Path: "/defender/audits", Permission: route.Function, Write: true, Summary: "Takes audits.", Request: []echoed{}, Handle: done},
		{Method: "GET", Path: "/csv", Permission: "things", Summary: "Returns CSV.", Media: "text/csv", Response: "", Handle: func(context.Context, *route.Call) (route.Answer, error) {
			return route.Answer{Raw: []byte("a,b\n"), Media: "text/csv"}, nil
		}},
		{Method: "GET", Path: "/panic", Permission: "things", Summary: "Panics.", Handle: func(context.Context, *route.Call) (route.Answer, error) { panic("boom") }},
		{Method: "GET", Path: "/slow", Permission: "things", Summary: "Waits for its end.", Handle: func(ctx context.Context, _ *route.Call) (route.Answer, error) {
			<-ctx.Done()
			return route.Answer{}, ctx.Err()
		}},
		{Method: "POST", Path: "/busy", Permission: route.Function, Write: true, Summary: "Has no time.", Busy: func() time.Duration { return 1200 * time.Millisecond }, Handle: done},
		{Method: "GET", Path: "/errors/invalid", Permission: "things", Summary: "Fails.", Handle: fails(errors.Join(
			autodefend.Errorf(autodefend.CodeInvalid, "rules[2].name: is empty").WithHint("give it one"), autodefend.Errorf(autodefend.CodeInvalid, "rules[3].name: is twice there")))},
		{Method: "GET", Path: "/errors/conflict", Permission: "things", Summary: "Fails.", Handle: fails(&autodefend.Error{Code: autodefend.CodeConflict, Message: "it was changed meanwhile", Err: errors.New("secret cause")})},
		{Method: "GET", Path: "/errors/internal", Permission: "things", Summary: "Fails.", Handle: fails(errors.New("secret cause"))},
		{Method: "GET", Path: "/errors/unavailable", Permission: "things", Summary: "Fails.", Handle: fails(&autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the database can't be used now", Err: errors.New("secret cause")})},
		{Method: "GET", Path: "/errors/stream", Permission: "things", Summary: "Fails halfway.", Response: "", Handle: func(_ context.Context, c *route.Call) (route.Answer, error) {
			w, err := c.Stream("text/csv")
			if err != nil {
				return route.Answer{}, err
			}
			_, _ = io.WriteString(writer{w}, "a,b\n")
			_ = w.Flush()
			return route.Answer{}, errors.New("secret cause")
		}},
		{Method: "GET", Path: "/events", Permission: "things", Summary: "Streams events.", Response: "", Media: mediaEvents, Handle: func(ctx context.Context, c *route.Call) (route.Answer, error) {
			w, err := c.Stream(mediaEvents)
			if err != nil {
				return route.Answer{}, err
			}
			if _, err := w.Write([]byte("data: 1\n\n")); err != nil {
				return route.Answer{}, err
			}
			if err := w.Flush(); err != nil {
				return route.Answer{}, nil
			}
			<-ctx.Done()
			return route.Answer{}, nil
		}},
	}...)
}

type writer struct{ route.Stream }

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	log := &lockedBuffer{}
	cfg := Config{
		Routes: table(), Access: people{}, Version: "1.2.3", MetricsToken: "figures",
		Logger: slog.New(slog.NewJSONHandler(log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	server, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	client := listener.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		server.Drain()
		client.CloseIdleConnections()
		listener.Close()
	})
	return &world{T: t, server: server, url: listener.URL, log: log, client: client}
}

// answer is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends one request; header are names and values.
func (w *world) do(method, path, body string, header ...string) reply {
	w.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(content)}
}

func (w *world) get(path, token string) reply {
	w.Helper()
	return w.do("GET", path, "", "Authorization", "Bearer "+token)
}

// failure is the text of {"err": ...}, which every error has.
func (r reply) failure(t *testing.T) string {
	t.Helper()
	var body struct{ Err *string }
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || body.Err == nil || r.header.Get("Content-Type") != mediaJSON {
		t.Fatalf("not an error's body: %d %q %q", r.status, r.header.Get("Content-Type"), r.body)
	}
	return *body.Err
}

func (r reply) echoed(t *testing.T) echoed {
	t.Helper()
	var e echoed
	if err := json.Unmarshal([]byte(r.body), &e); err != nil {
		t.Fatalf("%d %q: %v", r.status, r.body, err)
	}
	return e
}

// eventually waits until a condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("that never came true")
		}
	}
}
