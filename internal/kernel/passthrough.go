package kernel

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// PassThrough answers every call with "go on", until the last process under the filter has ended. It is what a guardian
// does when the supervisor has died and the function shall live on unprotected; while nobody answers, every trapped call
// waits. Calls that the supervisor had received and not answered are found in its journal, which may be nil.
func PassThrough(listenerFD int, journal *os.File) error {
	if journal != nil {
		j, err := openJournal(journal)
		if err != nil {
			return err
		}
		for _, id := range j.open() {
			_ = send(listenerFD, &reply{id: id, flags: replyContinue})
		}
	}
	for {
		var r request
		err := next(listenerFD, -1, &r)
		switch {
		case errors.Is(err, errNobodyLeft):
			return nil
		case err != nil:
			return fmt.Errorf("pass calls through: %w", err)
		}
		_ = send(listenerFD, &reply{id: r.id, flags: replyContinue})
	}
}

// errNobodyLeft is returned when no process is left under the filter, or the supervisor was closed.
var errNobodyLeft = errors.New("no process is left under the filter")

// next waits for a request on the listener, and for a byte on stop unless that is negative. It polls first: since after the
// last process has ended, receiving would wait for ever on older kernels and fail for ever on newer ones.
func next(listenerFD, stop int, r *request) error {
	fds := [2]unix.PollFd{{Fd: int32(listenerFD), Events: unix.POLLIN}, {Fd: int32(stop), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds[:], -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("poll listener: %w", err)
		case fds[1].Revents != 0:
			return errNobodyLeft
		case fds[0].Revents&unix.POLLIN == 0 && fds[0].Revents != 0:
			return errNobodyLeft
		}
		switch errno := receive(listenerFD, r); errno {
		case 0:
			return nil
		case unix.EINTR, unix.ENOENT, unix.EAGAIN: // gone meanwhile
		default:
			return fmt.Errorf("receive: %w", errno)
		}
	}
}
