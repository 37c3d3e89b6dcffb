package kernel

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/bpf"
	"github.com/autodefend/autodefend/internal/policy"
)

// TestMain lets the test binary be the launcher and the probe's children.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case ProbeWord:
			os.Exit(ProbeMain(os.Args[2:]))
		case "lambda":
			fmt.Fprintln(os.Stderr, enterLambda(os.Args[2:]))
			os.Exit(125)
		case "launch":
			err := LaunchMain(os.Args[2:], func(path string, argv []string) error {
				path, err := exec.LookPath(path)
				if err != nil {
					return err
				}
				return syscall.Exec(path, argv, os.Environ())
			})
			fmt.Fprintln(os.Stderr, "launch:", err)
			os.Exit(125)
		}
	}
	os.Exit(m.Run())
}

// enterLambda becomes a program in the sandbox that refuses what AWS Lambda's refuses.
func enterLambda(argv []string) error {
	runtime.LockOSThread()
	arch, err := bpf.ArchOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	program, err := bpf.LambdaSandbox().Assemble(arch)
	if err != nil {
		return err
	}
	if errno := prepare(); errno != 0 {
		return errno
	}
	if _, errno := installFlags(program, 0); errno != 0 {
		return errno
	}
	return syscall.Exec(argv[0], argv, os.Environ())
}

// judge records events and denies those that match a function.
type judge struct {
	mu     sync.Mutex
	events []policy.Event
	deny   func(policy.Event) bool
}

func (j *judge) decide(e policy.Event) policy.Decision {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
	return policy.Decision{Deny: j.deny != nil && j.deny(e)}
}

func (j *judge) saw(match func(policy.Event) bool) bool { return j.count(match) > 0 }

func (j *judge) count(match func(policy.Event) bool) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, e := range j.events {
		if match(e) {
			n++
		}
	}
	return n
}

// run is one program under supervision.
type run struct {
	supervisor *Supervisor
	judge      *judge
	cfg        Config
	pid        int
	stdin      io.WriteCloser
	out        *bytes.Buffer
	status     syscall.WaitStatus
	served     chan error
	copied     chan struct{}
	ended      bool
	serving    bool
	env        []string
}

// sections gives every section one effect.
func sections(effect autodefend.Effect) policy.Sections {
	var s policy.Sections
	s.Processes.Effect, s.Network.Effect, s.DNS.Effect, s.Files.Effect, s.Tamper = effect, effect, effect, effect, effect
	return s
}

// begin starts argv under supervision.
func begin(t testing.TB, cfg Config, deny func(policy.Event) bool, argv ...string) *run {
	t.Helper()
	r := &run{judge: &judge{deny: deny}, out: new(bytes.Buffer), served: make(chan error, 1), copied: make(chan struct{})}
	cfg.Judge = r.judge.decide
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.supervisor, r.cfg = s, cfg
	t.Cleanup(r.end)
	r.start(t, argv)
	fd, err := s.Accept(r.pid, false)
	if err != nil {
		t.Fatalf("accept: %v\n%s", err, r.out)
	}
	r.serving = true
	go func() { r.served <- s.Serve(fd) }()
	return r
}

// start starts the launcher. os/exec isn't used: it takes a stop by ptrace for the end.
func (r *run) start(t testing.TB, argv []string) {
	t.Helper()
	in, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := r.supervisor.LaunchArgs(argv[0], argv)
	attr := &syscall.ProcAttr{
		Env:   append(os.Environ(), r.env...),
		Files: []uintptr{in.Fd(), out.Fd(), out.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	r.pid, err = syscall.ForkExec(args[0], args, attr)
	in.Close()
	out.Close()
	if err != nil {
		t.Fatal(err)
	}
	r.stdin = stdin
	go func() {
		defer close(r.copied)
		defer stdout.Close()
		_, _ = io.Copy(r.out, stdout)
	}()
}

// wait closes standard input, and waits for the end of the program and of its output, and returns its output.
func (r *run) wait() string {
	r.stdin.Close()
	pid := r.pid
	watchdog := time.AfterFunc(time.Minute, func() { _ = syscall.Kill(-pid, syscall.SIGKILL) })
	defer watchdog.Stop()
	for !r.ended {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(r.pid, &status, 0, nil)
		if err == syscall.EINTR || err == nil && !status.Exited() && !status.Signaled() {
			continue
		}
		r.status, r.ended = status, true
	}
	<-r.copied
	return r.out.String()
}

func (r *run) end() {
	if !r.ended {
		_ = syscall.Kill(-r.pid, syscall.SIGKILL)
		_ = r.wait()
	}
	_ = syscall.Kill(-r.pid, syscall.SIGKILL)
	r.supervisor.Close()
	if r.serving {
		<-r.served //nolint:errcheck // how it ended is for the tests that ask
	}
}

// output runs argv to its end and returns what it printed.
func output(t testing.TB, cfg Config, deny func(policy.Event) bool, argv ...string) (string, *run) {
	t.Helper()
	r := begin(t, cfg, deny, argv...)
	return r.wait(), r
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

// program skips the test where a program isn't installed.
func need(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED: %s is not installed", name)
	}
	return path
}

// inVM is the variable that tells tests that they run in a virtual machine, and where compiled C programs are.
const inVM = "AUTODEFEND_TEST_PROGRAMS"

// nameOf names a compiled C program by its source.
func nameOf(source string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(source))
	return strconv.FormatUint(h.Sum64(), 16)
}

// compile builds a C program.
func compile(t testing.TB, source string, flags ...string) string {
	t.Helper()
	if dir := os.Getenv(inVM); dir != "" {
		return filepath.Join(dir, nameOf(source))
	}
	cc := need(t, "gcc")
	dir := openDir(t)
	file := filepath.Join(dir, "program.c")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	args := append([]string{"-O1", "-D_GNU_SOURCE", "-pthread", "-w", "-o", program, file}, flags...)
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	return program
}

// openDir is a temporary directory that other users can enter.
func openDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			break
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// denyPath denies programs and files by their paths.
func denyPath(paths ...string) func(policy.Event) bool {
	return func(e policy.Event) bool {
		for _, p := range paths {
			if e.Program.Path == p || e.Program.Interpreter == p || below(e.File, p) {
				return true
			}
		}
		return false
	}
}

// contains fails the test when text lacks one of the words.
func contains(t testing.TB, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("no %q in %q", word, text)
		}
	}
}

// real is a path without links, as events have it.
func real(t testing.TB, path string) string {
	t.Helper()
	clean, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return clean
}
