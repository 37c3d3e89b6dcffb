package wrapper

import (
	"errors"
	"runtime"
	"syscall"
)

// Stderr is the standard error of this process as a writer that harms nobody. When the reader is gone, os.Stderr would
// end the process, and a plain write would raise a SIGPIPE that then is passed on to the runtime.
type Stderr struct{}

// Write writes line to descriptor 2 in one system call.
func (Stderr) Write(line []byte) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer setMask(setMask(^uint64(0)))
	n, err := syscall.Write(syscall.Stderr, line)
	if errors.Is(err, syscall.EPIPE) {
		takePending(syscall.SIGPIPE)
	}
	return n, err
}
