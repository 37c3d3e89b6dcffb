package watch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// envHelper makes the test's program another one: see helper.
const envHelper = "AUTODEFEND_WATCH_TEST"

func TestMain(m *testing.M) {
	if how := os.Getenv(envHelper); how != "" {
		helper(how)
		return
	}
	os.Exit(m.Run())
}

// helper listens on a port and connects to the address how, says "ready PORT", and stays until its input ends.
func helper(how string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	conn, err := net.Dial("tcp", how)
	if err != nil {
		panic(err)
	}
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = conn.Close()
	_ = listener.Close()
}

// court is a Judge that remembers what it was asked.
type court struct {
	events []policy.Event
	deny   func(policy.Event) bool
}

func (c *court) judge(e policy.Event) policy.Decision {
	c.events = append(c.events, e)
	return policy.Decision{Deny: c.deny != nil && c.deny(e)}
}

// programs lists the programs whose start was judged, and forgets all events.
func (c *court) programs() []string {
	names := []string{}
	for _, e := range c.events {
		if e.Kind == policy.Exec {
			names = append(names, filepath.Base(e.Program.Path))
		}
	}
	c.events = nil
	slices.Sort(names)
	return names
}

// look is what the preload tier offers, as far as these tests need it.
func look(pid int) (policy.Process, policy.Program, error) {
	path, err := os.Readlink(procPath(pid, "exe"))
	raw, _ := os.ReadFile(procPath(pid, "cmdline"))
	args := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
	return policy.Process{PID: pid, Path: path}, policy.Program{Path: path, Args: args}, err
}

// tree is a running root process.
type tree struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start runs a program in a process group of its own, which is ended with the test.
func start(t testing.TB, env []string, name string, args ...string) *tree {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		_ = cmd.Wait()
	})
	return &tree{cmd: cmd, in: in, out: bufio.NewReader(out)}
}

func (tr *tree) line(t testing.TB) string {
	t.Helper()
	line, err := tr.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (tr *tree) pid() int { return tr.cmd.Process.Pid }

func watcher(c *court, root int, configure ...func(*Config)) *Watcher {
	config := Config{Judge: c.judge, Root: root, Look: look, Log: slog.New(slog.DiscardHandler)}
	for _, f := range configure {
		f(&config)
	}
	return New(config)
}

func scan(t testing.TB, w *Watcher) Report {
	t.Helper()
	report, err := w.Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// until calls f again and again until it is true.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !f() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s never came true", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// executes reports whether a process runs a program of this name.
func executes(pid int, name string) bool {
	path, err := os.Readlink(procPath(pid, "exe"))
	return err == nil && filepath.Base(path) == name
}

func exists(pid int) bool {
	raw, err := os.ReadFile(procPath(pid, "stat"))
	status, ok := parseStat(raw)
	return err == nil && ok && !status.ended
}

func shell(t *testing.T) string {
	t.Helper()
	path, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Base(path)
}

func TestEachProgramOnce(t *testing.T) {
	tr := start(t, nil, "/bin/sh", "-c", "sleep 300 & echo $!; wait")
	child, _ := strconv.Atoi(tr.line(t))
	until(t, "sleep", func() bool { return executes(child, "sleep") })
	c := &court{}
	w := watcher(c, tr.pid())
	report := scan(t, w)
	if report.Processes != 2 || report.Judged != 2 || report.Ended != 0 {
		t.Errorf("%+v", report)
	}
	for _, e := range c.events {
		if e.Tier != autodefend.TierWatch || !e.After {
			t.Errorf("event %+v", e)
		}
	}
	if got, want := c.programs(), []string{shell(t), "sleep"}; !slices.Equal(got, want) {
		t.Errorf("judged %q, want %q", got, want)
	}
	if report := scan(t, w); report.Judged != 0 || report.Processes != 2 {
		t.Errorf("again: %+v", report)
	}
}

func TestDeniedEnds(t *testing.T) {
	tr := start(t, nil, "/bin/sh", "-c", "sleep 300 & echo $!; wait; echo over; read x")
	child, _ := strconv.Atoi(tr.line(t))
	until(t, "sleep", func() bool { return executes(child, "sleep") })
	c := &court{deny: func(e policy.Event) bool { return filepath.Base(e.Program.Path) == "sleep" }}
	w := watcher(c, tr.pid())
	if report := scan(t, w); report.Ended != 1 {
		t.Errorf("%+v", report)
	}
	if got := tr.line(t); got != "over" {
		t.Errorf("the shell said %q", got)
	}
	if !exists(tr.pid()) {
		t.Error("the root ended too")
	}
}

// TestForkIsNoExec: a shell that forks itself starts no program.
func TestForkIsNoExec(t *testing.T) {
	tr := start(t, nil, "/bin/sh", "-c", "exec 3<&0; (read x <&3 & echo $!; wait); read y")
	tr.line(t)
	c := &court{}
	w := watcher(c, tr.pid())
	report := scan(t, w)
	if got := c.programs(); len(got) != 1 || report.Processes < 2 {
		t.Errorf("judged %q, %+v", got, report)
	}
}

// TestForkOfDenied: who forks doesn't get away.
func TestForkOfDenied(t *testing.T) {
	tr := start(t, nil, "/bin/sh", "-c", "read go; exec 3<&0; (read x <&3 & echo $!; wait); read y")
	c := &court{deny: func(e policy.Event) bool { return e.Kind == policy.Exec }}
	w := watcher(c, tr.pid())
	all, err := listProcesses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.rootBegan = all[tr.pid()].began
	w.processes[tr.pid()] = &process{pid: tr.pid(), status: all[tr.pid()], program: programOf(tr.pid()), judged: true, denied: true}
	_, _ = io.WriteString(tr.in, "\n")
	child, _ := strconv.Atoi(tr.line(t))
	if report := scan(t, w); report.Ended < 2 || report.Judged != 0 {
		t.Errorf("%+v", report)
	}
	until(t, "the end of the fork", func() bool { return !exists(child) })
}

// TestExecInPlace: another program in a known process is judged.
func TestExecInPlace(t *testing.T) {
	tr := start(t, nil, "/bin/sh", "-c", "read x; exec sh -c 'echo here; read y; exec sleep 300'")
	c := &court{}
	w := watcher(c, tr.pid())
	scan(t, w)
	c.programs()
	_, _ = io.WriteString(tr.in, "\n")
	tr.line(t)
	scan(t, w)
	if got := c.programs(); !slices.Equal(got, []string{shell(t)}) {
		t.Errorf("the same program again: judged %q", got)
	}
	_, _ = io.WriteString(tr.in, "\n")
	until(t, "sleep", func() bool { return executes(tr.pid(), "sleep") })
	scan(t, w)
	if got := c.programs(); !slices.Equal(got, []string{"sleep"}) {
		t.Errorf("judged %q", got)
	}
}

// TestJudgedByOthers: what another tier holds isn't judged, and what it should hold and doesn't is.
func TestJudgedByOthers(t *testing.T) {
	tr := start(t, nil, "/bin/sh", "-c", "sleep 300 & echo $!; wait")
	child, _ := strconv.Atoi(tr.line(t))
	until(t, "sleep", func() bool { return executes(child, "sleep") })
	c := &court{deny: func(e policy.Event) bool { return e.Program.Opaque && e.Tier == autodefend.TierPreload }}
	w := watcher(c, tr.pid(), func(config *Config) { config.Judged = func(pid int) bool { return pid != child } })
	if report := scan(t, w); report.Judged != 1 || report.Ended != 0 {
		t.Errorf("%+v", report)
	}
	ended := 0
	for range scansToReport {
		ended += scan(t, w).Ended
	}
	if ended != 1 {
		t.Errorf("what never reported in was ended %d times", ended)
	}
	if got := c.programs(); !slices.Equal(got, []string{"sleep", "sleep"}) {
		t.Errorf("judged %q", got)
	}
}

// TestOrphans: who loses its parents still belongs to the function, if it was seen or carries the mark.
func TestOrphans(t *testing.T) {
	script := `sh -c 'sleep 300 </dev/null >/dev/null 2>&1 & echo $!'; read x`
	for _, marked := range []bool{true, false} {
		tr := start(t, []string{"AUTODEFEND_MARK=" + t.Name()}, "/bin/sh", "-c", script)
		orphan, _ := strconv.Atoi(tr.line(t))
		until(t, "sleep without parents", func() bool {
			raw, _ := os.ReadFile(procPath(orphan, "stat"))
			status, ok := parseStat(raw)
			return executes(orphan, "sleep") && ok && status.parent == 1
		})
		c := &court{}
		w := watcher(c, tr.pid(), func(config *Config) {
			if marked {
				config.Mark = "AUTODEFEND_MARK=" + t.Name()
			}
		})
		scan(t, w)
		if got := slices.Contains(c.programs(), "sleep"); got != marked {
			t.Errorf("marked %v: judged %v", marked, got)
		}
	}
}

func TestSeenBeforeItWasOrphaned(t *testing.T) {
	inner := start(t, nil, "/bin/sh", "-c", `exec 3<&0; (sleep 300 <&- & echo $!; read x <&3); exec sleep 301`)
	sleeper, _ := strconv.Atoi(inner.line(t))
	until(t, "sleep", func() bool { return executes(sleeper, "sleep") })
	c := &court{}
	w := watcher(c, inner.pid())
	scan(t, w)
	if got := c.programs(); !slices.Contains(got, "sleep") {
		t.Fatalf("judged %q", got)
	}
	_, _ = io.WriteString(inner.in, "\n")
	until(t, "sleep without parents", func() bool {
		raw, _ := os.ReadFile(procPath(sleeper, "stat"))
		status, ok := parseStat(raw)
		return ok && status.parent == 1
	})
	scan(t, w)
	if w.processes[sleeper] == nil {
		t.Error("it is forgotten")
	}
}

// TestNobodyElse: neither the test, nor what it descends from, nor its other children are the function's.
func TestNobodyElse(t *testing.T) {
	tr, other := start(t, nil, "/bin/cat"), start(t, nil, "/bin/cat")
	c := &court{}
	w := watcher(c, tr.pid())
	scan(t, w)
	for _, e := range c.events {
		if e.Process.PID != tr.pid() {
			t.Errorf("judged %+v", e.Process)
		}
	}
	if w := watcher(c, tr.pid(), func(config *Config) { config.Protected = []int{tr.pid()} }); scan(t, w).Processes != 0 {
		t.Error("a protected process was looked at")
	}
	if !exists(other.pid()) {
		t.Error("a process of others was ended")
	}
}

func TestSockets(t *testing.T) {
	outside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = outside.Close() }()
	tr := start(t, []string{envHelper + "=" + outside.Addr().String()}, os.Args[0])
	port, err := strconv.ParseUint(strings.TrimPrefix(tr.line(t), "ready "), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)) // a connection that the helper didn't make
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = accepted.Close() }()
	c := &court{deny: func(e policy.Event) bool { return e.Kind == policy.Connect }}
	w := watcher(c, tr.pid())
	if report := scan(t, w); report.Ended != 0 {
		t.Errorf("the root was ended: %+v", report)
	}
	var got []string
	for _, e := range c.events {
		if e.Kind != policy.Exec {
			got = append(got, fmt.Sprint(e.Kind, " ", e.Protocol, " ", e.Address, " ", e.Process.PID == tr.pid()))
		}
	}
	slices.Sort(got)
	want := []string{
		fmt.Sprintf("connect tcp %s true", outside.Addr()),
		fmt.Sprintf("listen tcp 127.0.0.1:%d true", port),
	}
	if !slices.Equal(got, want) {
		t.Errorf("judged %q, want %q", got, want)
	}
	if report := scan(t, w); report.Judged != 0 || report.Sockets != 2 {
		t.Errorf("again: %+v", report)
	}
	w.config.EndRoot = true
	if report := scan(t, w); report.Ended != 1 {
		t.Errorf("the root may be ended: %+v", report)
	}
}

// TestKillIsSure: a number that means another process by now ends nobody.
func TestKillIsSure(t *testing.T) {
	tr := start(t, nil, "/bin/cat")
	if err := kill(&process{pid: tr.pid(), status: processStatus{began: 1}}); !errors.Is(err, errGone) {
		t.Errorf("got %v", err)
	}
	_, _ = io.WriteString(tr.in, "alive\n")
	if got := tr.line(t); got != "alive" {
		t.Errorf("it said %q", got)
	}
}

func TestScanStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &court{}
	tr := start(t, nil, "/bin/cat")
	if report, err := watcher(c, tr.pid()).Scan(ctx); err != nil || report.Judged != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestScanCost prints what one scan costs, in this machine's list of processes.
func TestScanCost(t *testing.T) {
	tr := start(t, nil, "/bin/sh", "-c", "sleep 300 & sleep 300 & sleep 300 & echo $!; wait")
	child, _ := strconv.Atoi(tr.line(t))
	until(t, "sleep", func() bool { return executes(child, "sleep") })
	w := watcher(&court{}, tr.pid())
	scan(t, w)
	all, err := listProcesses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 20
	var report Report
	began := cpuTime(t)
	for range rounds {
		report = scan(t, w)
	}
	t.Logf("figure: watch: a scan of %d processes among %d: %d µs of CPU", report.Processes, len(all), (cpuTime(t)-began)/rounds)
}

// cpuTime is what this process has used, in microseconds.
func cpuTime(t *testing.T) int64 {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
}

func TestParseStat(t *testing.T) {
	const tail = " 12 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2 3 4 5 777 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 888 27 28 29\n"
	tests := []struct {
		line string
		want processStatus
		ok   bool
	}{
		{"7 (a) S" + tail, processStatus{parent: 12, began: 4242, stack: 777, arguments: 888}, true},
		{"7 (a) Z 1 (b)) Z" + tail, processStatus{ended: true, parent: 12, began: 4242, stack: 777, arguments: 888}, true},
		{"7 (a S" + tail, processStatus{}, false},
		{"7 (a) S 12 1", processStatus{}, false},
		{"", processStatus{}, false},
	}
	for _, tt := range tests {
		if got, ok := parseStat([]byte(tt.line)); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %+v, %v", tt.line, got, ok)
		}
	}
}

func TestParseSockets(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1 0 100 0 0 10 0
   1: 0100007F:1F91 08080808:01BB 01 00000000:00000000 00:00000000 00000000     0        0 1002 1 0 100 0 0 10 0
   2: 0100007F:1F91 08080808:01BB 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0 100 0 0 10 0
   3: nonsense 08080808:01BB 06 00000000:00000000 00:00000000 00000000     0        0 9 1 0 100 0 0 10 0
`
	const table6 = "heading\n" +
		"0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF0000080808AA:0035 01 0:0 0:0 0 0 0 1003\n" +
		"1: B80D0120000000000000000007000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1004\n"
	ap := netip.MustParseAddrPort
	want := []socket{
		{"tcp", ap("127.0.0.1:8080"), ap("0.0.0.0:0"), true, 1001, false},
		{"tcp", ap("127.0.0.1:8081"), ap("8.8.8.8:443"), false, 1002, false},
		{"tcp", ap("127.0.0.1:8080"), ap("170.8.8.8:53"), false, 1003, false},
		{"tcp", ap("[2001:db8::7]:80"), ap("[::]:0"), true, 1004, false},
	}
	got := append(parseSockets([]byte(table), "tcp", 99), parseSockets([]byte(table6), "tcp", 99)...)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := parseSockets([]byte(table), "tcp", 1); len(got) != 1 {
		t.Errorf("%d lines, want the limit", len(got))
	}
	udp := func(local string) bool {
		_, ok := parseSocket(fieldsOf("0: "+local+" 00000000:0000 07 0:0 0:0 0 0 0 5"), "udp")
		return ok
	}
	if !udp("00000000:0035") || udp("00000000:9C40") || udp("00000000:0000") {
		t.Error("which UDP ports listen")
	}
}

func fieldsOf(line string) [][]byte {
	var fields [][]byte
	for _, f := range strings.Fields(line) {
		fields = append(fields, []byte(f))
	}
	return fields
}

func FuzzParseSockets(f *testing.F) {
	f.Add([]byte("h\n0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1001\n"))
	f.Add([]byte("h\n0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF0000080808AA:0035 01 0:0 0:0 0 0 0 1003"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, s := range parseSockets(raw, "tcp", 100) {
			if !s.local.IsValid() || !s.remote.IsValid() || s.inode == 0 || s.remote.Addr().Is4In6() {
				t.Errorf("%+v", s)
			}
		}
	})
}

func FuzzParseStat(f *testing.F) {
	raw, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("1 (a) b) (c) S 12"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if s, ok := parseStat(line); ok && s.parent < 0 {
			t.Errorf("%+v", s)
		}
	})
}
