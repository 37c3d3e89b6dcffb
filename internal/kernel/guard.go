package kernel

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// guardHandlers answer acts on other processes: those on the Defender's are tampering.
func guardHandlers() map[string]handler {
	first := func(s *Supervisor, c *call) answer { return s.guard(c, c.arg(0)) }
	second := func(s *Supervisor, c *call) answer { return s.guard(c, c.arg(1)) }
	table := map[string]handler{
		"kill":              (*Supervisor).kill,
		"ptrace":            second,
		"pidfd_send_signal": (*Supervisor).signalByDescriptor,
		"pidfd_getfd":       (*Supervisor).descriptorOf,
		"process_madvise":   (*Supervisor).byDescriptor,
		"setpriority":       (*Supervisor).setPriority,
		"ioprio_set":        (*Supervisor).setPriority,
		"fcntl":             (*Supervisor).fcntl,
		"ioctl":             (*Supervisor).ioctl,
	}
	for _, name := range []string{
		"tkill", "tgkill", "rt_tgsigqueueinfo", "rt_sigqueueinfo", "process_vm_readv", "process_vm_writev",
		"prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr", "migrate_pages", "move_pages",
	} {
		table[name] = first
	}
	return table
}

// guard passes what doesn't concern the Defender. The number lies in a register, so nothing can change it.
func (s *Supervisor) guard(c *call, id int) answer {
	if id <= 0 || !s.protects(id) {
		return pass()
	}
	if s.tampers(c, s.names[c.nr]+" at the Defender's process") {
		return fail(unix.EPERM)
	}
	return pass()
}

// setPriority: its first argument says what the second one names. 0 and 1 are a process, for setpriority and ioprio_set.
func (s *Supervisor) setPriority(c *call) answer {
	if c.arg(0) > 1 {
		return pass()
	}
	return s.guard(c, c.arg(1))
}

// kill takes the numbers of groups too, and the Defender is in the function's. Such signals go to all others of the group.
func (s *Supervisor) kill(c *call) answer {
	target, signal := c.arg(0), unix.Signal(c.arg(1))
	if target > 0 {
		return s.guard(c, target)
	}
	own := s.pidOf(c)
	group := -target
	switch target {
	case -1:
		group = 0 // everybody
	case 0:
		group = groupOf(own)
	}
	members := membersOf(group)
	if !s.anyProtected(members) {
		return pass()
	}
	return s.killOthers(c, own, members, signal)
}

// killOthers signals the members that aren't the Defender's. The caller's own signal comes last, and after the answer,
// since it would end the wait for it.
func (s *Supervisor) killOthers(c *call, own int, members []int, signal unix.Signal) answer {
	reached, self := false, false
	var last error = unix.ESRCH
	for _, pid := range members {
		switch {
		case s.protects(pid) || pid == 1:
		case pid == own:
			self = true
		default:
			err := unix.Kill(pid, signal)
			reached = reached || err == nil
			if err != nil {
				last = err
			}
		}
	}
	if !self && !reached {
		return fail(errnoOf(last))
	}
	s.listener.reply(c, value(0))
	if self && c.arg(0) != -1 {
		_ = unix.Kill(own, signal)
	}
	return later()
}

func (s *Supervisor) anyProtected(members []int) bool {
	for _, pid := range members {
		if s.protects(pid) {
			return true
		}
	}
	return false
}

// membersOf lists the processes of a group, all for group 0.
func membersOf(group int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var members []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && (group == 0 || groupOf(pid) == group) {
			members = append(members, pid)
		}
	}
	return members
}

// groupOf returns the process group of a process, 0 when it is gone.
func groupOf(pid int) int {
	group, err := unix.Getpgid(pid)
	if err != nil {
		return 0
	}
	return group
}

// signalByDescriptor sends on the caller's behalf, by a descriptor that is ours.
func (s *Supervisor) signalByDescriptor(c *call) answer {
	if c.rules.tamper == off {
		return pass()
	}
	fd, pid, errno := s.targetOf(c)
	if errno != 0 {
		return c.refuse(c.rules.tamper, errno)
	}
	defer unix.Close(fd) //nolint:errcheck // ours
	switch {
	case s.protects(pid):
		if s.tampers(c, "signal the Defender's process") {
			return fail(unix.EPERM)
		}
		return pass()
	case c.rules.tamper != stop:
		return pass()
	case c.args[2] != 0 && pid != s.pidOf(c):
		return fail(unix.EPERM) // verdict: what the caller says about the sender can't be said for it
	}
	return fail(errnoOf(unix.PidfdSendSignal(fd, unix.Signal(c.arg(1)), nil, c.arg(3))))
}

// targetOf returns the process that the caller's pidfd, the first argument, stands for, with a pidfd of ours. It is a copy
// of the caller's where we can read what our descriptors stand for. Old kernels don't let us; then the caller's own entry
// in /proc tells, and whatever the caller makes of its descriptor meanwhile, ours is for the process that is looked at.
func (s *Supervisor) targetOf(c *call) (int, int, unix.Errno) {
	fd, errno := s.processes.descriptor(s.pidOf(c), c.arg(0))
	if errno != 0 {
		return -1, 0, errno
	}
	if pid := processBehind(fd, "/proc/self/fdinfo/"+strconv.Itoa(fd)); pid != 0 {
		return fd, pid, 0
	}
	_ = unix.Close(fd)
	pid, _ := strconv.Atoi(fieldOf(readSome(procPath(c.tid, "/fdinfo/"+strconv.Itoa(c.arg(0))), pageSize), "Pid:"))
	if pid <= 0 {
		return -1, 0, unix.ESRCH
	}
	fd, err := unix.PidfdOpen(pid, 0)
	return fd, pid, errnoOf(err)
}

// processBehind finds the process that a pidfd of ours, or a directory of /proc, stands for: 0 when that is unknown, -1
// when it has ended.
func processBehind(fd int, info string) int {
	if pid, err := strconv.Atoi(fieldOf(readSome(info, pageSize), "Pid:")); err == nil {
		return pid
	}
	link, err := linkOf(fd)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimPrefix(link, "/proc/"))
	return pid
}

// descriptorOf takes a descriptor out of another process on the caller's behalf.
func (s *Supervisor) descriptorOf(c *call) answer {
	if c.rules.tamper == off {
		return pass()
	}
	fd, pid, errno := s.targetOf(c)
	if errno != 0 {
		return c.refuse(c.rules.tamper, errno)
	}
	defer unix.Close(fd) //nolint:errcheck // ours
	switch {
	case s.protects(pid):
		if s.tampers(c, "take a descriptor of the Defender's process") {
			return fail(unix.EPERM)
		}
		return pass()
	case c.rules.tamper != stop:
		return pass()
	}
	taken, err := unix.PidfdGetfd(fd, c.arg(1), c.arg(2))
	if err != nil {
		return fail(errnoOf(err))
	}
	defer unix.Close(taken) //nolint:errcheck // a copy
	return s.listener.inject(c, taken, true)
}

// byDescriptor refuses what is done by a pidfd and can't be done on behalf.
func (s *Supervisor) byDescriptor(c *call) answer {
	return c.refuse(c.rules.tamper, unix.EPERM)
}
