//go:build linux

package runner

import (
	"context"
	"slices"
	"syscall"
	"time"
)

// Time for a shutdown: extensions get all of it, the runtime its beginning.
// Without an extension there is none.
const (
	shutdownExternal = 2 * time.Second
	shutdownInternal = 500 * time.Millisecond
	// runtimeShare is the runtime's part of that, in percent.
	runtimeShare = 30
)

// reset ends the function's processes, and leaves the sandbox and its /tmp for
// another start.
func (i *instance) reset(reason string) error {
	if err := i.freezer.thaw(); err != nil {
		return err
	}
	i.shutDown(reason)
	i.initialised = false
	if err := i.sandbox.signalAll(syscall.SIGKILL); err != nil {
		return err
	}
	for _, t := range append(i.tasks(), i.runtime) {
		if t != nil {
			<-t.done
		}
	}
	i.life.finish()
	i.runtime, i.extensions = nil, nil
	return nil
}

// end shuts the function down and closes the instance.
func (i *instance) end() error {
	if i.initialised && i.freezer.thaw() == nil {
		i.shutDown("SPINDOWN")
	}
	return i.close()
}

// shutDown gives the processes the time that AWS gives them. With an extension
// the runtime gets SIGTERM, and the extensions that asked for it are told.
func (i *instance) shutDown(reason string) {
	within := i.grace()
	if within == 0 {
		return
	}
	deadline := time.Now().Add(within)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	if t := i.runtime; t != nil {
		_ = t.signal(syscall.SIGTERM)
		share, done := context.WithTimeout(ctx, within*runtimeShare/100)
		defer done()
		if !t.ended(share) {
			_ = t.signal(syscall.SIGKILL)
		}
	}
	i.life.shutDown(reason, deadline)
	for name, t := range i.extensions {
		if !i.life.wants(name, eventShutdown) {
			_ = t.signal(syscall.SIGKILL)
		}
		t.ended(ctx)
	}
}

// grace is how long a shutdown may take.
func (i *instance) grace() time.Duration {
	if i.life == nil {
		return 0
	}
	i.life.mu.Lock()
	defer i.life.mu.Unlock()
	within := time.Duration(0)
	for _, e := range i.life.extensions {
		switch {
		case e.id == "": // it never registered
		case e.external:
			return shutdownExternal
		default:
			within = shutdownInternal
		}
	}
	return within
}

// shutDown tells the extensions that asked for it.
func (l *life) shutDown(reason string, deadline time.Time) {
	event := extensionEvent{EventType: eventShutdown, DeadlineMs: deadline.UnixMilli(), ShutdownReason: reason}
	l.change(func() {
		for _, e := range l.extensions {
			if slices.Contains(e.events, eventShutdown) {
				e.queue = append(e.queue, event)
			}
		}
	})
}

// wants reports whether an extension asked for a kind of event.
func (l *life) wants(name, event string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.extensions[name]
	return e != nil && slices.Contains(e.events, event)
}

// tasks are the extensions' processes.
func (i *instance) tasks() []*task {
	list := make([]*task, 0, len(i.extensions))
	for _, t := range i.extensions {
		list = append(list, t)
	}
	return list
}

// ended waits for the end of a process, and reports whether it came in time.
func (t *task) ended(ctx context.Context) bool {
	select {
	case <-t.done:
		return true
	case <-ctx.Done():
		return false
	}
}
