package access

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// byBasic lets in who sends a name and a password with each call. An API token may stand in the password's place, for
// clients that know nothing else.
func (s *Service) byBasic(ctx context.Context, credential, sourceIP string) (route.Principal, error) {
	username, password, ok := readBasic(credential)
	if !ok {
		return route.Principal{}, unknown("Authorization: isn't Basic with base64 of user:password")
	}
	if strings.HasPrefix(password, apiTokenPrefix) {
		p, err := s.byAPIToken(ctx, password)
		if err == nil && key(owner(p)) != key(username) {
			return route.Principal{}, unknown("the API token is another user's")
		}
		return p, err
	}
	d, err := s.directory(ctx)
	if err != nil {
		return route.Principal{}, err
	}
	if d.logon.BasicAuthDisabled {
		return route.Principal{}, unknown("Basic authentication with a password is switched off").
			WithHint("log in with POST /authenticate, or use an API token")
	}
	u, known := d.users[key(username)]
	if !known || !s.passwords.holds(u, password, s.now()) {
		if u, err = s.verify(ctx, attempt{username: username, password: password, sourceIP: sourceIP, api: "Basic"}); err != nil {
			return route.Principal{}, err
		}
		if s.passwords.keep(u, password, sourceIP, s.now()) {
			s.tellLogin(ctx, api.MgmtAudit{API: "Basic", Username: u.Username, SourceIP: sourceIP})
		}
	}
	if err := d.checkGiven(u, s.now()); err != nil {
		return route.Principal{}, err
	}
	g, ok := d.grantTo(&u, nil)
	if !ok {
		return route.Principal{}, noRole(u.Username)
	}
	return g.principal(u.Username, ""), nil
}

func readBasic(credential string) (string, string, bool) {
	text, err := base64.StdEncoding.DecodeString(credential)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

func noRole(username string) error {
	return unknown("the user %q has no role", username).WithHint("an administrator can give one with PUT /users")
}
