package wrapper

import (
	"errors"
	"fmt"
	"os/signal"
	"runtime"
	"syscall"
)

// start runs cmd as a child. A script without an interpreter line is given to the shell, as in Lambda, where wrappers
// are started by one.
//
// Preconditions: when tied, the goroutine stays locked to its thread for the child's life; the kernel ties the death signal
// to it.
func start(cmd command, state entryState, tied bool) (int, error) {
	pid, err := forkExec(cmd, state, tied)
	if errors.Is(err, syscall.ENOEXEC) && cmd.script {
		pid, err = forkExec(asScript(cmd), state, tied)
	}
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", cmd.path, err)
	}
	return pid, nil
}

// forkExec starts cmd with the standard streams at their own numbers. Descriptors above them need no mention: the
// inherited ones are open across exec, and all that Go opens are closed by it. os.StartProcess is avoided, since it
// would clear O_NONBLOCK on streams that are shared with others.
//
// A tied child is asked to die with us, which Lambda's sandbox refuses; then it is started without.
func forkExec(cmd command, state entryState, tied bool) (int, error) {
	attr := &syscall.ProcAttr{
		Env:   cmd.env,
		Files: state.stdio(),
	}
	if tied {
		attr.Sys = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	}
	if state.noted == 1 && state.blocked != 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer setMask(setMask(state.blocked)) // the child's mask is this thread's
	}
	pid, err := syscall.ForkExec(cmd.path, cmd.args, attr)
	if err == nil || !tied {
		return pid, err
	}
	attr.Sys = nil
	return syscall.ForkExec(cmd.path, cmd.args, attr)
}

// replace turns this process into cmd. It returns only when that is impossible.
func replace(cmd command, state entryState) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for fd := range 3 {
		if state.wasClosed(fd) {
			syscall.CloseOnExec(fd)
		}
	}
	for _, sig := range state.ignoredSignals() {
		signal.Ignore(sig)
	}
	if state.noted == 1 {
		setMask(state.blocked)
	}
	return syscall.Exec(cmd.path, cmd.args, cmd.env)
}

// Become replaces this process by the program at path, with the signal mask, the ignored signals and the closed streams
// that this process was given. It returns only when that is impossible.
func Become(path string, args, env []string) error {
	if err := replace(command{path: path, args: args, env: env}, inherited()); err != nil {
		return fmt.Errorf("become %s: %w", path, err)
	}
	return nil
}

// ExitCode is the code with which a program ends that could not become another because of err.
func ExitCode(err error) int { return startFailure(err) }
