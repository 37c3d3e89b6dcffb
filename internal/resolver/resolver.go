package resolver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

const (
	// maxQuestions bounds the questions over UDP that wait for a server; the system queues or drops what exceeds it, and
	// programs ask again.
	maxQuestions = 128
	// maxConnections bounds the connections over TCP; more wait to be accepted.
	maxConnections = 64
	// defaultResolvConf is where the C library looks.
	defaultResolvConf = "/etc/resolv.conf"
)

// Config is what a resolver is made of. Judge is required, and one of PacketConn and Listener; the resolver closes both.
type Config struct {
	PacketConn net.PacketConn
	Listener   net.Listener
	// Upstreams are the servers to forward to. When there are none, they are those of ResolvConf, which is read again
	// when it changes; "" is /etc/resolv.conf. The resolver itself is never one of them.
	Upstreams  []netip.AddrPort
	ResolvConf string

	// Judge is asked about each question, in an event of kind [policy.Resolve] seen by Tier.
	Judge policy.Judge
	Tier  autodefend.Tier
	// Who tells which process asks, by its address. It may be nil.
	Who func(source netip.AddrPort, tcp bool) policy.Process
	// Learn is told, before the program is, which addresses an allowed name has, and for how long; a validity of 0 means
	// for the one connection that is about to be made. It may be nil.
	Learn func(domain string, addresses []netip.Addr, validity time.Duration)
	Log   *slog.Logger
}

// Resolver is a judging forwarder for DNS.
type Resolver struct {
	config   Config
	upstream *upstream
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// New returns a resolver that [Resolver.Serve] starts.
func New(config Config) *Resolver {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.ResolvConf == "" {
		config.ResolvConf = defaultResolvConf
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Resolver{config: config, upstream: newUpstream(config), ctx: ctx, cancel: cancel}
}

// Serve answers until [Resolver.Close] is called, which makes it return nil, or a listener fails.
func (r *Resolver) Serve() error {
	ended := make(chan error, 2)
	servers := 0
	if r.config.PacketConn != nil {
		servers++
		go func() { ended <- r.servePackets() }()
	}
	if r.config.Listener != nil {
		servers++
		go func() { ended <- r.serveConnections() }()
	}
	var first error
	for range servers {
		if err := <-ended; err != nil && first == nil {
			first = fmt.Errorf("resolver: %w", err)
			_ = r.closeSockets() // half a resolver would leave programs waiting
		}
	}
	return first
}

// Close ends all sockets and waits for the questions under way.
func (r *Resolver) Close() error {
	err := r.closeSockets()
	r.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (r *Resolver) closeSockets() error {
	r.cancel()
	var err error
	if r.config.PacketConn != nil {
		err = r.config.PacketConn.Close()
	}
	if r.config.Listener != nil {
		err = errors.Join(err, r.config.Listener.Close())
	}
	return err
}

// answer returns what to send back for a message, or nil when nothing is.
func (r *Resolver) answer(message []byte, source net.Addr, tcp bool) []byte {
	q, err := parseQuery(message)
	switch {
	case errors.Is(err, errNoQuery):
		return nil
	case errors.Is(err, errOpcode):
		return emptyAnswer(message, dnsmessage.RCodeNotImplemented)
	case err != nil:
		return emptyAnswer(message, dnsmessage.RCodeFormatError)
	}
	event := policy.Event{Kind: policy.Resolve, Tier: r.config.Tier, Domain: q.domain}
	if r.config.Who != nil {
		event.Process = r.config.Who(addrPort(source), tcp)
	}
	if r.config.Judge(event).Deny {
		return q.denied()
	}
	response, err := r.upstream.ask(r.ctx, q, tcp)
	if err != nil {
		r.config.Log.Warn("question not answered", "error", err.Error())
		return q.failed(dnsmessage.RCodeServerFailure)
	}
	if r.config.Learn != nil {
		if addresses, validity := q.addresses(response); len(addresses) > 0 {
			r.config.Learn(q.domain, addresses, validity)
		}
	}
	return response
}

// addrPort is the zero value for what isn't an Internet address.
func addrPort(addr net.Addr) netip.AddrPort {
	switch a := addr.(type) {
	case *net.UDPAddr:
		return unmapped(a.AddrPort())
	case *net.TCPAddr:
		return unmapped(a.AddrPort())
	default:
		return netip.AddrPort{}
	}
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
