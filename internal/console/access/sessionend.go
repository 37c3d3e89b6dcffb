package access

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

const (
	// maxSessions bounds the sessions of a user, and those of each API token, that hold at the same time. A login beyond it
	// leaves keptSessions, besides its own, so that not every one has to look through all that are stored.
	maxSessions  = 100
	keptSessions = 90
	// lookEvery is how often that is looked for at least: so many logins of one user may each replica not know of.
	lookEvery = 25
	// maxCounted bounds how many users' sessions are counted.
	maxCounted = 10_000
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

// sessionCounts guess how many sessions somebody has, so that not every login looks through all that are stored.
type sessionCounts struct {
	mu      sync.Mutex
	byOwner map[string]sessionCount
}

type sessionCount struct {
	known int // when it was looked last
	since int // logins
}

// add counts a login, and reports whether it's time to look.
func (c *sessionCounts) add(owner string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, has := c.byOwner[owner]
	n.since++
	if c.byOwner == nil || len(c.byOwner) >= maxCounted {
		c.byOwner = map[string]sessionCount{}
	}
	c.byOwner[owner] = n
	return !has || n.since >= lookEvery || n.known+n.since > maxSessions
}

func (c *sessionCounts) set(owner string, known int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byOwner[owner] = sessionCount{known: known}
}

// trim ends the oldest sessions of somebody who has too many after a new one. A login doesn't fail for it.
func (s *Service) trim(ctx context.Context, c *route.Call, latest session) {
	owner := key(latest.Username) + "/" + latest.APIToken
	if !s.counts.add(owner) {
		return
	}
	left, err := s.endOldest(ctx, c, latest)
	if err != nil {
		s.log.WarnContext(ctx, "older sessions not ended", "user", latest.Username, "error", err)
		return
	}
	s.counts.set(owner, left)
}

// endOldest returns how many sessions are left. Logins at the same time may leave a few more.
func (s *Service) endOldest(ctx context.Context, c *route.Call, latest session) (int, error) {
	documents, err := s.documents.Documents(ctx, api.KindSession)
	if err != nil {
		return 0, fmt.Errorf("read sessions: %w", err)
	}
	type stored struct {
		change  api.DocumentChange
		created time.Time
	}
	var own []stored
	for _, d := range documents {
		v, err := read[session](d)
		if err != nil {
			return 0, err
		}
		if v.ID != latest.ID && key(v.Username) == key(latest.Username) && v.APIToken == latest.APIToken && s.now().Before(v.Expires) {
			own = append(own, stored{api.DocumentChange{Kind: d.Kind, ID: d.ID, Version: d.Version}, v.Created})
		}
	}
	if len(own) < maxSessions {
		return len(own) + 1, nil
	}
	over := len(own) - keptSessions
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
		return len(own) + 1, nil // one of them was renewed or ended meanwhile: the next login tries again
	}
	return keptSessions + 1, err
}

// checkRecent fails when the caller's login is a while ago: what lets somebody in for longer than a session, or ends others,
// takes more than a session that somebody got hold of. Callers without a session show who they are with each call.
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
