package preload

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// court is a Judge that remembers what it was asked.
type court struct {
	mu     sync.Mutex
	events []policy.Event
	deny   func(policy.Event) bool
	decide func(policy.Event) policy.Decision // the whole answer, instead of deny
}

func (c *court) judge(e policy.Event) policy.Decision {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	if c.decide != nil {
		return c.decide(e)
	}
	return policy.Decision{Deny: c.deny != nil && c.deny(e)}
}

// denies makes the judge deny what f says.
func (c *court) denies(f func(policy.Event) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deny = f
}

// take returns the events since the last time.
func (c *court) take() []policy.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	events := c.events
	c.events = nil
	return events
}

// abstractSocket listens on an abstract SOCK_SEQPACKET socket, as the guardian does.
func abstractSocket(t testing.TB) *os.File {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "preload socket")
	t.Cleanup(func() { _ = file.Close() })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("@autodefend-test-%d-%s", os.Getpid(), filepath.Base(t.TempDir()))}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 128); err != nil {
		t.Fatal(err)
	}
	return file
}

// serve opens a tier that asks c and serves until the test ends.
func serve(t testing.TB, c *court, configure ...func(*Config)) *Tier {
	t.Helper()
	config := Config{Judge: c.judge, Listener: abstractSocket(t), Log: slog.New(slog.DiscardHandler)}
	for _, f := range configure {
		f(&config)
	}
	if config.ShimPath == "" {
		config.ShimPath = compile(t, "empty.c", "-shared", "-fPIC")
	}
	tier, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- tier.Serve() }()
	t.Cleanup(func() {
		if err := tier.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return tier
}

// ask runs the client and returns what it printed.
func ask(t testing.TB, client string, tier *Tier, args ...string) string {
	t.Helper()
	cmd := exec.Command(client, append([]string{tier.socket}, args...)...)
	cmd.Dir = "/usr"
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("client %q: %v, %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestQuestions(t *testing.T) {
	client := compile(t, "client.c")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &court{}
	tier := serve(t, c)
	tests := []struct {
		name string
		args []string
		want policy.Event
	}{
		{"connect", []string{"net", "2", "192.0.2.1", "443"}, policy.Event{Kind: policy.Connect, Protocol: "tcp"}},
		{"listen", []string{"net", "3", "0.0.0.0", "8080"}, policy.Event{Kind: policy.Listen, Protocol: "tcp"}},
		{"resolve", []string{"4", "WWW.Example.COM."}, policy.Event{Kind: policy.Resolve, Domain: "www.example.com"}},
		{"open", []string{"5", "/etc/../etc/passwd"}, policy.Event{Kind: policy.Open, File: "/etc/passwd", Access: policy.Read}},
		{"tamper", []string{"6", "reads\nthe supervisor"}, policy.Event{Kind: policy.Tamper, Detail: "reads the supervisor"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.denies(nil)
			if got := ask(t, client, tier, tt.args...); got != "0 0 0" {
				t.Errorf("answer %q, want allow", got)
			}
			events := c.take()
			if len(events) != 1 {
				t.Fatalf("judged %d times", len(events))
			}
			e := events[0]
			if e.Kind != tt.want.Kind || e.Tier != autodefend.TierPreload || e.After ||
				e.Domain != tt.want.Domain || e.File != tt.want.File || e.Access != tt.want.Access || e.Detail != tt.want.Detail || e.Protocol != tt.want.Protocol && tt.want.Protocol != "" {
				t.Errorf("event %+v", e)
			}
			if p := e.Process; p.Path != client || p.Parent != self || p.PID <= 1 || !strings.HasPrefix(p.Command, client+" "+tier.socket) {
				t.Errorf("process %+v", p)
			}
			c.denies(func(policy.Event) bool { return true })
			if got := ask(t, client, tier, tt.args...); !strings.HasPrefix(got, "1 ") || got == "1 0 0" {
				t.Errorf("answer %q, want deny", got)
			}
			c.take()
		})
	}
}

func TestTableOfProcess(t *testing.T) {
	client := compile(t, "client.c")
	c := &court{}
	tier := serve(t, c)
	want := []string{"0 0 262144", "magic 1 seq 2 exec 2", "writable 0", "mappable 0", "write -1", "reopened -1", "truncated 0"}
	if got := ask(t, client, tier, "hello"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if err := tier.Apply(policy.Sections{}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, client, tier, "hello"); !strings.Contains(got, "magic 1 seq 4 exec 0") {
		t.Errorf("after the policy was exchanged:\n%s", got)
	}
}

// TestTableRewritten: a process that has the table sees the next policy in it.
func TestTableRewritten(t *testing.T) {
	shared, err := openTable(fullTable())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shared.close() }()
	mapped, err := unix.Mmap(int(shared.file.Fd()), 0, tableCapacity, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mapped) }()
	shared.write(table{flags: flagNoIOURing}.encode(tableCapacity))
	if mapped[12] != 4 || mapped[16] != flagNoIOURing {
		t.Errorf("seq %d flags %d", mapped[12], mapped[16])
	}
}

func TestUnlinkedTable(t *testing.T) {
	directory := t.TempDir()
	shared, err := openUnlinked(4096, directory)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shared.close() }()
	shared.write(fullTable().encode(4096))
	if _, err := shared.file.Write([]byte("x")); err == nil {
		t.Error("what processes get can be written")
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if got, err := unix.Mmap(int(shared.file.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED); err != nil || got[12] != 2 {
		t.Errorf("%v", err)
	}
}

// stay starts a client that says hello and lives until the returned function is called.
func stay(t testing.TB, tier *Tier, program string) (int, string, func()) {
	t.Helper()
	cmd := exec.Command(program, tier.socket, "stay")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, strings.TrimSpace(line), sync.OnceFunc(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
}

func TestHello(t *testing.T) {
	client := compile(t, "client.c")
	c := &court{}
	tier := serve(t, c)

	pid, got, end := stay(t, tier, client)
	defer end()
	if got != "0 0 262144" || !tier.ReportedIn(pid) {
		t.Errorf("answer %q, reported in: %v", got, tier.ReportedIn(pid))
	}
	if tier.ReportedIn(os.Getpid()) {
		t.Error("a process that never said hello reported in")
	}
	if who, program, err := Look(pid); err != nil || who.PID != pid || program.Path != client || !program.Writable {
		t.Errorf("looks like %+v, %+v, %v", who, program, err)
	}
	if events := c.take(); len(events) != 1 || !events[0].After || events[0].Program.Path != client || events[0].Process.PID != pid {
		t.Errorf("judged %+v", events)
	}
	end()
	if tier.ReportedIn(pid) {
		t.Error("a process that ended is still there")
	}

	c.denies(func(e policy.Event) bool { return e.Kind == policy.Exec && e.Program.Path == client })
	if got := ask(t, client, tier, "hello"); got != "2 0 0" {
		t.Errorf("answer %q, want exit", got)
	}
}

// TestDisobedience: a process that was told to end and doesn't is ended.
func TestDisobedience(t *testing.T) {
	client := compile(t, "client.c")
	c := &court{deny: func(e policy.Event) bool { return e.Kind == policy.Exec }}
	tier := serve(t, c)
	cmd := exec.Command(client, tier.socket, "stay")
	in, err := cmd.StdinPipe() // it would stay until this is closed
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}

// TestHelloApproved: what was judged before it started isn't judged again, but only once and only as it was.
func TestHelloApproved(t *testing.T) {
	client := compile(t, "client.c")
	c := &court{}
	tier := serve(t, c)
	approve := func(args ...string) {
		v := viewOf(os.Getpid())
		img, err := tier.startable.image(v, found{path: client, open: client}, client, args)
		if err != nil {
			t.Fatal(err)
		}
		tier.images.approve(os.Getpid(), img) // the parent of what ask starts
	}
	judged := func() int {
		c.take()
		ask(t, client, tier, "hello")
		return len(c.take())
	}
	approve(client, tier.socket, "hello")
	if n := judged(); n != 0 {
		t.Errorf("judged %d times after it was approved", n)
	}
	if n := judged(); n != 1 {
		t.Errorf("judged %d times when the approval was used up", n)
	}
	if err := tier.Expect(client, []string{client, tier.socket, "hello"}); err != nil {
		t.Fatal(err)
	}
	if n := judged(); n != 0 {
		t.Errorf("judged %d times after it was expected", n)
	}
	approve(client, tier.socket, "goodbye")
	if n := judged(); n != 1 {
		t.Errorf("judged %d times with other arguments", n)
	}
	approve(client, tier.socket, "hello")
	if err := tier.Apply(policy.Sections{}); err != nil {
		t.Fatal(err)
	}
	if n := judged(); n != 1 {
		t.Errorf("judged %d times after another policy came", n)
	}
}

// TestSilence: connections that say nothing don't keep others from asking.
func TestSilence(t *testing.T) {
	client := compile(t, "client.c")
	tier := serve(t, &court{})
	cmd := exec.Command(client, tier.socket, "hold", "300")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait()
	}()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, client, tier, "1", "/bin/true", "true"); got != "0 0 0" {
		t.Errorf("answer %q", got)
	}
}

// TestHostilePackets: whatever arrives, the next question is answered.
func TestHostilePackets(t *testing.T) {
	client := compile(t, "client.c")
	c := &court{}
	tier := serve(t, c)
	for _, raw := range [][]byte{{0}, make([]byte, packetMax), make([]byte, packetMax+1), make([]byte, 60000), packet(9, 1, nil, "", "")} {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: "@" + tier.socket}); err != nil {
			t.Fatal(err)
		}
		if err := unix.Sendmsg(fd, raw, unix.UnixRights(fd, fd), nil, 0); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 64)
		if n, err := unix.Read(fd, got); err != nil || n != answerSize || verdict(got[6]) != deny {
			t.Errorf("%d bytes were answered with % x, %v", len(raw), got[:max(n, 0)], err)
		}
		_ = unix.Close(fd)
	}
	if events := c.take(); len(events) != 0 {
		t.Errorf("judged %+v", events)
	}
	if got := ask(t, client, tier, "1", "/bin/true", "true"); got != "0 0 0" {
		t.Errorf("answer %q", got)
	}
}

// TestHardLink: an allowed name of a file doesn't open what another name denies.
func TestHardLink(t *testing.T) {
	c := &court{}
	tier := serve(t, c)
	dir := t.TempDir()
	secret, other := dir+"/secret/deep/file", dir+"/harmless"
	if err := errors.Join(os.MkdirAll(dir+"/secret/deep", 0o700), os.WriteFile(secret, nil, 0o600), os.Link(secret, other)); err != nil {
		t.Fatal(err)
	}
	if err := tier.Apply(policy.Sections{Files: policy.FileSection{Effect: autodefend.Prevent, DenyRead: []string{dir + "/secret"}}}); err != nil {
		t.Fatal(err)
	}
	c.denies(func(e policy.Event) bool { return e.File == secret })
	var st unix.Stat_t
	if err := unix.Stat(other, &st); err != nil {
		t.Fatal(err)
	}
	q := question{kind: kindOpen, dirfd: unix.AT_FDCWD, text: other, access: accessRead}
	if got := tier.reply(os.Getpid(), q); got.verdict != allow {
		t.Errorf("without its inode: %+v", got)
	}
	q.inode = fileID{st.Dev, st.Ino}
	if got := tier.reply(os.Getpid(), q); got.verdict != deny {
		t.Errorf("with its inode: %+v", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	shim := compile(t, "empty.c", "-shared", "-fPIC")
	stream, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(stream[0]), "stream")
	defer func() { _ = file.Close(); _ = unix.Close(stream[1]) }()
	tests := map[string]Config{
		"relative shim":  {ShimPath: "shim.so", Listener: abstractSocket(t)},
		"colon in shim":  {ShimPath: "/a:b.so", Listener: abstractSocket(t)},
		"no shim":        {ShimPath: "/nowhere/shim.so", Listener: abstractSocket(t)},
		"shim is a text": {ShimPath: "/etc/passwd", Listener: abstractSocket(t)},
		"shim is static": {ShimPath: "/proc/self/exe", Listener: abstractSocket(t)},
		"not a listener": {ShimPath: shim, Listener: file},
	}
	for name, config := range tests {
		config.Log = slog.New(slog.DiscardHandler)
		if tier, err := Open(config); err == nil {
			t.Errorf("%s: opened", name)
			_ = tier.Close()
		}
	}
}

func TestCanEnter(t *testing.T) {
	tier := serve(t, &court{})
	dir := yard(t)
	for name, want := range map[string]bool{"/bin/true": true, dir + "/foreign": false, dir + "/script": true} {
		if got, err := tier.CanEnter(name); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := tier.CanEnter("/nowhere"); err == nil {
		t.Error("what isn't there can be entered")
	}
}

func TestProbe(t *testing.T) {
	got, err := Probe(t.Context(), buildShim(t), slog.New(slog.DiscardHandler))
	if err != nil || !got.Entered {
		t.Errorf("%+v, %v", got, err)
	}
	empty := compile(t, "empty.c", "-shared", "-fPIC")
	if got, err := Probe(t.Context(), empty, slog.New(slog.DiscardHandler)); err == nil || got.Entered {
		t.Errorf("a library that says nothing: %+v, %v", got, err)
	}
}

func TestEnviron(t *testing.T) {
	const ours = "AUTODEFEND_SHIM=1:sock:/opt/shim.so"
	tests := []struct{ in, want []string }{
		{nil, []string{"LD_PRELOAD=/opt/shim.so", ours}},
		{[]string{"A=1", "LD_PRELOAD=/a.so:/b.so", "B=2"}, []string{"A=1", "LD_PRELOAD=/opt/shim.so:/a.so:/b.so", "B=2", ours}},
		{[]string{"LD_PRELOAD="}, []string{"LD_PRELOAD=/opt/shim.so:", ours}},
		{[]string{"LD_PRELOAD=/opt/shim.so", "AUTODEFEND_SHIM=old"}, []string{"LD_PRELOAD=/opt/shim.so", ours}},
		{[]string{"LD_PRELOAD", "", "LD_PRELOAD2=x"}, []string{"LD_PRELOAD", "", "LD_PRELOAD2=x", "LD_PRELOAD=/opt/shim.so", ours}},
	}
	for _, tt := range tests {
		if got := environ(tt.in, "/opt/shim.so", "sock"); strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestQuestionCost prints what a question costs the asker, connection and our look at /proc included.
func TestQuestionCost(t *testing.T) {
	client := compile(t, "client.c", "-O2")
	tier := serve(t, &court{})
	for _, q := range []struct{ name, kind string }{{"of the start of a program", "1"}, {"of a file", "5"}} {
		var ns int64
		if _, err := fmt.Sscan(ask(t, client, tier, "bench", "300", q.kind), &ns); err != nil {
			t.Fatal(err)
		}
		t.Logf("figure: preload: a question %s to the supervisor: %d µs", q.name, ns/1000)
	}
}

func BenchmarkQuestion(b *testing.B) {
	client := compile(b, "client.c", "-O2")
	tier := serve(b, &court{})
	for _, kind := range []string{"1", "5", "6"} {
		name := map[string]string{"1": "exec", "5": "open", "6": "tamper"}[kind]
		b.Run(name, func(b *testing.B) {
			var ns int64
			if _, err := fmt.Sscan(ask(b, client, tier, "bench", "2000", kind), &ns); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(ns), "ns/question")
			b.ReportMetric(0, "ns/op")
		})
	}
}
