package settings

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
	"github.com/autodefend/autodefend/internal/console/route"
	"github.com/autodefend/autodefend/internal/policy"
)

// Keys seal secrets before they are stored.
type Keys interface {
	// Seal encrypts; the same aad opens.
	Seal(plain, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
}

// Tokens make the tokens by which Defenders are known.
type Tokens interface {
	DefenderToken(id route.FunctionIdentity) string
}

// Layers give the Defender's layer.
type Layers interface {
	// LayerZip returns the zip for an architecture, x86_64 or arm64.
	LayerZip(ctx context.Context, arch string) ([]byte, error)
}

// Heartbeats take when functions were heard of; they neither wait nor fail.
type Heartbeats interface {
	Heard(d api.DefenderRecord)
}

// Config is what a Service needs.
type Config struct {
	Documents console.Documents
	// Audits are what policies are tried on; nil refuses to.
	Audits console.Audits
	// Inventory tells functions' tags; without it no rule holds for a tag.
	Inventory console.Inventory
	// Heartbeats are told which functions asked for their policy; may be nil.
	Heartbeats Heartbeats
	Keys       Keys
	Tokens     Tokens
	// Signer signs policies.
	Signer ed25519.PrivateKey
	// OldSigner returns the signer of an older master key, by its id, for functions that obey no other; nil when there is
	// none. The function itself may be nil.
	OldSigner func(key string) ed25519.PrivateKey
	// Address is where functions reach the Console, as https://host:port; CA is the PEM of its authority or "sha256:" and
	// its certificate's fingerprint, "" for one that every system trusts.
	Address, CA string
	// Interval is how old a policy gets before a Defender asks for a newer one, in whole seconds; 0 is two minutes.
	Interval time.Duration
	// Layers may be nil: then there are none to download.
	Layers Layers
	Log    *slog.Logger
	Now    func() time.Time
}

// Service keeps settings. It is safe for concurrent use.
type Service struct {
	Config

	resolver  resolver
	simulates sync.Mutex // one simulation at a time: it takes a core
}

// New makes a Service.
func New(cfg Config) *Service {
	if cfg.Interval == policy.DefaultInterval {
		cfg.Interval = 0 // it needn't be said
	}
	return &Service{Config: cfg}
}

// Routes are the service's endpoints.
func (s *Service) Routes() []route.Route {
	return slices.Concat(
		s.policyRoutes(), s.networkListRoutes(), s.defenderRoutes(), s.simulationRoutes(),
		s.collectionRoutes(), s.credentialRoutes(), s.scanRuleRoutes(), s.customRuleRoutes(),
		s.staticRoutes(), s.generalRoutes(), s.downloadRoutes(),
	)
}

// now is the time to milliseconds, as the API writes it.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// stamp writes a time as the API does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
