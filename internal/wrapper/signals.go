package wrapper

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// relay receives the signals of this process from the moment it is opened, so that none is lost before a child exists.
//
// Its handler is a few instructions of our own (relay_linux_*.s) that write the signal's number into a pipe. With
// signal.Notify every one of 58 signals costs two switches between threads, which together took as long as all the rest
// of a start.
type relay struct {
	state  entryState
	pipe   *os.File // numbers of signals, one byte each, in the order in which they came
	former [lastSignal + 1]sigaction
	caught []byte // read and not handed out yet
}

// openRelay starts to receive signals, SIGCHLD among them. Those that were ignored stay ignored until childStarted, for
// the child to inherit that. One relay can be open in a process.
func openRelay(state entryState) (*relay, error) {
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("receive signals: %w", err)
	}
	r := &relay{state: state, pipe: os.NewFile(uintptr(pipe[0]), "signals")}
	for _, sig := range state.ignoredSignals() {
		signal.Ignore(sig) // Go's runtime then leaves it ignored in the child as well
	}
	relayInto(pipe[1])
	r.receive(func(sig syscall.Signal) bool { return !state.wasIgnored(sig) })
	return r, nil
}

// childStarted receives the ignored signals too: the child may have a handler for them by now.
func (r *relay) childStarted() { r.receive(r.state.wasIgnored) }

// close gives the signals back, so that this process reacts to them as Go programs do. The pipe stays: a handler may be
// at work on another thread.
func (r *relay) close() {
	for sig := range r.former {
		if r.former[sig] != (sigaction{}) {
			_ = setAction(syscall.Signal(sig), &r.former[sig])
		}
	}
}

// receive starts to receive SIGCHLD and the signals that can be passed on, as far as they satisfy want.
func (r *relay) receive(want func(syscall.Signal) bool) {
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		if (canForward(sig) || sig == syscall.SIGCHLD) && want(sig) {
			r.former[sig] = catch(sig)
		}
	}
}

// takeBack lets next return sig, or nothing when it is 0.
func (r *relay) takeBack(sig syscall.Signal) {
	if sig != 0 {
		r.caught = append(r.caught, byte(sig))
	}
}

// next waits for a signal.
func (r *relay) next() (syscall.Signal, error) {
	for len(r.caught) == 0 {
		buffer := make([]byte, 64)
		n, err := r.pipe.Read(buffer)
		if err != nil {
			return 0, fmt.Errorf("receive signals: %w", err)
		}
		r.caught = buffer[:n]
	}
	sig := syscall.Signal(r.caught[0])
	r.caught = r.caught[1:]
	return sig, nil
}

// nextWithin waits for a signal until a time; then it returns 0.
func (r *relay) nextWithin(limit time.Time) (syscall.Signal, error) {
	if err := r.pipe.SetReadDeadline(limit); err != nil {
		return 0, fmt.Errorf("receive signals: %w", err)
	}
	sig, err := r.next()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, r.pipe.SetReadDeadline(time.Time{})
	}
	return sig, errors.Join(err, r.pipe.SetReadDeadline(time.Time{}))
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
