package wrapper

import (
	"fmt"
	"log/slog"
	"runtime"
)

// Wrapper runs one runtime. Its zero value is not usable: Log is needed.
type Wrapper struct {
	// Log receives one error per failure, and a debug line when the runtime has started.
	Log *slog.Logger
	// Started is where enforcement attaches: it is called once with the runtime's process id, right after the start and
	// before any signal is passed on. It may be nil. An error or panic is logged and the runtime goes on without it.
	Started func(pid int) error
}

// Run starts the runtime given by argv, through the owner's own wrapper when the environment chains one, waits for it
// and returns its exit code. When the runtime died of a signal, Run ends this process by the same signal and does not
// return. When nothing of ours works, this process becomes the runtime. It returns 126 or 127 only when the runtime
// itself cannot be started.
//
// Preconditions: argv is not empty; it is called from the main goroutine, once.
func (w *Wrapper) Run(argv, environ []string) int {
	state := inherited()
	plan := launch{commands: []command{{path: argv[0], args: argv, env: environ}}}
	pid, signals := 0, (*relay)(nil)
	w.contain("prepare runtime", func() {
		plan = resolve(argv, environ)
		w.report(plan.problems)
		signals = openRelay(state)
		runtime.LockOSThread() // not before: every signal of a relay costs a switch between threads
		w.startAny(plan, state, &pid)
	})
	if pid == 0 {
		return w.giveWay(plan.commands[len(plan.commands)-1], state, signals)
	}
	signals.childStarted()
	w.contain("attach to runtime", func() { w.started(pid) })
	status, err := supervise(pid, signals)
	if err != nil {
		w.Log.Error("supervise runtime", "error", err.Error())
		return 1
	}
	return finish(status)
}

// startAny starts the first of the commands that can be started and sets *pid as soon as it runs, whatever fails after.
func (w *Wrapper) startAny(plan launch, state entryState, pid *int) {
	for _, cmd := range plan.commands {
		started, err := start(cmd, state)
		if err == nil {
			*pid = started
			w.Log.Debug("runtime started", "pid", started, "program", cmd.path)
			return
		}
		w.report([]error{err})
	}
}

func (w *Wrapper) started(pid int) {
	if w.Started == nil {
		return
	}
	if err := w.Started(pid); err != nil {
		w.Log.Error("attach to runtime", "error", err.Error())
	}
}

// giveWay replaces this process by the runtime, the last resort.
func (w *Wrapper) giveWay(cmd command, state entryState, signals *relay) int {
	if signals != nil {
		signals.close()
	}
	err := replace(cmd, state)
	w.report([]error{fmt.Errorf("become %s: %w", cmd.path, err)})
	return startFailure(err)
}

func (w *Wrapper) report(problems []error) {
	for _, err := range problems {
		w.Log.Error("start runtime", "error", err.Error())
	}
}

// contain runs step and turns a panic into a log line; a log that panics too is left alone.
func (w *Wrapper) contain(operation string, step func()) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		defer func() { _ = recover() }()
		w.Log.Error("panic", "operation", operation, "panic", fmt.Sprint(cause))
	}()
	step()
}
