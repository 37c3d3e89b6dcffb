package notify

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/autodefend/autodefend"
)

// dialTimeout bounds name resolution and connecting.
const dialTimeout = 5 * time.Second

// guard decides which addresses may be connected to.
type guard struct {
	allow    []netip.Prefix
	hosts    Destinations
	resolver *net.Resolver
}

// trust says which addresses a connection needs.
type trust int

const (
	// public allows the Internet and what the operator allows.
	public trust = iota
	// allowedOnly allows what the operator allows, for protocols that anybody on the way can read.
	allowedOnly
)

// dialer returns a dialer that refuses addresses after their name was resolved, so that a name which resolves otherwise
// the second time gains nothing.
func (g guard) dialer(t trust) *net.Dialer {
	return &net.Dialer{
		Timeout: dialTimeout, Resolver: g.resolver,
		Control: func(_, address string, _ syscall.RawConn) error { return g.check(t, address) },
	}
}

// dial connects, or says in words without the cause's addresses why not.
func (g guard) dial(ctx context.Context, t trust, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err == nil {
		err = g.hosts.Allow(host)
	}
	if err != nil {
		return nil, connectError(err)
	}
	conn, err := g.dialer(t).DialContext(ctx, network, address)
	if err != nil {
		return nil, connectError(err)
	}
	return conn, nil
}

// check refuses an address that a socket is about to connect to.
func (g guard) check(t trust, address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return refused("isn't an address")
	}
	addr := at.Addr()
	for _, network := range g.allow {
		if addr.Zone() == "" && network.Contains(addr.Unmap()) {
			return nil
		}
	}
	if t == allowedOnly {
		return refused("is reached without encryption, and the operator doesn't allow its network")
	}
	if !isPublic(addr) {
		return refused("isn't public, and the operator doesn't allow its network")
	}
	return nil
}

// refused is the error of an address that the guard refuses. It doesn't name the address: who writes an alert profile
// needn't learn what names resolve to inside the network.
func refused(why string) error {
	return autodefend.Errorf(autodefend.CodeInvalid, "the address it resolves to %s", why).
		WithHint("the Console's operator allows networks with --alert-network")
}

// isPublic reports whether an address is one of the Internet's and stands for no other.
func isPublic(a netip.Addr) bool {
	if a.Zone() != "" || a.Is4In6() || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	if a.Is6() && !globalIPv6().Contains(a) {
		return false
	}
	for _, p := range special() {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// globalIPv6 is what IANA gives out of IPv6: everything else is special.
func globalIPv6() netip.Prefix { return netip.MustParsePrefix("2000::/3") }

// special are the networks of IANA's special-purpose registries that look like global unicast.
func special() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("100.64.0.0/10"), // between providers and customers, and clouds' inside
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("192.88.99.0/24"), // relays from IPv6
		netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("2001::/23"), // Teredo holds IPv4 addresses
		netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("2002::/16"), // 6to4 holds IPv4 addresses
		netip.MustParsePrefix("3fff::/20"),
	}
}
