package audits

import (
	"sync"
	"time"
)

// gate bounds what waits for the store. Who isn't let in is told so at once: a queue that only grows makes everybody
// late and fills the memory. How many audits may wait follows from how long they do: fewer when it takes too long, more
// when the store keeps up with as many as there may be.
type gate struct {
	most, least int64 // audits that may wait
	bytes       int64 // how large their requests may be together
	wait        time.Duration

	mu             sync.Mutex // guards the fields below
	limit          int64      // audits that may wait now
	waiting, bulky int64
	lowered        time.Time
}

func newGate(i Ingest) *gate {
	most := int64(i.InFlight)
	return &gate{most: most, least: max(1, most/16), limit: max(1, most/2), bytes: int64(i.InFlightBytes), wait: i.Wait}
}

// enter takes room for some audits in a body of a size. One batch always fits into an empty gate.
func (g *gate) enter(audits, bytes int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting > 0 && (g.waiting+int64(audits) > g.limit || g.bulky+int64(bytes) > g.bytes) {
		return false
	}
	g.waiting += int64(audits)
	g.bulky += int64(bytes)
	return true
}

// usualBatch is how many audits a Defender with much to say sends at once.
const usualBatch = 50

// full tells that a usual batch has no room now.
func (g *gate) full() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting > 0 && g.waiting+usualBatch > g.limit
}

// leave gives the room back.
func (g *gate) leave(audits, bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting -= int64(audits)
	g.bulky -= int64(bytes)
}

// stored tells how long the store took for something that was let in. What waited together isn't counted twice.
func (g *gate) stored(took time.Duration, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case took > g.wait && now.Sub(g.lowered) >= g.wait:
		g.limit, g.lowered = max(g.least, g.limit*3/4), now
	case took < g.wait/2 && g.waiting > g.limit/2:
		g.limit = min(g.most, g.limit+g.limit/32+1)
	}
}

func (g *gate) inFlight() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}
