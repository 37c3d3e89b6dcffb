package bypass

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// The hosts of a cell: addresses that are set apart for documentation, all on the cell's own loopback device, and the
// one where clouds keep credentials.
const (
	evilHost     = "203.0.113.7"  // denied by address
	directHost   = "203.0.113.8"  // nobody's DNS answer: strict egress denies it
	goodHost     = "203.0.113.9"  // allowed
	resolverHost = "203.0.113.53" // what resolv.conf names
	otherHost    = "203.0.113.54" // another resolver
	metadataHost = "169.254.169.254"
	evilHost6    = "2001:db8::7"
	goodHost6    = "2001:db8::9"
	harnessHost  = "127.0.0.2" // where the harness itself calls from
	harnessHost6 = "2001:db8::2"
)

func hosts() []string {
	return []string{evilHost, directHost, goodHost, resolverHost, otherHost, metadataHost, evilHost6, goodHost6, harnessHost6}
}

// addresses brings the cell's loopback device up and gives it the hosts' addresses.
func addresses() error {
	const loopback = 1 // the index of the first device of a network namespace
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer unix.Close(fd)
	for _, host := range hosts() {
		addr := netip.MustParseAddr(host)
		raw := addr.AsSlice()
		// struct ifaddrmsg: family, prefix length, flags, scope, index; then attributes.
		msg := []byte{unix.AF_INET, byte(addr.BitLen()), unix.IFA_F_NODAD, 0}
		if addr.Is6() {
			msg[0] = unix.AF_INET6
		}
		msg = binary.NativeEndian.AppendUint32(msg, loopback)
		for _, kind := range []uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
			msg = binary.NativeEndian.AppendUint16(msg, uint16(4+len(raw)))
			msg = binary.NativeEndian.AppendUint16(msg, kind)
			msg = append(msg, raw...)
		}
		// No route to the prefix besides the local one: on this device it would be a reject.
		msg = binary.NativeEndian.AppendUint16(msg, 8)
		msg = binary.NativeEndian.AppendUint16(msg, unix.IFA_FLAGS)
		msg = binary.NativeEndian.AppendUint32(msg, unix.IFA_F_NODAD|unix.IFA_F_NOPREFIXROUTE)
		if err := netlink(fd, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, msg); err != nil {
			return fmt.Errorf("add %s: %w", host, err)
		}
	}
	// struct ifinfomsg: family, type, index, flags, change.
	up := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(up[4:], loopback)
	binary.NativeEndian.PutUint32(up[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(up[12:], unix.IFF_UP)
	if err := netlink(fd, unix.RTM_NEWLINK, 0, up); err != nil {
		return fmt.Errorf("bring the loopback device up: %w", err)
	}
	for _, host := range hosts() {
		if err := routed(host); err != nil {
			return err
		}
	}
	return nil
}

// routed waits until the kernel has the routes of new IPv6 addresses: it makes them in its own time.
func routed(host string) error {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("udp", net.JoinHostPort(host, "9"))
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for a route to %s: %w", host, err)
		}
	}
}

// netlink sends one request and returns what the kernel said of it.
func netlink(fd int, kind, flags uint16, body []byte) error {
	msg := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	msg = binary.NativeEndian.AppendUint16(msg, kind)
	msg = binary.NativeEndian.AppendUint16(msg, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	msg = append(msg, make([]byte, 8)...) // sequence number and port: the kernel's to fill in
	msg = append(msg, body...)
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.NLMSG_HDRLEN+4 {
		return unix.EBADMSG
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.NLMSG_HDRLEN:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}
