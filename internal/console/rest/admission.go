package rest

import (
	"net/http"
	"net/netip"
	"sync"

	"github.com/autodefend/autodefend/internal/console/route"
)

// class is whom a bounded number of requests in flight is shared by: Defenders can't keep people out, nor people
// Defenders, nor strangers either. Strangers are who calls what needs no authentication, such as a login.
type class string

const (
	classPeople    class = "people"
	classDefenders class = "defenders"
	classStreams   class = "streams"
	classStrangers class = "strangers"
)

func classOf(r route.Route) class {
	switch r.Permission {
	case route.Function:
		return classDefenders
	case route.Nobody:
		return classStrangers
	default:
		return classPeople
	}
}

// gate admits a bounded number of requests of one class at once, and of one caller a quarter of that. Who isn't admitted
// is told so at once: a queue would only make everybody late.
type gate struct {
	class class
	limit int

	mu      sync.Mutex // guards the fields below
	current int
	callers map[string]int
}

func newGate(c class, limit int) *gate {
	return &gate{class: c, limit: limit, callers: map[string]int{}}
}

// enter admits one request, or says why not. The pass must be left.
func (g *gate) enter() (*pass, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current >= g.limit {
		return nil, g.full()
	}
	g.current++
	return &pass{gate: g}, nil
}

// full is what is said to who comes too much.
func (g *gate) full() error {
	status := http.StatusServiceUnavailable
	if g.class == classDefenders || g.class == classStreams {
		status = http.StatusTooManyRequests
	}
	return refuse(status, "too many requests are being served; try again in a second").with("Retry-After", "1")
}

// inFlight is how many are admitted now.
func (g *gate) inFlight() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current
}

// pass is the right to be served.
type pass struct {
	gate   *gate
	caller string
	left   bool
}

// name says whose request it is, and refuses a caller who has too many.
func (p *pass) name(caller string) error {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.callers[caller] >= max(1, g.limit/4) {
		return refuse(http.StatusTooManyRequests, "you have too many requests in flight; try again in a second").with("Retry-After", "1")
	}
	g.callers[caller]++
	p.caller = caller
	return nil
}

// leave gives the right back. A second time does nothing.
func (p *pass) leave() {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	g.current--
	if p.caller == "" {
		return
	}
	if g.callers[p.caller]--; g.callers[p.caller] == 0 {
		delete(g.callers, p.caller)
	}
}

// strangerName is what requests of one stranger are counted by: the address, and of IPv6 the /64, of which one machine may
// have every address.
func strangerName(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil && ip.Is6() {
		if network, err := ip.WithZone("").Prefix(64); err == nil {
			address = network.String()
		}
	}
	return "address " + address
}

// callerName is what requests of one caller are counted by.
func callerName(p route.Principal) string {
	if isFunction(p) {
		f := p.Function
		return "function " + f.Account + " " + f.Region + " " + f.Function
	}
	return "user " + p.Username
}
