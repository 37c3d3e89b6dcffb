package wrapper

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"syscall"
)

// Wrapper runs one runtime. Its zero value is not usable: Log is needed. A nil hook is nothing to do.
type Wrapper struct {
	// Log receives one error per failure, and a debug line when the runtime has started.
	Log *slog.Logger
	// Prepare is called once, when signals are already kept for the runtime and before it starts. It says how to go on.
	Prepare func() Start
	// Adapt changes a program that is about to be started: its arguments, args[0] included, and its environment. The
	// program's file is args[0], unless that has no slash.
	Adapt func(path string, args, env []string) (string, []string, []string)
	// Started is where enforcement attaches: it is called once with the runtime's process id, right after the start and
	// before any signal is passed on. An error or panic is logged and the runtime goes on without it.
	Started func(pid int) error
	// Received is called for each signal before it is passed on, and must return at once.
	Received func(sig syscall.Signal)
	// Leaving is called last: before this process ends as the runtime did, and before it becomes the runtime.
	Leaving func()
	// FailClosed says whether the runtime must not run without us. Nil means that this process has no part in any
	// enforcement: then a failure never stops the runtime, and the runtime is asked to die with us all the same.
	FailClosed func() bool
}

// Start is how a runtime is started.
type Start int

// The ways to start a runtime.
const (
	// Beside: as a child of this process.
	Beside Start = iota
	// InPlace: this process becomes the runtime.
	InPlace
	// Never: this process ends with exit code 1 instead.
	Never
)

// exitRefused is the exit code when the runtime was not started on purpose.
const exitRefused = 1

// Run starts the runtime given by argv, through the owner's own wrapper when the environment chains one, waits for it
// and returns its exit code. When the runtime died of a signal, Run ends this process by the same signal and does not
// return. When nothing of ours works, this process becomes the runtime. It returns 126 or 127 only when the runtime
// itself cannot be started, and 1 when Prepare or FailClosed forbid to start it.
//
// Preconditions: argv is not empty; it is called from the main goroutine, once.
func (w *Wrapper) Run(argv, environ []string) int {
	state := inherited()
	plan := launch{commands: []command{{path: argv[0], args: argv, env: environ}}}
	pid, signals, how, relayed := 0, (*relay)(nil), Beside, false
	sound := w.contain("prepare runtime", func() {
		plan = resolve(argv, environ)
		w.report(plan.problems)
		var err error
		if signals, err = openRelay(state); err != nil {
			w.report([]error{err})
			return
		}
		relayed = true
		if how = w.prepare(); how != Beside {
			return
		}
		w.startAny(plan, state, &pid)
	})
	unheld := !sound || !relayed
	if pid == 0 && (how == Never || unheld && w.closed()) {
		w.leave()
		return exitRefused
	}
	if pid == 0 {
		return w.giveWay(plan.commands, state, signals)
	}
	signals.childStarted()
	w.contain("attach to runtime", func() { w.started(pid) })
	status, err := supervise(pid, signals, w.Received)
	w.leave()
	if err != nil {
		w.Log.Error("supervise runtime", "error", err.Error())
		return 1
	}
	return finish(status)
}

func (w *Wrapper) prepare() Start {
	if w.Prepare == nil {
		return Beside
	}
	return w.Prepare()
}

func (w *Wrapper) closed() bool { return w.FailClosed != nil && w.FailClosed() }

func (w *Wrapper) leave() {
	if w.Leaving != nil {
		w.contain("leave", w.Leaving)
	}
}

// startAny starts the first of the commands that can be started and sets *pid as soon as it runs, whatever fails after.
func (w *Wrapper) startAny(plan launch, state entryState, pid *int) {
	tied := w.FailClosed == nil || w.FailClosed()
	if tied {
		runtime.LockOSThread() // for good. Otherwise not: Go starts a thread more for it
	}
	for _, cmd := range plan.commands {
		started, err := w.startOne(cmd, state, tied)
		if err == nil {
			*pid = started
			w.Log.Debug("runtime started", "pid", started, "program", cmd.path)
			return
		}
		w.report([]error{err})
	}
}

// startOne starts cmd as it is, or adapted. What is adapted is started by another program of ours, which could only
// tell us too late that cmd can't be started: so that is looked at before.
func (w *Wrapper) startOne(cmd command, state entryState, tied bool) (int, error) {
	if w.Adapt == nil {
		return start(cmd, state, tied)
	}
	if err := startable(cmd.path); errors.Is(err, syscall.ENOEXEC) && cmd.script {
		cmd = asScript(cmd)
	} else if err != nil {
		return 0, fmt.Errorf("start %s: %w", cmd.path, err)
	}
	cmd.path, cmd.args, cmd.env = w.Adapt(cmd.path, cmd.args, cmd.env)
	cmd.script = false
	return start(cmd, state, tied)
}

func (w *Wrapper) started(pid int) {
	if w.Started == nil {
		return
	}
	if err := w.Started(pid); err != nil {
		w.Log.Error("attach to runtime", "error", err.Error())
	}
}

// giveWay replaces this process by the first of the commands that works: the owner's own wrapper when Prepare wanted
// it so, and the runtime as the last resort.
func (w *Wrapper) giveWay(commands []command, state entryState, signals *relay) int {
	if signals != nil {
		signals.close()
	}
	w.leave()
	last := commands[len(commands)-1]
	if w.Prepare != nil {
		for _, cmd := range commands[:len(commands)-1] {
			err := replace(cmd, state)
			if errors.Is(err, syscall.ENOEXEC) {
				err = replace(asScript(cmd), state)
			}
			w.report([]error{fmt.Errorf("start %s: %w", cmd.path, err)})
		}
	}
	err := replace(last, state)
	w.report([]error{fmt.Errorf("become %s: %w", last.path, err)})
	return startFailure(err)
}

func (w *Wrapper) report(problems []error) {
	for _, err := range problems {
		w.Log.Error("start runtime", "error", err.Error())
	}
}

// contain runs step, turns a panic into a log line and reports whether there was none; a log that panics too is left
// alone.
func (w *Wrapper) contain(operation string, step func()) bool {
	sound := false
	func() {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			defer func() { _ = recover() }()
			w.Log.Error("panic", "operation", operation, "panic", fmt.Sprint(cause))
		}()
		step()
		sound = true
	}()
	return sound
}
