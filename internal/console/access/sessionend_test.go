package access

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestLoginEndsTheSessionItComesWith(t *testing.T) {
	w := newWorld(t)
	body := api.AuthenticationRequest{Username: "root", Password: rootPassword}
	for name, with := range map[string]func(token string) map[string]string{
		"a header": func(token string) map[string]string { return map[string]string{"Authorization": bearer(token)} },
		"a cookie": func(token string) map[string]string {
			return map[string]string{"Cookie": "a=b; " + CookieName + "=" + token}
		},
	} {
		before, other := w.login("root", rootPassword), w.login("root", rootPassword)
		answer := w.must(request{method: "POST", path: "/authenticate", body: body, header: with(before)})
		if _, err := w.who(bearer(before)); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("%s: the old session: %v, want it over", name, err)
		}
		for _, token := range []string{other, answer.JSON.(api.AuthenticationResponse).Token} {
			if _, err := w.who(bearer(token)); err != nil {
				t.Errorf("%s: another session: %v", name, err)
			}
		}
	}
	for _, junk := range []string{"", "x", "Bearer", "Bearer x", "Basic " + strings.Repeat("x", 100), "Bearer " + strings.Repeat("x", maxCredential+1)} {
		w.must(request{method: "POST", path: "/authenticate", body: body, header: map[string]string{"Authorization": junk, "Cookie": "\x00"}})
	}
}

func TestFailedLoginEndsNoSession(t *testing.T) {
	w := newWorld(t)
	token := w.login("root", rootPassword)
	w.refuses(request{
		method: "POST", path: "/authenticate", body: api.AuthenticationRequest{Username: "root", Password: "wrong"},
		header: map[string]string{"Authorization": bearer(token)},
	}, autodefend.CodeDenied, "wrong")
	if _, err := w.who(bearer(token)); err != nil {
		t.Error(err)
	}
}

func TestSessionsOfAUserAreBounded(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{AuthType: api.AuthBasic, Role: api.RoleAuditor, Username: "ann"})
	made := w.must(request{method: "POST", path: "/api-tokens", auth: asRoot(), body: api.TokenRequest{Name: "ci"}}).JSON.(api.APIToken)
	others := []string{
		w.login("ann", rootPassword),
		w.must(request{method: "POST", path: "/authenticate", body: api.AuthenticationRequest{Token: made.Token}}).JSON.(api.AuthenticationResponse).Token,
	}
	var tokens []string
	wantOver := func(over int) {
		t.Helper()
		for i, token := range tokens {
			_, err := w.who(bearer(token))
			if i < over != (autodefend.ErrorCode(err) == autodefend.CodeDenied) || i >= over && err != nil {
				t.Fatalf("session %d of %d: %v, want it over: %v", i, len(tokens), err, i < over)
			}
		}
	}
	for range maxSessions {
		w.clock.add(time.Second)
		tokens = append(tokens, w.login("root", rootPassword))
	}
	wantOver(0)
	w.clock.add(time.Second)
	tokens = append(tokens, w.login("root", rootPassword))
	wantOver(maxSessions - keptSessions)
	for range maxSessions - keptSessions {
		w.clock.add(time.Second)
		tokens = append(tokens, w.login("root", rootPassword))
	}
	wantOver(2 * (maxSessions - keptSessions))
	// Another replica, which knows of none, sees them at its first login.
	w.Service = w.replica()
	for range maxSessions - keptSessions {
		w.clock.add(time.Second)
		tokens = append(tokens, w.login("root", rootPassword))
	}
	wantOver(3 * (maxSessions - keptSessions))
	for _, token := range others {
		if _, err := w.who(bearer(token)); err != nil {
			t.Errorf("a session of somebody else: %v", err)
		}
	}
	told := 0
	for _, a := range w.audits(api.MgmtLogin) {
		if strings.HasPrefix(a.Status, "ended the oldest") && a.Username == "root" {
			told++
		}
	}
	if told != 3 {
		t.Errorf("%d audits tell of ended sessions, want 3", told)
	}
}

func TestWhatOutlivesASessionTakesARecentLogin(t *testing.T) {
	w := newWorld(t)
	old, other := w.login("root", rootPassword), w.login("root", rootPassword)
	w.clock.add(recentLogin + time.Second)
	old = w.must(request{method: "GET", path: "/authenticate/renew", auth: bearer(old)}).JSON.(api.AuthenticationResponse).Token
	var ownID, otherID string
	for _, v := range w.must(request{method: "GET", path: "/sessions", auth: bearer(old)}).JSON.([]api.Session) {
		if v.Current {
			ownID = v.ID
		} else {
			otherID = v.ID
		}
	}
	w.addUser(api.User{Username: "ann", Role: api.RoleAuditor})
	w.must(request{method: "POST", path: "/rbac/roles", auth: asRoot(), body: api.Role{Name: "readers"}})
	w.must(request{method: "POST", path: "/groups", auth: asRoot(), body: api.Group{GroupName: "staff"}})
	revoked := w.must(request{method: "POST", path: "/defender-tokens/revocations", auth: asRoot(), body: `{"function":"f"}`}).JSON.(api.RevokedFunction)
	calls := []request{
		{method: "POST", path: "/api-tokens", body: api.TokenRequest{Name: "ci"}},
		{method: "DELETE", path: "/sessions/" + otherID},
		{method: "POST", path: "/users", body: api.User{Username: "mallory", Password: rootPassword, Role: api.RoleAdministrator}},
		{method: "PUT", path: "/users", body: api.User{Username: "ann", Password: "a valley of sand", Role: api.RoleAdministrator}},
		{method: "POST", path: "/groups", body: api.Group{GroupName: "friends", Role: api.RoleAdministrator, User: api.GroupUsers{{Username: "ann"}}}},
		{method: "PUT", path: "/groups/staff", body: api.Group{Role: api.RoleAdministrator, User: api.GroupUsers{{Username: "ann"}}}},
		{method: "DELETE", path: "/groups/staff"},
		{method: "PUT", path: "/rbac/roles", body: api.Role{Name: "readers", Perms: []api.RolePermission{{Name: api.PermUserManagement, ReadWrite: true}}}},
		{method: "POST", path: "/rbac/roles", body: api.Role{Name: "writers"}},
		{method: "DELETE", path: "/rbac/roles/writers"},
		{method: "DELETE", path: "/users/ann"},
		{method: "POST", path: "/settings/oidc", body: api.OIDCSettings{
			Enabled: true, Issuer: "https://login.example.com", ClientID: clientID, ClientSecret: clientSecret, RedirectURL: callbackURL,
		}},
		{method: "POST", path: "/defender-tokens", body: `{"accountID":"1","function":"g"}`},
		{method: "DELETE", path: "/defender-tokens/revocations/" + revoked.ID},
	}
	for _, call := range calls {
		call.auth = bearer(old)
		w.refuses(call, autodefend.CodeDenied, "more than 10 minutes ago")
	}
	if _, err := w.who(bearer(other)); err != nil {
		t.Fatal(err)
	}
	fresh := w.login("root", rootPassword)
	for _, call := range calls {
		call.auth = bearer(fresh)
		w.must(call)
	}
	token := w.token(asRoot(), api.TokenRequest{Name: "basic"})
	for i, auth := range []string{asRoot(), bearer(token.Token), basic("root", token.Token)} { // who they are comes with each call
		name := fmt.Sprint("made", i)
		w.must(request{method: "POST", path: "/users", auth: auth, body: api.User{Username: name, Password: rootPassword, Role: api.RoleAuditor}})
		w.must(request{method: "PUT", path: "/users", auth: auth, body: api.User{Username: name, Role: api.RoleAdministrator}})
		w.must(request{method: "POST", path: "/defender-tokens", auth: auth, body: `{"accountID":"1","function":"g"}`})
	}
	w.must(request{method: "DELETE", path: "/sessions/" + ownID, auth: bearer(old)}) // one's own always
	pat := w.login("made0", rootPassword)
	w.clock.add(recentLogin + time.Second)
	w.must(request{method: "PUT", path: "/users/password", auth: bearer(pat), body: api.UserPassword{OldPassword: rootPassword, NewPassword: "a valley of sand"}})
}

// TestSessionCookie: the cookie that logs a browser in is sent to this host over TLS only, isn't shown to scripts, and isn't
// sent along with what other sites post.
func TestSessionCookie(t *testing.T) {
	w := newWorld(t)
	token := w.login("root", rootPassword)
	renewed := w.must(request{method: "GET", path: "/authenticate/renew", cookie: token, header: map[string]string{"Cookie": CookieName + "=" + token}})
	ended := w.must(request{method: "POST", path: "/logout", cookie: token})
	for name, line := range map[string]string{"renewed": renewed.Header["Set-Cookie"], "ended": ended.Header["Set-Cookie"]} {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatalf("%s: %q: %v", name, line, err)
		}
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %q", name, line)
		}
		if (name == "ended") != (c.Value == "" && c.MaxAge < 0) {
			t.Errorf("%s: %q", name, line)
		}
	}
}
