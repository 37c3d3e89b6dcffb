package access

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (w *world) token(auth string, r api.TokenRequest) api.APIToken {
	w.t.Helper()
	return w.must(request{method: "POST", path: "/api-tokens", auth: auth, body: r}).JSON.(api.APIToken)
}

func TestAPITokens(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann", Role: "operator"})
	ann := basic("ann", rootPassword)
	all := w.token(ann, api.TokenRequest{Name: "all"})
	few := w.token(ann, api.TokenRequest{Name: "few", Scopes: []api.RolePermission{
		{Name: api.PermMonitorWAAS}, {Name: api.PermManageDefenders, ReadWrite: true}, {Name: api.PermUserManagement, ReadWrite: true},
	}})
	p, err := w.who(bearer(all.Token))
	if err != nil || p.Username != "ann/all" || p.Role != "operator" || p.Session != "" || !p.Can(api.PermPolicyWAAS, true) {
		t.Fatalf("%+v, %v", p, err)
	}
	p, err = w.who(bearer(few.Token))
	want := map[api.PermName]bool{
		route.AnyUser: true, api.PermMonitorWAAS: false, api.PermManageDefenders: true,
		api.PermUserManagement: false, // an operator only reads users
	}
	if err != nil || !maps.Equal(p.Permissions, want) {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err = w.who(basic("Ann", few.Token)); err != nil || p.Username != "ann/few" {
		t.Errorf("as a password of Basic: %+v, %v", p, err)
	}
	if _, err = w.who(basic("root", few.Token)); err == nil {
		t.Error("as another's password of Basic")
	}
	login := w.must(request{method: "POST", path: "/authenticate", body: api.AuthenticationRequest{Token: few.Token}}).JSON.(api.AuthenticationResponse)
	if p, err = w.who(bearer(login.Token)); err != nil || p.Username != "ann/few" || p.Session == "" || !maps.Equal(p.Permissions, want) {
		t.Errorf("as a session: %+v, %v", p, err)
	}
	w.must(request{method: "PUT", path: "/users", auth: asRoot(), body: api.User{Username: "ann", Role: "ci"}})
	for _, auth := range []string{bearer(few.Token), bearer(login.Token)} {
		if p, err = w.who(auth); err != nil || p.Can(api.PermManageDefenders, false) {
			t.Errorf("the owner's new role has no effect: %+v, %v", p, err)
		}
	}
	w.must(request{method: "DELETE", path: "/api-tokens/" + few.ID, auth: ann})
	for _, auth := range []string{bearer(few.Token), bearer(login.Token)} {
		if _, err = w.who(auth); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("deleted, and still in: %v", err)
		}
	}
	w.clock.add(api.TokenLife)
	if _, err = w.who(bearer(all.Token)); err == nil || !strings.Contains(err.Error(), "ended on 2026-05-30") {
		t.Errorf("after its end: %v", err)
	}
}

func TestAPITokensAreShownOnce(t *testing.T) {
	w := newWorld(t)
	made := w.token(asRoot(), api.TokenRequest{Name: "t", Expires: w.clock.Now().Add(time.Hour)})
	secret := made.Token[strings.LastIndex(made.Token, ".")+1:]
	list := w.must(request{method: "GET", path: "/api-tokens", auth: asRoot()}).JSON.([]api.APIToken)
	made.Token = ""
	if diff := cmp.Diff([]api.APIToken{made}, list); diff != "" {
		t.Error(diff)
	}
	documents, err := w.store.Documents(t.Context(), api.KindAPIToken)
	if err != nil || len(documents) != 1 {
		t.Fatal(documents, err)
	}
	if strings.Contains(string(documents[0].Body), secret) {
		t.Errorf("the secret is stored: %s", documents[0].Body)
	}
	for _, a := range w.audits(api.MgmtUser) {
		if strings.Contains(a.Diff, secret) {
			t.Errorf("the secret is audited: %s", a.Diff)
		}
	}
}

func TestAPITokensRefuse(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann", Role: "user"})
	ann := basic("ann", rootPassword)
	made := w.token(asRoot(), api.TokenRequest{Name: "t"})
	post := func(auth, body string) request {
		return request{method: "POST", path: "/api-tokens", auth: auth, body: body}
	}
	w.refuses(post(bearer(made.Token), `{"name":"u"}`), autodefend.CodeDenied, "an API token can't make others")
	w.refuses(request{method: "PUT", path: "/users/password", auth: bearer(made.Token), body: `{}`}, autodefend.CodeDenied, "an API token can't")
	w.refuses(post(asRoot(), `{"name":"t"}`), autodefend.CodeConflict, "name: you have")
	w.refuses(post(asRoot(), `{}`), autodefend.CodeInvalid, "name: is missing")
	w.refuses(post(asRoot(), `{"name":"u","expires":"2020-01-01T00:00:00Z"}`), autodefend.CodeInvalid, "expires: is in the past")
	w.refuses(post(asRoot(), `{"name":"u","expires":"2036-01-01T00:00:00Z"}`), autodefend.CodeInvalid, "expires: is more than a year")
	w.refuses(post(asRoot(), `{"name":"u","expires":"tomorrow"}`), autodefend.CodeInvalid, "body:")
	w.refuses(post(asRoot(), `{"name":"u","scopes":[{"name":"fly"}]}`), autodefend.CodeInvalid, "scopes[0].name")
	w.refuses(request{method: "DELETE", path: "/api-tokens/" + made.ID, auth: ann}, autodefend.CodeNotFound, "no API token")
	w.refuses(request{method: "DELETE", path: "/api-tokens/x", auth: asRoot()}, autodefend.CodeNotFound, "no API token")
	second := w.token(asRoot(), api.TokenRequest{Name: "second", Scopes: []api.RolePermission{{Name: api.PermMonitorWAAS}}})
	session, err := w.who(bearer(w.login("root", rootPassword)))
	if err != nil {
		t.Fatal(err)
	}
	w.refuses(request{method: "DELETE", path: "/api-tokens/" + made.ID, auth: bearer(second.Token)}, autodefend.CodeNotFound, "no API token")
	w.refuses(request{method: "DELETE", path: "/sessions/" + session.Session, auth: bearer(second.Token)}, autodefend.CodeNotFound, "no session")
	w.must(request{method: "DELETE", path: "/api-tokens/" + second.ID, auth: bearer(second.Token)})
	if list := w.must(request{method: "GET", path: "/api-tokens", auth: ann}).JSON.([]api.APIToken); len(list) != 0 {
		t.Errorf("others' tokens: %+v", list)
	}
	tampered := []byte(made.Token)
	tampered[len(tampered)-2] ^= 1
	for _, text := range []string{string(tampered), made.Token + "A", strings.TrimSuffix(made.Token, made.Token[len(made.Token)-3:]), apiTokenPrefix + made.ID + "."} {
		if _, err := w.who(bearer(text)); autodefend.ErrorCode(err) != autodefend.CodeDenied {
			t.Errorf("%s: %v", text, err)
		}
	}
	for i := range maxTokensOfOwner {
		w.token(ann, api.TokenRequest{Name: string(rune('a'+i/26)) + string(rune('a'+i%26))})
	}
	w.refuses(post(ann, `{"name":"one more"}`), autodefend.CodeConflict, "100 API tokens")
}

func TestSessions(t *testing.T) {
	w := newWorld(t)
	w.addUser(api.User{Username: "ann", Role: "ci"})
	root := bearer(w.login("root", rootPassword))
	w.clock.add(time.Second)
	answer := w.must(request{
		method: "POST", path: "/authenticate", header: map[string]string{"User-Agent": "curl/8"},
		body: api.AuthenticationRequest{Username: "ann", Password: rootPassword},
	})
	ann := bearer(answer.JSON.(api.AuthenticationResponse).Token)
	list := w.must(request{method: "GET", path: "/sessions", auth: root}).JSON.([]api.Session)
	if len(list) != 2 || list[0].Username != "ann" || list[0].Role != "ci" || list[0].UserAgent != "curl/8" || list[0].SourceIP != testIP || list[0].Current || !list[1].Current {
		t.Fatalf("sessions %+v", list)
	}
	if own := w.must(request{method: "GET", path: "/sessions", auth: ann}).JSON.([]api.Session); len(own) != 1 || own[0].Username != "ann" {
		t.Errorf("sessions of ann %+v", own)
	}
	w.refuses(request{method: "DELETE", path: "/sessions/" + list[1].ID, auth: ann}, autodefend.CodeNotFound, "no session")
	w.must(request{method: "DELETE", path: "/sessions/" + list[0].ID, auth: root})
	if _, err := w.who(ann); err == nil {
		t.Error("ended, and still in")
	}
	w.refuses(request{method: "GET", path: "/renew", auth: ann}, autodefend.CodeDenied, "session is over")
}

func TestDefenderTokens(t *testing.T) {
	w := newWorld(t)
	id := route.FunctionIdentity{Account: "123456789012", Region: "eu-west-1", Function: "pay,ments", Issued: 1700000000}
	token := w.DefenderToken(id)
	p, err := w.who(bearer(token))
	if err != nil || p.Function != id || p.Role != api.RoleDefender || !maps.Equal(p.Permissions, map[api.PermName]bool{route.Function: true}) {
		t.Fatalf("%+v, %v", p, err)
	}
	if now := w.DefenderToken(route.FunctionIdentity{Function: "f"}); w.DefenderToken(route.FunctionIdentity{Function: "f", Issued: w.clock.Now().Unix()}) != now {
		t.Error("the time of issue isn't now")
	}
	for _, bad := range []route.FunctionIdentity{{Account: "1,2"}, {Region: "a,b"}, {Function: "f\n"}, {Function: strings.Repeat("f", 600)}} {
		if w.DefenderToken(bad) != "" {
			t.Errorf("a token of %+v", bad)
		}
	}
	for i := range len(token) {
		changed := []byte(token)
		changed[i] ^= 1
		if p, err := w.who("Bearer " + string(changed)); err == nil {
			t.Fatalf("changed in byte %d it is %+v", i, p)
		}
	}
	other := base64.RawURLEncoding.EncodeToString([]byte("1,2,3,g"))
	parts := strings.Split(token, ".")
	if _, err := w.who(bearer(parts[0] + "." + other + "." + parts[2])); err == nil {
		t.Error("another function's claims fit the signature")
	}
	if _, err := w.who(bearer(token[:len(token)-4])); err == nil {
		t.Error("a shorter signature is enough")
	}
	if _, err := w.Authenticate(t.Context(), Request{Cookie: token}); err == nil {
		t.Error("a Defender's token is a session")
	}
}

func TestRevokedDefenderTokens(t *testing.T) {
	tokens := map[string]route.FunctionIdentity{
		"f":         {Account: "1", Region: "r", Function: "f"},
		"f in s":    {Account: "1", Region: "s", Function: "f"},
		"f of 2":    {Account: "2", Region: "r", Function: "f"},
		"g":         {Account: "1", Region: "r", Function: "g"},
		"any f":     {Function: "f"},
		"any of 1":  {Account: "1"},
		"all":       {},
		"unrelated": {Account: "9", Region: "x", Function: "y"},
	}
	for _, test := range []struct {
		revoked api.DefenderTokenRequest
		refused []string
	}{
		{api.DefenderTokenRequest{AccountID: "1", Region: "r", Function: "f"}, []string{"f", "any f", "any of 1", "all"}},
		{api.DefenderTokenRequest{Function: "f"}, []string{"f", "f in s", "f of 2", "any f", "any of 1", "all"}},
		{api.DefenderTokenRequest{AccountID: "2", Function: "*"}, []string{"f of 2", "any f", "all"}},
		{api.DefenderTokenRequest{Function: "*"}, []string{"f", "f in s", "f of 2", "g", "any f", "any of 1", "all", "unrelated"}},
	} {
		w := newWorld(t)
		other := w.replica()
		made := map[string]string{}
		for name, id := range tokens {
			made[name] = w.DefenderToken(id)
			if _, err := other.Authenticate(t.Context(), Request{Authorization: bearer(made[name])}); err != nil {
				t.Fatal(err)
			}
		}
		revoked := w.must(request{method: "POST", path: "/defender-tokens/revocations", auth: asRoot(), body: test.revoked}).JSON.(api.RevokedFunction)
		for name, token := range made {
			_, err := other.Authenticate(t.Context(), Request{Authorization: bearer(token)})
			if refused := err != nil; refused != slices.Contains(test.refused, name) {
				t.Errorf("revoked %+v: token of %s: %v", test.revoked, name, err)
			}
		}
		w.clock.add(time.Second)
		for name, id := range tokens {
			if _, err := other.Authenticate(t.Context(), Request{Authorization: bearer(w.DefenderToken(id))}); err != nil {
				t.Errorf("revoked %+v: a new token of %s: %v", test.revoked, name, err)
			}
		}
		list := w.must(request{method: "GET", path: "/defender-tokens/revocations", auth: asRoot()}).JSON.([]api.RevokedFunction)
		if diff := cmp.Diff([]api.RevokedFunction{revoked}, list); diff != "" {
			t.Error(diff)
		}
		w.must(request{method: "DELETE", path: "/defender-tokens/revocations/" + revoked.ID, auth: asRoot()})
		for name, token := range made {
			if _, err := other.Authenticate(t.Context(), Request{Authorization: bearer(token)}); err != nil {
				t.Errorf("taken back, and %s: %v", name, err)
			}
		}
	}
}

func TestDefenderTokenRoutesRefuse(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/defender-tokens", "/defender-tokens/revocations"} {
		w.refuses(request{method: "POST", path: path, auth: asRoot(), body: `{"accountID":"1,2"}`}, autodefend.CodeInvalid, "accountID")
		w.refuses(request{method: "POST", path: path, auth: asRoot(), body: `{"region":"a b"}`}, autodefend.CodeInvalid, "region")
		w.refuses(request{method: "POST", path: path, auth: asRoot(), body: `{"function":["f"]}`}, autodefend.CodeInvalid, "function: is a JSON array")
		for _, body := range []string{`{}`, `null`, `{"accountID":"1"}`} {
			w.refuses(request{method: "POST", path: path, auth: asRoot(), body: body}, autodefend.CodeInvalid, "function: is missing")
		}
	}
	w.refuses(request{method: "POST", path: "/defender-tokens", auth: asRoot(), body: `{"function":"*"}`}, autodefend.CodeInvalid, "one function")
	w.refuses(request{method: "DELETE", path: "/defender-tokens/revocations/x", auth: asRoot()}, autodefend.CodeNotFound, "no revocation")
	made := w.must(request{method: "POST", path: "/defender-tokens", auth: asRoot(), body: `{"accountID":"1","function":"f"}`}).JSON.(api.TokenResponse)
	if p, err := w.who(bearer(made.Token)); err != nil || p.Function.Account != "1" || p.Function.Function != "f" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhoIsLimitedToCollectionsLetsNoDefendersIn(t *testing.T) {
	w := newWorld(t)
	w.addCollections("payments")
	w.addUser(api.User{Username: "ann", Role: api.RoleDefenderManager, Permissions: api.UserPermissions{{Collections: api.Names{"payments"}}}})
	revoked := w.must(request{method: "POST", path: "/defender-tokens/revocations", auth: asRoot(), body: `{"function":"f"}`}).JSON.(api.RevokedFunction)
	for _, r := range []request{
		{method: "POST", path: "/defender-tokens", body: `{"accountID":"1","function":"f"}`},
		{method: "POST", path: "/defender-tokens/revocations", body: `{"function":"g"}`},
		{method: "GET", path: "/defender-tokens/revocations"},
		{method: "DELETE", path: "/defender-tokens/revocations/" + revoked.ID},
	} {
		r.auth = basic("ann", rootPassword)
		w.refuses(r, autodefend.CodeDenied, "limited to collections")
	}
	w.must(request{method: "PUT", path: "/users", auth: asRoot(), body: api.User{Username: "ann", Role: api.RoleDefenderManager}})
	w.must(request{method: "POST", path: "/defender-tokens", auth: basic("ann", rootPassword), body: `{"accountID":"1","function":"f"}`})
}
