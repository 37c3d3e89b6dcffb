package defend

import (
	"fmt"
	"sync"
	"time"
)

// sumWindow is for how long audits that come too often are only counted.
const sumWindow = 10 * time.Minute

// aggregate thins out audits: when a kind comes too often, they are counted for a while instead of written. It takes
// the time as an argument and the wall clock's at that, since the sandbox freezes.
type aggregate[A any] struct {
	mu       sync.Mutex
	sort     sort[A]
	resource string
	kinds    map[string]*rate[A]
	order    []string // of first appearance, so that sums come in one order
}

// rate is one kind's.
type rate[A any] struct {
	recent []time.Time // at most as many as are written one by one
	since  time.Time   // when counting started; zero when it hasn't
	count  int
	last   A
}

// newAggregate counts for a resource: the function's name.
func newAggregate[A any](of sort[A], resource string) *aggregate[A] {
	return &aggregate[A]{sort: of, resource: resource, kinds: make(map[string]*rate[A])}
}

// add returns what has to be written for one more audit: itself, the notice that counting starts, or nothing; before
// it come the sums that are due.
func (g *aggregate[A]) add(a A, now time.Time) []A {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.due(now)
	about := g.sort.about(&a)
	r := g.of(about.kind)
	if !r.since.IsZero() {
		r.count++
		r.last = a
		return out
	}
	r.forget(now, g.sort.window)
	if len(r.recent) < g.sort.singly {
		r.recent = append(r.recent, now)
		return append(out, a)
	}
	r.since, r.count, r.last = now, 0, a
	*about.msg = fmt.Sprintf("High rate of %s events, reporting aggregation started; last event: %s", about.name, *about.msg)
	return append(out, a)
}

// sums returns the sums that are due.
func (g *aggregate[A]) sums(now time.Time) []A {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.due(now)
}

// close returns all sums, due or not.
func (g *aggregate[A]) close(now time.Time) []A {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []A
	for _, kind := range g.order {
		out = g.sum(g.kinds[kind], out, now)
	}
	return out
}

func (g *aggregate[A]) due(now time.Time) []A {
	var out []A
	for _, kind := range g.order {
		r := g.kinds[kind]
		if now.Before(r.since) { // the clock was set back
			r.since = now
		}
		if !r.since.IsZero() && now.Sub(r.since) >= sumWindow {
			out = g.sum(r, out, now)
		}
	}
	return out
}

func (g *aggregate[A]) of(kind string) *rate[A] {
	r := g.kinds[kind]
	if r == nil {
		r = &rate[A]{}
		g.kinds[kind] = r
		g.order = append(g.order, kind)
	}
	return r
}

// forget drops what is older than the window.
func (r *rate[A]) forget(now time.Time, window time.Duration) {
	kept := r.recent[:0]
	for _, t := range r.recent {
		if !now.Before(t) && now.Sub(t) < window {
			kept = append(kept, t)
		}
	}
	r.recent = kept
}

// sum ends the counting of a kind.
func (g *aggregate[A]) sum(r *rate[A], out []A, now time.Time) []A {
	count, last := r.count, r.last
	*r = rate[A]{}
	if count == 0 {
		return out
	}
	about := g.sort.about(&last)
	*about.msg = fmt.Sprintf("In the past 10 minutes, %s had %d events of type %s; The most recent event was: %s", g.resource, count, about.name, *about.msg)
	*about.count = count
	*about.time = now
	*about.id = ""
	return append(out, last)
}
