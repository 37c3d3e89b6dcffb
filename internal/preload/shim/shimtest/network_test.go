package shimtest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// answerName answers one DNS question: 192.0.2.7 for A, nothing for other types.
func answerName(query []byte) []byte {
	if len(query) < 17 {
		return nil
	}
	end := 12
	for end < len(query) && query[end] != 0 {
		end += int(query[end]) + 1
	}
	if end+5 > len(query) {
		return nil
	}
	question := query[12 : end+5]
	answer := append([]byte{}, query[:2]...)
	isA := binary.BigEndian.Uint16(question[len(question)-4:]) == 1
	answer = append(answer, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
	answer = append(answer, question...)
	if isA {
		answer[7] = 1
		answer = append(answer, 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7)
	}
	return answer
}

// nameServer answers over UDP and TCP on one loopback port.
func nameServer(t *testing.T) netip.AddrPort {
	t.Helper()
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.Listen("tcp4", packets.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = packets.Close()
		_ = streams.Close()
	})
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(answerName(buffer[:n]), from)
		}
	}()
	go func() {
		for {
			conn, err := streams.Accept()
			if err != nil {
				return
			}
			serveStream(conn)
		}
	}()
	return packets.LocalAddr().(*net.UDPAddr).AddrPort() //nolint:forcetypeassert // a UDP socket's
}

func serveStream(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil || n < 2 {
			return
		}
		answer := answerName(buffer[2:n])
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// TestNames: every resolver reaches ours, whatever server it means to ask, and believes the answer.
func TestNames(t *testing.T) {
	s := newSupervisor(t, rules{flags: flagRedirect, resolver: nameServer(t)})
	shim := shimFile(t, runtime.GOARCH)
	c := func(cc string) string { needs(t, cc); return program(t, cc, "names") }
	java := `import java.net.*; public class Names { public static void main(String[] a) throws Exception { System.out.println(InetAddress.getByName("some.name.test").getHostAddress()); } }`
	tests := []struct {
		name string
		args func(t *testing.T) []string
	}{
		{"getent", func(*testing.T) []string { return []string{"getent", "ahostsv4", "some.name.test"} }},
		{"python", func(*testing.T) []string {
			return []string{"python3", "-c", "import socket; print(socket.getaddrinfo('some.name.test', 80)[0][4][0])"}
		}},
		{"python over IPv6", func(*testing.T) []string {
			return []string{"python3", "-c", `
import socket
q=b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04some\x04name\x04test\x00\x00\x01\x00\x01'
s=socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.settimeout(9); s.sendto(q, ('2001:db8::53', 53))
a,who=s.recvfrom(999); assert who[:2] == ('2001:db8::53', 53), who; print(socket.inet_ntoa(a[-4:]))`}
		}},
		{"node lookup", func(*testing.T) []string {
			return []string{"node", "-e", "require('dns').lookup('some.name.test', (e, a) => console.log(e, a))"}
		}},
		{"c-ares", func(*testing.T) []string {
			return []string{"node", "-e", "const r = new (require('dns').Resolver)(); r.setServers(['192.0.2.53']); r.resolve4('some.name.test', (e, a) => console.log(e, a))"}
		}},
		{"dig", func(*testing.T) []string {
			return []string{"dig", "+short", "+time=5", "@192.0.2.53", "some.name.test"}
		}},
		{"dig over TCP", func(*testing.T) []string {
			return []string{"dig", "+tcp", "+short", "+time=5", "@192.0.2.53", "some.name.test"}
		}},
		{"musl", func(*testing.T) []string { return []string{c("musl-gcc"), "some.name.test"} }},
		{"glibc", func(*testing.T) []string { return []string{c("cc"), "some.name.test"} }},
		{"java", func(t *testing.T) []string {
			t.Helper()
			file := t.TempDir() + "/Names.java"
			if err := os.WriteFile(file, []byte(java), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"java", file}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			args := test.args(t)
			needs(t, args[0])
			out, err := runBounded(t, s.command(shim, args[0], args[1:]...), time.Minute)
			if err != nil || !strings.Contains(out, "192.0.2.7") {
				t.Errorf("%v, printed %s", err, out)
			}
		})
	}
}

// sendUnspecified sends to addresses that Python doesn't know how to write: their family is 0.
const sendUnspecified = `
import ctypes, socket, struct
def unspecified(ip, port): return struct.pack('=H', 0) + struct.pack('!H', port) + socket.inet_aton(ip) + bytes(8)
def send(to):
  if ctypes.CDLL(None, use_errno=True).sendto(s.fileno(), b'x', 1, 0, to, len(to)) < 0: raise OSError(ctypes.get_errno(), 'sendto')
`

// TestConnect: what is asked about a destination.
func TestConnect(t *testing.T) {
	python := needs(t, "python3")
	shim := shimFile(t, runtime.GOARCH)
	r := rules{
		modes: map[int]byte{kindConnect: modeList}, api: 9001, upstream: netip.MustParseAddrPort("169.254.100.1:9002"),
		denyNets: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, denyPorts: [][2]uint16{{25, 25}},
	}
	const udp, tcp = "socket.SOCK_DGRAM", "socket.SOCK_STREAM"
	tests := []struct {
		name, family, kind, call string
		want                     string // the address asked about, "" for none
		protocol                 uint16
	}{
		{"denied net", "socket.AF_INET", udp, "s.connect(('192.0.2.1', 9))", "192.0.2.1:9", unix.IPPROTO_UDP},
		{"denied net, mapped", "socket.AF_INET6", udp, "s.connect(('::ffff:192.0.2.1', 9))", "192.0.2.1:9", unix.IPPROTO_UDP},
		{"denied port", "socket.AF_INET", tcp, "s.connect(('127.0.0.1', 25))", "127.0.0.1:25", unix.IPPROTO_TCP},
		{"the Runtime API", "socket.AF_INET", tcp, "s.connect(('127.0.0.1', 9001))", "127.0.0.1:9001", unix.IPPROTO_TCP},
		{"the Runtime API by 0.0.0.0", "socket.AF_INET", tcp, "s.connect(('0.0.0.0', 9001))", "0.0.0.0:9001", unix.IPPROTO_TCP},
		{"the Runtime API itself", "socket.AF_INET", tcp, "s.connect(('169.254.100.1', 9002))", "169.254.100.1:9002", unix.IPPROTO_TCP},
		{"the Runtime API itself, mapped", "socket.AF_INET6", tcp, "s.connect(('::ffff:169.254.100.1', 9002))", "169.254.100.1:9002", unix.IPPROTO_TCP},
		{"the Runtime API itself by loopback", "socket.AF_INET", tcp, "s.connect(('127.0.0.1', 9002))", "127.0.0.1:9002", unix.IPPROTO_TCP},
		{"another port of it", "socket.AF_INET", udp, "s.connect(('169.254.100.1', 9001)); raise PermissionError", "", 0},
		{"sendto", "socket.AF_INET", udp, "s.sendto(b'x', ('192.0.2.1', 9))", "192.0.2.1:9", unix.IPPROTO_UDP},
		{"sendmsg", "socket.AF_INET", udp, "s.sendmsg([b'x'], [], 0, ('192.0.2.1', 9))", "192.0.2.1:9", unix.IPPROTO_UDP},
		{"sendto, unspecified", "socket.AF_INET", udp, "send(unspecified('192.0.2.1', 9))", "192.0.2.1:9", unix.IPPROTO_UDP},
		{"sendto elsewhere, unspecified", "socket.AF_INET", udp, "send(unspecified('127.0.0.1', 9)); raise PermissionError", "", 0},
		{"elsewhere", "socket.AF_INET", udp, "s.connect(('198.51.100.1', 9)); raise PermissionError", "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSupervisor(t, r)
			code := sendUnspecified + "s=socket.socket(" + test.family + "," + test.kind + ")\ntry: " + test.call + "; print('done')\nexcept PermissionError: print('denied')"
			out, err := runBounded(t, s.command(shim, python, "-c", code), time.Minute)
			if err != nil || out != "denied\n" {
				t.Errorf("%v, printed %s", err, out)
			}
			asked := s.asked()
			if test.want == "" && len(asked) != 0 || test.want != "" && (len(asked) != 1 || asked[0].addr.String() != test.want || asked[0].protocol != test.protocol) {
				t.Errorf("asked %+v, want %s", asked, test.want)
			}
		})
	}
}

// TestListen: ports that are taken are asked about when bound and when listened on.
func TestListen(t *testing.T) {
	python := needs(t, "python3")
	s := newSupervisor(t, rules{modes: map[int]byte{kindListen: modeAsk}, answer: func(q question) (byte, int32) {
		if q.number == 0 {
			return verdictAllow, 0
		}
		return verdictDeny, int32(unix.EADDRINUSE)
	}})
	code := "import socket\ns=socket.socket(); s.bind(('127.0.0.1', 0))\ntry: s.listen()\nexcept OSError as e: print(e.errno)"
	out, err := runBounded(t, s.command(shimFile(t, runtime.GOARCH), python, "-c", code), time.Minute)
	if err != nil || out != "98\n" {
		t.Errorf("%v, printed %s", err, out)
	}
	if asked := s.asked(); len(asked) != 1 || asked[0].number != 1 || asked[0].addr.Port() == 0 {
		t.Errorf("asked %+v", asked)
	}
}

// TestOwnSocket: the supervisor's socket isn't the program's to speak to.
func TestOwnSocket(t *testing.T) {
	python := needs(t, "python3")
	s := newSupervisor(t, rules{})
	code := "import socket\ns=socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ntry: s.connect('\\0" + s.name + "'); print('done')\nexcept PermissionError: print('denied')"
	out, err := runBounded(t, s.command(shimFile(t, runtime.GOARCH), python, "-c", code), time.Minute)
	if asked := s.asked(); err != nil || out != "denied\n" || len(asked) != 1 || asked[0].kind != kindTamper {
		t.Errorf("%v, printed %s, asked %+v", err, out, asked)
	}
}

// TestURing: a ring that passes nobody is one that the kernel doesn't have.
func TestURing(t *testing.T) {
	python := needs(t, "python3")
	s := newSupervisor(t, rules{flags: flagNoURing})
	code := "import ctypes; l=ctypes.CDLL(None, use_errno=True); print(l.syscall(425, 1, 0), ctypes.get_errno())"
	out, err := runBounded(t, s.command(shimFile(t, runtime.GOARCH), python, "-c", code), time.Minute)
	if err != nil || out != "-1 38\n" {
		t.Errorf("%v, printed %s", err, out)
	}
}
