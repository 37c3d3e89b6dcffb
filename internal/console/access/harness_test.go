package access

import (
	"context"
	"encoding/base64"
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

// clock is a time that only tests move.
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

// world is a Console with one administrator, root, and its storage.
type world struct {
	t     testing.TB
	store *store.Store
	keys  *keys.Keys
	clock *clock
	*Service
}

const (
	rootPassword = "a mountain of gravel"
	testIP       = "192.0.2.7"
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := emptyWorld(t)
	if _, made, err := w.Bootstrap(t.Context(), "root", rootPassword); err != nil || !made {
		t.Fatalf("bootstrap: %v, %v", made, err)
	}
	return w
}

func emptyWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	var err error
	if w.keys, err = keys.New(make([]byte, keys.MasterSize)); err != nil {
		t.Fatal(err)
	}
	w.store, err = store.Open(t.Context(), store.Config{Address: filepath.Join(t.TempDir(), "console.db"), Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.Service = w.replica()
	return w
}

// replica is another Console on the same storage. Its hashes cost next to nothing.
func (w *world) replica() *Service {
	w.t.Helper()
	s, err := New(Config{
		Documents: w.store, Logins: w.store, Keys: w.keys, Log: slog.New(slog.DiscardHandler), Now: w.clock.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	s.hashing.memory, s.hashing.time = 8, 1
	return s
}

// request is a call of the API.
type request struct {
	method, path string
	auth, cookie string
	body         any // a string is sent as it is
	query        url.Values
	header       map[string]string
	ip           string
}

// do carries out a call as the server does: it finds the route, authenticates, checks the permission and calls the handler.
func (s *Service) do(ctx context.Context, r request) (route.Answer, error) {
	for _, candidate := range s.Routes() {
		values, ok := match(candidate, r.method, r.path)
		if !ok {
			continue
		}
		if r.ip == "" {
			r.ip = testIP
		}
		var p route.Principal
		if candidate.Permission != route.Nobody {
			var err error
			p, err = s.Authenticate(ctx, Request{Authorization: r.auth, Cookie: r.cookie, SourceIP: r.ip})
			if err != nil {
				return route.Answer{}, err
			}
			if !p.Can(candidate.Permission, candidate.Write) {
				return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "not permitted")
			}
		}
		body, isText := r.body.(string)
		if !isText && r.body != nil {
			raw, err := json.Marshal(r.body)
			if err != nil {
				return route.Answer{}, err
			}
			body = string(raw)
		}
		return candidate.Handle(ctx, &route.Call{
			Principal: p, API: r.method + " " + r.path, SourceIP: r.ip, Path: values, Query: r.query, Body: []byte(body),
			Header: func(name string) string { return r.header[name] },
		})
	}
	return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "no route %s %s", r.method, r.path)
}

func match(r route.Route, method, path string) (map[string]string, bool) {
	for _, pattern := range append([]string{r.Path}, r.Alias...) {
		want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
		if r.Method != method || len(want) != len(have) {
			continue
		}
		values, ok := map[string]string{}, true
		for i := range want {
			if name, wild := strings.CutPrefix(want[i], "{"); wild {
				values[strings.TrimSuffix(name, "}")], _ = url.PathUnescape(have[i])
				continue
			}
			ok = ok && want[i] == have[i]
		}
		if ok {
			return values, true
		}
	}
	return nil, false
}

func basic(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

func bearer(token string) string { return "Bearer " + token }

// asRoot authenticates as the administrator.
func asRoot() string { return basic("root", rootPassword) }

// must carries out a call that has to succeed.
func (w *world) must(r request) route.Answer {
	w.t.Helper()
	answer, err := w.do(w.t.Context(), r)
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	return answer
}

// refuses carries out a call that has to fail with a code and a message that contains text.
func (w *world) refuses(r request, code autodefend.Code, text string) {
	w.t.Helper()
	answer, err := w.do(w.t.Context(), r)
	if err == nil {
		w.t.Fatalf("%s %s: succeeded: %+v", r.method, r.path, answer)
	}
	if got := autodefend.ErrorCode(err); got != code || !strings.Contains(err.Error(), text) {
		w.t.Fatalf("%s %s: %s: %v, want %s: %q", r.method, r.path, got, err, code, text)
	}
}

// login returns the token of a new session.
func (w *world) login(username, password string) string {
	w.t.Helper()
	answer := w.must(request{method: "POST", path: "/authenticate", body: api.AuthenticationRequest{Username: username, Password: password}})
	return answer.JSON.(api.AuthenticationResponse).Token
}

// addUser makes a user whose password is like root's.
func (w *world) addUser(u api.User) {
	w.t.Helper()
	if u.Password == "" && u.AuthType != api.AuthOIDC {
		u.Password = rootPassword
	}
	w.must(request{method: "POST", path: "/users", auth: asRoot(), body: u})
}

// addCollections stores collections as far as this package looks at them.
func (w *world) addCollections(names ...string) {
	w.t.Helper()
	for _, name := range names {
		body, _ := json.Marshal(map[string]string{"name": name})
		if err := w.store.Write(w.t.Context(), []api.DocumentChange{{Kind: api.KindCollection, ID: name, Body: body}}, nil); err != nil {
			w.t.Fatal(err)
		}
	}
}

// who authenticates and returns the principal.
func (w *world) who(auth string) (route.Principal, error) {
	w.t.Helper()
	return w.Authenticate(w.t.Context(), Request{Authorization: auth, SourceIP: testIP})
}

// audits returns the management audits of a type, the oldest first.
func (w *world) audits(kind api.MgmtType) []api.MgmtAudit {
	w.t.Helper()
	list, _, err := w.store.MgmtAudits(w.t.Context(), api.MgmtQuery{Types: []string{string(kind)}, Page: api.Page{Limit: 1000, Reverse: true}})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}
