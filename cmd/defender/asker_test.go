package main

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

func TestAskerOf(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	tcp, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tcp.Close() }()
	self, _ := os.Readlink("/proc/self/exe")
	for _, addr := range []net.Addr{udp.LocalAddr(), tcp.Addr()} {
		source, isTCP := netipOf(addr)
		if got := askerOf(source, isTCP, os.Getpid()); got.PID != os.Getpid() || got.Path != self || got.Parent == "" || filepath.Base(got.Path) != filepath.Base(os.Args[0]) {
			t.Errorf("%s: %+v", addr, got)
		}
	}
	if got := askerOf(netipOfClosed(t), false, 0); got.PID != 0 {
		t.Errorf("a socket that is closed belongs to %+v", got)
	}
}

// FuzzInodeIn reads tables that the kernel didn't write.
func FuzzInodeIn(f *testing.F) {
	f.Add([]byte("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:9C41 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0 0\n"))
	f.Add([]byte("a b:0035"))
	f.Fuzz(func(_ *testing.T, table []byte) { inodeIn(table, ":0035") })
}

func netipOf(addr net.Addr) (netip.AddrPort, bool) {
	switch a := addr.(type) {
	case *net.UDPAddr:
		return a.AddrPort(), false
	case *net.TCPAddr:
		return a.AddrPort(), true
	}
	return netip.AddrPort{}, false
}

func netipOfClosed(t *testing.T) netip.AddrPort {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = udp.Close()
	source, _ := netipOf(udp.LocalAddr())
	return source
}
