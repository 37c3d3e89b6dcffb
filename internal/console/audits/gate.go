package audits

import "sync"

// gate bounds what waits for the store. Who isn't let in is told so at once: a queue that only grows makes everybody
// late and fills the memory.
type gate struct {
	audits, bytes int64 // the bounds

	mu             sync.Mutex // guards the fields below
	waiting, bulky int64
}

// enter takes room for some audits in a body of a size. One batch always fits into an empty gate.
func (g *gate) enter(audits, bytes int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting > 0 && (g.waiting+int64(audits) > g.audits || g.bulky+int64(bytes) > g.bytes) {
		return false
	}
	g.waiting += int64(audits)
	g.bulky += int64(bytes)
	return true
}

func (g *gate) leave(audits, bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting -= int64(audits)
	g.bulky -= int64(bytes)
}

func (g *gate) inFlight() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}
