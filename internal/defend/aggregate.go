package defend

import (
	"fmt"
	"sync"
	"time"

	"github.com/autodefend/autodefend"
)

const (
	// rateEvents is how many audits of a kind within rateWindow are written one by one.
	rateEvents = 5
	rateWindow = 15 * time.Minute
	// sumWindow is for how long further ones are only counted.
	sumWindow = 10 * time.Minute
)

// aggregate thins out audits: when a kind comes too often, they are counted for a while instead of written. It takes
// the time as an argument and the wall clock's at that, since the sandbox freezes.
type aggregate struct {
	mu       sync.Mutex
	resource string
	kinds    map[autodefend.AttackType]*rate
	order    []autodefend.AttackType // of first appearance, so that sums come in one order
}

// rate is one kind's.
type rate struct {
	recent []time.Time // at most rateEvents
	since  time.Time   // when counting started; zero when it hasn't
	count  int
	last   autodefend.Audit
}

// newAggregate counts for a resource: the function's name.
func newAggregate(resource string) *aggregate {
	return &aggregate{resource: resource, kinds: make(map[autodefend.AttackType]*rate)}
}

// add returns what has to be written for one more audit: itself, the notice that counting starts, or nothing; before
// it come the sums that are due.
func (g *aggregate) add(a autodefend.Audit, now time.Time) []autodefend.Audit {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.due(now)
	r := g.of(a.AttackType)
	if !r.since.IsZero() {
		r.count++
		r.last = a
		return out
	}
	r.forget(now)
	if len(r.recent) < rateEvents {
		r.recent = append(r.recent, now)
		return append(out, a)
	}
	r.since, r.count, r.last = now, 0, a
	a.Msg = fmt.Sprintf("High rate of %s events, reporting aggregation started; last event: %s", a.Type, a.Msg)
	return append(out, a)
}

// sums returns the sums that are due.
func (g *aggregate) sums(now time.Time) []autodefend.Audit {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.due(now)
}

// close returns all sums, due or not.
func (g *aggregate) close(now time.Time) []autodefend.Audit {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []autodefend.Audit
	for _, kind := range g.order {
		out = g.kinds[kind].sum(out, g.resource, now)
	}
	return out
}

func (g *aggregate) due(now time.Time) []autodefend.Audit {
	var out []autodefend.Audit
	for _, kind := range g.order {
		r := g.kinds[kind]
		if now.Before(r.since) { // the clock was set back
			r.since = now
		}
		if !r.since.IsZero() && now.Sub(r.since) >= sumWindow {
			out = r.sum(out, g.resource, now)
		}
	}
	return out
}

func (g *aggregate) of(kind autodefend.AttackType) *rate {
	r := g.kinds[kind]
	if r == nil {
		r = &rate{}
		g.kinds[kind] = r
		g.order = append(g.order, kind)
	}
	return r
}

// forget drops what is older than the window.
func (r *rate) forget(now time.Time) {
	kept := r.recent[:0]
	for _, t := range r.recent {
		if !now.Before(t) && now.Sub(t) < rateWindow {
			kept = append(kept, t)
		}
	}
	r.recent = kept
}

// sum ends the counting.
func (r *rate) sum(out []autodefend.Audit, resource string, now time.Time) []autodefend.Audit {
	count, last := r.count, r.last
	*r = rate{}
	if count == 0 {
		return out
	}
	last.Msg = fmt.Sprintf("In the past 10 minutes, %s had %d events of type %s; The most recent event was: %s", resource, count, last.Type, last.Msg)
	last.Count = count
	last.Time = now
	last.ID = ""
	return append(out, last)
}
