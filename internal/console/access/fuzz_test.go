package access

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/keys"
	"github.com/autodefend/autodefend/internal/console/route"
)

// memory is a storage of documents for targets that are run millions of times.
type memory struct {
	mu         sync.Mutex
	documents  map[api.Kind]map[string]api.Document
	generation int64
}

func (m *memory) Document(_ context.Context, kind api.Kind, id string) (api.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, has := m.documents[kind][id]
	if !has {
		return d, autodefend.Errorf(autodefend.CodeNotFound, "there is no %s %q", kind, id)
	}
	return d, nil
}

func (m *memory) Documents(_ context.Context, kind api.Kind) ([]api.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []api.Document
	for _, d := range m.documents[kind] {
		all = append(all, d)
	}
	return all, nil
}

func (m *memory) Write(_ context.Context, changes []api.DocumentChange, _ *api.MgmtAudit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generation++
	for _, c := range changes {
		if c.Body == nil {
			delete(m.documents[c.Kind], c.ID)
			continue
		}
		if m.documents[c.Kind] == nil {
			m.documents[c.Kind] = map[string]api.Document{}
		}
		m.documents[c.Kind][c.ID] = api.Document{Kind: c.Kind, ID: c.ID, Version: m.documents[c.Kind][c.ID].Version + 1, Body: c.Body}
	}
	return nil
}

func (m *memory) Generation(context.Context, ...api.Kind) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.generation, nil
}

func (m *memory) AddMgmt(context.Context, api.MgmtAudit) error { return nil }

// light is a Console in memory with the administrator root.
func light(f *testing.F) *world {
	f.Helper()
	w := &world{t: f, clock: &clock{}}
	m := &memory{documents: map[api.Kind]map[string]api.Document{}}
	var err error
	if w.keys, err = keys.New(make([]byte, keys.MasterSize)); err != nil {
		f.Fatal(err)
	}
	if w.Service, err = New(Config{Documents: m, Logins: m, Keys: w.keys, Now: w.clock.Now}); err != nil {
		f.Fatal(err)
	}
	w.hashing.memory, w.hashing.time = 8, 1
	if _, _, err := w.Bootstrap(f.Context(), "root", rootPassword); err != nil {
		f.Fatal(err)
	}
	return w
}

// FuzzAuthorization tries headers and cookies: nobody gets in who wasn't let in by what the Console issued.
func FuzzAuthorization(f *testing.F) {
	w := light(f)
	issued := []string{
		asRoot(), bearer(w.login("root", rootPassword)), bearer(w.token(asRoot(), api.TokenRequest{Name: "t"}).Token),
		bearer(w.DefenderToken(route.FunctionIdentity{Account: "1", Region: "r", Function: "f"})),
	}
	for _, auth := range issued {
		f.Add(auth, "")
		_, credential, _ := strings.Cut(auth, " ")
		f.Add("", credential)
		f.Add("Basic "+credential, "x")
	}
	f.Add("Bearer eyJhbGciOiJub25lIn0.e30.", "")
	f.Add(basic("root", ""), "")
	f.Fuzz(func(t *testing.T, auth, cookie string) {
		if err := w.documents.Write(t.Context(), []api.DocumentChange{}, nil); err != nil { // what's cached is read again
			t.Fatal(err)
		}
		p, err := w.Authenticate(t.Context(), Request{Authorization: auth, Cookie: cookie, SourceIP: testIP})
		if err != nil {
			if code := autodefend.ErrorCode(err); code != autodefend.CodeDenied && code != autodefend.CodeThrottled {
				t.Errorf("%s: %v", code, err)
			}
			return
		}
		given := strings.TrimSpace(auth[strings.Index(auth, " ")+1:])
		if auth == "" {
			given = cookie
		}
		for _, good := range issued {
			_, credential, _ := strings.Cut(good, " ")
			if given == credential {
				return
			}
		}
		if name, password, _ := readBasic(given); strings.EqualFold(name, "root") && (password == rootPassword || strings.HasPrefix(password, apiTokenPrefix)) {
			return
		}
		t.Errorf("%q and %q let in %+v", auth, cookie, p)
	})
}

// FuzzDefenderToken tries names: what a token was made for is what it opens.
func FuzzDefenderToken(f *testing.F) {
	w := light(f)
	f.Add("123456789012", "eu-west-1", "payments", int64(1))
	f.Add("", "", "", int64(-1))
	f.Add("1,2", "", "a,b", int64(0))
	f.Add("1", "r", "1,r,2,f", int64(1<<62))
	f.Fuzz(func(t *testing.T, account, region, function string, issued int64) {
		id := route.FunctionIdentity{Account: account, Region: region, Function: function, Issued: issued}
		token := w.DefenderToken(id)
		if token == "" {
			return
		}
		if id.Issued == 0 {
			id.Issued = w.clock.Now().Unix()
		}
		p, err := w.Authenticate(t.Context(), Request{Authorization: bearer(token)})
		if err != nil || p.Function != id {
			t.Errorf("%+v became %+v, %v", id, p.Function, err)
		}
	})
}

// FuzzRequests sends bodies to every endpoint that takes one: each is carried out or refused as a bad one, and an
// administrator is left.
func FuzzRequests(f *testing.F) {
	for _, body := range []string{
		"", "null", "[]", "{}", `{"username":"ann","password":"a mountain of gravel","role":"auditor","permissions":[{"collections":["a"]}]}`,
		`{"username":"root","role":"ci"}`, `{"token":"ada1.x.y"}`, `{"groupName":"g","user":[{"username":"root"}],"role":"admin"}`,
		`{"name":"r","perms":[{"name":"monitorWAAS","readWrite":true}]}`, `{"sessionTimeoutSec":60,"strongPassword":true}`,
		`{"enabled":true,"issuer":"https://login.example.com","clientId":"c","redirectURL":"https://c.example.com","scopes":"email"}`,
		`{"accountID":"1","region":"r","function":"f"}`, `{"newPassword":"a mountain of sand","oldPassword":"a mountain of gravel"}`,
		`{"name":"t","scopes":[{"name":"sandbox"}],"expires":"0001-01-02T00:00:00Z"}`,
	} {
		for i := range uint8(15) {
			f.Add(i, body)
		}
	}
	w := light(f)
	root, err := w.who(asRoot())
	if err != nil {
		f.Fatal(err)
	}
	var routes []route.Route
	for _, r := range w.Routes() {
		if r.Method != "GET" && r.Method != "DELETE" {
			routes = append(routes, r)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		r := routes[int(which)%len(routes)]
		c := &route.Call{Principal: root, API: r.Method + " " + r.Path, Path: map[string]string{"name": "g"}, Body: []byte(body)}
		answer, err := r.Handle(t.Context(), c)
		switch code := autodefend.ErrorCode(err); code {
		case "", autodefend.CodeInvalid, autodefend.CodeDenied, autodefend.CodeNotFound, autodefend.CodeConflict, autodefend.CodeThrottled:
		default:
			t.Errorf("%s: %s: %v", c.API, code, err)
		}
		if _, err := json.Marshal(answer.JSON); err != nil {
			t.Errorf("%s answers what is no JSON: %v", c.API, err)
		}
		d, err := w.readDirectory(t.Context())
		if err != nil {
			t.Fatalf("%s wrote what can't be read: %v", c.API, err)
		}
		for _, u := range d.users {
			if isAdministrator(&u) {
				return
			}
		}
		t.Errorf("%s took the last administrator", c.API)
	})
}

// FuzzPHC reads hashes: a foreign one never asks for more than is allowed.
func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2i$v=19$m=8,t=1,p=1$$")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePHC(text)
		if err == nil && (p.memory > maxHashMemory || p.time > maxHashTime || len(p.sum) > maxHashSize || p.threads == 0) {
			t.Errorf("%+v", p)
		}
	})
}

// FuzzState opens states of logins: none but the Console's own does.
func FuzzState(f *testing.F) {
	w := light(f)
	f.Add("AAAA", loginCookieName+"=x")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, state, cookie string) {
		c := &route.Call{Query: map[string][]string{"state": {state}}, Header: func(string) string { return cookie }}
		if s, err := w.readState(c, ""); err == nil {
			t.Errorf("%+v", s)
		}
	})
}
