package access

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// A login at the provider goes through the browser and comes back to any replica, so what belongs to it travels with it:
// sealed in the state, and tied to the browser by a cookie, so that nobody can be made to finish another's login.
const (
	// loginCookieName is that of the cookie of a login under way.
	loginCookieName = "__Host-autodefend-login"
	// loginLife is how long the user has at the provider.
	loginLife = 10 * time.Minute
	// maxProvided bounds names and the number of groups that a provider tells.
	maxProvided = 1000
)

// loginState is what belongs to one login under way.
type loginState struct {
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // PKCE's
	Browser  string    `json:"b"` // the cookie's value
	Expires  time.Time `json:"e"`
	Revision string    `json:"r"` // of the settings
}

// stateAAD is what states are sealed as.
func stateAAD() []byte { return []byte("oidc login state") }

// provider is what discovery told of an issuer, for one revision of the settings.
type provider struct {
	revision string
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// providerCache keeps the provider of the newest settings. Its keys are fetched when they're needed and change.
type providerCache struct {
	mu      sync.Mutex
	current *provider
}

func (s *Service) providerOf(ctx context.Context, settings oidcSettings) (*provider, error) {
	if !settings.Enabled {
		return nil, autodefend.Errorf(autodefend.CodeNotFound, "logins at an OpenID Connect provider aren't set up").
			WithHint("an administrator can with POST /settings/oidc")
	}
	s.provider.mu.Lock()
	defer s.provider.mu.Unlock()
	if p := s.provider.current; p != nil && p.revision == settings.Revision {
		return p, nil
	}
	var secret []byte
	if len(settings.SealedSecret) > 0 {
		var err error
		if secret, err = s.keys.Open(settings.SealedSecret, settings.aad()); err != nil {
			return nil, err
		}
	}
	// The provider keeps the context for fetching keys later: it mustn't end with this call.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.http), settings.Issuer)
	if err != nil {
		return nil, &autodefend.Error{
			Code: autodefend.CodeUnavailable, Message: "the OpenID Connect provider doesn't answer as one",
			Hint: "check issuer of /settings/oidc", Err: err,
		}
	}
	s.provider.current = &provider{
		revision: settings.Revision,
		config: oauth2.Config{
			ClientID: settings.ClientID, ClientSecret: string(secret), Endpoint: found.Endpoint(), RedirectURL: settings.RedirectURL,
			Scopes: append([]string{oidc.ScopeOpenID}, settings.Scopes...),
		},
		verifier: found.Verifier(&oidc.Config{ClientID: settings.ClientID, Now: s.now}),
	}
	return s.provider.current, nil
}

// getRedirectURL begins a login at the provider.
func (s *Service) getRedirectURL(ctx context.Context, _ *route.Call) (route.Answer, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	p, err := s.providerOf(ctx, d.oidc)
	if err != nil {
		return route.Answer{}, err
	}
	state := loginState{
		Nonce: randomText(idSize), Verifier: oauth2.GenerateVerifier(), Browser: randomText(idSize),
		Expires: s.now().Add(loginLife), Revision: p.revision,
	}
	body, err := json.Marshal(state)
	if err != nil {
		return route.Answer{}, err
	}
	sealed := base64.RawURLEncoding.EncodeToString(s.keys.Seal(body, stateAAD()))
	address := p.config.AuthCodeURL(sealed, oidc.Nonce(state.Nonce), oauth2.S256ChallengeOption(state.Verifier))
	// SameSite=Lax: the provider sends the browser back by a link from its own site.
	cookie := loginCookieName + "=" + state.Browser + "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"
	return route.Answer{JSON: api.RedirectURL{URL: address}, Header: map[string]string{"Set-Cookie": cookie, "Cache-Control": "no-store"}}, nil
}

// getCallback finishes a login: a browser is sent to the first page with its session in a cookie, others get the token.
func (s *Service) getCallback(ctx context.Context, c *route.Call) (route.Answer, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	p, err := s.providerOf(ctx, d.oidc)
	if err != nil {
		return route.Answer{}, err
	}
	state, err := s.readState(c, p.revision)
	if err != nil {
		return route.Answer{}, err
	}
	who, err := s.identify(ctx, p, d.oidc, state, c.Query.Get("code"))
	if err != nil {
		s.tellLogin(ctx, api.MgmtAudit{API: c.API, SourceIP: c.SourceIP, Failure: true, Status: "the OpenID Connect provider's answer was refused"})
		return route.Answer{}, err
	}
	v := session{AuthType: api.AuthOIDC, Username: who.username, Groups: who.groups}
	if u, known := d.users[key(who.username)]; known {
		v.Username, v.Epoch = u.Username, u.Epoch
		if u.AuthType != api.AuthOIDC {
			s.tellLogin(ctx, api.MgmtAudit{API: c.API, Username: who.username, SourceIP: c.SourceIP, Failure: true, Status: "the name is that of a user with a password"})
			return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "the user %q logs in with a password", who.username).
				WithHint("an administrator can change its authType to %q", api.AuthOIDC)
		}
	}
	token, err := s.begin(ctx, c, v)
	if err != nil {
		s.tellLogin(ctx, api.MgmtAudit{API: c.API, Username: who.username, SourceIP: c.SourceIP, Failure: true, Status: "the user has no role"})
		return route.Answer{}, err
	}
	if strings.Contains(header(c, "Accept"), "text/html") {
		return route.Answer{Status: http.StatusSeeOther, Header: map[string]string{
			"Location": "/", "Set-Cookie": SessionCookie(token), "Cache-Control": "no-store",
		}}, nil
	}
	return route.Answer{JSON: api.AuthenticationResponse{Token: token}, Header: unstored()}, nil
}

// readState opens the state that came back, and checks that it's this browser's.
func (s *Service) readState(c *route.Call, revision string) (loginState, error) {
	var state loginState
	if code := c.Query.Get("error"); code != "" {
		return state, unknown("the OpenID Connect provider refused the login: %s", printable(code))
	}
	again := func(message string) error {
		return unknown("%s", message).WithHint("begin again with GET /authenticate/identity-redirect-url")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Query.Get("state"))
	if err != nil {
		return state, again("state: isn't one of this Console")
	}
	body, err := s.keys.Open(sealed, stateAAD())
	if err != nil || json.Unmarshal(body, &state) != nil {
		return state, again("state: isn't one of this Console")
	}
	if !s.now().Before(state.Expires) || state.Revision != revision {
		return state, again("state: the login took too long")
	}
	cookies, err := http.ParseCookie(header(c, "Cookie"))
	if err != nil {
		return state, again("Cookie: can't be read")
	}
	for _, cookie := range cookies {
		if cookie.Name == loginCookieName && sameText(cookie.Value, state.Browser) {
			return state, nil
		}
	}
	return state, again("the login was begun in another browser")
}

// identity is whom the provider says it was.
type identity struct {
	username string
	groups   []string
}

// identify exchanges the code for an ID token and checks it.
func (s *Service) identify(ctx context.Context, p *provider, settings oidcSettings, state loginState, code string) (identity, error) {
	if code == "" || len(code) > maxCredential {
		return identity{}, unknown("code: is missing").WithHint("begin again with GET /authenticate/identity-redirect-url")
	}
	ctx = oidc.ClientContext(ctx, s.http)
	tokens, err := p.config.Exchange(ctx, code, oauth2.VerifierOption(state.Verifier))
	if err != nil {
		return identity{}, providerError("the OpenID Connect provider didn't take the code", err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return identity{}, unknown("the OpenID Connect provider gave no ID token").WithHint("the client must be one of OpenID Connect, not only of OAuth")
	}
	token, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return identity{}, &autodefend.Error{Code: autodefend.CodeDenied, Message: "the OpenID Connect provider's ID token isn't valid", Err: err}
	}
	if !sameText(token.Nonce, state.Nonce) {
		return identity{}, unknown("the ID token is of another login")
	}
	var given map[string]any
	if err := token.Claims(&given); err != nil {
		return identity{}, &autodefend.Error{Code: autodefend.CodeDenied, Message: "the ID token's claims can't be read", Err: err}
	}
	return readIdentity(given, settings.OIDCSettings)
}

// providerError tells a provider that refuses from one that doesn't answer.
func providerError(message string, err error) error {
	code := autodefend.CodeUnavailable
	if _, refused := errors.AsType[*oauth2.RetrieveError](err); refused {
		code = autodefend.CodeDenied
	}
	return &autodefend.Error{Code: code, Message: message, Hint: "log in again; if it stays so, check clientId and clientSecret of /settings/oidc", Err: err}
}

// readIdentity finds the user's name and groups among the claims.
func readIdentity(given map[string]any, settings api.OIDCSettings) (identity, error) {
	who := identity{username: usernameOf(given, settings.UsernameClaim)}
	named := api.User{Username: who.username, AuthType: api.AuthOIDC}
	if err := named.Check(); err != nil {
		return who, unknown("the ID token names no user that can be one here: %v", err).WithHint("set usernameClaim of /settings/oidc")
	}
	claim := settings.GroupsClaim
	if claim == "" {
		claim = "groups"
	}
	switch groups := given[claim].(type) {
	case string:
		who.groups = []string{groups}
	case []any:
		for _, g := range groups {
			if name, ok := g.(string); ok && len(who.groups) < maxProvided {
				who.groups = append(who.groups, name)
			}
		}
	}
	return who, nil
}

// usernameOf takes the claim that the settings name, or else the first of the usual ones. An address that the provider
// didn't verify could be anybody's.
func usernameOf(given map[string]any, claim string) string {
	text := func(name string) string { v, _ := given[name].(string); return v }
	if claim != "" {
		if claim == "email" && given["email_verified"] == false {
			return ""
		}
		return text(claim)
	}
	if name := text("preferred_username"); name != "" {
		return name
	}
	if given["email_verified"] == true && text("email") != "" {
		return text("email")
	}
	return text("sub")
}

func sameText(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
