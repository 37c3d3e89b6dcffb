package access

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestLoginGivesATokenWithATimeToRenew(t *testing.T) {
	w := newWorld(t)
	token := w.login("ROOT", rootPassword)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token %q is no JWT", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Exp, Iat int64 // numbers: clients compute with them
		Jti, Sub string
		Role     string
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	now := w.clock.Now().Unix()
	if claims.Exp != now+api.DefaultSessionTimeout || claims.Iat != now || claims.Sub != "root" || claims.Role != "admin" || claims.Jti == "" {
		t.Errorf("claims %+v at %d", claims, now)
	}
	p, err := w.who(bearer(token))
	if err != nil || p.Username != "root" || p.Role != "admin" || p.Session != claims.Jti {
		t.Errorf("principal %+v, %v", p, err)
	}
	if p, err := w.Authenticate(t.Context(), Request{Cookie: token}); err != nil || p.Username != "root" {
		t.Errorf("by cookie: %+v, %v", p, err)
	}
}

func TestRenew(t *testing.T) {
	w := newWorld(t)
	token := w.login("root", rootPassword)
	for _, path := range []string{"/renew", "/authenticate/renew"} {
		w.clock.add(29 * time.Minute)
		token = w.must(request{method: "GET", path: path, auth: bearer(token)}).JSON.(api.AuthenticationResponse).Token
	}
	w.clock.add(31 * time.Minute)
	w.refuses(request{method: "GET", path: "/renew", auth: bearer(token)}, autodefend.CodeDenied, "expired")
	w.refuses(request{method: "GET", path: "/renew", auth: asRoot()}, autodefend.CodeInvalid, "only a session")
}

func TestSessionEndsAfterADayHoweverOftenItIsRenewed(t *testing.T) {
	w := newWorld(t)
	token := w.login("root", rootPassword)
	for range 24*60/20 - 1 {
		w.clock.add(20 * time.Minute)
		token = w.must(request{method: "GET", path: "/renew", auth: bearer(token)}).JSON.(api.AuthenticationResponse).Token
	}
	w.clock.add(20*time.Minute + time.Second)
	if _, err := w.who(bearer(token)); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("after a day: %v", err)
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	token, other := w.login("root", rootPassword), w.login("root", rootPassword)
	answer := w.must(request{method: "POST", path: "/logout", auth: bearer(token)})
	if !strings.Contains(answer.Header["Set-Cookie"], "Max-Age=0") {
		t.Errorf("header %v", answer.Header)
	}
	if _, err := w.who(bearer(token)); err == nil {
		t.Error("the session goes on")
	}
	if _, err := w.who(bearer(other)); err != nil {
		t.Errorf("the other session ended too: %v", err)
	}
	w.must(request{method: "POST", path: "/logout", auth: asRoot()})
}

func TestLoginRefuses(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name string
		body any
		code autodefend.Code
		want string
	}{
		{"nothing", "", autodefend.CodeInvalid, "body: is empty"},
		{"no JSON", "username=root", autodefend.CodeInvalid, "body: isn't JSON"},
		{"two objects", `{"username":"root"}{}`, autodefend.CodeInvalid, "something follows"},
		{"a list", `[]`, autodefend.CodeInvalid, "body: is a JSON array"},
		{"a number for the name", `{"username":1}`, autodefend.CodeInvalid, "username: is a JSON number"},
		{"no name", `{"password":"x"}`, autodefend.CodeInvalid, "username: is missing"},
		{"no password", `{"username":"root"}`, autodefend.CodeInvalid, "password: is missing"},
		{"a wrong password", `{"username":"root","password":"x"}`, autodefend.CodeDenied, "the name or the password is wrong"},
		{"an unknown user", `{"username":"nobody","password":"x"}`, autodefend.CodeDenied, "the name or the password is wrong"},
		{"a very long password", `{"username":"root","password":"` + strings.Repeat("x", 300) + `"}`, autodefend.CodeDenied, "the name or the password is wrong"},
		{"a token of another kind", `{"token":"x"}`, autodefend.CodeDenied, "isn't an API token"},
		{"an unknown token", `{"token":"ada1.x.y"}`, autodefend.CodeDenied, "isn't known"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.t = t
			w.refuses(request{method: "POST", path: "/authenticate", body: test.body}, test.code, test.want)
		})
	}
	w.t = t
	w.refuses(request{method: "POST", path: "/authenticate-client"}, autodefend.CodeDenied, "client certificates")
}

func TestAuthorizationRefuses(t *testing.T) {
	w := newWorld(t)
	token := w.login("root", rootPassword)
	parts := strings.Split(token, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for name, auth := range map[string]string{
		"nothing":                   "",
		"another scheme":            "Digest x",
		"no token":                  "Bearer ",
		"no scheme":                 token,
		"text":                      "Bearer hello",
		"a JWT without a signature": "Bearer " + parts[0] + "." + parts[1] + ".",
		"a JWT that says none":      "Bearer " + none + "." + parts[1] + ".",
		"another's signature":       "Bearer " + parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"too long":                  "Bearer " + strings.Repeat("A", maxCredential),
		"Basic that isn't base64":   "Basic !",
		"Basic without a colon":     "Basic " + base64.StdEncoding.EncodeToString([]byte("root")),
		"Basic with another":        basic("root", "x"),
		"an unknown API token":      "Bearer ada1.x.y",
		"an API token without dot":  "Bearer ada1.",
		"a Defender's made up":      "Bearer adt1.e30.AAAAAAAAAAAAAAAAAAAAAA",
		"a Defender's without dot":  "Bearer adt1.",
	} {
		p, err := w.who(auth)
		if autodefend.ErrorCode(err) != autodefend.CodeDenied || p.Username != "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestBasicPasswordHoldsAMinuteAndNotLonger(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann", Role: "auditor"})
	auth := basic("Ann", rootPassword)
	if p, err := w.who(auth); err != nil || p.Username != "ann" || p.Role != "auditor" || p.Session != "" {
		t.Fatalf("%+v, %v", p, err)
	}
	u, _, err := w.storedUser(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	if !w.passwords.holds(u, rootPassword, w.clock.Now().Add(59*time.Second)) {
		t.Error("the password is forgotten before a minute is over")
	}
	if w.passwords.holds(u, rootPassword, w.clock.Now().Add(time.Minute)) {
		t.Error("the password is believed for more than a minute")
	}
	if w.passwords.holds(u, rootPassword+"x", w.clock.Now()) {
		t.Error("another password is believed")
	}
	w.must(request{method: "PUT", path: "/users", auth: asRoot(), body: api.User{Username: "ann", Role: "auditor", Password: "another mountain"}})
	if _, err := w.who(auth); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("the old password: %v", err)
	}
	if _, err := w.who(basic("ann", "another mountain")); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestBasicAuthDisabled(t *testing.T) {
	w := newWorld(t)
	token := w.login("root", rootPassword)
	w.must(request{method: "POST", path: "/settings/logon", auth: bearer(token), body: api.LogonSettings{BasicAuthDisabled: true}})
	w.refuses(request{method: "GET", path: "/users", auth: asRoot()}, autodefend.CodeDenied, "switched off")
	w.must(request{method: "GET", path: "/users", auth: bearer(w.login("root", rootPassword))})
}

func TestLoginsAreAudited(t *testing.T) {
	w := newWorld(t)
	w.login("root", rootPassword)
	_, _ = w.who(basic("root", rootPassword))
	_, _ = w.who(basic("root", rootPassword))
	_, _ = w.who(basic("ro\not", "x"))
	var got []string
	for _, a := range w.audits(api.MgmtLogin) {
		outcome := "success"
		if a.Failure {
			outcome = "failure"
		}
		got = append(got, a.API+" "+a.Username+" "+a.SourceIP+" "+outcome)
	}
	want := []string{"POST /authenticate root 192.0.2.7 success", "Basic root 192.0.2.7 success", "Basic ro?ot 192.0.2.7 failure"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("audits\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRefusedLoginsOfKnownUsersAreAudited: a right password that opens nothing is told, too.
func TestRefusedLoginsOfKnownUsersAreAudited(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann"})
	w.refuses(request{
		method: "POST", path: "/authenticate", body: api.AuthenticationRequest{Username: "ann", Password: rootPassword},
	}, autodefend.CodeDenied, "has no role")
	told := w.audits(api.MgmtLogin)
	if last := told[len(told)-1]; !last.Failure || last.Username != "ann" || last.Status != `the user "ann" has no role` || last.SourceIP != testIP {
		t.Errorf("audit %+v", last)
	}
}
