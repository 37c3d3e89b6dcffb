package access

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
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
	token, err := s.beginBound(ctx, c, v, who)
	if err != nil {
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
	if sameText(cookie(c, loginCookieName), state.Browser) {
		return state, nil
	}
	return state, again("the login was begun in another browser")
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
	if token.Subject == "" || len(token.Subject) > maxProvided {
		return identity{}, unknown("the ID token's subject is missing or has more than %d bytes", maxProvided)
	}
	var given map[string]any
	if err := token.Claims(&given); err != nil {
		return identity{}, &autodefend.Error{Code: autodefend.CodeDenied, Message: "the ID token's claims can't be read", Err: err}
	}
	who, err := readIdentity(given, settings.OIDCSettings)
	who.issuer, who.subject = token.Issuer, token.Subject
	return who, err
}

// providerError tells a provider that refuses from one that doesn't answer.
func providerError(message string, err error) error {
	code := autodefend.CodeUnavailable
	if _, refused := errors.AsType[*oauth2.RetrieveError](err); refused {
		code = autodefend.CodeDenied
	}
	return &autodefend.Error{Code: code, Message: message, Hint: "log in again; if it stays so, check clientId and clientSecret of /settings/oidc", Err: err}
}

func sameText(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
