package access

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// maxTokensOfOwner bounds how many API tokens one user has.
const maxTokensOfOwner = 100

// seesAll reports whether the caller's lists are of all users, and maySeize whether it may end what is others'.
func seesAll(p route.Principal) bool  { return p.Can(api.PermUserManagement, false) }
func maySeize(p route.Principal) bool { return p.Can(api.PermUserManagement, true) }

func (s *Service) getAPITokens(ctx context.Context, c *route.Call) (route.Answer, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	list := []api.APIToken{}
	for _, t := range d.tokens {
		if seesAll(c.Principal) || key(t.Owner) == key(owner(c.Principal)) {
			list = append(list, t.APIToken)
		}
	}
	slices.SortFunc(list, func(a, b api.APIToken) int {
		return strings.Compare(a.Owner+"/"+a.Name+"/"+a.ID, b.Owner+"/"+b.Name+"/"+b.ID)
	})
	return counted(list), nil
}

func (s *Service) postAPIToken(ctx context.Context, c *route.Call) (route.Answer, error) {
	request, err := decode[api.TokenRequest](c)
	if err != nil {
		return route.Answer{}, err
	}
	if err := request.Check(s.now()); err != nil {
		return route.Answer{}, err
	}
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	u, err := d.tokenOwner(c.Principal, request.Name)
	if err != nil {
		return route.Answer{}, err
	}
	groups, err := s.groupsOfLogin(ctx, c.Principal)
	if err != nil {
		return route.Answer{}, err
	}
	t := apiToken{APIToken: api.APIToken{
		ID: randomText(idSize), Name: request.Name, Owner: u.Username, Scopes: request.Scopes, Created: s.wireTime(), Expires: request.Expires.UTC(),
	}, OwnerUID: u.UID, Groups: groups}
	if t.Scopes == nil {
		t.Scopes = []api.RolePermission{}
	}
	if request.Expires.IsZero() {
		t.Expires = t.Created.Add(api.TokenLife)
	}
	var text string
	text, t.Hash = newAPIToken(t.ID)
	body, err := json.Marshal(t)
	if err != nil {
		return route.Answer{}, fmt.Errorf("write API token: %w", err)
	}
	change := api.DocumentChange{Kind: api.KindAPIToken, ID: t.ID, Body: body}
	if err := s.documents.Write(ctx, []api.DocumentChange{change}, journal.Audit(c, api.MgmtUser, s.now(), nil, body)); err != nil {
		return route.Answer{}, err
	}
	t.Token = text
	return route.Answer{JSON: t.APIToken, Header: unstored()}, nil
}

// groupsOfLogin are the groups that the provider told at the caller's login; nil when that wasn't one at a provider.
func (s *Service) groupsOfLogin(ctx context.Context, p route.Principal) ([]string, error) {
	if p.Session == "" {
		return nil, nil
	}
	v, _, err := s.storedSession(ctx, p.Session)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, sessionOver()
	}
	if v.AuthType != api.AuthOIDC {
		return nil, nil
	}
	return append([]string{}, v.Groups...), nil
}

// tokenOwner is the user that a token is made for: the caller, if it's a user of the Console and not a token itself.
func (d *directory) tokenOwner(p route.Principal, name string) (user, error) {
	if isToken(p) {
		return user{}, autodefend.Errorf(autodefend.CodeDenied, "an API token can't make others").WithHint("log in with the password")
	}
	u, known := d.users[key(p.Username)]
	if !known {
		return user{}, autodefend.Errorf(autodefend.CodeDenied, "%q is a user of the OpenID Connect provider only", p.Username).
			WithHint("an administrator can add the user with POST /users and authType %q", api.AuthOIDC)
	}
	count := 0
	for _, t := range d.tokens {
		if t.OwnerUID != u.UID {
			continue
		}
		if t.Name == name {
			return user{}, autodefend.Errorf(autodefend.CodeConflict, "name: you have an API token %q already", name).
				WithHint("choose another name, or delete it with DELETE /api-tokens/%s", t.ID)
		}
		if count++; count >= maxTokensOfOwner {
			return user{}, autodefend.Errorf(autodefend.CodeConflict, "you have %d API tokens already", count).
				WithHint("delete some with DELETE /api-tokens/{id}")
		}
	}
	return u, nil
}

func (s *Service) deleteAPIToken(ctx context.Context, c *route.Call) (route.Answer, error) {
	d, err := s.documents.Document(ctx, api.KindAPIToken, c.Path["id"])
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		return route.Answer{}, fmt.Errorf("read API token: %w", err)
	}
	var t apiToken
	if err == nil {
		if t, err = read[apiToken](d); err != nil {
			return route.Answer{}, err
		}
	}
	if err != nil || !maySeize(c.Principal) && !t.endedBy(c.Principal) {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "there's no API token %q", printable(c.Path["id"])).
			WithHint("GET /api-tokens lists them")
	}
	change := api.DocumentChange{Kind: d.Kind, ID: d.ID, Version: d.Version}
	return route.Answer{}, s.documents.Write(ctx, []api.DocumentChange{change}, journal.Audit(c, api.MgmtUser, s.now(), d.Body, nil))
}

// endedBy reports whether the token is the caller's own. A token may end itself, but no other of its owner's: its scopes
// don't say that it may.
func (t apiToken) endedBy(p route.Principal) bool {
	if isToken(p) {
		return t.Owner+"/"+t.Name == p.Username
	}
	return key(t.Owner) == key(p.Username)
}

// endedBy reports whether the session is the caller's own, with the same exception for tokens.
func (v session) endedBy(p route.Principal) bool {
	if isToken(p) {
		return v.ID == p.Session
	}
	return key(v.Username) == key(p.Username)
}

func (s *Service) getSessions(ctx context.Context, c *route.Call) (route.Answer, error) {
	all, err := readAll[session](ctx, s, api.KindSession)
	if err != nil {
		return route.Answer{}, err
	}
	d, err := s.directory(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	list := []api.Session{}
	for _, v := range all {
		if !seesAll(c.Principal) && key(v.Username) != key(owner(c.Principal)) || !s.now().Before(v.Expires) {
			continue
		}
		p, err := s.principalOfSession(d, v)
		if err != nil {
			continue // it opens nothing any more
		}
		list = append(list, api.Session{
			ID: v.ID, Username: p.Username, AuthType: v.AuthType, Role: p.Role, SourceIP: v.SourceIP, UserAgent: v.UserAgent,
			Created: v.Created, Expires: v.Expires, Current: v.ID == c.Principal.Session,
		})
	}
	slices.SortFunc(list, func(a, b api.Session) int { return b.Created.Compare(a.Created) })
	return counted(list), nil
}

func (s *Service) deleteSession(ctx context.Context, c *route.Call) (route.Answer, error) {
	v, version, err := s.storedSession(ctx, c.Path["id"])
	if err != nil {
		return route.Answer{}, err
	}
	if v == nil || !maySeize(c.Principal) && !v.endedBy(c.Principal) {
		return route.Answer{}, autodefend.Errorf(autodefend.CodeNotFound, "there's no session %q", printable(c.Path["id"])).
			WithHint("GET /sessions lists them")
	}
	if v.ID != c.Principal.Session {
		if err := s.checkRecent(ctx, c.Principal); err != nil {
			return route.Answer{}, err
		}
	}
	audit := journal.Audit(c, api.MgmtLogin, s.now(), nil, nil)
	audit.Status = "ended a session of " + v.Username
	change := api.DocumentChange{Kind: api.KindSession, ID: v.ID, Version: version}
	return route.Answer{}, s.documents.Write(ctx, []api.DocumentChange{change}, audit)
}
