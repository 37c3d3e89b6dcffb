package shimtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// The kinds, modes and flags of wire.h.
const (
	kindHello = iota
	kindExec
	kindConnect
	kindListen
	kindResolve
	kindOpen
	kindTamper
)

const (
	modeOff = iota
	modeList
	modeAsk
)

const (
	flagFailClosed = 1 << iota
	flagNoURing
	flagRedirect
	flagWritableLibs
)

const (
	accessRead  = 1
	accessWrite = 2
)

// question is what the shim asked.
type question struct {
	kind, access byte
	pid          int
	flags        uint32
	number       int32
	protocol     uint16
	text         string
	argv         []string
	addr         netip.AddrPort
}

// rules is what a supervisor puts into its table, and how it answers.
type rules struct {
	modes     map[int]byte
	flags     uint32
	protected []int
	resolver  netip.AddrPort
	api       uint16
	upstream  netip.AddrPort
	denyRead  []string
	denyWrite []string
	allowRead []string
	denyNets  []netip.Prefix
	denyPorts [][2]uint16
	answer    func(q question) (verdict byte, errno int32) // nil: deny every act that is asked about
}

const (
	verdictAllow = iota
	verdictDeny
	verdictExit
)

// supervisor answers shims.
type supervisor struct {
	t     testing.TB
	rules rules
	name  string
	fd    int
	table int
	size  int
	done  sync.WaitGroup

	mu   sync.Mutex
	seen []question
}

func newSupervisor(t testing.TB, r rules) *supervisor {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &supervisor{t: t, rules: r, fd: fd, name: fmt.Sprintf("shimtest-%d-%d", os.Getpid(), fd)}
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: "@" + s.name}), unix.Listen(fd, 128)); err != nil {
		t.Fatal(err)
	}
	table := encodeTable(r)
	s.size = len(table)
	if s.table, err = unix.MemfdCreate("table", unix.MFD_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(s.table, table); err != nil {
		t.Fatal(err)
	}
	s.done.Add(1)
	go s.serve(fd)
	t.Cleanup(s.close)
	return s
}

// close ends the supervisor; what asks later is refused a connection.
func (s *supervisor) close() {
	s.mu.Lock()
	fd := s.fd
	s.fd = -1
	s.mu.Unlock()
	if fd < 0 {
		return
	}
	_ = unix.Shutdown(fd, unix.SHUT_RDWR)
	s.done.Wait()
	_ = unix.Close(fd)
	_ = unix.Close(s.table)
}

func (s *supervisor) serve(fd int) {
	defer s.done.Done()
	for {
		conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return
		}
		s.done.Add(1)
		go s.answer(conn)
	}
}

func (s *supervisor) answer(conn int) {
	defer s.done.Done()
	defer unix.Close(conn)
	packet := make([]byte, 8192)
	n, err := unix.Read(conn, packet)
	if err != nil || n < 60 {
		return
	}
	q := decodeQuestion(packet[:n])
	s.mu.Lock()
	s.seen = append(s.seen, q)
	s.mu.Unlock()
	verdict, errno := byte(verdictDeny), int32(unix.EACCES)
	if q.kind == kindHello {
		verdict = verdictAllow
	}
	if s.rules.answer != nil {
		verdict, errno = s.rules.answer(q)
	}
	le := binary.LittleEndian
	answer := make([]byte, 16)
	le.PutUint32(answer, 0x44415641)
	le.PutUint16(answer[4:], 1)
	answer[6] = verdict
	le.PutUint32(answer[8:], uint32(errno))
	var rights []byte
	if q.kind == kindHello {
		le.PutUint32(answer[12:], uint32(s.size))
		rights = unix.UnixRights(s.table)
	}
	_ = unix.Sendmsg(conn, answer, rights, nil, unix.MSG_NOSIGNAL)
}

// environ is what a program under the shim is started with.
func (s *supervisor) environ(shim string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LD_PRELOAD=") })
	return append(env, "LD_PRELOAD="+shim, "AUTODEFEND_SHIM=1:"+s.name+":"+shim)
}

// command is a program under the shim.
func (s *supervisor) command(shim, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = s.environ(shim)
	return cmd
}

// asked returns the questions since the last time, without hellos.
func (s *supervisor) asked() []question {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := slices.DeleteFunc(s.seen, func(q question) bool { return q.kind == kindHello })
	s.seen = nil
	return seen
}

func decodeQuestion(p []byte) question {
	le := binary.LittleEndian
	text, argv := int(le.Uint16(p[28:])), int(le.Uint16(p[30:]))
	q := question{
		kind: p[6], access: p[7], pid: int(le.Uint32(p[8:])), flags: le.Uint32(p[16:]), number: int32(le.Uint32(p[20:])),
		protocol: le.Uint16(p[24:]), text: string(p[60 : 60+text]),
	}
	if argv > 0 {
		q.argv = strings.Split(strings.TrimSuffix(string(p[60+text:60+text+argv]), "\x00"), "\x00")
	}
	addr := p[32 : 32+int(le.Uint16(p[26:]))]
	port := func() uint16 { return binary.BigEndian.Uint16(addr[2:]) }
	switch {
	case len(addr) >= 8 && le.Uint16(addr) == unix.AF_INET:
		q.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr[4:8])), port())
	case len(addr) >= 24 && le.Uint16(addr) == unix.AF_INET6:
		q.addr = netip.AddrPortFrom(netip.AddrFrom16([16]byte(addr[8:24])).Unmap(), port())
	}
	return q
}

// encodeTable writes struct ad_table and its lists.
func encodeTable(r rules) []byte {
	const lists = 68
	le := binary.LittleEndian
	b := make([]byte, 132)
	le.PutUint32(b, 0x44415641)
	le.PutUint32(b[4:], 1)
	le.PutUint32(b[16:], r.flags)
	for kind, mode := range r.modes {
		b[20+kind] = mode
	}
	for kind := range 7 {
		b[28+kind] = 1
	}
	for i, pid := range r.protected {
		le.PutUint32(b[36+4*i:], uint32(pid))
	}
	if r.resolver.IsValid() {
		addr := r.resolver.Addr().As4()
		copy(b[52:], addr[:])
		binary.BigEndian.PutUint16(b[56:], r.resolver.Port())
	}
	binary.BigEndian.PutUint16(b[58:], r.api)
	if r.upstream.IsValid() {
		addr := r.upstream.Addr().As4()
		copy(b[60:], addr[:])
		binary.BigEndian.PutUint16(b[64:], r.upstream.Port())
	}
	for i, paths := range [][]string{r.denyRead, r.denyWrite, r.allowRead} {
		var entries []byte
		for _, path := range paths {
			entries = le.AppendUint32(entries, uint32(len(b)))
			entries = le.AppendUint32(entries, uint32(len(path)))
			b = append(b, path...)
		}
		le.PutUint32(b[lists+8*i:], uint32(len(b)))
		le.PutUint32(b[lists+8*i+4:], uint32(len(paths)))
		b = append(b, entries...)
	}
	le.PutUint32(b[lists+8*4:], uint32(len(b)))
	le.PutUint32(b[lists+8*4+4:], uint32(len(r.denyNets)))
	for _, prefix := range r.denyNets {
		addr := prefix.Addr().As16()
		bits := prefix.Bits()
		if prefix.Addr().Is4() {
			bits += 96
		}
		b = append(append(b, addr[:]...), byte(bits), 0, 0, 0)
	}
	le.PutUint32(b[lists+8*6:], uint32(len(b)))
	le.PutUint32(b[lists+8*6+4:], uint32(len(r.denyPorts)))
	for _, ports := range r.denyPorts {
		b = le.AppendUint16(le.AppendUint16(b, ports[0]), ports[1])
	}
	le.PutUint32(b[8:], uint32(len(b)))
	return b
}
