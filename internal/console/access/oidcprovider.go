package access

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/autodefend/autodefend"
)

// discoveryPause is how long a provider that failed isn't asked again: logins that come meanwhile get the same error.
const discoveryPause = 5 * time.Second

// provider is what discovery told of an issuer, for one revision of the settings.
type provider struct {
	revision string
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// providerCache keeps the discovery of the newest settings. The provider's keys are fetched when they're needed and change.
type providerCache struct {
	mu      sync.Mutex
	current *discovery
}

// discovery asks a provider what it is, once for all who wait for it.
type discovery struct {
	revision string
	done     chan struct{} // closed when the rest is known
	provider *provider
	err      error
	ended    time.Time
}

// holds reports whether a discovery is under way, succeeded, or failed a moment ago.
func (d *discovery) holds(now time.Time) bool {
	select {
	case <-d.done:
		return d.err == nil || now.Sub(d.ended) < discoveryPause
	default:
		return true
	}
}

// of returns the discovery for a revision of the settings, and whether it is a new one that the caller has to carry out.
func (c *providerCache) of(revision string, now time.Time) (*discovery, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.current; d != nil && d.revision == revision && d.holds(now) {
		return d, false
	}
	c.current = &discovery{revision: revision, done: make(chan struct{})}
	return c.current, true
}

// providerOf returns the provider of the settings. It waits for discovery no longer than ctx.
func (s *Service) providerOf(ctx context.Context, settings oidcSettings) (*provider, error) {
	if !settings.Enabled {
		return nil, autodefend.Errorf(autodefend.CodeNotFound, "logins at an OpenID Connect provider aren't set up").
			WithHint("an administrator can with POST /settings/oidc")
	}
	d, begun := s.provider.of(settings.Revision, s.now())
	if begun {
		// It is for everybody who waits: it goes on when the caller who began it gives up.
		go func() {
			defer close(d.done)
			d.provider, d.err = s.discover(context.WithoutCancel(ctx), settings)
			d.ended = s.now()
		}()
	}
	select {
	case <-d.done:
		return d.provider, d.err
	case <-ctx.Done():
		return nil, &autodefend.Error{Code: autodefend.CodeUnavailable, Message: "the login was given up", Err: ctx.Err()}
	}
}

// discover asks the provider of the settings. It takes [providerTimeout] at most.
func (s *Service) discover(ctx context.Context, settings oidcSettings) (*provider, error) {
	var secret []byte
	if len(settings.SealedSecret) > 0 {
		var err error
		if secret, err = s.keys.Open(settings.SealedSecret, settings.aad()); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, s.http), settings.Issuer)
	if err != nil {
		what, hint := "the OpenID Connect provider doesn't answer as one", "check issuer of /settings/oidc"
		if refused, ok := errors.AsType[*autodefend.Error](err); ok {
			what, hint = "the OpenID Connect provider isn't asked: "+refused.Message, refused.Hint
		}
		return nil, &autodefend.Error{Code: autodefend.CodeUnavailable, Message: what, Hint: hint, Err: err}
	}
	return &provider{
		revision: settings.Revision,
		config: oauth2.Config{
			ClientID: settings.ClientID, ClientSecret: string(secret), Endpoint: found.Endpoint(), RedirectURL: settings.RedirectURL,
			Scopes: append([]string{oidc.ScopeOpenID}, settings.Scopes...),
		},
		verifier: found.Verifier(&oidc.Config{ClientID: settings.ClientID, Now: s.now}),
	}, nil
}
