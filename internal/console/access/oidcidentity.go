package access

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/journal"
	"github.com/autodefend/autodefend/internal/console/route"
)

// identity is whom the provider says it was.
type identity struct {
	username string
	groups   []string
	// issuer and subject are what the provider never gives to another.
	issuer, subject string
}

// readIdentity finds the user's name and groups among the claims.
func readIdentity(given map[string]any, settings api.OIDCSettings) (identity, error) {
	who := identity{username: usernameOf(given, settings.UsernameClaim)}
	named := api.User{Username: who.username, AuthType: api.AuthOIDC}
	if err := named.Check(); err != nil {
		return who, unknown("the ID token names no user that can be one here: %v", err).WithHint("set usernameClaim of /settings/oidc; an email has to be verified by the provider")
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
	// Some providers write the boolean as a string.
	verified := given["email_verified"] == true || given["email_verified"] == "true"
	switch {
	case claim == "email" && !verified:
		return ""
	case claim != "":
		return text(claim)
	case text("preferred_username") != "":
		return text("preferred_username")
	case verified && text("email") != "":
		return text("email")
	default:
		return text("sub")
	}
}

// boundName is whose a name is: that of the first who logged in by it. Names change hands at a provider, subjects don't.
type boundName struct {
	Username string    `json:"username"`
	Issuer   string    `json:"issuer"`
	Subject  string    `json:"subject"`
	Since    time.Time `json:"since"`
}

// beginBound begins the session of somebody whom the provider knows, and keeps with it whose the name is. Who gets no
// session gets no name.
func (s *Service) beginBound(ctx context.Context, c *route.Call, v session, who identity) (string, error) {
	var token, refusal string
	err := s.retry(ctx, func() error {
		refusal = "the name is another's at the OpenID Connect provider"
		bound, err := s.bind(ctx, who)
		if err != nil {
			return err
		}
		refusal = "the user has no role"
		token, err = s.begin(ctx, c, v, bound...)
		return err
	})
	if err != nil {
		if autodefend.ErrorCode(err) != autodefend.CodeDenied {
			refusal = "the login couldn't be stored"
		}
		s.tellLogin(ctx, api.MgmtAudit{API: c.API, Username: who.username, SourceIP: c.SourceIP, Failure: true, Status: refusal})
	}
	return token, err
}

// bind returns what keeps whose a name is, or an error when the name is another's. What is stored is written again as it is:
// so no session begins by a name that was freed meanwhile. Another issuer, which only an administrator sets up, begins anew.
func (s *Service) bind(ctx context.Context, who identity) ([]api.DocumentChange, error) {
	d, err := s.documents.Document(ctx, api.KindIdentity, key(who.username))
	if err != nil && autodefend.ErrorCode(err) != autodefend.CodeNotFound {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	if err == nil {
		stored, err := read[boundName](d)
		if err != nil {
			return nil, err
		}
		if stored.Issuer == who.issuer && stored.Subject != who.subject {
			return nil, unknown("the name %q is that of another user of the OpenID Connect provider", who.username).
				WithHint("an administrator frees it with DELETE /users/{username}")
		}
		if stored.Issuer == who.issuer {
			return []api.DocumentChange{{Kind: d.Kind, ID: d.ID, Version: d.Version, Body: d.Body}}, nil
		}
	}
	body, err := json.Marshal(boundName{Username: who.username, Issuer: who.issuer, Subject: who.subject, Since: s.wireTime()})
	if err != nil {
		return nil, fmt.Errorf("write identity: %w", err)
	}
	return []api.DocumentChange{{Kind: api.KindIdentity, ID: key(who.username), Version: d.Version, Body: body}}, nil
}

// freeName forgets whose a name is that isn't a user of the Console, and ends its sessions. It reports whether there was one.
func (s *Service) freeName(ctx context.Context, c *route.Call, username string) (bool, error) {
	d, err := s.documents.Document(ctx, api.KindIdentity, key(username))
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read identity: %w", err)
	}
	if len(c.Principal.Collections) > 0 {
		return true, autodefend.Errorf(autodefend.CodeDenied, "who is limited to collections doesn't remove users of the OpenID Connect provider: you are").
			WithHint("ask somebody who sees everything, such as an administrator")
	}
	changes, err := s.dependents(ctx, username)
	if err != nil {
		return true, err
	}
	return true, s.documents.Write(ctx, changes, journal.Audit(c, api.MgmtUser, s.now(), d.Body, nil))
}
