//go:build linux

package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// agent is the first process of a sandbox, from the inside.
type agent struct {
	control *link
	// mu is held while a process is started, so that its end isn't seen before
	// its beginning is noted.
	mu       sync.Mutex
	children *sync.Cond // signals that there is one
	running  map[int]int
	pids     map[int]int // by id
	measures chan int64
}

func newAgent(control *link) *agent {
	a := &agent{control: control, running: map[int]int{}, pids: map[int]int{}, measures: make(chan int64, 1)}
	a.children = sync.NewCond(&a.mu)
	return a
}

// obey does what a message says and answers it.
func (a *agent) obey(m message, files []*os.File) {
	switch m.Kind {
	case kindSetup:
		a.setUp(m.Setup)
	case kindStart:
		a.start(m.ID, m.Process, files)
	case kindSignal:
		a.signal(m.ID, syscall.Signal(m.Signal))
	case kindMeasure:
		a.measures <- m.Bytes
	}
}

// setUp makes the sandbox and says so.
func (a *agent) setUp(s *setup) {
	listener, err := a.make(s)
	if err != nil {
		a.say(failed(kindReady, 0, err))
		return
	}
	go a.reap()
	go a.measure()
	if listener == nil {
		a.say(message{Kind: kindReady})
		return
	}
	a.say(message{Kind: kindReady}, listener)
	shut(listener)
}

// make builds the root directory and the network, and returns the socket that
// the network's Runtime API listens on.
func (a *agent) make(s *setup) (*os.File, error) {
	if s.Root == nil {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("adopt orphans: %w", err)
		}
	} else if err := s.Root.build(); err != nil {
		return nil, err
	}
	if !s.Network {
		return nil, nil
	}
	if err := raiseLoopback(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen in the sandbox: %w", err)
	}
	defer shut(l)
	return l.(*net.TCPListener).File()
}

// say sends a message to the runner; when that is gone, receive sees it too.
func (a *agent) say(m message, files ...*os.File) { _ = a.control.send(m, files...) }

// start starts a process and says how that went.
func (a *agent) start(id int, p *process, files []*os.File) {
	a.mu.Lock()
	defer a.mu.Unlock()
	pid, err := spawn(p, files)
	if pid > 0 {
		a.running[pid], a.pids[id] = id, pid
		a.children.Signal()
	}
	if err != nil {
		a.say(failed(kindStarted, id, err))
		return
	}
	a.say(message{Kind: kindStarted, ID: id})
}

// spawn starts the program that becomes a process and waits until it is that
// process or has failed. A process id other than 0 is to be waited for.
func spawn(p *process, files []*os.File) (int, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("make start socket: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "start"), os.NewFile(uintptr(fds[1]), "start")
	defer shut(ours)
	inherited := []uintptr{files[0].Fd(), files[1].Fd(), files[2].Fd(), theirs.Fd()}
	for _, f := range files[3:] {
		inherited = append(inherited, f.Fd())
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"autodefend", roleEnter}, &syscall.ProcAttr{
		Files: inherited,
		Env:   []string{"GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	shut(theirs)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", p.Argv[0], err)
	}
	if err := json.NewEncoder(ours).Encode(p); err != nil {
		return pid, fmt.Errorf("start %s: %w", p.Argv[0], err)
	}
	answer, err := io.ReadAll(ours)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return pid, fmt.Errorf("start %s: %w", p.Argv[0], err)
	}
	if len(answer) == 0 {
		return pid, nil
	}
	var m message
	if err := json.Unmarshal(answer, &m); err != nil {
		return pid, fmt.Errorf("start %s: %w", p.Argv[0], err)
	}
	return pid, m.err()
}

// reap waits for the sandbox's processes and says which of those it started
// have ended.
func (a *agent) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		a.mu.Lock()
		switch {
		case errors.Is(err, syscall.ECHILD):
			for len(a.running) == 0 {
				a.children.Wait()
			}
		case err == nil && (status.Exited() || status.Signaled()):
			if id, ours := a.running[pid]; ours {
				delete(a.running, pid)
				delete(a.pids, id)
				a.say(message{Kind: kindExited, ID: id, Status: uint32(status)})
			}
		}
		a.mu.Unlock()
	}
}

// signal signals the group of one process, or everybody.
func (a *agent) signal(id int, sig syscall.Signal) {
	if id == 0 {
		a.everybody(sig)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if pid, ok := a.pids[id]; ok {
		_ = syscall.Kill(-pid, sig)
	}
}

// everybody signals every process of the sandbox but this one. In a process
// namespace of its own the kernel knows them; without one they are the
// descendants.
func (a *agent) everybody(sig syscall.Signal) {
	if os.Getpid() == 1 {
		_ = syscall.Kill(-1, sig)
		return
	}
	for _, pid := range descendants(os.Getpid()) {
		_ = syscall.Kill(pid, sig)
	}
}

// killAll ends every process. Without a process namespace new ones may be born
// while the list is read, so it is read until there are none.
func (a *agent) killAll() {
	for range 100 {
		a.everybody(syscall.SIGKILL)
		if os.Getpid() == 1 || len(descendants(os.Getpid())) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
