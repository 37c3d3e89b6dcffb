package kernel

import (
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// maxRedirects bounds the sockets whose questions go to the resolver; at the bound all are forgotten, which only shows
// them the resolver's own address as the answers' source.
const maxRedirects = 4096

// redirects remembers whom redirected sockets asked, by cookie.
type redirects struct {
	mu    sync.Mutex
	asked map[uint64][]byte
}

func newRedirects() *redirects { return &redirects{asked: make(map[uint64][]byte)} }

func (r *redirects) note(cookie uint64, address []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asked) >= maxRedirects {
		clear(r.asked)
	}
	r.asked[cookie] = address
}

func (r *redirects) forget(cookie uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.asked, cookie)
}

func (r *redirects) of(cookie uint64) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[cookie]
}

func (r *redirects) none() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked) == 0
}

const portDNS = 53

// redirected tells whether what is sent to an address is meant for a name server, and so goes to the resolver.
func (s *Supervisor) redirected(c *call, to netip.AddrPort) bool {
	return to.Port() == portDNS && s.cfg.Resolver.IsValid() && c.rules.redirects()
}

// toResolver prepares a socket to reach the resolver in place of a name server and returns the address to use: the
// socket gets its own address first, so that the resolver knows who asks before the question arrives.
func (s *Supervisor) toResolver(c *call, k *socket, asked []byte) ([]byte, unix.Errno) {
	local, errno := localAddress(k.fd)
	if errno != 0 {
		return nil, errno
	}
	own, ok := decodeAddress(local)
	if k.family == unix.AF_INET6 && (!ok || own.Port() == 0) {
		_ = unix.SetsockoptInt(k.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0) // the resolver has an IPv4 address
	}
	if !ok || own.Port() == 0 {
		any4 := netip.AddrPortFrom(s.cfg.Resolver.Addr(), 0)
		if !k.stream() {
			any4 = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
		}
		if errno := bind(k.fd, encodeUnspecified(k, any4)); errno != 0 {
			return nil, errno
		}
		if local, errno = localAddress(k.fd); errno != 0 {
			return nil, errno
		}
		own, _ = decodeAddress(local)
	}
	if s.cfg.Attribute != nil {
		s.cfg.Attribute(netip.AddrPortFrom(s.cfg.Resolver.Addr(), own.Port()), s.processes.describe(s.pidOf(c), c.tid))
	}
	s.redirects.note(k.cookie(), asked)
	return encodeAddress(k.family, s.cfg.Resolver), 0
}

// encodeUnspecified lays out an address to bind to: for IPv6 sockets that send messages it is IPv6's own "any", so that
// they can go on to reach IPv6 addresses.
func encodeUnspecified(k *socket, address netip.AddrPort) []byte {
	if k.family == unix.AF_INET6 && address.Addr().IsUnspecified() {
		return encodeAddress(unix.AF_INET6, netip.AddrPortFrom(netip.IPv6Unspecified(), address.Port()))
	}
	return encodeAddress(k.family, address)
}
