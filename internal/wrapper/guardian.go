package wrapper

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
)

// Guardian runs a supervisor, which runs the runtime, and does what is left to do when the supervisor dies: it ends the
// runtime, or lets it go on unprotected. Its zero value is not usable: Log and Command are needed.
//
// It does as little as it can before. Where the entry point could divide the program, it isn't even a Go program then: Run
// is called in the guardian when its supervisor has died, or a signal wants more than to be passed on, and in the supervisor
// never. Otherwise Run starts the supervisor as another process of this program.
type Guardian struct {
	Log *slog.Logger
	// FailClosed is the mode until the supervisor has read its policy and says what the mode is.
	FailClosed bool
	// Command returns the supervisor's arguments, args[0] included, for the number of its end of the control socket. The
	// runtime's own arguments are appended to it.
	Command func(control int) []string
	// Died is called when the supervisor died while the runtime runs, before anything else. It may be nil.
	Died func(runtime int, closed bool)
	// TakeOver is called when the runtime goes on without its supervisor, with what the supervisor handed over by name. It
	// must return at once. It may be nil.
	TakeOver func(handed map[string]int)
}

// Run starts the supervisor for the runtime given by argv, waits for it and ends as it ends, which is as the runtime
// ends. See Wrapper.Run for the exit codes.
//
// Preconditions: argv is not empty; it is called from the main goroutine, once.
func (g *Guardian) Run(argv, environ []string) int {
	state := inherited()
	signals, err := openRelay(state)
	if err != nil && Awoken() {
		g.Log.Error("follow supervisor", "error", err.Error())
		return exitRefused // which ends the supervisor and the runtime
	}
	if err != nil {
		g.Log.Error("start supervisor", "error", err.Error())
		return g.unsupervised(argv, environ, state, nil, g.FailClosed)
	}
	control, pid, err := g.begin(argv, environ, state)
	if err != nil {
		g.Log.Error("start supervisor", "error", err.Error())
		return g.unsupervised(argv, environ, state, signals, g.FailClosed)
	}
	hide()
	signals.childStarted()
	signals.takeBack(syscall.Signal(forked.woken))
	status, err := supervise(pid, signals, nil)
	left := readTestament(control)
	if left.mode != "" {
		g.FailClosed = left.mode == "closed"
	}
	switch {
	case err != nil:
		g.Log.Error("wait for supervisor", "error", err.Error())
		return 1
	case left.done:
		return finish(status)
	case !left.started:
		g.Log.Error("supervisor died before the runtime was started", "status", describe(status))
		return g.unsupervised(argv, environ, state, signals, g.FailClosed)
	}
	return g.orphaned(left, status, signals)
}

// begin finds or starts the supervisor and returns this side of its control socket and its process id.
func (g *Guardian) begin(argv, environ []string, state entryState) (int, int, error) {
	if Awoken() {
		return int(forked.control), int(forked.supervisor), nil
	}
	return g.start(argv, environ, state)
}

// start starts the supervisor and returns this side of its control socket and its process id.
func (g *Guardian) start(argv, environ []string, state entryState) (int, int, error) {
	self, err := os.Executable()
	if err != nil {
		return -1, 0, fmt.Errorf("find own program: %w", err)
	}
	mine, theirs, err := controlPair()
	if err != nil {
		return -1, 0, err
	}
	raised, err := raise(theirs.fd)
	if err != nil {
		return -1, 0, err
	}
	defer func() { _ = syscall.Close(raised) }()
	args := append(g.Command(raised), argv...)
	pid, err := start(command{path: self, args: args, env: environ}, state, false)
	return mine, pid, err
}

// unsupervised goes on without a supervisor where there never was a runtime. Without signals, which may be nil, it becomes
// the runtime.
func (g *Guardian) unsupervised(argv, environ []string, state entryState, signals *relay, closed bool) int {
	if closed {
		g.Log.Error("runtime is not started: its protection could not be", "failMode", "closed")
		return exitRefused
	}
	plan := resolve(argv, environ)
	w := Wrapper{Log: g.Log}
	pid := 0
	if signals != nil {
		w.startAny(plan, state, &pid)
	}
	if pid == 0 {
		return w.giveWay(plan.commands, state, signals)
	}
	signals.childStarted()
	status, err := supervise(pid, signals, nil)
	if err != nil {
		g.Log.Error("supervise runtime", "error", err.Error())
		return 1
	}
	return finish(status)
}

// orphaned goes on with a runtime whose supervisor died.
func (g *Guardian) orphaned(left testament, status syscall.WaitStatus, signals *relay) int {
	g.Log.Error("supervisor died", "status", describe(status), "runtime", left.runtime, "goesOn", !g.FailClosed)
	if g.Died != nil {
		g.Died(left.runtime, g.FailClosed)
	}
	if g.FailClosed {
		KillTree(left.runtime)
		killGroup()
		return exitRefused
	}
	if g.TakeOver != nil {
		g.TakeOver(left.handed)
	}
	return g.follow(left.runtime, signals)
}

// follow passes signals to a runtime that is not our child and waits for its end. How such a process ended can be known
// only as its new parent, which we are as process 1 of a container; otherwise the exit code is 1.
func (g *Guardian) follow(pid int, signals *relay) int {
	if pid == 0 {
		g.Log.Error("supervisor died before it could tell which process is the runtime")
		return exitRefused
	}
	w, err := openWatched(pid)
	if err != nil {
		g.Log.Error("follow runtime", "error", err.Error())
		return exitRefused
	}
	go func() {
		for {
			sig, err := signals.next()
			if err != nil {
				return
			}
			if sig != syscall.SIGCHLD {
				w.signal(sig)
			}
		}
	}()
	<-w.ended()
	var status syscall.WaitStatus
	got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
	if err == nil && got == pid {
		return finish(status)
	}
	return exitRefused
}

// describe says in words how a process ended.
func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

// hide keeps other processes of the same user from reading or tracing this one, where the sandbox permits to ask.
//
// Preconditions: nobody needs this process's own entries in /proc any more.
func hide() { _ = Hide() }

// Hide keeps other processes of the same user from reading or tracing this one. After it, most of this process's own
// entries in /proc belong to root. The error is EPERM where the sandbox refuses prctl, as Lambda's does.
func Hide() error {
	const setDumpable = 4 // PR_SET_DUMPABLE
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setDumpable, 0, 0, 0, 0, 0); errno != 0 {
		return errors.Join(errors.New("make process undumpable"), errno)
	}
	return nil
}
