package wrapper

import (
	"syscall"
	"unsafe"
)

// lastSignal is the highest signal number of Linux on amd64 and arm64.
const lastSignal = syscall.Signal(64)

const (
	sigDefault  = 0 // SIG_DFL
	sigIgnore   = 1 // SIG_IGN
	sigSetMask  = 2 // SIG_SETMASK
	sigsetBytes = 8
)

// sigaction is the kernel's struct sigaction, the same on amd64 and arm64.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// isIgnored reports whether sig is ignored by this process now.
func isIgnored(sig syscall.Signal) bool {
	var now sigaction
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&now)), sigsetBytes, 0, 0)
	return errno == 0 && now.handler == sigIgnore
}

// setDefault takes sig away from Go's runtime and gives it the kernel's default action.
//
// Preconditions: the process is about to end or to be replaced, so that Go no longer needs the signal.
func setDefault(sig syscall.Signal) {
	action := sigaction{handler: sigDefault}
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigsetBytes, 0, 0)
}

// setMask replaces the signal mask of the current thread and returns the former one.
//
// Preconditions: the goroutine is locked to its thread.
func setMask(mask uint64) uint64 {
	var former uint64
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, sigSetMask, uintptr(unsafe.Pointer(&mask)), uintptr(unsafe.Pointer(&former)), sigsetBytes, 0, 0)
	return former
}

// takePending removes sig from the signals that are pending for the current thread, if it is there.
//
// Preconditions: the goroutine is locked to its thread; sig is blocked.
func takePending(sig syscall.Signal) {
	set, now := bit(sig), syscall.Timespec{}
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), 0, uintptr(unsafe.Pointer(&now)), sigsetBytes, 0, 0)
}
