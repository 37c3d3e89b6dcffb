package defend

import (
	"net/netip"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
)

const (
	// repeatsMax bounds the acts that are remembered; at the bound all are forgotten, so that an audit is written twice
	// rather than never.
	repeatsMax = 256
	// sameQuestion is how long the same name asked for by the same process is the same act: programs ask for IPv4 and
	// IPv6 addresses, and ask again when they are refused.
	sameQuestion = 2 * time.Second
	// sameProcess is how long an act that was judged before it happened isn't reported again by who finds it after.
	sameProcess = 10 * time.Minute
)

// act is what makes two events the same.
type act struct {
	kind   policy.Kind
	pid    int
	object string
	addr   netip.AddrPort
}

// repeats knows the acts that were audited lately.
type repeats struct {
	mu   sync.Mutex
	last map[act]time.Time
}

func newRepeats() *repeats { return &repeats{last: make(map[act]time.Time)} }

// seen notes e and reports whether its audit has been written already.
func (r *repeats) seen(e policy.Event, now time.Time) bool {
	key := act{kind: e.Kind, pid: e.Process.PID, object: objectOf(e), addr: e.Address}
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.last[key]
	if !known && len(r.last) >= repeatsMax {
		clear(r.last)
	}
	r.last[key] = now
	if e.Kind == policy.Resolve { // who closes the socket early can't be found: then it is whoever asked last
		key.pid = 0
		r.last[key] = now
	}
	if !known || now.Before(last) {
		return false
	}
	switch {
	case e.After:
		return now.Sub(last) < sameProcess
	case e.Kind == policy.Resolve:
		return now.Sub(last) < sameQuestion
	default:
		return false
	}
}

// objectOf is what the act is about, when that isn't an address.
func objectOf(e policy.Event) string {
	switch e.Kind {
	case policy.Exec:
		return e.Program.Path
	case policy.Resolve:
		return e.Domain
	case policy.Open:
		return e.File
	case policy.Tamper:
		return e.Detail
	default:
		return e.Protocol
	}
}
