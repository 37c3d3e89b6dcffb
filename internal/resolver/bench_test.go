package resolver

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
)

// BenchmarkQuestion asks a server directly and through the resolver, in turns, and prints the medians in microseconds
// and their ratio; a denied question is never forwarded.
func BenchmarkQuestion(b *testing.B) {
	server := newServer(b)
	packets, listener := sockets(b)
	r := New(Config{
		PacketConn: packets, Listener: listener, Upstreams: []netip.AddrPort{server.addr},
		Judge: func(e policy.Event) policy.Decision { return policy.Decision{Deny: e.Domain == "www.evil.test"} },
	})
	go func() { _ = r.Serve() }()
	defer func() { _ = r.Close() }()
	var direct, forwarded, denied []float64
	for b.Loop() {
		direct = append(direct, roundTrip(b, server.addr.String(), ask))
		forwarded = append(forwarded, roundTrip(b, packets.LocalAddr().String(), ask))
		denied = append(denied, roundTrip(b, packets.LocalAddr().String(), header+wwwEvil))
	}
	d, f, no := median(direct), median(forwarded), median(denied)
	b.Logf("figure: a DNS question takes %.0f µs, through the resolver %.0f µs more (ratio %.2f); a denied one %.0f µs", d, f-d, f/d, no)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(f-d, "added-µs")
	b.ReportMetric(f/d, "ratio")
}

func roundTrip(b *testing.B, address, message string) float64 {
	b.Helper()
	start := time.Now()
	conn, err := net.Dial("udp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, message); err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, maxPacket)); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(start).Nanoseconds()) / 1000
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
