package access

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

const (
	// maxSessions bounds the sessions of a user, and those of each API token, that hold at the same time.
	maxSessions = 100
	// recentLogin is how old a login may be for what outlives it or ends others.
	recentLogin = 10 * time.Minute
)

// replaced ends the session whose token came with a login: the new one takes its place.
func (s *Service) replaced(ctx context.Context, c *route.Call) ([]api.DocumentChange, error) {
	scheme, token, _ := strings.Cut(header(c, "Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		token = cookie(c, CookieName)
	}
	if token == "" || len(token) > maxCredential {
		return nil, nil
	}
	id, err := s.signer.read(token, s.now())
	if err != nil {
		return nil, nil // it opens nothing, so there's nothing to end
	}
	v, version, err := s.storedSession(ctx, id)
	if err != nil || v == nil {
		return nil, err
	}
	return []api.DocumentChange{{Kind: api.KindSession, ID: id, Version: version}}, nil
}

// cookie returns the value of a request's cookie, "" when there's none.
func cookie(c *route.Call, name string) string {
	cookies, err := http.ParseCookie(header(c, "Cookie"))
	if err != nil {
		return ""
	}
	for _, one := range cookies {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

// trim ends the oldest sessions of somebody who has too many after a new one. Logins at the same time may leave a few more,
// which the next one ends. A login doesn't fail for it.
func (s *Service) trim(ctx context.Context, c *route.Call, latest session) {
	if err := s.endOldest(ctx, c, latest); err != nil {
		s.log.WarnContext(ctx, "older sessions not ended", "user", latest.Username, "error", err)
	}
}

func (s *Service) endOldest(ctx context.Context, c *route.Call, latest session) error {
	documents, err := s.documents.Documents(ctx, api.KindSession)
	if err != nil {
		return fmt.Errorf("read sessions: %w", err)
	}
	type stored struct {
		change  api.DocumentChange
		created time.Time
	}
	var own []stored
	for _, d := range documents {
		v, err := read[session](d)
		if err != nil {
			return err
		}
		if v.ID != latest.ID && key(v.Username) == key(latest.Username) && v.APIToken == latest.APIToken && s.now().Before(v.Expires) {
			own = append(own, stored{api.DocumentChange{Kind: d.Kind, ID: d.ID, Version: d.Version}, v.Created})
		}
	}
	over := len(own) + 1 - maxSessions
	if over <= 0 {
		return nil
	}
	slices.SortStableFunc(own, func(a, b stored) int { return a.created.Compare(b.created) })
	changes := make([]api.DocumentChange, 0, over)
	for _, one := range own[:over] {
		changes = append(changes, one.change)
	}
	audit := s.loginAudit(api.MgmtAudit{
		API: c.API, Username: latest.Username, SourceIP: c.SourceIP, Status: fmt.Sprintf("ended the oldest of more than %d sessions", maxSessions),
	})
	err = s.documents.Write(ctx, changes, &audit)
	if code := autodefend.ErrorCode(err); code == autodefend.CodeConflict || code == autodefend.CodeNotFound {
		return nil // one of them was renewed or ended meanwhile
	}
	return err
}

// checkRecent fails when the caller's login is a while ago: what outlives a session, or ends others, takes more than a
// session that somebody got hold of. Callers without a session show who they are with each call.
func (s *Service) checkRecent(ctx context.Context, p route.Principal) error {
	if p.Session == "" {
		return nil
	}
	v, _, err := s.storedSession(ctx, p.Session)
	if err != nil {
		return err
	}
	if v == nil {
		return sessionOver()
	}
	if s.now().Sub(v.Created) > recentLogin {
		return autodefend.Errorf(autodefend.CodeDenied, "the login is more than %d minutes ago", int(recentLogin.Minutes())).
			WithHint("log in again with POST /authenticate")
	}
	return nil
}
