package audits

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/autodefend/autodefend/internal/console/route"
)

// recentMost is how many functions are remembered at least.
const recentMost = 100_000

// recent remembers something of the functions that came last, by a hash of their identity: of the last most ones at
// least, and of at most twice as many. Its owner holds the lock.
type recent[V any] struct {
	most     int
	seed     maphash.Seed
	now, old map[uint64]V
}

func newRecent[V any]() recent[V] {
	return recent[V]{most: recentMost, seed: maphash.MakeSeed(), now: make(map[uint64]V)}
}

func (r *recent[V]) key(f route.FunctionIdentity) uint64 {
	return maphash.Comparable(r.seed, [3]string{f.Account, f.Region, f.Function})
}

func (r *recent[V]) get(key uint64) (V, bool) {
	if v, ok := r.now[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	return v, ok
}

func (r *recent[V]) put(key uint64, v V) {
	if len(r.now) >= r.most {
		r.now, r.old = make(map[uint64]V), r.now
	}
	r.now[key] = v
}

// rates limits how many audits one function sends: a token bucket each.
type rates struct {
	rate, burst float64

	mu      sync.Mutex // guards buckets
	buckets recent[bucket]
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newRates(rate, burst float64) *rates {
	return &rates{rate: rate, burst: burst, buckets: newRecent[bucket]()}
}

// take spends tokens and returns 0, or how long to wait for them. A token that speaks for many functions has the room of
// a hundred.
func (r *rates) take(f route.FunctionIdentity, n int, now time.Time) time.Duration {
	rate, burst := r.rate, r.burst
	if f.Function == "" {
		rate, burst = 100*rate, 100*burst
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := r.buckets.key(f)
	b, ok := r.buckets.get(key)
	if !ok {
		b = bucket{burst, now}
	}
	if gone := now.Sub(b.at); gone > 0 {
		b.tokens = min(burst, b.tokens+gone.Seconds()*rate)
	}
	b.at = now
	missing := float64(n) - b.tokens
	if missing <= 0 {
		b.tokens -= float64(n)
	}
	r.buckets.put(key, b)
	if missing <= 0 {
		return 0
	}
	return max(time.Second, time.Duration(missing/rate*float64(time.Second)))
}
