package access

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/store"
)

// loginOIDC logs in at a provider and returns the session's token.
func (w *world) loginOIDC(p *fakeProvider, who map[string]any) (string, error) {
	w.t.Helper()
	address, cookie := w.beginOIDC()
	answer, err := w.do(w.t.Context(), callback(p.authorize(w.t, address, who), cookie))
	if err != nil {
		return "", err
	}
	return answer.JSON.(api.AuthenticationResponse).Token, nil
}

func memberAs(sub, name string, groups ...string) map[string]any {
	who := member(name, groups...)
	who["sub"] = sub
	return who
}

func TestOIDCNameStaysItsFirstSubjects(t *testing.T) {
	for name, known := range map[string]bool{"a user of the Console": true, "only the provider's": false} {
		t.Run(name, func(t *testing.T) {
			w, p := withProvider(t)
			if known {
				w.addUser(api.User{Username: "eve", AuthType: api.AuthOIDC, Role: "auditor"})
			}
			login := func(sub, name string) (string, error) {
				return w.loginOIDC(p, memberAs(sub, name, "security team"))
			}
			token, err := login("1", "eve")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"eve", "EVE"} {
				if _, err := login("2", name); autodefend.ErrorCode(err) != autodefend.CodeDenied || !strings.Contains(err.Error(), "another user") {
					t.Errorf("another subject as %s: %v", name, err)
				}
			}
			audits := w.audits(api.MgmtLogin)
			if last := audits[len(audits)-1]; !last.Failure || !strings.Contains(last.Status, "the name is another's") {
				t.Errorf("audit %+v", last)
			}
			if _, err := login("1", "Eve"); err != nil {
				t.Errorf("the first again: %v", err)
			}
			w.must(request{method: "DELETE", path: "/users/Eve", auth: asRoot()})
			if who, err := w.who(bearer(token)); err == nil {
				t.Errorf("the first is still in: %+v", who)
			}
			if _, err := login("2", "eve"); err != nil {
				t.Errorf("another after the name was freed: %v", err)
			}
			if _, err := login("1", "eve"); err == nil {
				t.Error("the name is the first's still")
			}
		})
	}
}

func TestOIDCNameBelongsToAnIssuer(t *testing.T) {
	w, p := withProvider(t)
	if _, err := w.loginOIDC(p, memberAs("1", "eve", "security team")); err != nil {
		t.Fatal(err)
	}
	other := newProvider(t, w.clock.Now)
	w.must(request{method: "POST", path: "/settings/oidc", auth: asRoot(), body: api.OIDCSettings{
		Enabled: true, Issuer: other.URL, ClientID: clientID, ClientSecret: clientSecret, RedirectURL: callbackURL, Scopes: api.Names{"profile", "groups"},
	}})
	if _, err := w.loginOIDC(other, memberAs("one", "eve", "security team")); err != nil {
		t.Errorf("first at the other issuer: %v", err)
	}
	if _, err := w.loginOIDC(other, memberAs("1", "eve", "security team")); err == nil {
		t.Error("another subject of the other issuer")
	}
}

func TestOIDCLoginWithoutARoleTakesNoName(t *testing.T) {
	w, p := withProvider(t)
	if _, err := w.loginOIDC(p, memberAs("2", "eve")); err == nil {
		t.Fatal("logged in")
	}
	if _, err := w.loginOIDC(p, memberAs("1", "eve", "security team")); err != nil {
		t.Error(err)
	}
}

func TestOIDCNameGoesToOneOfManyAtOnce(t *testing.T) {
	w, p := withProvider(t)
	const many = 6
	calls := make([]request, many)
	replicas := make([]*Service, many)
	for i := range many {
		address, cookie := w.beginOIDC()
		calls[i] = callback(p.authorize(t, address, memberAs(fmt.Sprint(i), "eve", "security team")), cookie)
		replicas[i] = w.replica()
	}
	errs := make([]error, many)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() { _, errs[i] = replicas[i].do(t.Context(), calls[i]) })
	}
	wg.Wait()
	in := 0
	for _, err := range errs {
		if err == nil {
			in++
		} else if autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Error(err)
		}
	}
	if in != 1 {
		t.Errorf("%d subjects have one name", in)
	}
	// Both looked before either wrote.
	one, errOne := w.bind(t.Context(), identity{username: "ann", issuer: p.URL, subject: "1"})
	two, errTwo := w.bind(t.Context(), identity{username: "ann", issuer: p.URL, subject: "2"})
	if errOne != nil || errTwo != nil {
		t.Fatal(errOne, errTwo)
	}
	if err := w.store.Write(t.Context(), one, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Write(t.Context(), two, nil); autodefend.ErrorCode(err) != autodefend.CodeConflict {
		t.Errorf("the second took the name: %v", err)
	}
}

func TestLimitedManagerFreesNoNames(t *testing.T) {
	w, p := withProvider(t)
	pat := w.manager()
	token, err := w.loginOIDC(p, memberAs("1", "eve", "security team"))
	if err != nil {
		t.Fatal(err)
	}
	w.refuses(request{method: "DELETE", path: "/users/eve", auth: pat}, autodefend.CodeDenied, "limited to collections")
	if _, err := w.who(bearer(token)); err != nil {
		t.Error(err)
	}
	w.refuses(request{method: "DELETE", path: "/users/mallory", auth: pat}, autodefend.CodeNotFound, "no user")
}

// TestRemovedUserLeavesNoSessions: not the user's own, and none that is older than the user either.
func TestRemovedUserLeavesNoSessions(t *testing.T) {
	w, p := withProvider(t)
	older, err := w.loginOIDC(p, memberAs("1", "eve", "security team"))
	if err != nil {
		t.Fatal(err)
	}
	w.addUser(api.User{Username: "Eve", AuthType: api.AuthOIDC, Role: "auditor"})
	if _, err := w.who(bearer(older)); err == nil {
		t.Fatal("the session of the provider's user is the Console's user's")
	}
	own, err := w.loginOIDC(p, memberAs("1", "eve"))
	if err != nil {
		t.Fatal(err)
	}
	w.must(request{method: "DELETE", path: "/users/eve", auth: asRoot()})
	for name, token := range map[string]string{"older than the user": older, "its own": own} {
		if who, err := w.who(bearer(token)); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("the session %s: %s is in, %v", name, who.Username, err)
		}
	}
	if left := w.must(request{method: "GET", path: "/sessions", auth: asRoot()}).JSON.([]api.Session); len(left) != 0 {
		t.Errorf("sessions are left: %+v", left)
	}
}

// TestNameIsFreedDuringALogin: a session whose name was freed since it was looked up doesn't begin.
func TestNameIsFreedDuringALogin(t *testing.T) {
	w, p := withProvider(t)
	if _, err := w.loginOIDC(p, memberAs("1", "eve", "security team")); err != nil {
		t.Fatal(err)
	}
	bound, err := w.bind(t.Context(), identity{username: "eve", issuer: p.URL, subject: "1"})
	if err != nil {
		t.Fatal(err)
	}
	w.must(request{method: "DELETE", path: "/users/eve", auth: asRoot()})
	v := session{AuthType: api.AuthOIDC, Username: "eve", Groups: []string{"security team"}}
	if _, err := w.begin(t.Context(), &route.Call{API: "GET /authenticate/callback/oidc"}, v, bound...); autodefend.ErrorCode(err) != autodefend.CodeConflict && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		t.Errorf("the session began: %v", err)
	}
}

// busyStore does something before the first write that the test is about.
type busyStore struct {
	*store.Store
	once sync.Once
	do   func()
}

func (b *busyStore) Write(ctx context.Context, changes []api.DocumentChange, audit *api.MgmtAudit) error {
	b.once.Do(b.do)
	return b.Store.Write(ctx, changes, audit)
}

// TestUserIsRemovedWhileItRenews: a session that is renewed at the same moment keeps nobody from removing its user.
func TestUserIsRemovedWhileItRenews(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann", Role: "auditor"})
	ann := bearer(w.login("ann", rootPassword))
	other := w.replica()
	other.documents = &busyStore{Store: w.store, do: func() { w.must(request{method: "GET", path: "/renew", auth: ann}) }}
	if _, err := other.do(t.Context(), request{method: "DELETE", path: "/users/ann", auth: asRoot()}); err != nil {
		t.Error(err)
	}
	if _, err := w.who(ann); err == nil {
		t.Error("the session is still good")
	}
}
