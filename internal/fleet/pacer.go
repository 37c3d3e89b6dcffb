package fleet

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Classes of API calls. Calls of one class, account and region share a quota.
const (
	// ClassShared is all of Lambda's control plane but GetFunction: 15 calls a
	// second in AWS, which the owner's deployments need too.
	ClassShared = "shared"
	// ClassGetFunction has a quota of its own: 100 calls a second.
	ClassGetFunction = "get-function"
)

// AWS's quotas, in calls a second.
const (
	sharedQuota      = 15
	getFunctionQuota = 100
)

// DefaultRate is how many shared calls a second are made unless told
// otherwise: a third of AWS's quota.
const DefaultRate = 5

// PacerConfig configures a [Pacer].
type PacerConfig struct {
	// SharedPerSecond is the budget of the shared quota; GetFunction gets the
	// same share of its own. 0 means [DefaultRate], less means no limit.
	SharedPerSecond float64
}

// Pacer spaces API calls evenly, one budget per account, region and class. As
// soon as AWS throttles a call of ours the budget is halved; it grows back by a tenth
// of the whole, at most to the double, for every five seconds without
// throttling.
type Pacer struct {
	cfg PacerConfig
	mu  sync.Mutex
	// budgets is guarded by mu.
	budgets map[budgetKey]*budget
}

type budgetKey struct{ account, region, class string }

type budget struct {
	// turn is held by the one that waits for the limiter. The others queue for
	// it: a limiter hands out times in advance, so that with a hundred in its
	// queue a new limit would come into force only after all of them.
	turn    chan struct{}
	limiter *rate.Limiter
	full    rate.Limit
	// changed is when the limit was last halved or raised.
	changed time.Time
}

// How the budget reacts to throttling.
const (
	growAfter   = 5 * time.Second
	growBy      = 0.1
	shrinkAfter = time.Second
	leastRate   = 0.2
)

// NewPacer makes a pacer.
func NewPacer(cfg PacerConfig) *Pacer {
	if cfg.SharedPerSecond == 0 {
		cfg.SharedPerSecond = DefaultRate
	}
	return &Pacer{cfg: cfg, budgets: map[budgetKey]*budget{}}
}

// Wait blocks until a call of the class may be sent, or ctx ends.
func (p *Pacer) Wait(ctx context.Context, account, region, class string) error {
	b := p.budget(account, region, class)
	if b.full == rate.Inf {
		return ctx.Err()
	}
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-b.turn }()
	return b.limiter.Wait(ctx)
}

// Answered tells the pacer how a call ended.
func (p *Pacer) Answered(account, region, class string, throttled bool) {
	b := p.budget(account, region, class)
	if b.full == rate.Inf {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	since, limit := now.Sub(b.changed), b.limiter.Limit()
	switch {
	case throttled && since >= shrinkAfter:
		limit = max(limit/2, leastRate)
	case !throttled && limit < b.full && since >= growAfter:
		limit = min(limit+min(limit, b.full*growBy), b.full)
	default:
		return
	}
	b.limiter.SetLimit(limit)
	b.changed = now
}

// Rate returns the current budget of a class in calls a second.
func (p *Pacer) Rate(account, region, class string) float64 {
	return float64(p.budget(account, region, class).limiter.Limit())
}

func (p *Pacer) budget(account, region, class string) *budget {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := budgetKey{account, region, class}
	b := p.budgets[key]
	if b == nil {
		full := p.full(class)
		// A burst of one spaces the calls evenly, which leaves room between
		// them for the owner's own.
		b = &budget{turn: make(chan struct{}, 1), limiter: rate.NewLimiter(full, 1), full: full}
		p.budgets[key] = b
	}
	return b
}

func (p *Pacer) full(class string) rate.Limit {
	switch {
	case p.cfg.SharedPerSecond < 0:
		return rate.Inf
	case class == ClassGetFunction:
		return rate.Limit(p.cfg.SharedPerSecond * getFunctionQuota / sharedQuota)
	}
	return rate.Limit(p.cfg.SharedPerSecond)
}
