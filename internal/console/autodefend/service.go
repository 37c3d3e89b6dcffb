// Package autodefend runs the Console's auto-defend rules: each is evaluated when it's due, by whichever replica gets its
// lease, into the same fleet that the command line uses. It keeps what was seen of every function with the verdict and its
// reasons, and serves rules, statuses, runs, functions, discovery and coverage.
//
// Four rules hold everywhere. Only one replica writes to an account's region at a time: it holds the region's lease, which
// is looked at again before each wave of writes, and whose loss ends the wave. What is carried out is what the rules say
// now: before each wave they are looked at as well, and work that goes by what they said before ends. Marks in the
// functions themselves say what is ours; what is stored here is never taken for that. And a listing that isn't complete is
// an error that is shown: it neither replaces what is known nor takes the Defender from anything.
package autodefend

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
	"github.com/autodefend/autodefend/internal/plan"
	"github.com/autodefend/autodefend/internal/policy"
)

// Clouds opens the accounts that rules are about.
type Clouds interface {
	// Open opens the regions that the scope's credential reaches. What couldn't be opened is in the list of errors; when
	// nothing could be, that's the error.
	Open(ctx context.Context, scope Scope) ([]Site, []autodefend.ScopeError, error)
}

// Scope says whose functions are meant and how the Defender is attached to them.
type Scope struct {
	CredentialID string
	RegionType   api.RegionType
	// Regions are names; none means every region of the type that the account enables.
	Regions []string
	// Recipe is the name of one in the program; empty means the default.
	Recipe string
	// Excludes are globs of functions to be left alone.
	Excludes []string
	// ConsoleAddr is where Defenders reach the Console; empty means its own address. Proxy is Prisma's
	// common.ProxySettings.
	ConsoleAddr string
	Proxy       json.RawMessage
	// Run is the id that functions are marked with.
	Run string
}

// Site is one account and region, opened.
type Site struct {
	Account, Region string
	Fleet           Fleet
}

// Fleet works on one site. It is used for one evaluation.
type Fleet interface {
	// Publish makes sure that the recipe's layers are published, where they are ours to publish.
	Publish(ctx context.Context) error
	// Plan judges every function of the site.
	Plan(ctx context.Context) (Survey, error)
	// Apply carries out a plan, or part of one. When ctx ends, functions in hand are finished.
	Apply(ctx context.Context, p *autodefend.Plan) *autodefend.Run
	// PlanRollback finds the functions that carry our mark, or only that of one run.
	PlanRollback(ctx context.Context, run string) (Survey, error)
	// Rollback takes the Defender from the functions of such a plan.
	Rollback(ctx context.Context, p *autodefend.Plan, run string) *autodefend.Run
}

// Survey is a plan with the functions that were listed for it, with their tags. Values of variables needn't be in it, but
// for those of [autodefend.MarkerVariable] and [autodefend.WrapperVariable]. Functions is complete when the plan has no
// errors.
type Survey struct {
	Plan      *autodefend.Plan
	Functions []autodefend.Function
}

// Collections tells what is in collections.
type Collections interface {
	Collections(ctx context.Context) ([]policy.Collection, error)
	// Scopes returns what the named collections let a user see.
	Scopes(ctx context.Context, names []string) ([]api.FunctionScope, error)
}

// Keys keep secrets: the passwords of rules' proxies.
type Keys interface {
	// Seal encrypts; the same aad opens.
	Seal(plain, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
}

// Config is what a service needs. All fields are required unless their comment says otherwise.
type Config struct {
	Documents   console.Documents
	Leases      console.Leases
	Inventory   console.Inventory
	Collections Collections
	Clouds      Clouds
	// Keys may be nil: then rules with the password of a proxy are refused.
	Keys Keys
	// NewRun returns a new run id, of [plan.RunIDLength] bytes.
	NewRun func() string
	// Runtimes are the known ones; nil means those that the program was built with.
	Runtimes plan.Catalog
	// Replica names this one in leases; empty means a random name.
	Replica string
	Logger  *slog.Logger
	Now     func() time.Time
	// Tick is how often due work is looked for; 0 means 5 seconds.
	Tick time.Duration
	// LeaseTTL is how long a dead replica's leases last; 0 means 20 seconds.
	LeaseTTL time.Duration
	// SitePatience is how long a region that somebody else works on is waited for; 0 means a minute.
	SitePatience time.Duration
	// Wave is how many functions are changed between two looks at the lease; 0 means 50.
	Wave int
	// AtOnce is how many rules and jobs one replica works on at a time; 0 means 4.
	AtOnce int
	// Keep is how many runs are kept; 0 means 100.
	Keep int
	// DetachFew and DetachMany are the cap on removals without confirmation: up to DetachFew functions always, up to
	// DetachMany when that's at most a fifth of the defended ones; 0 means 10 and 50.
	DetachFew, DetachMany int
}

// Service runs the rules and answers the routes about them.
type Service struct {
	cfg     Config
	log     *slog.Logger
	recipes []autodefend.Recipe

	mu sync.Mutex
	// working holds the leases that this replica's workers have or try to get; guarded by mu.
	working map[string]bool
	// loaded is the last state that was read; guarded by mu. The state itself is read-only.
	loaded  *state
	workers sync.WaitGroup
}

// New makes a service. An error means that the program's own data is damaged.
func New(cfg Config) (*Service, error) {
	cfg = cfg.defaults()
	if cfg.Runtimes == nil {
		catalog, err := plan.DefaultCatalog()
		if err != nil {
			return nil, err
		}
		cfg.Runtimes = catalog
	}
	s := &Service{cfg: cfg, log: cfg.Logger, working: map[string]bool{}}
	for _, name := range plan.BuiltinRecipes() {
		r, err := plan.BuiltinRecipe(name)
		if err != nil {
			return nil, err
		}
		s.recipes = append(s.recipes, r)
	}
	return s, nil
}

func (c Config) defaults() Config {
	orDuration := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	orNumber := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	orDuration(&c.Tick, 5*time.Second)
	orDuration(&c.LeaseTTL, 20*time.Second)
	orDuration(&c.SitePatience, time.Minute)
	orNumber(&c.Wave, 50)
	orNumber(&c.AtOnce, 4)
	orNumber(&c.Keep, 100)
	orNumber(&c.DetachFew, 10)
	orNumber(&c.DetachMany, 50)
	if c.Replica == "" {
		c.Replica = "replica-" + rand.Text()[:8]
	}
	return c
}

// recipe returns a recipe by name; "" is the default one.
func (s *Service) recipe(name string) (autodefend.Recipe, bool) {
	if name == "" {
		name = plan.DefaultRecipe
	}
	for _, r := range s.recipes {
		if r.Name == name {
			return r, true
		}
	}
	return autodefend.Recipe{}, false
}

// now is the time in UTC to the millisecond, as it is stored.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }
