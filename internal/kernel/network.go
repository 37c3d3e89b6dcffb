package kernel

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

func networkHandlers() map[string]handler {
	return map[string]handler{
		"connect":     (*Supervisor).connect,
		"bind":        (*Supervisor).bind,
		"listen":      (*Supervisor).listen,
		"sendto":      (*Supervisor).sendto,
		"sendmsg":     (*Supervisor).sendmsg,
		"sendmmsg":    (*Supervisor).sendmmsg,
		"recvfrom":    (*Supervisor).recvfrom,
		"recvmsg":     (*Supervisor).recvmsg,
		"recvmmsg":    (*Supervisor).recvmmsg,
		"getpeername": (*Supervisor).getpeername,
	}
}

// connect judges a copy of the address and connects a copy of the socket to it.
func (s *Supervisor) connect(c *call) answer {
	if c.rules.network == off && !c.rules.redirects() && c.rules.tamper == off && s.cfg.APIPort == 0 {
		return pass()
	}
	raw, errno := readAddress(c.tid, c.args[1], c.arg(2))
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	k, errno := s.socketOf(c, c.arg(0))
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	if !s.listener.waits(c) {
		k.close()
		return later()
	}
	return s.connectTo(c, k, raw)
}

// connectTo takes the socket over.
func (s *Supervisor) connectTo(c *call, k *socket, raw []byte) answer {
	to, internet := decodeAddress(raw)
	switch {
	case internet && k.internet() && s.redirected(c, to):
		address, errno := s.toResolver(c, k, raw)
		if errno != 0 {
			k.close()
			return c.refuse(c.rules.dns, errno)
		}
		return s.connectNow(c, k, address)
	case familyOf(raw) == unix.AF_UNIX:
		return s.connectUnix(c, k, raw)
	case internet && s.deniesPeer(c, k, to):
		k.close()
		return fail(unix.EACCES)
	case c.rules.network != stop:
		s.unredirect(k)
		k.close()
		return pass()
	}
	s.unredirect(k)
	return s.connectNow(c, k, raw)
}

// unredirect forgets whom a socket asked when it turns to somebody else.
func (s *Supervisor) unredirect(k *socket) {
	if !s.redirects.none() {
		s.redirects.forget(k.cookie())
	}
}

// connectNow connects and closes the copy. What may wait does so elsewhere.
func (s *Supervisor) connectNow(c *call, k *socket, raw []byte) answer {
	work := func(*call) answer {
		defer k.close()
		return result(connect(k.fd, raw))
	}
	if k.blocking && k.kind != unix.SOCK_DGRAM {
		return s.away(c, stop, work)
	}
	return work(c)
}

// deniesPeer judges an address that is sent to.
func (s *Supervisor) deniesPeer(c *call, k *socket, to netip.AddrPort) bool {
	api := s.cfg.APIPort != 0 && to.Port() == s.cfg.APIPort && to.Addr().IsLoopback()
	if c.rules.network == off && !api || to.Port() == 0 && !k.stream() {
		return false // a socket for messages that is connected to port 0 sends none; C libraries sort addresses so
	}
	return s.ask(c, policy.Event{Kind: policy.Connect, Address: to, Protocol: k.protocol()})
}

// connectUnix connects to a UNIX socket. The Defender's own are out of bounds.
func (s *Supervisor) connectUnix(c *call, k *socket, raw []byte) answer {
	if s.isOwnSocket(raw) && s.tampers(c, "connect to the Defender's socket") {
		k.close()
		return fail(unix.EPERM)
	}
	if c.rules.network != stop {
		k.close()
		return pass()
	}
	address, place, errno := s.unixAddress(c, raw)
	if errno != 0 {
		k.close()
		return fail(errno)
	}
	work := func(c *call) answer {
		defer place.close()
		defer k.close()
		return result(errnoOf(s.try(c, func() error { return errorOf(connect(k.fd, address)) })))
	}
	if k.blocking {
		return s.away(c, stop, work)
	}
	return work(c)
}

// isOwnSocket tells whether an address names one of the Defender's abstract sockets.
func (s *Supervisor) isOwnSocket(raw []byte) bool {
	if len(raw) < 4 || raw[2] != 0 {
		return false
	}
	return slices.Contains(s.cfg.ProtectedSockets, string(raw[3:]))
}

// unixAddress makes an address of the caller ours: a path is resolved as the caller's and replaced by a path to a
// descriptor of ours, which place holds.
func (s *Supervisor) unixAddress(c *call, raw []byte) ([]byte, *place, unix.Errno) {
	none := &place{dir: -1, fd: -1}
	path, _, _ := bytes.Cut(raw[2:], []byte{0})
	if len(path) == 0 || familyOf(raw) != unix.AF_UNIX {
		return raw, none, 0
	}
	p, errno := s.target(c, unix.AT_FDCWD, string(path), true, 0)
	if errno == errTouches {
		errno = unix.EACCES
	}
	if errno != 0 {
		return nil, none, errno
	}
	return slices.Concat(raw[:2], []byte(ownPath(p.fd)), []byte{0}), &p, 0
}

// bind judges the port and binds a copy of the socket.
func (s *Supervisor) bind(c *call) answer {
	if c.rules.network == off && c.rules.files == off {
		return pass()
	}
	raw, errno := readAddress(c.tid, c.args[1], c.arg(2))
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	if familyOf(raw) == unix.AF_UNIX {
		return s.bindUnix(c, raw)
	}
	if c.rules.network == off {
		return pass()
	}
	k, errno := s.socketOf(c, c.arg(0))
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	defer k.close()
	if at, internet := k.destination(raw); internet && at.Port() != 0 && s.deniesPort(c, k, at) {
		return fail(unix.EACCES)
	}
	if c.rules.network != stop {
		return pass()
	}
	if !s.listener.waits(c) {
		return later()
	}
	return result(bind(k.fd, raw))
}

// bindUnix judges the file that a UNIX socket's path makes. A relative path is left to the kernel, since the socket keeps
// the path as it was given, and only the caller is in its directory.
func (s *Supervisor) bindUnix(c *call, raw []byte) answer {
	path, _, _ := bytes.Cut(raw[2:], []byte{0})
	if len(path) > 0 && c.rules.files > off {
		p, errno := s.parent(c, unix.AT_FDCWD, string(path), false)
		defer p.close()
		if errno != 0 {
			return c.refuse(c.rules.files, errno)
		}
		name, err := p.path()
		if err != nil {
			return c.refuse(c.rules.files, errnoOf(err))
		}
		if s.deniesName(c, name, policy.Write) {
			return fail(unix.EACCES)
		}
	}
	if max(c.rules.network, c.rules.files) != stop || len(path) > 0 && path[0] != '/' {
		return pass()
	}
	k, errno := s.socketOf(c, c.arg(0))
	if errno != 0 {
		return fail(errno)
	}
	defer k.close()
	return fail(errnoOf(s.try(c, func() error {
		_, err := s.withUmask(c.tid, func() (int, error) { return 0, errorOf(bind(k.fd, raw)) })
		return err
	})))
}

// errorOf is the error of an error number, nil for 0.
func errorOf(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// deniesPort judges an address that is listened at.
func (s *Supervisor) deniesPort(c *call, k *socket, at netip.AddrPort) bool {
	return c.rules.network != off && s.ask(c, policy.Event{Kind: policy.Listen, Address: at, Protocol: k.protocol()})
}

// listen judges the port that the socket has, which no longer changes.
func (s *Supervisor) listen(c *call) answer {
	if c.rules.network == off {
		return pass()
	}
	k, errno := s.socketOf(c, c.arg(0))
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	defer k.close()
	raw, errno := localAddress(k.fd)
	if errno != 0 {
		return c.refuse(c.rules.network, errno)
	}
	if at, internet := decodeAddress(raw); internet && s.deniesPort(c, k, at) {
		return fail(unix.EACCES)
	}
	if c.rules.network != stop {
		return pass()
	}
	if !s.listener.waits(c) {
		return later()
	}
	return result(errnoOf(unix.Listen(k.fd, c.arg(1))))
}

// getpeername shows a redirected socket the name server that it asked.
func (s *Supervisor) getpeername(c *call) answer {
	if s.redirects.none() {
		return pass()
	}
	k, errno := s.socketOf(c, c.arg(0))
	if errno != 0 {
		return pass()
	}
	defer k.close()
	asked := s.redirects.of(k.cookie())
	if asked == nil || !s.listener.waits(c) {
		return pass()
	}
	if errno := giveAddress(c.tid, c.args[1], c.args[2], asked); errno != 0 {
		return fail(errno)
	}
	return value(0)
}
