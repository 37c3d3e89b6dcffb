package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	eventExec = unix.PTRACE_EVENT_EXEC
	eventStop = unix.PTRACE_EVENT_STOP
)

// seize attaches to a thread without stopping it; it will stop once it has become another program.
//
// Preconditions for all functions here: the goroutine is locked to one thread from seize to release.
func seize(tid int) unix.Errno {
	return trace(unix.PTRACE_SEIZE, tid, unix.PTRACE_O_TRACEEXEC)
}

// interrupt makes a thread stop as soon as it is about to run its own code again.
func interrupt(tid int) unix.Errno { return trace(unix.PTRACE_INTERRUPT, tid, 0) }

// release lets a stopped thread go on untraced. A signal that it stopped for is delivered.
func release(tid int, signal unix.Signal) unix.Errno {
	return trace(unix.PTRACE_DETACH, tid, uintptr(signal))
}

// stopped tells which event a traced thread stopped for, and for which signal if it is none. It fails with ESRCH while the
// thread runs, and when it is gone.
func stopped(tid int) (event int, signal unix.Signal, errno unix.Errno) { //nolint:nonamedreturns // two numbers
	var info [128]byte // the kernel's siginfo_t: signo, errno, code
	if errno := trace(unix.PTRACE_GETSIGINFO, tid, uintptr(unsafe.Pointer(&info))); errno != 0 {
		return 0, 0, errno
	}
	number := *(*int32)(unsafe.Pointer(&info[0]))
	code := *(*int32)(unsafe.Pointer(&info[8]))
	if code>>8 == eventExec || code>>8 == eventStop {
		return int(code >> 8), unix.Signal(number), 0
	}
	return 0, unix.Signal(number), 0
}

func trace(request uintptr, tid int, data uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, request, uintptr(tid), 0, data, 0, 0)
	return errno
}
