package resolver

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/autodefend/autodefend/internal/policy"
)

const (
	good    = "\x04GooD\x04test\x00"
	okay    = "\xbe\xef\x85\x80\x00\x01\x00\x00\x00\x00\x00\x00" + good + "\x00\x01\x00\x01"
	refused = "\xbe\xef\x81\x85\x00\x01\x00\x00\x00\x00\x00\x00" + good + "\x00\x01\x00\x01"
	ask     = header + good + "\x00\x01\x00\x01"
)

// answers gives a fixed answer.
func answers(message string) func([]byte, bool) []byte {
	return func([]byte, bool) []byte {
		if message == "" {
			return nil
		}
		return []byte(message)
	}
}

// over sends one message to the resolver and returns its answer.
func (w *world) over(network, message string) string {
	w.t.Helper()
	conn, err := net.Dial(network, w.udp)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	answer := make([]byte, 64<<10)
	if network == "tcp" {
		if err = writeMessage(conn, []byte(message)); err == nil {
			answer, err = readMessage(conn)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		return string(answer)
	}
	if _, err := io.WriteString(conn, message); err != nil {
		w.t.Fatal(err)
	}
	n, err := conn.Read(answer)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(answer[:n])
}

// TestForwardedAsBytes: an allowed question and its answer pass as they are, whatever they ask and say.
func TestForwardedAsBytes(t *testing.T) {
	noise := strings.Repeat("any\x00thing\xff", 30)
	for name, end := range map[string]string{
		"A": "\x00\x01\x00\x01", "AAAA": "\x00\x1c\x00\x01", "HTTPS": "\x00\x41\x00\x01", "SVCB": "\x00\x40\x00\x01", "ANY": "\x00\xff\x00\x01",
		"PTR": "\x00\x0c\x00\x01", "TXT of CHAOS": "\x00\x10\x00\x03", "AXFR": "\x00\xfc\x00\x01", "private": "\xff\xfe\x00\x01",
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				w := newWorld(t, nil)
				question := withOPT(header+good+end) + "trailing"
				answer := "\xbe\xef\x87\xb0\x00\x01\x00\x09\x00\x00\x00\x01" + strings.ToLower(good) + end + noise
				w.server.play(answers(answer))
				if got := w.over(network, question); got != answer {
					t.Errorf("got %q, want %q", got, answer)
				}
				if asked := w.server.questions(); len(asked) != 1 || string(asked[0]) != question {
					t.Errorf("the server got %q, want %q", asked, question)
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.judged) != 1 || w.judged[0] != "good.test" || len(w.who) != 1 || w.who[0] != (network == "tcp") {
					t.Errorf("judged %q of %v", w.judged, w.who)
				}
			})
		}
	}
}

// TestServers plays with one or two servers that behave badly.
func TestServers(t *testing.T) {
	const failed = "\xbe\xef\x81\x82\x00\x01\x00\x00\x00\x00\x00\x00" + good + "\x00\x01\x00\x01"
	tests := map[string]struct {
		handlers []func([]byte, bool) []byte // nil: nobody listens
		want     string
		asked    []int
	}{
		"one":                     {[]func([]byte, bool) []byte{answers(okay)}, okay, []int{1}},
		"first refuses":           {[]func([]byte, bool) []byte{answers(refused), answers(okay)}, okay, []int{1, 1}},
		"all refuse":              {[]func([]byte, bool) []byte{answers(refused), answers(refused)}, refused, []int{1, 1}},
		"first is not there":      {[]func([]byte, bool) []byte{nil, answers(okay)}, okay, []int{0, 1}},
		"none is there":           {[]func([]byte, bool) []byte{nil, nil}, failed, []int{0, 0}},
		"refuses, then not there": {[]func([]byte, bool) []byte{answers(refused), nil}, refused, []int{1, 0}},
	}
	for name, tt := range tests {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				var servers []*server
				w := newWorld(t, func(c *Config) {
					c.Upstreams = nil
					for _, handle := range tt.handlers {
						s := &server{addr: netip.MustParseAddrPort("127.0.0.1:1")}
						if handle != nil {
							s = newServer(t)
							s.play(handle)
						}
						servers = append(servers, s)
						c.Upstreams = append(c.Upstreams, s.addr)
					}
				})
				if got := w.over(network, ask); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				for i, s := range servers {
					if n := len(s.questions()); n != tt.asked[i] {
						t.Errorf("server %d was asked %d times, want %d", i, n, tt.asked[i])
					}
				}
			})
		}
	}
}

// TestSilentServer: the next one is asked, and from then on it is asked first.
func TestSilentServer(t *testing.T) {
	silent := newServer(t)
	silent.play(answers(""))
	w := newWorld(t, func(c *Config) { c.Upstreams = append([]netip.AddrPort{silent.addr}, c.Upstreams...) })
	w.server.play(answers(okay))
	for range 3 {
		if got := w.over("udp", ask); got != okay {
			t.Errorf("got %q, want %q", got, okay)
		}
	}
	if a, b := len(silent.questions()), len(w.server.questions()); a != 1 || b != 3 {
		t.Errorf("the silent server was asked %d times, the other %d times", a, b)
	}
}

// TestForeignResponses: what isn't the response to the question is passed over.
func TestForeignResponses(t *testing.T) {
	packets, listener := sockets(t)
	defer packets.Close()
	defer listener.Close()
	w := newWorld(t, func(c *Config) { c.Upstreams = []netip.AddrPort{netip.MustParseAddrPort(packets.LocalAddr().String())} })
	go func() {
		buffer := make([]byte, maxPacket)
		_, source, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		for _, message := range []string{
			"", "\xbe\xef", ask, "\xbe\xee" + okay[2:], strings.Replace(okay, "GooD", "Evil", 1), okay[:len(okay)-3] + "\x1c\x00\x01",
			okay[:5] + "\x00" + okay[6:], okay[:len(okay)-1], okay,
		} {
			_, _ = packets.WriteTo([]byte(message), source)
		}
	}()
	if got := w.over("udp", ask); got != okay {
		t.Errorf("got %q, want %q", got, okay)
	}
}

// TestTruncated: the program is told to come again over TCP, and gets all then.
func TestTruncated(t *testing.T) {
	w := newWorld(t, nil)
	long := okay + strings.Repeat("x", 60_000)
	short := okay[:2] + "\x87" + okay[3:]
	w.server.play(func(_ []byte, tcp bool) []byte {
		if tcp {
			return []byte(long)
		}
		return []byte(short)
	})
	if got := w.over("udp", ask); got != short {
		t.Errorf("over UDP: %q", got)
	}
	if got := w.over("tcp", ask); got != long {
		t.Errorf("over TCP: %d bytes", len(got))
	}
}

// TestLargePackets: an answer has the room that the program offers.
func TestLargePackets(t *testing.T) {
	w := newWorld(t, nil)
	long := okay + strings.Repeat("x", 60_000)
	w.server.play(answers(long))
	question := strings.Replace(withOPT(ask), "\x29\x04\xd0", "\x29\xff\xff", 1)
	if got := w.over("udp", question); got != long {
		t.Errorf("got %d bytes", len(got))
	}
}

// TestConnections: several questions on one connection, in pieces; garbage ends it.
func TestConnections(t *testing.T) {
	w := newWorld(t, nil)
	w.server.play(answers(okay))
	conn, err := net.Dial("tcp", w.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	framed := string(binary.BigEndian.AppendUint16(nil, uint16(len(ask)))) + ask
	for _, part := range []string{framed[:1], framed[1:10], framed[10:] + framed, framed + "\x00\x00"} {
		if _, err := io.WriteString(conn, part); err != nil {
			t.Fatal(err)
		}
	}
	all, err := io.ReadAll(conn)
	want := strings.Repeat(string(binary.BigEndian.AppendUint16(nil, uint16(len(okay))))+okay, 3)
	if err != nil || string(all) != want {
		t.Errorf("got %q and %v, want %q", all, err, want)
	}
}

// TestBounded: no more questions than slots wait for a server at once.
func TestBounded(t *testing.T) {
	release := make(chan struct{})
	var mu sync.Mutex
	waiting, most := 0, 0
	full := make(chan struct{})
	var once sync.Once
	who := func(netip.AddrPort, bool) policy.Process {
		mu.Lock()
		waiting++
		if most = max(most, waiting); waiting == maxQuestions {
			once.Do(func() { close(full) })
		}
		mu.Unlock()
		<-release
		mu.Lock()
		waiting--
		mu.Unlock()
		return policy.Process{}
	}
	w := newWorld(t, func(c *Config) { c.Who = who })
	conn, err := net.Dial("udp", w.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 * maxQuestions {
		if _, err := io.WriteString(conn, ask); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-full:
	case <-time.After(patience):
		t.Error("not as many questions as slots")
	}
	close(release)
	mu.Lock()
	defer mu.Unlock()
	if most > maxQuestions {
		t.Errorf("%d questions at once", most)
	}
}

func TestNeverItself(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Upstreams = []netip.AddrPort{netip.MustParseAddrPort(c.PacketConn.LocalAddr().String())}
	})
	if got := w.over("udp", ask); got[3]&0xf != byte(dnsmessage.RCodeServerFailure) {
		t.Errorf("got %q", got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.judged) != 1 {
		t.Errorf("the question was judged %d times", len(w.judged))
	}
}

// TestPrograms asks with real ones: c-ares in Node.js, dig.
func TestPrograms(t *testing.T) {
	const script = `const {Resolver} = require('dns').promises; const r = new Resolver(); r.setServers([process.argv[1]]);
		(async () => { for (const name of ['good.test', 'www.evil.test']) for (const type of ['A', 'AAAA', 'TXT'])
		try { console.log(name, type, JSON.stringify(await r.resolve(name, type))) } catch (e) { console.log(name, type, e.code) } })()`
	tests := map[string]struct {
		args []string
		want string
	}{
		"node": {[]string{"-e", script, "ADDRESS"}, "good.test A [\"192.0.2.1\"]\ngood.test AAAA [\"2001:db8::1\"]\ngood.test TXT ENODATA\n" +
			"www.evil.test A ENOTFOUND\nwww.evil.test AAAA ENOTFOUND\nwww.evil.test TXT ENOTFOUND\n"},
		"dig": {[]string{"@127.0.0.1", "-p", "PORT", "+noall", "+comments", "+tries=1", "www.evil.test"}, "status: NXDOMAIN"},
	}
	for program, tt := range tests {
		t.Run(program, func(t *testing.T) {
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("SKIPPED: %s is not installed", program)
			}
			w := newWorld(t, nil)
			_, port, _ := net.SplitHostPort(w.udp)
			for i := range tt.args {
				tt.args[i] = strings.NewReplacer("ADDRESS", w.udp, "PORT", port).Replace(tt.args[i])
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := exec.CommandContext(ctx, program, tt.args...).CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(tt.want)) || bytes.Contains(out, []byte("WARNING")) {
				t.Errorf("%v\n%s", err, out)
			}
			if program == "dig" && !bytes.Contains(out, []byte("EDE: 15 (Blocked)")) {
				t.Errorf("the reason is not there:\n%s", out)
			}
		})
	}
}

func TestResolvConf(t *testing.T) {
	local := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}
	addrs := func(all ...string) []netip.AddrPort {
		var list []netip.AddrPort
		for _, a := range all {
			list = append(list, netip.AddrPortFrom(netip.MustParseAddr(a), 53))
		}
		return list
	}
	tests := map[string]settings{
		"": {local, defaultTimeout, 2},
		"nameserver 10.0.0.2\nsearch eu-west-1.compute.internal\noptions timeout:1 attempts:3 ndots:5 rotate\n": {addrs("10.0.0.2"), time.Second, 3},
		"nameserver fd00:ec2::253\r\nnameserver\t169.254.78.1 # vpc\n":                                          {addrs("fd00:ec2::253", "169.254.78.1"), defaultTimeout, 2},
		"nameserver fe80::1%eth0\nnameserver 1.1.1.1":                                                           {addrs("fe80::1%eth0", "1.1.1.1"), defaultTimeout, 2},
		"nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4":                        {addrs("1.1.1.1", "1.1.1.2", "1.1.1.3"), defaultTimeout, 2},
		"#nameserver 1.1.1.1\n;nameserver 1.1.1.1\nnameserver\nnameserver x\nNameserver 1.1.1.1":                {local, defaultTimeout, 2},
		"options timeout:0 attempts:0\n":                                                                        {local, time.Second, 1},
		"options timeout:99999999999 attempts:9999\n":                                                           {local, maxTimeout, 5},
		"options timeout:9999\noptions attempts:-1 timeout:x timeout":                                           {local, maxTimeout, 2},
	}
	for text, want := range tests {
		if diff := cmp.Diff(want, parseResolvConf(text), cmp.AllowUnexported(settings{}), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// TestResolvConfIsReadAgain changes, removes and replaces the file.
func TestResolvConfIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	conf := resolvConf{path: path}
	expect := func(want string) {
		t.Helper()
		if got := conf.settings().servers[0].Addr().String(); got != want {
			t.Errorf("the server is %s, want %s", got, want)
		}
	}
	expect("127.0.0.1")
	for i := range 3 {
		address := fmt.Sprintf("10.0.0.%d", i)
		temporary := path + "~"
		if err := os.WriteFile(temporary, []byte("nameserver "+address), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temporary, path); err != nil {
			t.Fatal(err)
		}
		expect(address)
		expect(address)
	}
	if err := os.WriteFile(path, []byte("nameserver 192.168.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("192.168.0.1")
	if err := os.WriteFile(path, bytes.Repeat([]byte("\n"), maxResolvConf+1), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("127.0.0.1")
}

func TestPassthrough(t *testing.T) {
	packets, listener := sockets(t)
	done := make(chan error, 1)
	go func() { done <- passBetween(packets, listener, func() []netip.AddrPort { return nil }) }()
	_ = packets.Close()
	_ = listener.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}

	s := newServer(t)
	s.play(answers(okay))
	packets, listener = sockets(t)
	dead := netip.MustParseAddrPort("127.0.0.1:1")
	go func() {
		done <- passBetween(packets, listener, func() []netip.AddrPort { return []netip.AddrPort{dead, s.addr} })
	}()
	w := &world{t: t, udp: packets.LocalAddr().String()}
	for _, network := range []string{"udp", "tcp"} {
		if got := w.over(network, ask); got != okay {
			t.Errorf("%s: got %q, want %q", network, got, okay)
		}
	}
	_ = packets.Close()
	_ = listener.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
