//go:build linux

package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// readyWithin bounds the making of a sandbox, and how long one may take to end.
const readyWithin = 20 * time.Second

// sandbox is a running sandbox, from the outside.
type sandbox struct {
	isolation Isolation
	uid, gid  int
	level     level

	control *link
	cmd     *exec.Cmd
	errors  *tail
	// listener is the Runtime API's socket in the sandbox's own network, or
	// nil.
	listener net.Listener

	mu       sync.Mutex // guards below
	tasks    map[int]*task
	next     int
	over     bool
	measured chan int64
	ended    chan struct{}
}

// task is a process that was started in a sandbox.
type task struct {
	id      int
	sandbox *sandbox
	started chan error
	// done is closed when the process has ended; then status says how.
	done   chan struct{}
	status syscall.WaitStatus
}

// plan is what a sandbox is made from.
type plan struct {
	uid, gid int
	tmpMB    int
	binds    []Bind
	links    map[string]string
	files    map[string]string
	network  bool
	// mountpoint is an empty directory of this machine.
	mountpoint string
}

// launch makes a sandbox, with as much isolation as this machine permits.
func launch(ctx context.Context, p plan) (*sandbox, error) {
	if err := prepared(); err != nil {
		return nil, err
	}
	var refused error
	for _, l := range levels(os.Geteuid() == 0) {
		s, err := launchAt(ctx, p, l)
		if err == nil {
			if !l.namespaces {
				s.isolation.missing(fmt.Sprintf("files, processes, users and network of this machine are in sight: no namespaces (%v)", refused))
			}
			return s, nil
		}
		if !refusal(err) {
			return nil, err
		}
		refused = err
	}
	return nil, refused
}

// refusal reports whether the kernel wouldn't make a sandbox of this kind, so
// that a lesser one is worth a try.
func refusal(err error) bool {
	for _, errno := range []syscall.Errno{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EINVAL, unix.ENOSPC, unix.EUSERS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// launchAt makes a sandbox of one level.
func launchAt(ctx context.Context, p plan, l level) (*sandbox, error) {
	control, theirs, err := linkPair()
	if err != nil {
		return nil, err
	}
	defer shut(theirs)
	s := &sandbox{
		uid: p.uid, gid: p.gid, level: l, control: control, errors: newTail(4 << 10),
		tasks: map[int]*task{}, measured: make(chan int64, 1), ended: make(chan struct{}),
	}
	s.isolation.Namespaces, s.isolation.UserNamespace = l.namespaces, l.users
	s.isolation.Network = p.network && l.namespaces
	s.cmd = exec.Command("/proc/self/exe", roleAgent)
	s.cmd.Env = []string{"GOMAXPROCS=2"}
	s.cmd.ExtraFiles = []*os.File{theirs}
	s.cmd.Stderr = s.errors
	s.cmd.SysProcAttr = l.attributes(p)
	if err := s.cmd.Start(); err != nil {
		shut(control.conn)
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	if err := s.setUp(ctx, p); err != nil {
		return nil, errors.Join(fmt.Errorf("make sandbox: %w", err), s.close())
	}
	go s.listen()
	return s, nil
}

// attributes are how the first process is started.
func (l level) attributes(p plan) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if !l.namespaces {
		return attr
	}
	attr.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	if p.network {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	if !l.users {
		return attr
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	if os.Geteuid() == 0 {
		// Everybody keeps their number; only power over this machine is gone.
		attr.UidMappings = []syscall.SysProcIDMap{{Size: 65536}}
		attr.GidMappings = []syscall.SysProcIDMap{{Size: 65536}}
		attr.GidMappingsEnableSetgroups = true
		return attr
	}
	// One user can be mapped: it is the function's, and the first process's
	// own. That one keeps its power over the namespace as ambient capabilities.
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: p.uid, HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: p.gid, HostID: os.Getegid(), Size: 1}}
	attr.AmbientCaps = []uintptr{
		unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP, unix.CAP_SYS_CHROOT, unix.CAP_NET_ADMIN, unix.CAP_DAC_OVERRIDE,
		unix.CAP_KILL, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SYS_PTRACE,
	}
	return attr
}

// setUp tells the first process what to make and waits until it has.
func (s *sandbox) setUp(ctx context.Context, p plan) error {
	order := setup{Network: s.isolation.Network}
	if s.level.namespaces {
		root := hostPlan(p.mountpoint, p.uid, p.gid)
		if err := root.add(p.binds); err != nil {
			return err
		}
		for path, to := range p.links {
			root.Links[path] = to
		}
		for path, content := range p.files {
			root.Files[path] = content
		}
		if p.tmpMB > 0 {
			root.TmpMB = p.tmpMB
		}
		order.Root = root
	}
	deadline := time.Now().Add(readyWithin)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := s.control.conn.SetDeadline(deadline); err != nil {
		return err
	}
	if err := s.control.send(message{Kind: kindSetup, Setup: &order}); err != nil {
		return err
	}
	m, files, err := s.control.receive()
	if err != nil {
		return fmt.Errorf("no answer: %w %s", err, s.errors.String())
	}
	defer closeAll(files)
	if err := m.err(); err != nil {
		return err
	}
	if len(files) > 0 {
		if s.listener, err = net.FileListener(files[0]); err != nil {
			return fmt.Errorf("take the sandbox's socket: %w", err)
		}
	}
	return s.control.conn.SetDeadline(time.Time{})
}

// listen notes what the first process says, until it ends.
func (s *sandbox) listen() {
	defer close(s.ended)
	for {
		m, files, err := s.control.receive()
		closeAll(files)
		if err != nil {
			s.lost()
			return
		}
		s.note(m)
	}
}

// note takes in one message.
func (s *sandbox) note(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[m.ID]
	switch {
	case m.Kind == kindMeasured && m.Over:
		s.over = true
	case m.Kind == kindMeasured:
		select {
		case s.measured <- m.Bytes:
		default: // nobody asked
		}
	case t == nil:
	case m.Kind == kindStarted:
		t.started <- m.err()
	case m.Kind == kindExited:
		t.status = syscall.WaitStatus(m.Status)
		delete(s.tasks, m.ID)
		close(t.done)
	}
}

// lost ends every task of a sandbox that is gone, as killed.
func (s *sandbox) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, t := range s.tasks {
		t.status = syscall.WaitStatus(syscall.SIGKILL)
		select {
		case t.started <- errEnded:
		default:
		}
		delete(s.tasks, id)
		close(t.done)
	}
}

// errEnded is the cause when a sandbox has ended.
var errEnded = errors.New("the sandbox has ended")

// start starts a process with its descriptors 0, 1 and 2 and those that its
// LogPipe and Cgroups announce. The files stay the caller's.
func (s *sandbox) start(p process, files ...*os.File) (*task, error) {
	p.UID, p.GID, p.Namespaces = s.uid, s.gid, s.level.namespaces
	t := &task{sandbox: s, started: make(chan error, 1), done: make(chan struct{})}
	s.mu.Lock()
	s.next++
	t.id = s.next
	s.tasks[t.id] = t
	s.mu.Unlock()
	err := s.control.send(message{Kind: kindStart, ID: t.id, Process: &p}, files...)
	if err == nil {
		select {
		case err = <-t.started:
		case <-s.ended:
			err = errEnded
		}
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// signal signals the process group of a task.
func (t *task) signal(sig syscall.Signal) error {
	return t.sandbox.control.send(message{Kind: kindSignal, ID: t.id, Signal: int(sig)})
}

// signalAll signals every process of the sandbox.
func (s *sandbox) signalAll(sig syscall.Signal) error {
	return s.control.send(message{Kind: kindSignal, Signal: int(sig)})
}

// close ends the sandbox with everything in it, and returns when it is gone.
func (s *sandbox) close() error {
	if s.listener != nil {
		shut(s.listener)
	}
	if s.level.namespaces {
		_ = s.cmd.Process.Kill() // the kernel ends the others
	}
	shut(s.control.conn)
	timer := time.AfterFunc(readyWithin, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	err := s.cmd.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return nil
	}
	return err
}
