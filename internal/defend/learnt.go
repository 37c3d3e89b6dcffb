package defend

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// learntMax bounds the addresses that are remembered. At the bound, the one that ends first is forgotten.
	learntMax = 4096
	// learntMin is how long an address is remembered at least: programs keep using addresses for longer than their
	// time to live, and Java for as long as it runs.
	learntMin = time.Hour
	// learntLongest is how long an address is remembered at most.
	learntLongest = 24 * time.Hour
)

// learnt remembers the addresses of allowed DNS answers.
type learnt struct {
	mu    sync.Mutex
	until map[netip.Addr]time.Time
}

func newLearnt() *learnt { return &learnt{until: make(map[netip.Addr]time.Time)} }

// add remembers addrs for the answer's time to live, within the limits above.
func (l *learnt) add(addrs []netip.Addr, ttl time.Duration, now time.Time) {
	end := now.Add(min(max(ttl, learntMin), learntLongest))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, addr := range addrs {
		addr = addr.Unmap()
		if _, known := l.until[addr]; !known && len(l.until) >= learntMax {
			l.forgetOne()
		}
		if end.After(l.until[addr]) {
			l.until[addr] = end
		}
	}
}

func (l *learnt) forgetOne() {
	var first netip.Addr
	for addr, end := range l.until {
		if !first.IsValid() || end.Before(l.until[first]) {
			first = addr
		}
	}
	delete(l.until, first)
}

func (l *learnt) has(addr netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.until[addr.Unmap()])
}

func (l *learnt) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.until)
}
