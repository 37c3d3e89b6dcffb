package kernel

import (
	"unsafe"

	"github.com/autodefend/autodefend/internal/bpf"
	"golang.org/x/sys/unix"
)

const (
	setModeFilter    = 1
	flagNewListener  = 8
	flagWaitKillable = 32 // 5.19: once received, only a deadly signal ends the wait
)

// install puts a program on the calling thread alone and returns its listener. A kernel that doesn't know WAIT_KILLABLE
// is asked without.
//
// Preconditions: the goroutine is locked to its thread, which has no_new_privs or is privileged.
func install(program bpf.Program) (int, unix.Errno) {
	fd, errno := installFlags(program, flagNewListener|flagWaitKillable)
	if errno == unix.EINVAL {
		return installFlags(program, flagNewListener)
	}
	return fd, errno
}

func installFlags(program bpf.Program, flags uintptr) (int, unix.Errno) {
	filter := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filter[i] = unix.SockFilter(in)
	}
	p := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, setModeFilter, flags, uintptr(unsafe.Pointer(&p)))
	return int(fd), errno
}

// dropPreemption gives SIGURG its default action, which is to be ignored. Go's runtime interrupts long calls by it, and a
// trapped execve would be restarted for ever. Blocking it instead would leak: the mask outlives execve.
func dropPreemption() {
	var action [4]uint64 // the kernel's struct sigaction with SIG_DFL
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGURG), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}
