package wrapper

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// Sockets are what the function's processes are pointed at. The guardian is given them too: they outlive the supervisor.
// All of them are bound to 127.0.0.1. A field is -1 when the socket could not be made.
type Sockets struct {
	API         int // listening TCP: the Runtime API's proxy
	ResolverUDP int // the resolver, and
	ResolverTCP int // the same port, listening
}

// NoSockets returns Sockets of which none could be made.
func NoSockets() Sockets { return Sockets{API: -1, ResolverUDP: -1, ResolverTCP: -1} }

// Listen makes the sockets. With an error, those that are usable are there all the same.
func Listen() (Sockets, error) {
	s := NoSockets()
	api, apiErr := listenTCP(0)
	if apiErr == nil {
		s.API = api
	}
	udp, tcp, dnsErr := listenBoth()
	if dnsErr == nil {
		s.ResolverUDP, s.ResolverTCP = udp, tcp
	}
	return s, errors.Join(apiErr, dnsErr)
}

// Names under which a supervisor hands sockets to its guardian.
const (
	handAPI         = "api"
	handResolverUDP = "resolver udp"
	handResolverTCP = "resolver tcp"
)

// Hand gives the guardian duplicates of the sockets.
func (s Sockets) Hand(c *Control) error {
	var failures []error
	for name, fd := range map[string]int{handAPI: s.API, handResolverUDP: s.ResolverUDP, handResolverTCP: s.ResolverTCP} {
		if fd >= 0 {
			failures = append(failures, c.Hand(name, fd))
		}
	}
	return errors.Join(failures...)
}

// HandedSockets finds the sockets in what a supervisor handed over by name.
func HandedSockets(handed map[string]int) Sockets {
	get := func(name string) int {
		if fd, ok := handed[name]; ok {
			return fd
		}
		return -1
	}
	return Sockets{API: get(handAPI), ResolverUDP: get(handResolverUDP), ResolverTCP: get(handResolverTCP)}
}

// List returns the descriptors.
func (s Sockets) List() []int { return []int{s.API, s.ResolverUDP, s.ResolverTCP} }

// listenBoth finds a port that is free for UDP and for TCP.
func listenBoth() (int, int, error) {
	const tries = 8
	var last error
	for range tries {
		udp, port, err := bound(syscall.SOCK_DGRAM, 0)
		if err != nil {
			return -1, -1, err
		}
		tcp, err := listenTCP(port)
		if err == nil {
			return udp, tcp, nil
		}
		last = err
		_ = syscall.Close(udp)
	}
	return -1, -1, last
}

func listenTCP(port int) (int, error) {
	const backlog = 128
	fd, port, err := bound(syscall.SOCK_STREAM, port)
	if err != nil {
		return -1, err
	}
	if err := syscall.Listen(fd, backlog); err != nil {
		_ = syscall.Close(fd)
		return -1, fmt.Errorf("listen on port %d: %w", port, err)
	}
	return fd, nil
}

// bound returns a socket that is bound to a port of 127.0.0.1, any one for 0, and the port.
func bound(kind, port int) (int, int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, kind|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, 0, fmt.Errorf("make socket: %w", err)
	}
	address := &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	if err := syscall.Bind(fd, address); err != nil {
		_ = syscall.Close(fd)
		return -1, 0, fmt.Errorf("bind to port %d: %w", port, err)
	}
	name, err := syscall.Getsockname(fd)
	got, ok := name.(*syscall.SockaddrInet4)
	if err != nil || !ok {
		_ = syscall.Close(fd)
		return -1, 0, errors.Join(errors.New("name socket"), err)
	}
	return fd, got.Port, nil
}

// APIAddress returns the address of API; it is not valid without the socket.
func (s Sockets) APIAddress() netip.AddrPort { return addressOf(s.API) }

// ResolverAddress returns the address of both resolver's sockets; it is not valid without them.
func (s Sockets) ResolverAddress() netip.AddrPort { return addressOf(s.ResolverUDP) }

func addressOf(fd int) netip.AddrPort {
	if fd < 0 {
		return netip.AddrPort{}
	}
	name, err := syscall.Getsockname(fd)
	address, ok := name.(*syscall.SockaddrInet4)
	if err != nil || !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4(address.Addr), uint16(address.Port))
}
