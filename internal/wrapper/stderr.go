package wrapper

import (
	"errors"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Stderr is the standard error of this process as a writer that harms nobody. When the reader is gone, os.Stderr would
// end the process, and a plain write would raise a SIGPIPE that then is passed on to the runtime.
type Stderr struct{}

// Write writes line to descriptor 2: in one system call, unless the descriptor doesn't block and its reader is slow. For
// that one it waits a second at most.
func (Stderr) Write(line []byte) (int, error) { return writeTo(syscall.Stderr, line) }

func writeTo(fd int, line []byte) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer setMask(setMask(^uint64(0)))
	const waits, wait = 10, 100 // milliseconds each
	written := 0
	for waited := 0; ; {
		n, err := syscall.Write(fd, line[written:])
		written += max(n, 0)
		switch {
		case err == nil && written == len(line):
			return written, nil
		case errors.Is(err, syscall.EAGAIN) && waited < waits:
			waited++
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, wait)
		case errors.Is(err, syscall.EPIPE):
			takePending(syscall.SIGPIPE)
			return written, err
		case err != nil && !errors.Is(err, syscall.EINTR):
			return written, err
		}
	}
}
