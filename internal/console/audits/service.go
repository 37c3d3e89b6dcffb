package audits

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console"
	"github.com/autodefend/autodefend/internal/console/route"
)

// Config is what the service needs. The storage interfaces, Scopes, Log and Now are required.
type Config struct {
	Audits     console.Audits
	Retention  console.Retention
	Incidents  console.Incidents
	MgmtAudits console.MgmtAudits
	Documents  console.Documents
	Leases     console.Leases
	Defenders  console.Defenders
	Signals    console.Signals

	Scopes Scopes
	Log    *slog.Logger
	Now    func() time.Time
	// Owner names this replica in leases; "" makes a name.
	Owner string

	Ingest Ingest
	Keep   Keep
}

// Scopes knows collections.
type Scopes interface {
	// Scopes returns what of some collections says which functions are in them.
	Scopes(ctx context.Context, names []string) ([]api.FunctionScope, error)
}

// Ingest bounds what is taken from Defenders. A member that is zero has its default.
type Ingest struct {
	// InFlight is how many audits may wait for the store at once; 1,200, and fewer while they wait for longer than Wait.
	// Further ones are turned away.
	InFlight int
	// Wait is how long an audit should wait for the store at most; 100 ms.
	Wait time.Duration
	// InFlightBytes is how large the requests that wait may be together; 64 MiB.
	InFlightBytes int
	// Rate is how many audits a second one function may send in the long run; 50.
	Rate float64
	// Burst is how many it may send at once; 2,000.
	Burst float64
	// OldestAge is how old an audit's time may be; 7 days. That of an older one is when it came.
	OldestAge time.Duration
}

// Keep bounds what is stored. A member that is zero has its default; a negative one doesn't bound.
type Keep struct {
	// Age is how long audits are kept; 30 days.
	Age time.Duration
	// Bytes is how much room audits may take; 20 GiB. The oldest go first.
	Bytes int64
	// MgmtAge is how long management audits are kept; 365 days.
	MgmtAge time.Duration
	// Every is how often is looked; a minute.
	Every time.Duration
}

// Service takes and shows audits. It is safe for concurrent use.
type Service struct {
	Config

	gate        *gate
	rates       *rates
	variety     *variety
	heard       *heard
	memberships memberships
	merging     chan struct{} // bounds how many pages are aggregated at once
	piece       int           // how many audits are read at once for long answers
	stale       time.Duration // how often readers look without having been told
	counters    counters
}

// counters count since the start.
type counters struct{ stored, repeated, shed, limited, refused atomic.Int64 }

// Counts are numbers of audits since the start, for metrics; Shed and Limited are numbers of requests.
type Counts struct {
	// Stored were new, Repeated weren't.
	Stored, Repeated int64
	// Shed requests came when too much was under way, Limited ones from functions that send too much, Refused ones were
	// malformed or in another function's name.
	Shed, Limited, Refused int64
	// InFlight is how many audits wait for the store now.
	InFlight int64
}

// New makes the service.
func New(config Config) *Service {
	config.Ingest = config.Ingest.withDefaults()
	config.Keep = config.Keep.withDefaults()
	if config.Owner == "" {
		config.Owner = rand.Text()
	}
	return &Service{
		Config:  config,
		gate:    newGate(config.Ingest),
		rates:   newRates(config.Ingest.Rate, config.Ingest.Burst),
		variety: newVariety(), heard: newHeard(), merging: make(chan struct{}, 2), piece: 1000, stale: 5 * time.Second,
	}
}

func (i Ingest) withDefaults() Ingest {
	i.InFlight = or(i.InFlight, 1200)
	i.Wait = or(i.Wait, 100*time.Millisecond)
	i.InFlightBytes = or(i.InFlightBytes, 64<<20)
	i.Rate = or(i.Rate, 50)
	i.Burst = max(or(i.Burst, 2000), api.MaxBatch)
	i.OldestAge = or(i.OldestAge, 7*24*time.Hour)
	return i
}

func (k Keep) withDefaults() Keep {
	const day = 24 * time.Hour
	k.Age = or(k.Age, 30*day)
	k.Bytes = or(k.Bytes, 20<<30)
	k.MgmtAge = or(k.MgmtAge, 365*day)
	k.Every = or(k.Every, time.Minute)
	return k
}

// or is the value, or what stands for zero.
func or[N int | int64 | float64 | time.Duration](value, otherwise N) N {
	if value == 0 {
		return otherwise
	}
	return value
}

// Counts returns numbers for metrics.
func (s *Service) Counts() Counts {
	c := &s.counters
	return Counts{
		Stored: c.stored.Load(), Repeated: c.repeated.Load(), Shed: c.shed.Load(), Limited: c.limited.Load(),
		Refused: c.refused.Load(), InFlight: s.gate.inFlight(),
	}
}

// Run does what isn't done for a request, until ctx ends: it makes incidents, stores when Defenders were
// heard of, and removes what is too old or too much. Several replicas may run it.
func (s *Service) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { s.follow(ctx, reader{"incidents", api.StreamRuntime, s.makeIncidents}) })
	all.Go(func() { s.storeHeard(ctx) })
	all.Go(func() { s.expire(ctx) })
	all.Wait()
}

// Routes are the endpoints of the service.
func (s *Service) Routes() []route.Route {
	return slices.Concat(
		s.ingestRoutes(), s.auditRoutes(api.StreamRuntime), s.auditRoutes(api.StreamFirewall), s.oldAuditRoutes(), s.liveRoutes(),
		s.incidentRoutes(), s.mgmtRoutes(), s.statRoutes(), s.alertRoutes(), s.defenderRoutes(),
	)
}
