package main

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// running is a defender with a child that writes lines.
type running struct {
	t     *testing.T
	pid   int
	lines *bufio.Reader
	cmd   *exec.Cmd
}

// A Python program that begins with wakeable and ends with awaitSignals handles every signal at once: each writes a
// byte that ends the read. With signal.pause, one that arrives just before the pause would wait for the next.
const (
	wakeable     = "import os,signal\nr,w=os.pipe(); os.set_blocking(w,False); signal.set_wakeup_fd(w)\n"
	awaitSignals = "while True: os.read(r,1)"
)

// launch starts argv under the defender in a process group of its own, as Lambda does, and waits for its line "ready".
// A deadline on the pipe turns a hang into a failure.
func launch(t *testing.T, argv ...string) *running {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(defender, argv...)
	cmd.Env = environ()
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if err := r.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = r.Close()
	})
	run := &running{t: t, pid: cmd.Process.Pid, lines: bufio.NewReader(r), cmd: cmd}
	run.expect("ready")
	return run
}

func (r *running) line() string {
	r.t.Helper()
	line, err := r.lines.ReadString('\n')
	if err != nil {
		r.t.Fatalf("read from the child: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (r *running) expect(want string) {
	r.t.Helper()
	if got := r.line(); got != want {
		r.t.Fatalf("the child wrote %q, want %q", got, want)
	}
}

func (r *running) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := syscall.Kill(r.pid, sig); err != nil {
		r.t.Fatal(err)
	}
}

// awaitStop waits until the defender itself is stopped.
func (r *running) awaitStop() {
	r.t.Helper()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		r.t.Fatalf("wait for the stop: %v, status %#x", err, status)
	}
}

// TestTermination sends SIGTERM to the defender under every interpreter we can find.
func TestTermination(t *testing.T) {
	tests := []struct{ name, flag, script string }{
		{"sh", "-c", `trap 'echo term; kill $!; exit 42' TERM; sleep 600 & echo ready; wait`},
		{"python3", "-c", wakeable + "def h(*a):\n print('term',flush=True); os._exit(42)\nsignal.signal(15,h); print('ready',flush=True)\n" + awaitSignals},
		{"node", "-e", "process.on('SIGTERM',()=>{console.log('term');process.exit(42)});setInterval(()=>{},1e6);console.log('ready')"},
		{"ruby", "-e", "trap('TERM'){$stdout.write(\"term\\n\");exit 42}; $stdout.sync=true; puts 'ready'; sleep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{program(t, tt.name), tt.flag, tt.script}
			run := launch(t, args...)
			run.signal(syscall.SIGTERM)
			run.expect("term")
			if err := run.cmd.Wait(); run.cmd.ProcessState.ExitCode() != 42 {
				t.Errorf("got %v, want exit code 42", err)
			}
		})
	}
}

// TestEverySignalIsForwarded has a child that names each signal it gets.
func TestEverySignalIsForwarded(t *testing.T) {
	script := wakeable +
		"def h(n,f): print(n,flush=True)\n" +
		"for n in set(range(1,65))-{9,17,19,32,33}: signal.signal(n,h)\n" +
		"print('ready',flush=True)\n" +
		awaitSignals
	run := launch(t, program(t, "python3"), "-c", script)
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPROF, 32, 33, 34:
			continue
		}
		run.signal(sig)
		run.expect(strconv.Itoa(int(sig)))
	}
	// Those we must swallow: the child hears nothing, and the next signal still arrives.
	run.signal(syscall.SIGCHLD)
	run.signal(syscall.SIGURG)
	run.signal(syscall.SIGUSR1)
	run.expect(strconv.Itoa(int(syscall.SIGUSR1)))
}

// TestIgnoredSignalsCanBeHandledLater starts with SIGTERM ignored; the child sets a handler all the same.
func TestIgnoredSignalsCanBeHandledLater(t *testing.T) {
	script := wakeable +
		"print(signal.getsignal(15)==signal.SIG_IGN,flush=True)\n" +
		"signal.signal(15,lambda n,f: print('term',flush=True)); print('ready',flush=True)\n" +
		awaitSignals
	signals := `trap '' TERM; echo ready; exec "$@"`
	run := launch(t, "/bin/sh", "-c", signals, "sh", defender, program(t, "python3"), "-c", script)
	run.expect("True")
	run.expect("ready")
	run.signal(syscall.SIGTERM) // outer defender, inner defender, python
	run.expect("term")
}

// TestProcessGroup checks that the child stays in our process group and session.
func TestProcessGroup(t *testing.T) {
	run := launch(t, "/bin/sh", "-c", `echo ready; awk '/^NSpgid/{print $2}' /proc/self/status; read x`)
	run.expect(strconv.Itoa(run.pid))
}

// TestJobControl stops and continues the whole job through the defender.
func TestJobControl(t *testing.T) {
	script := wakeable +
		"signal.signal(signal.SIGCONT,lambda n,f: print('continued',flush=True)); print('ready',flush=True)\n" +
		awaitSignals
	run := launch(t, program(t, "python3"), "-c", script)
	for range 3 {
		run.signal(syscall.SIGTSTP)
		run.awaitStop()
		run.signal(syscall.SIGCONT)
		run.expect("continued")
	}
	if err := syscall.Kill(-run.pid, syscall.SIGTSTP); err != nil { // the terminal's way: the whole group
		t.Fatal(err)
	}
	run.awaitStop()
	run.signal(syscall.SIGCONT)
	run.expect("continued")
}

// TestChildStopsItself checks that a child which stops for its own reasons does not stop us: SIGCONT still gets by.
func TestChildStopsItself(t *testing.T) {
	run := launch(t, "/bin/sh", "-c", `echo ready; echo $$; kill -STOP $$; echo continued`)
	child := run.line()
	for stateOf(t, child) != "T" {
		runtime.Gosched()
	}
	run.signal(syscall.SIGCONT)
	run.expect("continued")
}

// stateOf returns the state letter of a process.
func stateOf(t *testing.T, pid string) string {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}

// TestDefenderKilled checks that the child does not outlive us where the kernel lets us ask for that.
func TestDefenderKilled(t *testing.T) {
	run := launch(t, "/bin/sh", "-c", `exec 3<>"$0"; echo ready; read x <&3`, fifo(t))
	run.signal(syscall.SIGKILL)
	if line, err := run.lines.ReadString('\n'); err == nil || os.IsTimeout(err) {
		t.Errorf("the child is still there: %q, %v", line, err)
	}
}

func fifo(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
