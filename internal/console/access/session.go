package access

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// sessionEnds is how long a session may be renewed after its login.
const sessionEnds = 24 * time.Hour

// session is a login as it is stored. Its id is of no use without the signature of the token that has it.
type session struct {
	ID       string       `json:"id"`
	Username string       `json:"username"`
	AuthType api.AuthType `json:"authType"`
	// Epoch is the user's at the login; "" for users whom only the provider knows.
	Epoch string `json:"epoch,omitempty"`
	// Groups are those that the provider told.
	Groups []string `json:"groups,omitempty"`
	// APIToken is the id of the token that was logged in with.
	APIToken  string    `json:"apiToken,omitempty"`
	SourceIP  string    `json:"sourceIP,omitempty"`
	UserAgent string    `json:"userAgent,omitempty"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
}

// sessionCache keeps sessions of one generation; nil for those that don't exist.
type sessionCache struct {
	mu         sync.Mutex
	generation int64
	byID       map[string]*session
}

// maxCachedSessions bounds the memory: some 300 bytes each.
const maxCachedSessions = 20_000

func (c *sessionCache) get(generation int64, id string) (*session, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || c.generation < generation || len(c.byID) >= maxCachedSessions {
		c.byID, c.generation = map[string]*session{}, max(generation, c.generation)
	}
	v, has := c.byID[id]
	return v, has && c.generation == generation
}

func (c *sessionCache) put(generation int64, id string, v *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == generation && c.byID != nil {
		c.byID[id] = v
	}
}

// session returns a session, or nil when there's none.
func (s *Service) session(ctx context.Context, id string) (*session, error) {
	generation, err := s.documents.Generation(ctx, api.KindSession)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	if v, has := s.sessions.get(generation, id); has {
		return v, nil
	}
	v, _, err := s.storedSession(ctx, id)
	if err != nil {
		return nil, err
	}
	s.sessions.put(generation, id, v)
	return v, nil
}

// storedSession reads a session and its version; nil when there's none.
func (s *Service) storedSession(ctx context.Context, id string) (*session, int64, error) {
	d, err := s.documents.Document(ctx, api.KindSession, id)
	if autodefend.ErrorCode(err) == autodefend.CodeNotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read session: %w", err)
	}
	v, err := read[session](d)
	return &v, d.Version, err
}

// bySession lets in who has the token of a session that still holds.
func (s *Service) bySession(ctx context.Context, token string) (route.Principal, error) {
	id, err := s.signer.read(token, s.now())
	if err != nil {
		return route.Principal{}, err
	}
	v, err := s.session(ctx, id)
	if err != nil {
		return route.Principal{}, err
	}
	if v == nil || !s.now().Before(v.Expires) {
		return route.Principal{}, sessionOver()
	}
	d, err := s.directory(ctx)
	if err != nil {
		return route.Principal{}, err
	}
	return s.principalOfSession(d, *v)
}

// principalOfSession is what a session may do now.
func (s *Service) principalOfSession(d *directory, v session) (route.Principal, error) {
	if v.APIToken != "" {
		token, known := d.tokens[v.APIToken]
		if !known {
			return route.Principal{}, sessionOver()
		}
		p, err := s.principalOfToken(d, token)
		p.Session = v.ID
		return p, err
	}
	g, err := d.grantOfSession(v)
	if err != nil {
		return route.Principal{}, err
	}
	return g.principal(v.Username, v.ID), nil
}

func (d *directory) grantOfSession(v session) (grant, error) {
	u, known := d.users[key(v.Username)]
	if known && (u.AuthType != v.AuthType || u.Epoch != v.Epoch) || !known && (v.AuthType != api.AuthOIDC || v.Epoch != "") {
		return grant{}, sessionOver()
	}
	if v.AuthType == api.AuthOIDC && !d.oidc.Enabled {
		return grant{}, sessionOver()
	}
	who := &u
	if !known {
		who = nil
	}
	g, ok := d.grantTo(who, v.Groups)
	if !ok {
		return grant{}, noRole(v.Username)
	}
	return g, nil
}

func sessionOver() error {
	return unknown("the session is over").WithHint("log in again with POST /authenticate")
}

// begin stores a new session with the audit of its login and what else changes with it, and returns its token. A session
// that the caller had before ends.
func (s *Service) begin(ctx context.Context, c *route.Call, v session, more ...api.DocumentChange) (string, error) {
	d, err := s.directory(ctx)
	if err != nil {
		return "", err
	}
	now := s.now()
	v.ID, v.Created, v.Expires = randomText(idSize), now, now.Add(d.timeout())
	v.SourceIP, v.UserAgent = c.SourceIP, printable(header(c, "User-Agent"))
	p, err := s.principalOfSession(d, v)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write session: %w", err)
	}
	before, err := s.replaced(ctx, c)
	if err != nil {
		return "", err
	}
	audit := s.loginAudit(api.MgmtAudit{API: c.API, Username: p.Username, SourceIP: c.SourceIP, Status: "logged in"})
	changes := slices.Concat([]api.DocumentChange{{Kind: api.KindSession, ID: v.ID, Body: body}}, before, more)
	if err := s.documents.Write(ctx, changes, &audit); err != nil {
		return "", fmt.Errorf("write session: %w", err)
	}
	s.trim(ctx, c, v)
	token, err := s.signer.sign(v, p.Role, now)
	s.sweeps.count(func() { s.sweepLater(ctx) })
	return token, err
}

// renew prolongs a session and returns its new token. The old one stays good until its own time.
func (s *Service) renew(ctx context.Context, c *route.Call) (string, error) {
	id := c.Principal.Session
	if id == "" {
		return "", invalid("only a session can be renewed").WithHint("log in with POST /authenticate; API tokens and Basic authentication need no renewing")
	}
	d, err := s.directory(ctx)
	if err != nil {
		return "", err
	}
	var token string
	err = s.retry(ctx, func() error {
		v, version, err := s.storedSession(ctx, id)
		if err != nil {
			return err
		}
		if v == nil {
			return sessionOver()
		}
		now := s.now()
		v.Expires = now.Add(d.timeout())
		if end := v.Created.Add(sessionEnds); v.Expires.After(end) {
			v.Expires = end
		}
		body, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write session: %w", err)
		}
		change := api.DocumentChange{Kind: api.KindSession, ID: id, Version: version, Body: body}
		if err := s.documents.Write(ctx, []api.DocumentChange{change}, nil); err != nil {
			return fmt.Errorf("write session: %w", err)
		}
		token, err = s.signer.sign(*v, c.Principal.Role, now)
		return err
	})
	return token, err
}

// header returns a request header's value, also in tests that give none.
func header(c *route.Call, name string) string {
	if c.Header == nil {
		return ""
	}
	return c.Header(name)
}
