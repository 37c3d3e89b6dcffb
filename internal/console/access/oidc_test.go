package access

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

const (
	clientID     = "autodefend"
	clientSecret = "shared with the provider"
	callbackURL  = "https://console.example.com/api/v1/authenticate/callback/oidc"
)

// fakeProvider is an OpenID Connect provider: discovery, keys, and an endpoint that changes codes into ID tokens.
type fakeProvider struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu    sync.Mutex
	codes map[string]authorization
	// twist changes an ID token before it's signed, and signer signs it.
	twist  func(claims map[string]any)
	signer *rsa.PrivateKey
	// away is where the endpoint for codes leads to.
	away string
}

// authorization is what the browser brought to the provider.
type authorization struct {
	query url.Values
	who   map[string]any
}

// providerKey is one key for all tests: making one takes long.
var providerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newProvider(t *testing.T, now func() time.Time) *fakeProvider {
	t.Helper()
	key := providerKey()
	p := &fakeProvider{key: key, signer: key, codes: map[string]authorization{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { p.exchange(w, r, now()) })
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// authorize is the browser at the provider: it logs in and is given a code.
func (p *fakeProvider) authorize(t testing.TB, address string, who map[string]any) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, p.URL+"/auth?") {
		t.Fatalf("redirect URL %q", address)
	}
	query := u.Query()
	for name, want := range map[string]string{
		"client_id": clientID, "redirect_uri": callbackURL, "response_type": "code", "scope": "openid profile groups", "code_challenge_method": "S256",
	} {
		if got := query.Get(name); got != want {
			t.Errorf("%s=%q, want %q", name, got, want)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = authorization{query, who}
	return url.Values{"code": {code}, "state": {query.Get("state")}}
}

func (p *fakeProvider) exchange(w http.ResponseWriter, r *http.Request, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away != "" {
		http.Redirect(w, r, p.away, http.StatusTemporaryRedirect)
		return
	}
	a, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	id, secret, hasBasic := r.BasicAuth()
	if !hasBasic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	secret, _ = url.QueryUnescape(secret)
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || id != clientID || secret != clientSecret || base64.RawURLEncoding.EncodeToString(challenge[:]) != a.query.Get("code_challenge") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	claims := map[string]any{
		"iss": p.URL, "aud": clientID, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "nonce": a.query.Get("nonce"), "sub": "0001",
	}
	maps.Copy(claims, a.who)
	if p.twist != nil {
		p.twist(claims)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.signer, KeyID: "k"}}, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": token})
}

// withProvider sets up logins at a provider, and a group of it whose users are operators.
func withProvider(t *testing.T) (*world, *fakeProvider) {
	t.Helper()
	w := newWorld(t)
	p := newProvider(t, w.clock.Now)
	w.must(request{method: "POST", path: "/settings/oidc", auth: asRoot(), body: api.OIDCSettings{
		Enabled: true, Issuer: p.URL, ClientID: clientID, ClientSecret: clientSecret, RedirectURL: callbackURL, Scopes: api.Names{"profile", "groups"},
	}})
	w.must(request{method: "POST", path: "/groups", auth: asRoot(), body: api.Group{GroupName: "security team", OIDCGroup: true, Role: "operator"}})
	return w, p
}

// begin returns where the browser goes and the cookie that it keeps.
func (w *world) beginOIDC() (string, string) {
	w.t.Helper()
	answer := w.must(request{method: "GET", path: "/authenticate/identity-redirect-url"})
	cookie, err := http.ParseSetCookie(answer.Header["Set-Cookie"])
	if err != nil || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode {
		w.t.Fatalf("cookie %q: %v", answer.Header["Set-Cookie"], err)
	}
	return answer.JSON.(api.RedirectURL).URL, cookie.Name + "=" + cookie.Value
}

func callback(query url.Values, cookie string) request {
	return request{method: "GET", path: "/authenticate/callback/oidc", query: query, header: map[string]string{"Cookie": "a=b; " + cookie}}
}

func member(name string, groups ...string) map[string]any {
	return map[string]any{"preferred_username": name, "groups": groups}
}

func TestOIDCLogin(t *testing.T) {
	w, p := withProvider(t)
	address, cookie := w.beginOIDC()
	back := p.authorize(t, address, member("eve@example.com", "everybody", "security team"))
	answer, err := w.replica().do(t.Context(), callback(back, cookie)) // any replica finishes what another began
	if err != nil {
		t.Fatal(err)
	}
	token := answer.JSON.(api.AuthenticationResponse).Token
	who, err := w.who(bearer(token))
	if err != nil || who.Username != "eve@example.com" || who.Role != "operator" || who.Session == "" {
		t.Fatalf("%+v, %v", who, err)
	}
	w.must(request{method: "PUT", path: "/groups/security%20team", auth: asRoot(), body: api.Group{OIDCGroup: true, Role: "ci"}})
	if who, err = w.who(bearer(token)); err != nil || who.Role != "ci" {
		t.Errorf("the group's new role has no effect: %+v, %v", who, err)
	}
	w.refuses(request{method: "POST", path: "/api-tokens", auth: bearer(token), body: `{"name":"t"}`}, autodefend.CodeDenied, "OpenID Connect provider only")
	w.must(request{method: "DELETE", path: "/groups/security%20team", auth: asRoot()})
	if _, err = w.who(bearer(token)); err == nil {
		t.Error("still in without the group")
	}
}

func TestOIDCLoginOfABrowser(t *testing.T) {
	w, p := withProvider(t)
	address, cookie := w.beginOIDC()
	r := callback(p.authorize(t, address, member("eve", "security team")), cookie)
	r.header["Accept"] = "text/html,*/*"
	answer := w.must(r)
	session, err := http.ParseSetCookie(answer.Header["Set-Cookie"])
	if err != nil || answer.Status != http.StatusSeeOther || answer.Header["Location"] != "/" || session.Name != CookieName || !session.HttpOnly {
		t.Fatalf("%+v, %v", answer, err)
	}
	if who, err := w.Authenticate(t.Context(), Request{Cookie: session.Value}); err != nil || who.Username != "eve" {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestOIDCUsersOfTheConsole(t *testing.T) {
	w, p := withProvider(t)
	w.addUser(api.User{Username: "eve", AuthType: api.AuthOIDC, Role: "auditor"})
	login := func(name string, groups ...string) (string, error) {
		address, cookie := w.beginOIDC()
		answer, err := w.do(t.Context(), callback(p.authorize(t, address, member(name, groups...)), cookie))
		if err != nil {
			return "", err
		}
		return answer.JSON.(api.AuthenticationResponse).Token, nil
	}
	token, err := login("EVE", "security team")
	if err != nil {
		t.Fatal(err)
	}
	if who, err := w.who(bearer(token)); err != nil || who.Username != "eve" || who.Role != "auditor" {
		t.Errorf("the own role doesn't come first: %+v, %v", who, err)
	}
	if _, err := w.who(basic("eve", rootPassword)); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("with a password: %v", err)
	}
	if _, err := login("root", "security team"); err == nil || !strings.Contains(err.Error(), "logs in with a password") {
		t.Errorf("as a user with a password: %v", err)
	}
	if _, err := login("mallory", "another team"); autodefend.ErrorCode(err) != autodefend.CodeDenied {
		t.Errorf("without a role: %v", err)
	}
	w.must(request{method: "PUT", path: "/users", auth: asRoot(), body: api.User{Username: "eve", AuthType: api.AuthBasic, Role: "auditor", Password: rootPassword}})
	if _, err := w.who(bearer(token)); err == nil {
		t.Error("the session goes on though the user has a password now")
	}
	failures := 0
	for _, a := range w.audits(api.MgmtLogin) {
		if a.Failure {
			failures++
		}
	}
	if failures != 3 {
		t.Errorf("%d failures are audited, want 3", failures)
	}
}

func TestOIDCSessionEndsWithTheUser(t *testing.T) {
	w, p := withProvider(t)
	w.addUser(api.User{Username: "eve", AuthType: api.AuthOIDC, Role: "auditor"})
	address, cookie := w.beginOIDC()
	token := w.must(callback(p.authorize(t, address, member("eve", "security team")), cookie)).JSON.(api.AuthenticationResponse).Token
	w.must(request{method: "DELETE", path: "/users/eve", auth: asRoot()})
	if who, err := w.who(bearer(token)); err == nil {
		t.Errorf("the session went over to the group: %+v", who)
	}
	w.addUser(api.User{Username: "eve", AuthType: api.AuthOIDC, Role: "admin"})
	if who, err := w.who(bearer(token)); err == nil {
		t.Errorf("the session went over to another user: %+v", who)
	}
}

func TestOIDCRefuses(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		twist func(*world, *fakeProvider, *request)
		want  string
	}{
		"no code":                  {func(_ *world, _ *fakeProvider, r *request) { r.query.Del("code") }, "code: is missing"},
		"another code":             {func(_ *world, _ *fakeProvider, r *request) { r.query.Set("code", "x") }, "didn't take the code"},
		"no state":                 {func(_ *world, _ *fakeProvider, r *request) { r.query.Del("state") }, "state: isn't one"},
		"another state":            {func(_ *world, _ *fakeProvider, r *request) { r.query.Set("state", "AAAA") }, "state: isn't one"},
		"no cookie":                {func(_ *world, _ *fakeProvider, r *request) { r.header["Cookie"] = "" }, ""},
		"another browser's cookie": {func(_ *world, _ *fakeProvider, r *request) { r.header["Cookie"] = loginCookieName + "=x" }, "another browser"},
		"an empty cookie":          {func(_ *world, _ *fakeProvider, r *request) { r.header["Cookie"] = loginCookieName + "=" }, "another browser"},
		"too late":                 {func(w *world, _ *fakeProvider, _ *request) { w.clock.add(loginLife) }, "took too long"},
		"the user said no":         {func(_ *world, _ *fakeProvider, r *request) { r.query = url.Values{"error": {"access_denied\n"}} }, "refused the login: access_denied?"},
		"another's signature":      {func(_ *world, p *fakeProvider, _ *request) { p.signer = other }, "ID token isn't valid"},
		"another audience":         {func(_ *world, p *fakeProvider, _ *request) { p.twist = set("aud", "another") }, "ID token isn't valid"},
		"another issuer":           {func(_ *world, p *fakeProvider, _ *request) { p.twist = set("iss", "https://another") }, "ID token isn't valid"},
		"an expired ID token":      {func(_ *world, p *fakeProvider, _ *request) { p.twist = set("exp", 1) }, "ID token isn't valid"},
		"another login's nonce":    {func(_ *world, p *fakeProvider, _ *request) { p.twist = set("nonce", "x") }, "of another login"},
		"no nonce":                 {func(_ *world, p *fakeProvider, _ *request) { p.twist = set("nonce", "") }, "of another login"},
		"no subject":               {func(_ *world, p *fakeProvider, _ *request) { p.twist = set("sub", "") }, "subject is missing"},
		"a long subject":           {func(_ *world, p *fakeProvider, _ *request) { p.twist = set("sub", strings.Repeat("s", 1001)) }, "subject is missing or"},
		"a name with a slash":      {func(_ *world, p *fakeProvider, _ *request) { p.twist = set("preferred_username", "root/t") }, "names no user"},
		"new settings meanwhile": {func(w *world, p *fakeProvider, _ *request) {
			w.must(request{method: "POST", path: "/settings/oidc", auth: asRoot(), body: api.OIDCSettings{Enabled: true, Issuer: p.URL, ClientID: clientID, RedirectURL: callbackURL}})
		}, "took too long"},
		"switched off meanwhile": {func(w *world, _ *fakeProvider, _ *request) {
			w.must(request{method: "POST", path: "/settings/oidc", auth: asRoot(), body: api.OIDCSettings{}})
		}, "aren't set up"},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := withProvider(t)
			address, cookie := w.beginOIDC()
			r := callback(p.authorize(t, address, member("eve", "security team")), cookie)
			test.twist(w, p, &r)
			answer, err := w.do(t.Context(), r)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%+v, %v; want %q", answer, err, test.want)
			}
			if code := autodefend.ErrorCode(err); code != autodefend.CodeDenied && code != autodefend.CodeNotFound {
				t.Errorf("code %s", code)
			}
			if len(w.must(request{method: "GET", path: "/sessions", auth: asRoot()}).JSON.([]api.Session)) != 0 {
				t.Error("there is a session")
			}
		})
	}
}

func set(name string, value any) func(map[string]any) {
	return func(claims map[string]any) { claims[name] = value }
}

func TestOIDCCodeIsGoodOnce(t *testing.T) {
	w, p := withProvider(t)
	address, cookie := w.beginOIDC()
	r := callback(p.authorize(t, address, member("eve", "security team")), cookie)
	w.must(r)
	w.refuses(r, autodefend.CodeDenied, "didn't take the code")
}

func TestOIDCProviderThatIsAway(t *testing.T) {
	w, p := withProvider(t)
	p.Close()
	w.refuses(request{method: "GET", path: "/authenticate/identity-redirect-url"}, autodefend.CodeUnavailable, "doesn't answer")
	w.login("root", rootPassword)
}

func TestOIDCSettings(t *testing.T) {
	w := newWorld(t)
	w.refuses(request{method: "GET", path: "/authenticate/identity-redirect-url"}, autodefend.CodeNotFound, "aren't set up")
	post := func(s api.OIDCSettings) request {
		return request{method: "POST", path: "/settings/oidc", auth: asRoot(), body: s}
	}
	good := api.OIDCSettings{Enabled: true, Issuer: "https://login.example.com", ClientID: "c", ClientSecret: clientSecret, RedirectURL: callbackURL, Scopes: api.Names{"email"}}
	w.must(post(good))
	stored := w.must(request{method: "GET", path: "/settings/oidc", auth: asRoot()}).JSON.(api.OIDCSettings)
	if stored.ClientSecret != "" || !stored.ClientSecretSet || stored.Issuer != good.Issuer {
		t.Errorf("settings %+v", stored)
	}
	d, err := w.store.Document(t.Context(), api.KindSettings, api.SettingsOIDC)
	if err != nil || strings.Contains(string(d.Body), clientSecret) {
		t.Errorf("the secret is stored: %s, %v", d.Body, err)
	}
	for _, a := range w.audits(api.MgmtSettings) {
		if strings.Contains(a.Diff, clientSecret) {
			t.Errorf("the secret is audited: %s", a.Diff)
		}
	}
	kept := good
	kept.ClientSecret, kept.Scopes = "", nil
	w.must(post(kept))
	if s := w.must(request{method: "GET", path: "/settings/oidc", auth: asRoot()}).JSON.(api.OIDCSettings); !s.ClientSecretSet {
		t.Error("the secret is gone")
	}
	kept.Issuer = "https://another.example.com"
	w.must(post(kept))
	if s := w.must(request{method: "GET", path: "/settings/oidc", auth: asRoot()}).JSON.(api.OIDCSettings); s.ClientSecretSet {
		t.Error("another issuer got the secret")
	}
	for want, twist := range map[string]func(*api.OIDCSettings){
		"issuer: must begin":       func(s *api.OIDCSettings) { s.Issuer = "http://login.example.com" },
		"issuer: isn't a URL":      func(s *api.OIDCSettings) { s.Issuer = "login" },
		"issuer: isn't a URL such": func(s *api.OIDCSettings) { s.Issuer = "https://a:b@login.example.com" },
		"clientId: is missing":     func(s *api.OIDCSettings) { s.ClientID = "" },
		"redirectURL: isn't":       func(s *api.OIDCSettings) { s.RedirectURL = "" },
		"scopes: has 33":           func(s *api.OIDCSettings) { s.Scopes = make(api.Names, 33) },
	} {
		bad := good
		twist(&bad)
		w.refuses(post(bad), autodefend.CodeInvalid, want)
	}
}

func TestIdentityOfClaims(t *testing.T) {
	for i, test := range []struct {
		claims   string
		settings api.OIDCSettings
		name     string
		groups   []string
	}{
		{`{"sub":"1"}`, api.OIDCSettings{}, "1", nil},
		{`{"sub":"1","email":"e@x","email_verified":true}`, api.OIDCSettings{}, "e@x", nil},
		{`{"sub":"1","email":"e@x","email_verified":false}`, api.OIDCSettings{}, "1", nil},
		{`{"sub":"1","email":"e@x"}`, api.OIDCSettings{}, "1", nil},
		{`{"sub":"1","email":"e@x","email_verified":false}`, api.OIDCSettings{UsernameClaim: "email"}, "", nil},
		{`{"sub":"1","email":"e@x"}`, api.OIDCSettings{UsernameClaim: "email"}, "", nil},
		{`{"sub":"1","email":"e@x","email_verified":"false"}`, api.OIDCSettings{UsernameClaim: "email"}, "", nil},
		{`{"sub":"1","email":"e@x","email_verified":1}`, api.OIDCSettings{UsernameClaim: "email"}, "", nil},
		{`{"sub":"1","email":"e@x","email_verified":null}`, api.OIDCSettings{UsernameClaim: "email"}, "", nil},
		{`{"sub":"1","email":"e@x","email_verified":true}`, api.OIDCSettings{UsernameClaim: "email"}, "e@x", nil},
		{`{"sub":"1","email":"e@x","email_verified":"true"}`, api.OIDCSettings{UsernameClaim: "email"}, "e@x", nil},
		{`{"sub":"1","email":"e@x","email_verified":"true"}`, api.OIDCSettings{}, "e@x", nil},
		{`{"sub":"1","preferred_username":"e","groups":["a",7,"b"]}`, api.OIDCSettings{}, "e", []string{"a", "b"}},
		{`{"sub":"1","upn":"e","roles":"a"}`, api.OIDCSettings{UsernameClaim: "upn", GroupsClaim: "roles"}, "e", []string{"a"}},
		{`{"sub":7}`, api.OIDCSettings{}, "", nil},
		{`{"sub":"a/b"}`, api.OIDCSettings{}, "", nil},
	} {
		var claims map[string]any
		if err := json.Unmarshal([]byte(test.claims), &claims); err != nil {
			t.Fatal(err)
		}
		who, err := readIdentity(claims, test.settings)
		if test.name == "" {
			if err == nil {
				t.Errorf("%d: %+v", i, who)
			}
			continue
		}
		if err != nil || who.username != test.name || strings.Join(who.groups, ",") != strings.Join(test.groups, ",") {
			t.Errorf("%d: %+v, %v", i, who, err)
		}
	}
}
