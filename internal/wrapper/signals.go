package wrapper

import (
	"os"
	"os/signal"
	"syscall"
)

// relay receives the signals of this process from the moment it is opened, so that none is lost before a child exists.
type relay struct {
	state    entryState
	signals  chan os.Signal // to be passed on
	children chan os.Signal // SIGCHLD; one pending is enough
}

// openRelay starts to receive signals. Those that were ignored stay ignored until childStarted, for the child to
// inherit that.
func openRelay(state entryState) *relay {
	r := &relay{
		state:    state,
		signals:  make(chan os.Signal, 2*lastSignal),
		children: make(chan os.Signal, 1),
	}
	for _, sig := range state.ignoredSignals() {
		signal.Ignore(sig)
	}
	r.receive(func(sig syscall.Signal) bool { return !state.wasIgnored(sig) })
	if !state.wasIgnored(syscall.SIGCHLD) {
		signal.Notify(r.children, syscall.SIGCHLD)
	}
	return r
}

// childStarted receives the ignored signals too: the child may have a handler for them by now.
func (r *relay) childStarted() {
	r.receive(r.state.wasIgnored)
	signal.Notify(r.children, syscall.SIGCHLD)
}

// close gives the signals back, so that this process reacts to them as Go programs do.
func (r *relay) close() {
	signal.Stop(r.signals)
	signal.Stop(r.children)
}

// receive starts to receive the signals that can be passed on and satisfy want.
func (r *relay) receive(want func(syscall.Signal) bool) {
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		if canForward(sig) && want(sig) {
			signal.Notify(r.signals, sig)
		}
	}
}

// canForward tells whether sig can be passed on. Left out are the two that cannot be caught, SIGCHLD, which is about our
// own child, and those that Go's runtime uses for itself.
func canForward(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPROF, 32, 33, 34:
		return false
	}
	return true
}

// ignoredSignals lists the signals that were ignored when this process started.
func (s entryState) ignoredSignals() []os.Signal {
	var list []os.Signal
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		if s.wasIgnored(sig) {
			list = append(list, sig)
		}
	}
	return list
}
