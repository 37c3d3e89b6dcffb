package access

import (
	"context"
	"errors"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) postAuthenticate(ctx context.Context, c *route.Call) (route.Answer, error) {
	request, err := decode[api.AuthenticationRequest](c)
	if err != nil {
		return route.Answer{}, err
	}
	v := session{AuthType: api.AuthBasic}
	switch {
	case request.Token != "":
		v, err = s.tokenLogin(ctx, request.Token)
	case request.Username == "":
		return route.Answer{}, invalid("username: is missing").WithHint("send {username, password} or {token}")
	case request.Password == "":
		return route.Answer{}, invalid("password: is missing").WithHint("send {username, password} or {token}")
	default:
		var u user
		u, err = s.verify(ctx, attempt{username: request.Username, password: request.Password, sourceIP: c.SourceIP, api: c.API})
		v.Username, v.Epoch = u.Username, u.Epoch
	}
	if err != nil {
		return route.Answer{}, err
	}
	token, err := s.enter(ctx, c, v)
	return route.Answer{JSON: api.AuthenticationResponse{Token: token}, Header: unstored()}, err
}

// enter begins the session of somebody whose password or token is right, and tells when it's refused all the same.
func (s *Service) enter(ctx context.Context, c *route.Call, v session) (string, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return "", err
	}
	if v.APIToken == "" {
		err = d.checkGiven(d.users[key(v.Username)], s.now())
	}
	token := ""
	if err == nil {
		err = s.retry(ctx, func() error {
			token, err = s.begin(ctx, c, v)
			return err
		})
	}
	if refused, ok := errors.AsType[*autodefend.Error](err); ok && refused.Code == autodefend.CodeDenied {
		s.tellLogin(ctx, api.MgmtAudit{API: c.API, Username: v.Username, SourceIP: c.SourceIP, Failure: true, Status: refused.Message})
	}
	return token, err
}

// tokenLogin is the session that an API token begins.
func (s *Service) tokenLogin(ctx context.Context, token string) (session, error) {
	if !strings.HasPrefix(token, apiTokenPrefix) || len(token) > maxCredential {
		return session{}, unknown("token: isn't an API token").WithHint("make one with POST /api-tokens")
	}
	p, err := s.byAPIToken(ctx, token)
	id, _, _ := strings.Cut(strings.TrimPrefix(token, apiTokenPrefix), ".")
	return session{AuthType: api.AuthBasic, Username: owner(p), APIToken: id}, err
}

// postAuthenticateClient refuses. A certificate that some proxy passed on in a header would be anybody's word.
func (s *Service) postAuthenticateClient(context.Context, *route.Call) (route.Answer, error) {
	return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "logins with client certificates aren't supported").
		WithHint("use POST /authenticate with a password or an API token")
}

func (s *Service) getRenew(ctx context.Context, c *route.Call) (route.Answer, error) {
	token, err := s.renew(ctx, c)
	answer := route.Answer{JSON: api.AuthenticationResponse{Token: token}, Header: unstored()}
	if err == nil && header(c, "Authorization") == "" && strings.Contains(header(c, "Cookie"), CookieName+"=") {
		answer.Header["Set-Cookie"] = SessionCookie(token)
	}
	return answer, err
}

// postLogout ends the caller's session. Callers without one have nothing to end.
func (s *Service) postLogout(ctx context.Context, c *route.Call) (route.Answer, error) {
	answer := route.Answer{Header: map[string]string{"Set-Cookie": CookieName + "=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"}}
	if c.Principal.Session == "" {
		return answer, nil
	}
	audit := s.loginAudit(api.MgmtAudit{API: c.API, Username: c.Principal.Username, SourceIP: c.SourceIP, Status: "logged out"})
	change := api.DocumentChange{Kind: api.KindSession, ID: c.Principal.Session, Version: api.Any}
	err := s.documents.Write(ctx, []api.DocumentChange{change}, &audit)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		err = nil
	}
	return answer, err
}

// SessionCookie is the Set-Cookie header that keeps a token in a browser.
func SessionCookie(token string) string {
	return CookieName + "=" + token + "; Path=/; Secure; HttpOnly; SameSite=Lax"
}

// unstored keeps secrets out of caches.
func unstored() map[string]string { return map[string]string{"Cache-Control": "no-store"} }
