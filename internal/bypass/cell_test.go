package bypass

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A cell is the world of one run: process 1 of its own process, mount and network namespaces. It lays out a file system,
// starts the servers that a function might talk to, runs the function as an unprivileged user, and reports what it saw.
// When it ends, the kernel ends everything in it.

// Who the function runs as: Lambda's own numbers.
const (
	functionUID = 993
	functionGID = 990
)

// order is what the harness tells a cell: one JSON line on its standard input. The cell ends when that is closed.
type order struct {
	Root    string   // an empty directory to put the file system in
	Layer   string   // becomes /opt
	Task    string   // becomes /var/task
	Program string   // this test's program, which plays the stand-in
	Argv    []string // what runs, wrapper included
	Env     []string

	Lambda        bool // in Lambda's sandbox
	WritableLayer bool
	ListenPort    int  // a port to knock at while the function runs; 0 for none
	Watch         bool // look whether processes of the Defender go down
	Within        time.Duration
}

// report is what the cell saw: one JSON line on descriptor 3.
type report struct {
	Error string // the cell itself is broken
	Hung  bool
	Exit  string // how the first process ended
	Code  int

	Begun    int // the process id that the attempt had when it began; 0: it never did
	Ran      bool
	Won      string
	Leaked   bool
	Changed  bool
	Listened bool
	Sent     []string // denied servers that were reached
	Resolved []string // servers that saw the denied name
	Down     []string // processes of the Defender that went down too early
	API      []string // calls of the Runtime API with the attempt's mark
	Output   string   // both streams of the function, cut
	Tries    int      // of a race
	Took     time.Duration
}

// cellMain is the body of a cell.
func cellMain() int {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return 2
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return 2
	}
	go func() { // the harness is gone, and so is this world
		_, _ = io.Copy(io.Discard, in)
		os.Exit(3)
	}()
	r, err := live(o)
	if err != nil {
		r.Error = err.Error()
	}
	out := os.NewFile(3, "report")
	if err := json.NewEncoder(out).Encode(r); err != nil {
		return 2
	}
	return 0
}

func live(o order) (report, error) {
	secret := rand.Text()
	if err := layOut(o, secret); err != nil {
		return report{}, fmt.Errorf("lay out the files: %w", err)
	}
	if err := addresses(); err != nil {
		return report{}, fmt.Errorf("set up the network: %w", err)
	}
	s, err := serve()
	if err != nil {
		return report{}, fmt.Errorf("start the servers: %w", err)
	}
	log, err := os.OpenFile("/", unix.O_TMPFILE|os.O_RDWR, 0o600)
	if err != nil {
		return report{}, fmt.Errorf("make the log: %w", err)
	}
	started := time.Now()
	cmd, err := start(o, log)
	if err != nil {
		return report{}, fmt.Errorf("start the function: %w", err)
	}
	var r report
	stop := make(chan struct{})
	watched := make(chan []string, 1)
	knocked := make(chan bool, 1)
	go func() { watched <- watchDefender(o.Watch, cmd.Process.Pid, stop) }()
	go func() { knocked <- knock(o.ListenPort, stop) }()
	r.Exit, r.Code, r.Hung = wait(cmd, o.Within)
	settle(started.Add(o.Within))
	close(stop)
	r.Down, r.Listened = <-watched, <-knocked
	r.Took = time.Since(started)
	if err := s.drain(); err != nil {
		return r, fmt.Errorf("hear the servers out: %w", err)
	}
	s.tell(&r)
	return r, inspect(&r, log, secret)
}

// start runs the function's first process. In Lambda's profile the filter is put on this thread, which the function is
// forked from and which nothing else uses afterwards.
func start(o order, log *os.File) (*exec.Cmd, error) {
	cmd := exec.Command(o.Argv[0], o.Argv[1:]...)
	cmd.Env, cmd.Dir = o.Env, "/var/task"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true,
		Credential: &syscall.Credential{Uid: functionUID, Gid: functionGID},
	}
	if !o.Lambda {
		return cmd, cmd.Start()
	}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if err := lambdaSandbox(); err != nil {
			failed <- err
			return
		}
		failed <- cmd.Start()
	}()
	return cmd, <-failed
}

// wait waits for the first process, and ends everything when it takes too long.
func wait(cmd *exec.Cmd, within time.Duration) (string, int, bool) {
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(done)
	}()
	hung := false
	select {
	case <-done:
	case <-time.After(within):
		hung = true
		_ = unix.Kill(-1, unix.SIGKILL)
		<-done
	}
	return cmd.ProcessState.String(), cmd.ProcessState.ExitCode(), hung
}

// settle waits until no process of the function is left: an attempt may outlive the process that began it.
func settle(until time.Time) {
	for time.Now().Before(until) {
		if len(functionProcesses()) == 0 {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	_ = unix.Kill(-1, unix.SIGKILL)
}

// process is one process in the cell, from /proc.
type process struct {
	pid   int
	state byte
}

// functionProcesses lists the living processes of the function's user.
func functionProcesses() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == 1 {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if rest == "" || rest[0] == 'Z' || rest[0] == 'X' {
			continue
		}
		found = append(found, process{pid: pid, state: rest[0]})
	}
	return found
}

// watchDefender names the processes of the Defender, or of its stand-in, that were stopped, or ended while the attempt
// lived on: the first process of all, and the attempt's parent.
func watchDefender(on bool, first int, stop <-chan struct{}) []string {
	if !on {
		return nil
	}
	known := map[int]int{first: 0} // to how often it was missed while the attempt lived
	var down []string
	for {
		alive := map[int]process{}
		for _, p := range functionProcesses() {
			alive[p.pid] = p
		}
		attempt, parent := begun()
		if _, ok := known[parent]; !ok && parent > 1 {
			known[parent] = 0
		}
		for pid, p := range alive {
			if _, ok := known[pid]; ok && p.state == 'T' {
				down = append(down, fmt.Sprintf("%d stopped", pid))
				delete(known, pid)
				_ = unix.Kill(pid, unix.SIGCONT) // seen; the run may come to its end
			}
		}
		_, attempting := alive[attempt]
		for pid := range known {
			if _, ok := alive[pid]; ok || !attempting {
				continue
			}
			if known[pid]++; known[pid] == 2 {
				down = append(down, fmt.Sprintf("%d ended", pid))
			}
		}
		select {
		case <-stop:
			return down
		case <-time.After(time.Millisecond):
		}
	}
}

// begun returns the process id that the attempt had when it began, and its parent's where it says so.
func begun() (int, int) {
	text, err := os.ReadFile("/proof/begun")
	if err != nil {
		return 0, 0
	}
	first, second, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	pid, _ := strconv.Atoi(first)
	parent, _ := strconv.Atoi(second)
	return pid, parent
}

// inspect looks at what the attempt left behind.
func inspect(r *report, log *os.File, secret string) error {
	size, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	output := make([]byte, min(size, 256<<10))
	if _, err := log.ReadAt(output, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	r.Output = string(output)
	r.Begun, _ = begun()
	_, err = os.Stat("/proof/ran")
	r.Ran = err == nil || strings.Contains(r.Output, "the denied program ran")
	tries, _ := os.ReadFile("/proof/tries")
	r.Tries, _ = strconv.Atoi(string(tries))
	text, _ := os.ReadFile("/proof/won")
	r.Won = strings.TrimSpace(string(text))
	leak, _ := os.ReadFile("/proof/leak")
	r.Leaked = strings.Contains(string(leak), secret) || strings.Contains(r.Output, secret)
	ledger, err := os.ReadFile("/srv/secret/ledger")
	r.Changed = err != nil || string(ledger) != ledgerText
	return nil
}
