package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// Config is what a Watcher is made with.
type Config struct {
	Judge policy.Judge
	// Root is the process id of the function's runtime.
	Root int
	// Protected are processes that are never looked at nor ended: the Defender's own.
	Protected []int
	// Look says who a process is and what it executes.
	Look func(pid int) (policy.Process, policy.Program, error)
	// Judged reports whether another tier holds what a process executes now. Nil: there is no such tier.
	Judged func(pid int) bool
	// Alone: processes of Root's user without a parent of their own that began after Root belong to the function, as in
	// Lambda. Otherwise those do that were seen below Root at least once, or carry Mark.
	Alone bool
	// Mark is a variable, "NAME=value", in the environment of every process of the function; "" for none.
	Mark string
	// EndRoot: when Root itself has a connection or a listening port that is denied, Root is ended, and with it the
	// function. Otherwise that is only audited.
	EndRoot bool
	Log     *slog.Logger
}

// Watcher remembers what it has seen, so that each act is judged once. Its methods are safe for concurrent use.
type Watcher struct {
	config Config

	mu        sync.Mutex // guards what follows: one scan at a time
	processes map[int]*process
	sockets   map[uint64]socket // by inode
	scans     int
	rootBegan uint64
}

// New returns a Watcher that has seen nothing.
func New(config Config) *Watcher {
	return &Watcher{config: config, processes: make(map[int]*process), sockets: make(map[uint64]socket)}
}

// Report is what one scan did.
type Report struct {
	Processes int // that belong to the function
	Sockets   int // of these processes, with an address
	Judged    int // acts that were judged, for the first time
	Ended     int // processes that were ended
}

// Scan looks once. It ends early when ctx is done; what it didn't get to is seen by the next one. An error says that
// /proc couldn't be read at all; what can't be read of one process is left out, since processes come and go.
func (w *Watcher) Scan(ctx context.Context) (Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var report Report
	ours, err := w.refresh(ctx)
	if err != nil {
		return report, err
	}
	report.Processes = len(ours)
	for _, p := range ours {
		if ctx.Err() != nil {
			return report, nil
		}
		w.judgeProcess(p, &report)
	}
	w.judgeSockets(ctx, ours, &report)
	return report, nil
}

// judgeProcess judges what a process executes, when nobody has.
func (w *Watcher) judgeProcess(p *process, report *Report) {
	if p.twin != nil && !p.judged {
		p.judged, p.denied = p.twin.judged, p.twin.denied
	}
	p.twin = nil
	switch {
	case p.denied:
		w.end(p, report) // it didn't end, or is the fork of one that was denied
	case p.judged:
	case w.config.Judged != nil && w.config.Judged(p.pid):
		p.judged = true
	default:
		w.judgeImage(p, report)
	}
	if p.judged && !p.denied && w.config.Judged != nil {
		w.judgeAbsence(p, report)
	}
}

// judgeImage judges a program that nobody else judged.
func (w *Watcher) judgeImage(p *process, report *Report) {
	who, program, err := w.look(p)
	if err != nil {
		return
	}
	p.judged, p.unheld = true, true
	report.Judged++
	if w.judge(policy.Event{Kind: policy.Exec, Process: who, Program: program}).Deny {
		p.denied = true
		w.end(p, report)
	}
}

// judgeAbsence judges a program that was allowed but isn't held by the other tier by the scan after the one that found
// it: for that tier, it is one that can't be entered.
func (w *Watcher) judgeAbsence(p *process, report *Report) {
	if !p.unheld {
		return
	}
	if p.scans++; p.scans < scansToReport {
		return
	}
	p.unheld = false
	if w.config.Judged(p.pid) {
		return
	}
	who, program, err := w.look(p)
	if err != nil {
		return
	}
	program.Opaque = true
	report.Judged++
	e := policy.Event{Kind: policy.Exec, Process: who, Program: program, Tier: autodefend.TierPreload, After: true}
	if w.config.Judge(e).Deny {
		p.denied = true
		w.end(p, report)
	}
}

// look says who a process is and what it executes. Nothing good is known of one that hides. It is an error when it is gone.
func (w *Watcher) look(p *process) (policy.Process, policy.Program, error) {
	who, program, err := w.config.Look(p.pid)
	if gone(p) || err != nil && ending(p.pid) {
		return who, program, errGone
	}
	if err != nil {
		who.PID, program.Opaque = p.pid, true
	}
	return who, program, nil
}

// judge asks about an act that this tier saw.
func (w *Watcher) judge(e policy.Event) policy.Decision {
	e.Tier, e.After = autodefend.TierWatch, true
	return w.config.Judge(e)
}

// end ends a process that was denied.
func (w *Watcher) end(p *process, report *Report) {
	err := kill(p)
	switch {
	case err == nil:
		report.Ended++
	case !errors.Is(err, errGone):
		w.config.Log.Error("watch: end a denied process", "pid", p.pid, "err", err)
	}
}
