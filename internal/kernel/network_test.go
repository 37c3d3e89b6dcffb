package kernel

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// anyAnswer is a word that a program prints when it got the name server's answer.
const anyAnswer = "127.0.0.7"

func dnsPrograms(t *testing.T) []struct{ name, program, code string } {
	return []struct{ name, program, code string }{
		{"getent", "getent", "ahosts NAME"},
		{"python getaddrinfo", "python3", "import socket; print(socket.getaddrinfo('NAME', 80))"},
		{"python connected", "python3", udpQuestion + "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.connect(('192.0.2.1',53)); print(s.getpeername()); s.send(q('NAME')); d,a=s.recvfrom(999); print(a); show(d)"},
		{"python to an address", "python3", udpQuestion + "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(q('NAME'),('192.0.2.1',53)); d,a=s.recvfrom(999); print(a); show(d)"},
		{"python sendmsg", "python3", udpQuestion + "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendmsg([q('NAME')],[],0,('192.0.2.1',53)); d,c,f,a=s.recvmsg(999); print(a); show(d)"},
		{"python nonblocking", "python3", udpQuestion + "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.setblocking(False); s.sendto(q('NAME'),('192.0.2.1',53)); import select; select.select([s],[],[]); d,a=s.recvfrom(999); print(a); show(d)"},
		{"python with a time limit", "python3", udpQuestion + "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(5); s.connect(('192.0.2.1',53)); s.send(q('NAME')); d,a=s.recvfrom(999); print(a); show(d)"},
		{"python IPv6", "python3", udpQuestion + "s=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM); s.sendto(q('NAME'),('2001:db8::1',53)); d,a=s.recvfrom(999); print(a); show(d)"},
		{"python TCP", "python3", udpQuestion + "s=socket.create_connection(('192.0.2.1',53)); print(s.getpeername()); m=q('NAME'); s.sendall(bytes([0,len(m)])+m); show(s.recv(999)[2:])"},
		{"python TCP over IPv6", "python3", udpQuestion + "s=socket.create_connection(('2001:db8::1',53)); print(s.getpeername()); m=q('NAME'); s.sendall(bytes([0,len(m)])+m); show(s.recv(999)[2:])"},
		{"node lookup", "node", "require('dns').lookup('NAME',(e,a)=>console.log(e,a))"},
		{"node resolve", "node", "require('dns').resolve4('NAME',(e,a)=>console.log(e,a))"},
		{"dig", "dig", "@192.0.2.1 +time=3 +tries=1 NAME"},
		{"dig TCP", "dig", "@192.0.2.1 +tcp +time=3 +tries=1 NAME"},
		{"ruby", "ruby", "require 'resolv'; puts Resolv::DNS.new(nameserver: ['192.0.2.1']).getaddress('NAME')"},
	}
}

const udpQuestion = `
import socket
def q(n): return b'\x12\x34\x01\0\0\1\0\0\0\0\0\0'+b''.join(bytes([len(l)])+l.encode() for l in n.split('.'))+b'\0\0\1\0\1'
def show(d): print('.'.join(map(str,d[-4:])))
`

func TestDNS(t *testing.T) {
	for _, effect := range []autodefend.Effect{autodefend.Alert, autodefend.Prevent} {
		for _, tt := range dnsPrograms(t) {
			t.Run(string(effect)+"/"+tt.name, func(t *testing.T) {
				path := need(t, tt.program)
				server := startNameServer(t)
				name := strings.ReplaceAll(strings.ToLower(tt.name), " ", "-") + ".example.com"
				code := strings.ReplaceAll(tt.code, "NAME", name)
				argv := []string{path, "-c", code}
				switch tt.program {
				case "getent", "dig":
					argv = append([]string{path}, strings.Fields(code)...)
				case "node", "ruby":
					argv[1] = "-e"
				}
				cfg := Config{Sections: sections(effect), Resolver: server.addr, Attribute: server.attribute}
				out, _ := output(t, cfg, nil, argv...)
				contains(t, out, anyAnswer)
				if strings.Contains(tt.code, "print(a)") || strings.Contains(tt.code, "getpeername") {
					if !strings.Contains(out, "192.0.2.1") && !strings.Contains(out, "2001:db8::1") {
						t.Errorf("the source shows: %q", out)
					}
				}
				if !server.asked(name) {
					t.Errorf("the name server was asked for %q", server.names)
				}
				if len(server.wrong) > 0 {
					t.Errorf("nobody knows who asked %q", server.wrong)
				}
			})
		}
	}
}

// echo is a TCP server that greets.
func echo(t *testing.T, address string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("greetings\n"))
			conn.Close()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestConnect(t *testing.T) {
	python := need(t, "python3")
	good, bad, six := echo(t, "127.0.0.1:0"), echo(t, "127.0.0.2:0"), echo(t, "[::1]:0")
	deny := func(e policy.Event) bool {
		return (e.Kind == policy.Connect || e.Kind == policy.Listen) && (e.Address.Addr() == bad.Addr() || e.Address.Port() == 4444)
	}
	quote := func(a netip.AddrPort) string {
		return "('" + a.Addr().String() + "'," + strings.TrimPrefix(a.String()[strings.LastIndex(a.String(), ":"):], ":") + ")"
	}
	tests := []struct {
		name, code, want string
	}{
		{"allowed", "print(socket.create_connection(" + quote(good) + ").recv(99))", "greetings"},
		{"allowed IPv6", "print(socket.create_connection(" + quote(six) + ").recv(99))", "greetings"},
		{"denied", "socket.create_connection(" + quote(bad) + ")", "PermissionError"},
		{"mapped into IPv6", "s=socket.socket(socket.AF_INET6); s.connect(('::ffff:127.0.0.2'," + strings.Split(bad.String(), ":")[1] + "))", "PermissionError"},
		{"nonblocking", "s=socket.socket(); s.setblocking(False); print(s.connect_ex(" + quote(bad) + "))", "13"},
		{"nonblocking allowed", "s=socket.socket(); s.setblocking(False); print(s.connect_ex(" + quote(good) + ")); import select; select.select([],[s],[]); s.setblocking(True); print(s.recv(99))", "greetings"},
		{"UDP", "s=socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'x'," + quote(bad) + ")", "PermissionError"},
		{"UDP connected", "s=socket.socket(type=socket.SOCK_DGRAM); s.connect(" + quote(bad) + ")", "PermissionError"},
		{"UDP sendmsg", "s=socket.socket(type=socket.SOCK_DGRAM); s.sendmsg([b'x'],[],0," + quote(bad) + ")", "PermissionError"},
		{"fast open", "s=socket.socket(); s.sendto(b'x',0x20000000," + quote(bad) + ")", "PermissionError"},
		{"bind", "s=socket.socket(); s.bind(('127.0.0.1',4444))", "PermissionError"},
		{"bind elsewhere", "s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(); c=socket.create_connection(s.getsockname()); a,_=s.accept(); a.sendmsg([b'hel',b'lo']); print(c.recv(9))", "hello"},
		{"large sendmsg", "a,b=socket.socketpair(); import threading\nr=[]\ndef rd():\n  while True:\n    d=b.recv(65536)\n    if not d: break\n    r.append(len(d))\nt=threading.Thread(target=rd); t.start(); print(a.sendmsg([b'x'*3000000,b'y'*3000000])); a.close(); t.join(); print(sum(r))", "6000000\n6000000"},
		{"broken pipe", "import signal\na,b=socket.socketpair(); b.close()\nsignal.signal(signal.SIGPIPE,lambda *a: print('sigpipe'))\ntry: a.sendmsg([b'x'])\nexcept BrokenPipeError: print('broken')", "broken"},
		{"passing a descriptor", "import os,array\na,b=socket.socketpair(); r,w=os.pipe(); socket.send_fds(a,[b'z'],[w]); d,f,_,_=socket.recv_fds(b,9,3); os.write(f[0],b'through'); print(os.read(r,99))", "through"},
		{"unix", "import os,tempfile\nd=tempfile.mkdtemp(); os.chdir(d); s=socket.socket(socket.AF_UNIX); s.bind('s'); s.listen(); print(s.getsockname()); c=socket.socket(socket.AF_UNIX); c.connect('s'); c.connect_ex('s'); a,_=s.accept(); c.send(b'yes'); print(a.recv(9)); e=socket.socket(socket.AF_UNIX); e.bind(d+'/t'); print(e.getsockname()==d+'/t', oct(os.stat('t').st_mode)); f=socket.socket(socket.AF_UNIX); print(f.connect_ex('nothing'))", "yes"},
		{"unix datagram", "import tempfile\nd=tempfile.mkdtemp(); s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(d+'/s'); c=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); c.sendto(b'dgram',d+'/s'); print(s.recv(9))", "dgram"},
		{"abstract", "s=socket.socket(socket.AF_UNIX); s.bind('\\0kerneltest'); s.listen(); c=socket.socket(socket.AF_UNIX); c.connect('\\0kerneltest'); print('fine')", "fine"},
		{"the Defender's socket", "c=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); c.connect('\\0own')", "PermissionError"},
		{"packets", "socket.socket(socket.AF_PACKET,socket.SOCK_RAW)", "Error"},
		{"netlink", "print(socket.if_nameindex())\ns=socket.socket(socket.AF_NETLINK,socket.SOCK_RAW,0); s.bind((0,0)); print('bound')", "bound"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{Sections: sections(autodefend.Prevent), ProtectedSockets: []string{"own"}}
			out, _ := output(t, cfg, func(e policy.Event) bool { return deny(e) || e.Kind == policy.Tamper }, python, "-c", "import socket\n"+tt.code)
			contains(t, out, tt.want)
		})
	}
}

const unspecifiedSource = `
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static const char *outcome(long r) { return r < 0 ? strerror(errno) : "sent"; }
int main(int argc, char **argv) {
	struct sockaddr_in to = {.sin_family = AF_UNSPEC, .sin_port = htons(atoi(argv[2]))};
	inet_pton(AF_INET, argv[1], &to.sin_addr);
	struct iovec v = {"x", 1};
	struct msghdr h = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &v, .msg_iovlen = 1};
	struct mmsghdr m[2] = {{h}, {h}};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	printf("sendto: %s\n", outcome(sendto(s, "x", 1, 0, (void *)&to, sizeof to)));
	printf("sendmsg: %s\n", outcome(sendmsg(s, &h, 0)));
	printf("sendmmsg: %s\n", outcome(sendmmsg(s, m, 2, 0)));
	struct sockaddr_in port = {.sin_family = AF_UNSPEC, .sin_port = htons(4444)};
	printf("bind: %s\n", outcome(bind(socket(AF_INET, SOCK_DGRAM, 0), (void *)&port, sizeof port)));
	int six = socket(AF_INET6, SOCK_DGRAM, 0);
	printf("sendto by IPv6: %s\n", outcome(sendto(six, "x", 1, 0, (void *)&to, sizeof to)));
	return 0;
}`

// TestUnspecified: an address of no family is an IPv4 one for Linux where messages are sent and ports are taken.
func TestUnspecified(t *testing.T) {
	program := compile(t, unspecifiedSource)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	good := netip.MustParseAddrPort(conn.LocalAddr().String())
	bad := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), good.Port())
	for _, effect := range []autodefend.Effect{autodefend.Alert, autodefend.Prevent} {
		for _, to := range []netip.AddrPort{good, bad} {
			deny := func(e policy.Event) bool {
				return effect.Stops() && (e.Address == bad || e.Kind == policy.Listen && e.Address.Port() == 4444)
			}
			out, r := output(t, Config{Sections: sections(effect)}, deny, program, to.Addr().String(), strconv.Itoa(int(to.Port())))
			want := "sent"
			if effect.Stops() && to == bad {
				want = "Permission denied"
			}
			contains(t, out, "sendto: "+want+"\n", "sendmsg: "+want+"\n", "sendmmsg: "+want+"\n", "by IPv6: Destination address required")
			if bound := strings.Contains(out, "bind: sent"); bound == effect.Stops() {
				t.Errorf("%s: %s", effect, out)
			}
			judged := r.judge.count(func(e policy.Event) bool {
				return e.Kind == policy.Connect && e.Address == to && e.Protocol == "udp"
			})
			if judged < 3 {
				t.Errorf("%s: judged %d times", effect, judged)
			}
			if !r.judge.saw(func(e policy.Event) bool { return e.Kind == policy.Listen && e.Address.Port() == 4444 }) {
				t.Errorf("%s: nobody judged the port", effect)
			}
		}
	}
}

func TestJavaDNS(t *testing.T) {
	java := need(t, "java")
	dir := openDir(t)
	source := filepath.Join(dir, "A.java")
	code := `public class A { public static void main(String[] a) throws Exception { System.out.println(java.net.InetAddress.getByName("java.example.com")); } }`
	if err := os.WriteFile(source, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	server := startNameServer(t)
	out, _ := output(t, Config{Sections: sections(autodefend.Prevent), Resolver: server.addr, Attribute: server.attribute}, nil, java, source)
	contains(t, out, anyAnswer)
}
