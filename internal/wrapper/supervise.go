package wrapper

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// errStatusLost is returned when somebody else collected the child's exit status. It happens when this process was
// started with SIGCHLD ignored and the child ended at once.
var errStatusLost = errors.New("exit status of the runtime is lost")

// child is the running runtime and what we know of its being stopped by job control.
type child struct {
	pid         int
	stopped     bool // the child is stopped
	stopWanted  bool // we were asked to stop and have not yet
	signals     *relay
	received    func(syscall.Signal) // may be nil
	lastStatus  syscall.WaitStatus
	hasFinished bool
}

// supervise passes signals to the child until it ends. Only this goroutine sends signals and collects exit statuses, so
// a signal never reaches a process that merely got the child's old number. Received, which may be nil, hears of each
// signal first.
func supervise(pid int, r *relay, received func(syscall.Signal)) (syscall.WaitStatus, error) {
	c := &child{pid: pid, signals: r, received: received}
	if err := c.reap(); err != nil {
		return 0, err
	}
	for !c.hasFinished {
		sig, err := r.next()
		if err == nil {
			err = c.take(sig)
		}
		if err == nil {
			err = c.stopTogether()
		}
		if err != nil {
			return 0, err
		}
	}
	return c.lastStatus, nil
}

// take does what a signal asks for.
func (c *child) take(sig syscall.Signal) error {
	if sig == syscall.SIGCHLD {
		return c.reap()
	}
	c.forward(sig)
	return nil
}

// forward passes sig on. A child that has just ended is a zombie until reap sees it, so the number is still its own.
func (c *child) forward(sig syscall.Signal) {
	if c.received != nil {
		c.received(sig)
	}
	switch sig {
	case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		c.stopWanted = true
	case syscall.SIGCONT:
		c.stopWanted = false
	}
	_ = syscall.Kill(c.pid, sig) // the only failures are a child that is gone or is no longer ours to signal
}

// reap collects every status that is due. Besides the child there can be others: as process 1 of a container we are
// given the orphans, as the runtime would be without us.
func (c *child) reap() error {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG|syscall.WUNTRACED|syscall.WCONTINUED, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ECHILD) && !c.hasFinished:
			return errStatusLost
		case err != nil && !c.hasFinished:
			return fmt.Errorf("wait for the runtime: %w", err)
		case err != nil || pid == 0:
			return nil
		case pid == c.pid:
			c.note(status)
		}
	}
}

func (c *child) note(status syscall.WaitStatus) {
	switch {
	case status.Stopped():
		if stopsJob(status) {
			c.stopped = true
		}
	case status.Continued():
		c.stopped = false
	default:
		c.lastStatus = status
		c.hasFinished = true
	}
}

// stopsJob tells a stop by job control from one that a tracer in this process makes, which looks at programs before they
// run: its status has an event above the lowest 16 bits, or the signal that is about to be delivered.
func stopsJob(status syscall.WaitStatus) bool {
	if uint32(status)>>16 != 0 {
		return false
	}
	switch status.StopSignal() {
	case syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		return true
	}
	return false
}

// stopTogether stops this process when it was asked to stop and the child did, so that a shell sees its whole job
// stopped. A child that stopped for reasons of its own, or that refuses to, leaves us running.
func (c *child) stopTogether() error {
	if !c.stopWanted || !c.stopped || c.hasFinished {
		return nil
	}
	settled, err := c.settle()
	if settled {
		c.stopWanted = false
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
	}
	return err
}

// settle waits until stop signals that reach us in two ways, from the sender and from our own parent, have all arrived:
// one that we saw only after being continued would stop the child again. It returns false when a SIGCONT came between, or
// the child has ended.
func (c *child) settle() (bool, error) {
	const long = 50 * time.Millisecond
	quiet := time.Now().Add(long)
	for c.stopWanted && !c.hasFinished {
		sig, err := c.signals.nextWithin(quiet)
		switch {
		case err != nil:
			return false, err
		case sig == 0:
			return true, nil
		case sig == syscall.SIGTSTP, sig == syscall.SIGTTIN, sig == syscall.SIGTTOU:
		default:
			if err := c.take(sig); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}
