//go:build linux

package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// life is one run of a function's runtime and extensions, from their start to
// their end: what the Runtime API and the Extensions API know. After a failure
// the sandbox gets a new one.
type life struct {
	fn Function

	mu sync.Mutex // guards below
	// changed is closed, and replaced, with every change.
	changed chan struct{}
	over    bool
	// polling reports that the runtime waits for an event.
	polling bool
	// waiting is an event that nobody has taken yet, current the one taken last.
	waiting, current *invocation
	// initFailure is what the runtime or an extension said of its start.
	initFailure *failure
	// ended says how the runtime's process ended, nil while it runs.
	ended *syscall.WaitStatus
	// extensions by identifier; external are the names of those in
	// /opt/extensions.
	extensions map[string]*extension
	external   []string
}

// invocation is one event on its way.
type invocation struct {
	Event
	deadline time.Time
	answered bool
	// payload is the answer; failure is set when it is an error's description.
	payload     []byte
	contentType string
	streamed    bool
	failure     *failure
}

// failure is why a function or its start failed.
type failure struct {
	// kind is the error type, such as Runtime.ExitError.
	kind string
	// message is what AWS says, empty when payload says it.
	message string
	// payload is what the runtime said.
	payload []byte
	// reason is why extensions are shut down: timeout, failure.
	reason string
}

// extension is a registered extension.
type extension struct {
	id, name string
	events   []string
	external bool
	polling  bool
	queue    []extensionEvent
	// status is how an external extension's process ended.
	status *syscall.WaitStatus
}

// Names of extension events.
const (
	eventInvoke   = "INVOKE"
	eventShutdown = "SHUTDOWN"
)

func newLife(fn Function, external []string) *life {
	return &life{fn: fn, changed: make(chan struct{}), extensions: map[string]*extension{}, external: external}
}

// change lets a function change the life and tells everybody who waits.
func (l *life) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

// wait returns when a condition, looked at under the lock, holds or fails, when
// the life is over, or when the context ends.
func (l *life) wait(ctx context.Context, condition func() (bool, error)) error {
	for {
		l.mu.Lock()
		done, err := condition()
		over, changed := l.over, l.changed
		l.mu.Unlock()
		switch {
		case err != nil || done:
			return err
		case over:
			return errEnded
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finish ends the life: whoever polls is let go.
func (l *life) finish() { l.change(func() { l.over = true }) }

// errFailed is the cause when a runtime or an extension failed; what happened
// is in the life.
var errFailed = errors.New("the function failed")

// registered waits until every external extension has registered.
func (l *life) registered(ctx context.Context) error {
	return l.wait(ctx, func() (bool, error) {
		if l.broken() {
			return false, errFailed
		}
		names := 0
		for _, e := range l.extensions {
			if e.external && e.id != "" {
				names++
			}
		}
		return names == len(l.external), nil
	})
}

// ready waits until the runtime and every extension wait for an event.
func (l *life) ready(ctx context.Context) error {
	return l.wait(ctx, func() (bool, error) {
		if l.broken() {
			return false, errFailed
		}
		return l.polling && l.extensionsPoll(), nil
	})
}

// answeredAndReady waits for the answer to an event, and until everybody waits
// for the next one.
func (l *life) answeredAndReady(ctx context.Context, i *invocation) error {
	return l.wait(ctx, func() (bool, error) {
		if l.broken() {
			return false, errFailed
		}
		return i.answered && l.polling && l.extensionsPoll(), nil
	})
}

// broken reports whether a process ended or said that it can't go on.
// Preconditions: l.mu is held.
func (l *life) broken() bool {
	return l.initFailure != nil || l.ended != nil || l.crashed() != nil
}

// crashed returns an external extension whose process has ended.
// Preconditions: l.mu is held.
func (l *life) crashed() *extension {
	for _, e := range l.extensions {
		if e.status != nil {
			return e
		}
	}
	return nil
}

// extensionsPoll reports whether every extension waits for an event.
// Preconditions: l.mu is held.
func (l *life) extensionsPoll() bool {
	for _, e := range l.extensions {
		if e.id == "" || len(e.events) > 0 && (!e.polling || len(e.queue) > 0) {
			return false
		}
	}
	return true
}

// extensionLines are what the log says of the extensions.
func (l *life) extensionLines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(l.extensions)) {
		lines = append(lines, fmt.Sprintf("EXTENSION\tName: %s\tState: Ready\tEvents: [%s]", name, strings.Join(l.extensions[name].events, ", ")))
	}
	return lines
}

// offer puts an event before the runtime and the extensions.
func (l *life) offer(i *invocation) {
	event := extensionEvent{
		EventType: eventInvoke, DeadlineMs: i.deadline.UnixMilli(), RequestID: i.RequestID, InvokedFunctionArn: i.ARN,
		Tracing: &tracing{"X-Amzn-Trace-Id", i.TraceID},
	}
	l.change(func() {
		l.waiting = i
		for _, e := range l.extensions {
			if slices.Contains(e.events, eventInvoke) {
				e.queue = append(e.queue, event)
			}
		}
	})
}

// answerTo returns what is known of an event by now.
func (l *life) answerTo(i *invocation) invocation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *i
}

// why describes what broke a life.
func (l *life) why() *failure {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.initFailure != nil {
		return l.initFailure
	}
	if e := l.crashed(); e != nil {
		return &failure{kind: "Extension.Crash", message: "Error: " + exitText(*e.status), reason: "FAILURE"}
	}
	if l.ended == nil {
		return &failure{kind: "Sandbox.Failure", message: "Error: the sandbox has ended", reason: "FAILURE"}
	}
	if l.ended.Exited() && l.ended.ExitStatus() == 0 {
		return &failure{kind: "Runtime.ExitError", message: "Error: Runtime exited without providing a reason", reason: "FAILURE"}
	}
	return &failure{kind: "Runtime.ExitError", message: "Error: Runtime exited with error: " + exitText(*l.ended), reason: "FAILURE"}
}

// exitText says how a process ended, as AWS does.
func exitText(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}
