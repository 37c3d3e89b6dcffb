package kernel

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/autodefend/autodefend/internal/policy"
)

// nameServer answers every question for an address with 127.0.0.7 or ::7, over UDP and TCP.
type nameServer struct {
	addr netip.AddrPort

	mu    sync.Mutex
	names []string
	local map[netip.AddrPort]policy.Process
	wrong []string // questions from an address that nobody attributed
}

func startNameServer(t testing.TB) *nameServer {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n := &nameServer{addr: netip.MustParseAddrPort(tcp.Addr().String()), local: make(map[netip.AddrPort]policy.Process)}
	var done sync.WaitGroup
	t.Cleanup(func() { tcp.Close(); udp.Close(); done.Wait() })
	done.Go(func() { n.serveUDP(udp) })
	done.Go(func() { n.serveTCP(tcp) })
	return n
}

func (n *nameServer) attribute(local netip.AddrPort, p policy.Process) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.local[local] = p
}

func (n *nameServer) serveUDP(conn net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		size, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = conn.WriteTo(n.answer(buf[:size], from), from)
	}
}

func (n *nameServer) serveTCP(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		func() {
			defer conn.Close()
			buf := make([]byte, 4096)
			size, err := conn.Read(buf)
			if err != nil || size < 14 {
				return
			}
			reply := n.answer(buf[2:size], conn.RemoteAddr())
			_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
		}()
	}
}

// answer turns a question into its own answer.
func (n *nameServer) answer(question []byte, from net.Addr) []byte {
	if len(question) < 17 {
		return nil
	}
	name, at := "", 12
	for at < len(question) && question[at] != 0 {
		size := int(question[at])
		name += string(question[at+1:at+1+size]) + "."
		at += 1 + size
	}
	kind := binary.BigEndian.Uint16(question[at+1:])
	n.mu.Lock()
	n.names = append(n.names, strings.TrimSuffix(name, "."))
	if _, ok := n.local[netip.MustParseAddrPort(from.String())]; !ok {
		n.wrong = append(n.wrong, name+" from "+from.String())
	}
	n.mu.Unlock()
	reply := append([]byte(nil), question[:at+5]...)
	copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0})
	reply = append(reply, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 60)
	switch kind {
	case 1:
		return append(reply, 0, 4, 127, 0, 0, 7)
	case 28:
		return append(reply, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)
	}
	reply = reply[:at+5]
	reply[7] = 0
	return reply
}

func (n *nameServer) asked(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.names {
		if strings.EqualFold(one, name) {
			return true
		}
	}
	return false
}
