package defend

import (
	"context"
	"log/slog"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// link is the way to the Console, and changes to another when a policy says so. The new one is on trial until the Console
// has answered by it: before that a refusal leads back to the one that is known to work. Who calls notices nothing, and
// what waits in queues waits for either. It is safe for concurrent use.
type link struct {
	open func(policy.Console) (Console, error)
	log  *slog.Logger

	mu      sync.Mutex // guards the fields below
	now     way
	before  *way        // is known to work while now is on trial; nil when none is on trial
	refused destination // is the last one that the Console refused
}

// way is one way to a Console.
type way struct {
	destination
	given   policy.Console
	console Console
}

// destination is what makes ways differ.
type destination struct {
	route
	token string
}

// route is a destination but for the token.
type route struct{ address, ca, proxy, noProxy, user, password, proxyCA string }

func destinationOf(c policy.Console) destination {
	p := c.Proxy
	return destination{route{c.Address, c.CA, p.HTTPProxy, p.NoProxy, p.User, p.Password, p.CA}, c.Token}
}

// newLink makes a link; it doesn't connect.
func newLink(open func(policy.Console) (Console, error), first policy.Console, log *slog.Logger) (*link, error) {
	console, err := open(first)
	if err != nil {
		return nil, err
	}
	return &link{open: open, log: log, now: way{destinationOf(first), first, console}}, nil
}

// PostAudits sends audits.
func (l *link) PostAudits(ctx context.Context, audits []autodefend.Audit) error {
	return l.call(func(c Console) error { return c.PostAudits(ctx, audits) })
}

// PostFirewallAudits sends audits of the firewall.
func (l *link) PostFirewallAudits(ctx context.Context, audits []autodefend.FirewallAudit) error {
	return l.call(func(c Console) error { return c.PostFirewallAudits(ctx, audits) })
}

// Policy asks for a newer policy.
func (l *link) Policy(ctx context.Context, tag string) (string, string, error) {
	var text, newTag string
	err := l.call(func(c Console) error {
		var err error
		text, newTag, err = c.Policy(ctx, tag)
		return err
	})
	return text, newTag, err
}

// take follows a policy that was verified to another token, and to another address when it names one. Without an address
// the Console stays where it is, and the proxy too: the Console needn't know how each function reaches it.
func (l *link) take(next policy.Console) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next.Token == "" {
		return
	}
	if next.Address == "" {
		token := next.Token
		next = l.now.given
		next.Token = token
	}
	to := destinationOf(next)
	if to == l.now.destination || to == l.refused {
		return
	}
	console, err := l.open(next)
	if err != nil {
		l.log.Error("connect to Console: the old connection stays", "error", err.Error())
		return
	}
	if l.before == nil {
		l.before = &way{l.now.destination, l.now.given, l.now.console}
	}
	if to.route == l.now.route {
		l.log.Info("the policy has a new token for the Console")
	} else {
		l.log.Info("the policy has a new address for the Console", "address", next.Address)
	}
	l.now = way{to, next, console}
}

// call makes a request, and once more when the way turns out to be wrong and there is another.
func (l *link) call(request func(Console) error) error {
	used := l.current()
	err := request(used.console)
	if other, ok := l.learn(used, err); ok {
		return request(other.console)
	}
	return err
}

func (l *link) current() way {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// learn judges a way by what came of a request, and returns another one by which the request should be made again.
func (l *link) learn(used way, err error) (way, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	denied := autodefend.ErrorCode(err) == autodefend.CodeDenied
	switch {
	case used.destination != l.now.destination:
		return l.now, denied // it was changed meanwhile
	case l.before == nil:
		return way{}, false
	case err == nil:
		l.before = nil
		return way{}, false
	case !denied && used.route == l.before.route:
		return way{}, false // says nothing about the token
	case autodefend.ErrorCode(err) == autodefend.CodeThrottled:
		return way{}, false // somebody is there
	}
	if denied {
		l.refused = used.destination
		l.log.Warn("the Console refuses the new token: the old one goes on", "error", err.Error())
	} else {
		l.log.Warn("the Console can't be reached as the new policy says: the old connection goes on", "address", used.address, "error", err.Error())
	}
	l.now, l.before = *l.before, nil
	return l.now, true
}
