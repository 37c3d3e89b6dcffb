//go:build linux

package runner

import (
	"os"
	"syscall"
)

// freezer stops a sandbox between invocations: by a cgroup, or by signals.
type freezer struct {
	sandbox *sandbox
	group   *cgroup
	joins   []*os.File
	frozen  bool
}

// openFreezer prepares to freeze a sandbox.
func openFreezer(s *sandbox) *freezer {
	f := &freezer{sandbox: s}
	f.group = newCgroup("", "cgroup.freeze")
	if f.group != nil {
		if join, err := f.group.join(); err == nil {
			f.joins = []*os.File{join}
			s.isolation.Freezer = true
			return f
		}
	}
	s.isolation.missing("between invocations processes are stopped by signals, which they can notice: no cgroup can be made here")
	return f
}

// freeze stops every process, including those to come.
func (f *freezer) freeze() error {
	if f.frozen {
		return nil
	}
	f.frozen = true
	if len(f.joins) > 0 {
		return f.group.write("cgroup.freeze", "1")
	}
	return f.sandbox.signalAll(syscall.SIGSTOP)
}

// thaw lets them go on.
func (f *freezer) thaw() error {
	if !f.frozen {
		return nil
	}
	f.frozen = false
	if len(f.joins) > 0 {
		return f.group.write("cgroup.freeze", "0")
	}
	return f.sandbox.signalAll(syscall.SIGCONT)
}

// close removes the group.
// Preconditions: the sandbox has ended.
func (f *freezer) close() error {
	closeAll(f.joins)
	if f.group == nil {
		return nil
	}
	return f.group.remove()
}
