package access

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
	"github.com/autodefend/autodefend/internal/console/keys"
)

// Config is what the service works with. All but Inventory, Words and HTTP is required.
type Config struct {
	Documents console.Documents
	Logins    Logins
	Keys      Keys
	// Inventory tells which cloud accounts there are; nil knows none.
	Inventory Inventory
	// Words are names of this place, such as the organisation's, that passwords mustn't be made of.
	Words []string
	// HTTP reaches the OpenID Connect provider, without following redirects; nil makes one with the timeout of a login.
	HTTP *http.Client
	Log  *slog.Logger
	Now  func() time.Time
}

// Logins takes the management audits of logins.
type Logins interface {
	AddMgmt(ctx context.Context, audit api.MgmtAudit) error
}

// Keys are those of package keys that this package uses.
type Keys interface {
	// Sessions and DefenderTokens are those of all master keys, the newest first.
	Sessions() [][]byte
	DefenderTokens() []keys.TokenKey
	Seal(plain, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
}

// Inventory is what is known of the estate.
type Inventory interface {
	Coverage(ctx context.Context) ([]api.Coverage, error)
}

// Service keeps users and lets them in. It is safe for concurrent use.
type Service struct {
	documents console.Documents
	logins    Logins
	keys      Keys
	inventory Inventory
	words     []string
	http      *http.Client
	log       *slog.Logger
	now       func() time.Time

	hashing   *hashing
	passwords *passwordCache
	signer    *sessionSigner
	people    cached[*directory]
	revoked   cached[*revocations]
	sessions  sessionCache
	provider  providerCache
	sweeps    sweeper
	counts    sessionCounts
	// oldKeys counts calls of Defenders whose tokens hang on an older master key.
	oldKeys atomic.Int64
}

// OldKeyCalls is how many calls were let in by a Defender's token that hangs on an older master key. While it grows, functions
// would be refused if that key was retired.
func (s *Service) OldKeyCalls() int64 { return s.oldKeys.Load() }

// providerTimeout bounds each request to an OpenID Connect provider.
const providerTimeout = 10 * time.Second

// New makes a service. It fails when a key doesn't fit.
func New(cfg Config) (*Service, error) {
	signer, err := newSessionSigner(cfg.Keys.Sessions())
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: providerTimeout}
	if cfg.HTTP != nil {
		*client = *cfg.HTTP
	}
	// Secrets and codes are for the provider that was set up, and not for whom it names.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Service{
		documents: cfg.Documents, logins: cfg.Logins, keys: cfg.Keys, inventory: cfg.Inventory, words: cfg.Words, http: client,
		log: cfg.Log, now: cfg.Now,
		hashing: newHashing(), passwords: newPasswordCache(), signer: signer,
	}, nil
}

// cached is a value that was computed from documents. It holds until their generation moves on.
type cached[T any] struct {
	mu         sync.Mutex
	generation int64
	valid      bool
	value      T
}

// get returns the value, and loads it when it is missing or older than the generation.
func (c *cached[T]) get(generation int64, load func() (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.valid && c.generation >= generation {
		return c.value, nil
	}
	value, err := load()
	if err != nil {
		return c.value, err
	}
	c.value, c.generation, c.valid = value, generation, true
	return value, nil
}
