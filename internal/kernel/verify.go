package kernel

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/autodefend/autodefend/internal/policy"
	"golang.org/x/sys/unix"
)

// The kernel reads the path of a program again after it was judged, and looks the names in it up again; memory and names
// may have changed meanwhile, by the doing of other threads, of processes that share memory, or of anybody who can rename
// a file. So what counts is what the kernel really started. The caller is seized by ptrace, which doesn't disturb it, and
// let go on; it stops again either in its new program, before the first instruction and with memory that nobody shares,
// or, when the start failed, on its way back. A new program that isn't the judged one is judged itself, and killed when
// it is denied.

// pollStop is how often a start is looked at.
const pollStop = 50 * time.Microsecond

// startWatched lets the kernel start the program and verifies it. It answers the call itself.
func (s *Supervisor) startWatched(c *call, p program) answer {
	pid := s.pidOf(c)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if errno := seizeSoon(c.tid); errno != 0 {
		s.cfg.Log.Warn("watch the start of a program", "pid", pid, "error", errno.Error())
		return fail(unix.EACCES) // verdict: what can't be verified isn't started
	}
	s.listener.reply(c, pass())
	_ = interrupt(c.tid) // fails when the thread is gone, or has the process's id by now
	s.finish(c, pid, p)
	return later()
}

// seizeSoon seizes a thread. One that is being let go after an earlier start can't be seized for a moment.
func seizeSoon(tid int) unix.Errno {
	const tries = 50
	errno := seize(tid)
	for try := 1; errno == unix.EPERM && try < tries; try++ {
		time.Sleep(time.Millisecond)
		errno = seize(tid)
	}
	return errno
}

// finish waits for the seized thread's stop, verifies and releases it.
func (s *Supervisor) finish(c *call, pid int, p program) {
	for wait := pollStop; ; time.Sleep(wait) {
		if c.tid != pid {
			// The thread has its process's id after the start, and takes no orders by it before somebody waited.
			var info unix.Siginfo
			_ = unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOHANG|unix.WALL, nil)
		}
		for _, tid := range slices.Compact([]int{c.tid, pid}) {
			event, signal, errno := stopped(tid)
			switch {
			case errno != 0:
				continue
			case event == eventExec:
				s.started(c, pid, p)
				s.letGo(tid, 0)
			case event == eventStop:
				s.letGo(tid, 0) // the start failed, or begins anew
			default:
				s.letGo(tid, signal)
			}
			return
		}
		if s.reaped(c.tid, pid) {
			return
		}
		wait = min(wait+wait/8, 2*time.Millisecond)
	}
}

// letGo releases a stopped thread. One that was killed meanwhile must be waited for, or nobody else ever can.
func (s *Supervisor) letGo(tid int, signal unix.Signal) {
	if release(tid, signal) == 0 {
		return
	}
	for range 2000 {
		if s.reaped(tid, tid) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// reaped tells whether a seized thread has ended, and collects it if its parent is somebody else: the tracer is told
// first. The runtime is our own child, whose end others wait for.
func (s *Supervisor) reaped(tid, pid int) bool {
	if int64(tid) == s.launched.Load() && int64(pid) == s.launched.Load() {
		state := statusField(tid, "State:")
		return state == "" || state[0] == 'Z' || state[0] == 'X'
	}
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, tid, &info, unix.WEXITED|unix.WNOHANG|unix.WALL, nil)
	if err != nil {
		return !isThread(pid, tid) && !isThread(pid, pid)
	}
	const dumped = 3 // exited, killed and dumped; higher codes are stops
	return info.Signo != 0 && info.Code <= dumped
}

// started verifies the program that a stopped process has become, and kills it when it must not run.
func (s *Supervisor) started(c *call, pid int, p program) {
	s.processes.settled(pid)
	actual, ok := readProgram(pid)
	if ok && actual.device == p.device && actual.ino == p.ino && sameArguments(p.args, actual.args) {
		return
	}
	if ok {
		s.relate(c, pid, &actual)
		if !s.askFor(pid, policy.Event{Kind: policy.Exec, Program: actual.event}) {
			return
		}
	}
	_ = unix.Kill(pid, unix.SIGKILL) // verdict: another program than the judged one, and denied or unknown
}

// relate finds out more about a program that was started in the place of the judged one: what a loader will load.
func (s *Supervisor) relate(c *call, pid int, actual *program) {
	if !isLoader(actual.event.Path) {
		return
	}
	own := *c
	own.tid = pid
	s.followLoader(&own, actual)
}

// askFor puts an event of a process before the judge.
func (s *Supervisor) askFor(pid int, e policy.Event) bool {
	return s.ask(&call{tid: pid}, e)
}

// readProgram reads what a process has become.
func readProgram(pid int) (program, bool) {
	exe := procPath(pid, "/exe")
	var st unix.Stat_t
	if err := unix.Stat(exe, &st); err != nil {
		return program{}, false
	}
	name, err := os.Readlink(exe)
	if err != nil {
		return program{}, false
	}
	p := program{event: describeFile(name, &st), device: st.Dev, ino: st.Ino}
	raw := readSome(procPath(pid, "/cmdline"), maxArgumentSize)
	for _, argument := range bytes.Split(bytes.TrimSuffix(raw, []byte{0}), []byte{0}) {
		p.args = append(p.args, string(argument))
	}
	p.event.Args = p.args
	return p, true
}

// sameArguments compares the judged arguments with those that the program got, as far as both were read. The name of a
// script differs where the kernel made it up, for a script without a path.
func sameArguments(judged, actual []string) bool {
	size := 0
	for i := range min(len(judged), len(actual), maxArguments) {
		size += len(judged[i]) + 1
		if size >= maxArgumentSize {
			return true
		}
		if judged[i] != actual[i] {
			return false
		}
	}
	return len(judged) == len(actual) || len(judged) >= maxArguments || len(judged) == 0 && len(actual) == 1
}
