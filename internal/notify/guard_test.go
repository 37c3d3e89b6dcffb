package notify

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

func TestPublicAddresses(t *testing.T) {
	tests := []struct {
		addr string
		want bool
	}{
		{"8.8.8.8", true},
		{"1.1.1.1", true},
		{"2606:4700:4700::1111", true},
		{"0.0.0.0", false},
		{"0.1.2.3", false},
		{"127.0.0.1", false},
		{"127.255.1.2", false},
		{"10.1.2.3", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"172.32.0.1", true},
		{"192.168.1.1", false},
		{"100.64.0.1", false},
		{"100.127.255.255", false},
		{"100.128.0.1", true},
		{"169.254.169.254", false},
		{"169.254.170.2", false},
		{"192.0.0.192", false},
		{"192.0.2.1", false},
		{"198.18.0.1", false},
		{"198.51.100.1", false},
		{"203.0.113.1", false},
		{"224.0.0.1", false},
		{"239.255.255.255", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::ffff:127.0.0.1", false},
		{"::ffff:8.8.8.8", false},
		{"::127.0.0.1", false},
		{"64:ff9b::7f00:1", false},
		{"64:ff9b:1::a00:1", false},
		{"100::1", false},
		{"2001::1", false},
		{"2001:db8::1", false},
		{"2002:7f00:1::", false},
		{"3fff::1", false},
		{"fc00::1", false},
		{"fd00:ec2::254", false},
		{"fe80::1", false},
		{"fe80::1%eth0", false},
		{"2606:4700::1%eth0", false},
		{"fec0::1", false},
		{"ff02::1", false},
		{"5f00::1", false},
	}
	for _, tt := range tests {
		if got := isPublic(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("isPublic(%s) = %t, want %t", tt.addr, got, tt.want)
		}
	}
}

func TestAllowedNetworks(t *testing.T) {
	g := guard{allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	tests := []struct {
		address string
		trust   trust
		want    bool
	}{
		{"10.1.2.3:443", public, true},
		{"10.1.2.3:80", allowedOnly, true},
		{"[::ffff:10.1.2.3]:443", public, true},
		{"10.2.0.1:443", public, false},
		{"[fd00::1]:443", public, true},
		{"[fd00::1%eth0]:443", public, false},
		{"8.8.8.8:443", public, true},
		{"8.8.8.8:80", allowedOnly, false},
		{"name:443", public, false},
		{"", public, false},
	}
	for _, tt := range tests {
		err := g.check(tt.trust, tt.address)
		if (err == nil) != tt.want {
			t.Errorf("check(%s) = %v, want allowed: %t", tt.address, err, tt.want)
		}
		if err != nil && autodefend.ErrorCode(err) != autodefend.CodeInvalid {
			t.Errorf("check(%s): code %s", tt.address, autodefend.ErrorCode(err))
		}
	}
}

// nameServer answers every query for an A record with the next of its addresses, and counts its answers.
type nameServer struct {
	conn    net.PacketConn
	answers []netip.Addr
	asked   atomic.Int64
}

func newNameServer(t *testing.T, answers ...string) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{conn: conn}
	for _, a := range answers {
		s.answers = append(s.answers, netip.MustParseAddr(a))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return s
}

func (s *nameServer) serve() {
	buf := make([]byte, 512)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = s.conn.WriteTo(s.answer(buf[:n]), from)
	}
}

// answer repeats the question with one record, or none for other types than A.
func (s *nameServer) answer(query []byte) []byte {
	end := 12
	for end < len(query) && query[end] != 0 {
		end += 1 + int(query[end])
	}
	end += 5 // the name's end, type and class
	out := append([]byte{}, query[:end]...)
	out[2], out[3] = 0x81, 0x80
	clear(out[6:12])
	if query[end-3] != 1 { // not A
		return out
	}
	out[7] = 1
	addr := s.answers[min(int(s.asked.Add(1))-1, len(s.answers)-1)].As4()
	return append(append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), addr[:]...)
}

func (s *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

// TestNamesOfInsideAddresses connects by names that resolve to a server of this machine: one that always does, and one
// that does after having resolved to something public.
func TestNamesOfInsideAddresses(t *testing.T) {
	var reached atomic.Int64
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dns := newNameServer(t, "203.0.113.7", "127.0.0.1", "169.254.169.254", "10.0.0.1", "127.0.0.1")
	n := New(Config{Resolver: dns.resolver()})
	for range 5 {
		for _, to := range []api.AlertTarget{
			{Webhook: &api.WebhookTarget{URL: "https://rebind.example.com.:" + port + "/"}},
			{Slack: &api.SlackTarget{URL: "https://rebind.example.com.:" + port + "/"}},
			{Syslog: &api.AlertSyslog{Address: "rebind.example.com.:" + port}},
			{Syslog: &api.AlertSyslog{Address: "rebind.example.com.:" + port, Protocol: "udp"}},
			{Email: &api.EmailTarget{Settings: api.AlertEmail{SMTPAddress: "rebind.example.com.", Port: 25, From: "a@example.com", Recipients: []string{"b@example.com"}}}},
		} {
			err := n.Send(t.Context(), to, runtimeAlert("a"))
			if err == nil || autodefend.ErrorCode(err) != autodefend.CodeInvalid || !strings.Contains(err.Error(), "address it resolves to") {
				t.Errorf("%+v: %v, want a refusal", to, err)
			}
			if strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "169.254") {
				t.Errorf("the error tells what the name resolves to: %v", err)
			}
		}
	}
	if reached.Load() != 0 {
		t.Errorf("the inside was reached %d times", reached.Load())
	}
	if dns.asked.Load() < 5 {
		t.Errorf("names were resolved %d times: the test shows nothing", dns.asked.Load())
	}
}

func TestLiteralInsideAddresses(t *testing.T) {
	n := New(Config{})
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "169.254.169.254", "[fe80::1%25lo]"} {
		for _, scheme := range []string{"https", "http"} {
			err := n.Send(t.Context(), api.AlertTarget{Webhook: &api.WebhookTarget{URL: scheme + "://" + host + ":1/"}}, runtimeAlert("a"))
			if err == nil {
				t.Errorf("%s://%s was connected to", scheme, host)
			}
		}
	}
}
