package alerting

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
	"github.com/autodefend/autodefend/internal/console/route"
)

// Vault keeps secrets from the database. The second argument binds what is sealed to its place.
type Vault interface {
	Seal(plain, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
}

// Credentials opens the credentials that profiles name.
type Credentials interface {
	// Credential returns a credential with its secrets.
	Credential(ctx context.Context, id string) (api.Credential, error)
}

// Sender brings an alert to a target. Errors with [autodefend.CodeInvalid] last; one with a method RetryAfter says when
// to try again. It ends in a bounded time of its own.
type Sender interface {
	Send(ctx context.Context, to api.AlertTarget, alert api.Alert) error
}

// Config is what the service needs. Signals and Logger may be nil.
type Config struct {
	Documents   console.Documents
	Audits      console.Audits
	Outbox      console.Outbox
	Leases      console.Leases
	Signals     console.Signals
	Vault       Vault
	Credentials Credentials
	Sender      Sender
	// Owner names this replica; no other has the name.
	Owner string
	// MaxAttempts is how often an alert is sent before it's a dead letter; 0 means 12, which takes about three hours.
	MaxAttempts int
	Logger      *slog.Logger
	// Now may be nil: the system's clock.
	Now func() time.Time
	// Jitter returns numbers in [0,1) that spread the waits between attempts; nil means random ones.
	Jitter func() float64
}

// Service answers the endpoints of alert profiles and dead letters, and delivers alerts.
type Service struct {
	documents   console.Documents
	audits      console.Audits
	outbox      console.Outbox
	leases      console.Leases
	signals     console.Signals
	vault       Vault
	credentials Credentials
	sender      Sender
	owner       string
	maxAttempts int
	logger      *slog.Logger
	now         func() time.Time
	jitter      func() float64

	profiles profileCache
	// pace bounds messages, and flood the audits that are put into the outbox.
	pace   pacer
	flood  pacer
	noting sync.Mutex
	// woken has a value when something waits in the outbox that the store doesn't tell of.
	woken chan struct{}
}

// defaultAttempts is how often an alert is sent unless the configuration says otherwise.
const defaultAttempts = 12

// New makes the service. It does nothing by itself before [Service.Run].
func New(cfg Config) *Service {
	s := &Service{
		documents: cfg.Documents, audits: cfg.Audits, outbox: cfg.Outbox, leases: cfg.Leases, signals: cfg.Signals, vault: cfg.Vault,
		credentials: cfg.Credentials, sender: cfg.Sender, owner: cfg.Owner, maxAttempts: cfg.MaxAttempts, logger: cfg.Logger,
		now: cfg.Now, jitter: cfg.Jitter, woken: make(chan struct{}, 1), flood: pacer{minutes: floodMinutes},
	}
	if s.maxAttempts == 0 {
		s.maxAttempts = defaultAttempts
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.jitter == nil {
		s.jitter = rand.Float64
	}
	return s
}

// wake has the outbox looked at now.
func (s *Service) wake() {
	select {
	case s.woken <- struct{}{}:
	default: // one is enough
	}
}

// Routes are the endpoints of alert profiles and dead letters.
func (s *Service) Routes() []route.Route {
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/alert-profiles", Permission: api.PermManageAlerts, List: true, Prisma: true,
			Summary: "Lists the alert profiles, without their secrets.", Response: []api.AlertProfile{}, Handle: s.list,
		},
		{
			Method: http.MethodPost, Path: "/alert-profiles", Permission: api.PermManageAlerts, Write: true, Prisma: true, MaxBody: maxProfile,
			Summary: "Adds an alert profile, replaces the one of the name, or renames it with previousName.",
			Request: api.AlertProfile{}, Handle: whole(s.put),
		},
		{
			Method: http.MethodGet, Path: "/alert-profiles/names", Permission: api.PermManageAlerts, Prisma: true,
			Summary: "Lists the names of the alert profiles.", Response: []string{}, Handle: s.names,
		},
		{
			Method: http.MethodDelete, Path: "/alert-profiles/{id}", Permission: api.PermManageAlerts, Write: true, Prisma: true,
			Summary: "Deletes an alert profile by its name.", Handle: whole(s.remove),
		},
		{
			Method: http.MethodPost, Path: "/alert-profiles/{id}/test", Permission: api.PermManageAlerts, Write: true,
			Summary: "Sends a sample by every channel of an alert profile and tells what came of it.", Response: []api.AlertTest{}, Handle: whole(s.test),
		},
		{
			Method: http.MethodGet, Path: "/alerts/dead", Permission: api.PermManageAlerts, List: true,
			Summary: "Lists the alerts that couldn't be delivered.", Response: []api.DeadAlert{}, Handle: whole(s.dead),
		},
		{
			Method: http.MethodPost, Path: "/alerts/dead/{id}/retry", Permission: api.PermManageAlerts, Write: true,
			Summary: "Tries to deliver an alert again; the id all means every one.", Handle: whole(s.retry),
		},
		{
			Method: http.MethodDelete, Path: "/alerts/dead/{id}", Permission: api.PermManageAlerts, Write: true,
			Summary: "Gives an alert up; the id all means every one.", Handle: whole(s.giveUp),
		},
	}
}

// whole is a handler that concerns the audits of all functions, which alerts are of: it refuses who sees those of some
// collections only.
func whole(handle route.Handler) route.Handler {
	return func(ctx context.Context, c *route.Call) (route.Answer, error) {
		if c.Principal.Limited() {
			return route.Answer{}, autodefend.Errorf(autodefend.CodeDenied, "who is limited to collections doesn't say who is told of alerts: they are of all functions").
				WithHint("ask somebody who sees every function")
		}
		return handle(ctx, c)
	}
}
