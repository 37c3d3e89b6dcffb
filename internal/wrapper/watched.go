package wrapper

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watched is a process that is not our child.
type watched struct {
	pid   int
	pidfd int // -1 where the kernel or the sandbox gives none
}

// openWatched returns an error when there is no such process.
func openWatched(pid int) (watched, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case err == nil:
		return watched{pid: pid, pidfd: fd}, nil
	case errors.Is(err, syscall.ESRCH):
		return watched{}, err
	}
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return watched{}, err
	}
	return watched{pid: pid, pidfd: -1}, nil
}

func (w watched) signal(sig syscall.Signal) {
	if w.pidfd >= 0 {
		_ = unix.PidfdSendSignal(w.pidfd, sig, nil, 0)
		return
	}
	_ = syscall.Kill(w.pid, sig)
}

// ended is closed when the process has ended.
func (w watched) ended() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for w.alive() {
		}
	}()
	return done
}

// alive waits for the end where the kernel can tell of it, and else for a moment.
func (w watched) alive() bool {
	if w.pidfd >= 0 {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.pidfd), Events: unix.POLLIN}}, -1)
		return err != nil || n == 0
	}
	const moment = 100 * time.Millisecond
	time.Sleep(moment)
	return !errors.Is(syscall.Kill(w.pid, 0), syscall.ESRCH)
}
