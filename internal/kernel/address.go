package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// maxAddress is the most bytes of an address that the kernel takes.
const maxAddress = 128

const (
	sizeInet  = 16
	sizeInet6 = 28
)

// familyOf is the family an address names, AF_UNSPEC when it is too short to.
func familyOf(raw []byte) int {
	if len(raw) < 2 {
		return unix.AF_UNSPEC
	}
	return int(binary.NativeEndian.Uint16(raw))
}

// decodeAddress reads an internet address; one that is mapped into IPv6 comes as IPv4. The kernel takes IPv6 addresses
// without the last four bytes too.
func decodeAddress(raw []byte) (netip.AddrPort, bool) {
	switch family := familyOf(raw); {
	case family == unix.AF_INET && len(raw) >= sizeInet:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), binary.BigEndian.Uint16(raw[2:])), true
	case family == unix.AF_INET6 && len(raw) >= sizeInet6-4:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw[8:24])).Unmap(), binary.BigEndian.Uint16(raw[2:])), true
	}
	return netip.AddrPort{}, false
}

// decodeDestination reads an address that is sent or bound to. The kernel takes one of no family for IPv4 then, if the
// socket is an IPv4 one.
func decodeDestination(raw []byte) (netip.AddrPort, bool) {
	if familyOf(raw) != unix.AF_UNSPEC || len(raw) < sizeInet {
		return decodeAddress(raw)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), binary.BigEndian.Uint16(raw[2:])), true
}

// destination is decodeDestination for a socket: an IPv6 one takes an address of no family for none.
func (k *socket) destination(raw []byte) (netip.AddrPort, bool) {
	if k.family == unix.AF_INET {
		return decodeDestination(raw)
	}
	return decodeAddress(raw)
}

// encodeAddress lays an address out for a socket of a family: IPv4 ones are mapped for IPv6 sockets.
func encodeAddress(family int, address netip.AddrPort) []byte {
	if family == unix.AF_INET6 {
		raw := make([]byte, sizeInet6)
		binary.NativeEndian.PutUint16(raw, unix.AF_INET6)
		binary.BigEndian.PutUint16(raw[2:], address.Port())
		mapped := address.Addr().As16()
		copy(raw[8:], mapped[:])
		return raw
	}
	raw := make([]byte, sizeInet)
	binary.NativeEndian.PutUint16(raw, unix.AF_INET)
	binary.BigEndian.PutUint16(raw[2:], address.Port())
	plain := address.Addr().As4()
	copy(raw[4:], plain[:])
	return raw
}

// socket is a copy of one of the caller's sockets.
type socket struct {
	fd       int
	family   int // AF_*
	kind     int // SOCK_*
	blocking bool
}

func (k *socket) close() { _ = unix.Close(k.fd) }

// stream tells whether the socket carries a stream of bytes rather than messages.
func (k *socket) stream() bool { return k.kind == unix.SOCK_STREAM }

// internet tells whether the socket's peers have internet addresses.
func (k *socket) internet() bool { return k.family == unix.AF_INET || k.family == unix.AF_INET6 }

// protocol is the word events use.
func (k *socket) protocol() string {
	if k.stream() {
		return "tcp"
	}
	return "udp"
}

// cookie is the kernel's number for the socket, the same for all its copies.
func (k *socket) cookie() uint64 {
	n, err := unix.GetsockoptUint64(k.fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		return 0
	}
	return n
}

// socketOf copies a socket out of the caller.
func (s *Supervisor) socketOf(c *call, fd int) (*socket, unix.Errno) {
	duplicate, errno := s.processes.descriptor(s.pidOf(c), fd)
	if errno != 0 {
		return nil, errno
	}
	k := &socket{fd: duplicate}
	var errFamily, errKind error
	k.family, errFamily = unix.GetsockoptInt(duplicate, unix.SOL_SOCKET, unix.SO_DOMAIN)
	k.kind, errKind = unix.GetsockoptInt(duplicate, unix.SOL_SOCKET, unix.SO_TYPE)
	flags, errFlags := unix.FcntlInt(uintptr(duplicate), unix.F_GETFL, 0)
	for _, err := range []error{errFamily, errKind, errFlags} {
		if err != nil {
			k.close()
			return nil, errnoOf(err)
		}
	}
	k.blocking = flags&unix.O_NONBLOCK == 0
	return k, 0
}

// readAddress copies an address out of the caller.
func readAddress(tid int, at uint64, length int) ([]byte, unix.Errno) {
	if length < 0 || length > maxAddress {
		return nil, unix.EINVAL
	}
	raw := make([]byte, length)
	return raw, readFull(tid, at, raw)
}
