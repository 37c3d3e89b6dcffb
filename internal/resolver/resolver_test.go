package resolver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/autodefend/autodefend/internal/policy"
)

// patience bounds every wait of the tests; none is expected to come near it.
const patience = 20 * time.Second

// TestMain fails when a goroutine outlives the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a resolver, a server that it forwards to, and what was judged and learnt.
type world struct {
	t        *testing.T
	resolver *Resolver
	udp, tcp string
	server   *server

	mu     sync.Mutex
	judged []string
	who    []bool
	learnt map[string][]netip.Addr
	ttl    time.Duration
}

// newWorld denies evil.test and all below it.
func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, server: newServer(t), learnt: make(map[string][]netip.Addr)}
	packets, listener := sockets(t)
	w.udp, w.tcp = packets.LocalAddr().String(), listener.Addr().String()
	config := Config{
		PacketConn: packets, Listener: listener, Upstreams: []netip.AddrPort{w.server.addr},
		Judge: w.judge, Learn: w.learn,
		Who: func(source netip.AddrPort, tcp bool) policy.Process {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.who = append(w.who, tcp)
			return policy.Process{PID: int(source.Port())}
		},
	}
	if change != nil {
		change(&config)
	}
	w.resolver = New(config)
	served := make(chan error, 1)
	go func() { served <- w.resolver.Serve() }()
	t.Cleanup(func() {
		if err := w.resolver.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

// sockets are a UDP and a TCP socket of the same port.
func sockets(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, listener
		}
		_ = packets.Close() // the port is somebody else's for TCP
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
}

func (w *world) judge(e policy.Event) policy.Decision {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.judged = append(w.judged, e.Domain)
	return policy.Decision{Deny: e.Domain == "evil.test" || strings.HasSuffix(e.Domain, ".evil.test")}
}

func (w *world) learn(domain string, addresses []netip.Addr, ttl time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.learnt[domain] = append(w.learnt[domain], addresses...)
	w.ttl = ttl
}

// server answers over UDP and TCP as its handler says.
type server struct {
	addr netip.AddrPort

	mu     sync.Mutex
	asked  [][]byte
	handle func(message []byte, tcp bool) []byte
}

func newServer(t testing.TB) *server {
	t.Helper()
	packets, listener := sockets(t)
	s := &server{addr: netip.MustParseAddrPort(packets.LocalAddr().String()), handle: records}
	var running sync.WaitGroup
	running.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, source, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := s.respond(buffer[:n], false); answer != nil {
				_, _ = packets.WriteTo(answer, source)
			}
		}
	})
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			if message, err := readMessage(conn); err == nil {
				if answer := s.respond(message, true); answer != nil {
					_ = writeMessage(conn, answer)
				}
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = packets.Close()
		_ = listener.Close()
		running.Wait()
	})
	return s
}

func (s *server) respond(message []byte, tcp bool) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, append([]byte(nil), message...))
	return s.handle(message, tcp)
}

// play has the server answer with a handler from now on.
func (s *server) play(handle func(message []byte, tcp bool) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handle = handle
}

func (s *server) questions() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// records answers every A question with 192.0.2.1 and every AAAA question with 2001:db8::1.
func records(message []byte, _ bool) []byte {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil {
		return nil
	}
	question, err := p.Question()
	if err != nil {
		return nil
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: header.ID, Response: true, RecursionAvailable: true})
	_ = b.StartQuestions()
	_ = b.Question(question)
	_ = b.StartAnswers()
	h := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 60}
	switch question.Type {
	case dnsmessage.TypeA:
		_ = b.AResource(h, dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}})
	case dnsmessage.TypeAAAA:
		_ = b.AAAAResource(h, dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::1").As16()})
	}
	answer, _ := b.Finish()
	return answer
}

func TestLookup(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			w := newWorld(t, nil)
			r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, w.udp)
			}}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			got, err := r.LookupNetIP(ctx, "ip", "Good.test.")
			if err != nil || len(got) != 2 {
				t.Fatalf("got %v, %v", got, err)
			}
			_, err = r.LookupNetIP(ctx, "ip", "www.Evil.test.")
			if dns, ok := errors.AsType[*net.DNSError](err); !ok || !dns.IsNotFound || dns.IsTemporary {
				t.Errorf("a denied name gave %v", err)
			}
			if n := len(w.server.questions()); n != 2 {
				t.Errorf("%d questions were forwarded, want 2", n)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if len(w.learnt["good.test"]) != 2 || w.ttl != time.Minute {
				t.Errorf("learnt %v for %v", w.learnt, w.ttl)
			}
		})
	}
}
