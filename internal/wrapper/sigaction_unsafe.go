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

	saSiginfo  = 0x4
	saRestorer = 0x4000000
	saOnStack  = 0x8000000
	saRestart  = 0x10000000
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

// What the handler in relay_linux_*.s knows.
//
//nolint:gochecknoglobals,unused // a handler has no arguments of ours, so relayInto writes them before it's installed; assembly uses them
var (
	relayPipe    uint32  // the descriptor to which numbers of signals are written
	faultHandler uintptr // Go's own handler, for our own faults
)

// Addresses in relay_linux_*.s: the handler, and where it returns to, or 0 where the kernel knows that.
//
//nolint:gochecknoglobals // read-only
var relayHandler, relayReturn uintptr

// relayInto says where the handler writes to.
func relayInto(fd int) {
	var now sigaction
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGSEGV), 0, uintptr(unsafe.Pointer(&now)), sigsetBytes, 0, 0)
	faultHandler, relayPipe = now.handler, uint32(fd)
}

// catch installs the handler for sig and returns the former action. While the handler runs no other signal comes.
func catch(sig syscall.Signal) sigaction {
	action := sigaction{handler: relayHandler, flags: saSiginfo | saOnStack | saRestart, restorer: relayReturn, mask: ^uint64(0)}
	if relayReturn != 0 {
		action.flags |= saRestorer
	}
	return setAction(sig, &action)
}

// setAction replaces what happens on sig and returns the former action.
func setAction(sig syscall.Signal, action *sigaction) sigaction {
	var former sigaction
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(&former)), sigsetBytes, 0, 0)
	return former
}

// setDefault takes sig away from Go's runtime and gives it the kernel's default action.
//
// Preconditions: the process is about to end or to be replaced, so that Go no longer needs the signal.
func setDefault(sig syscall.Signal) {
	_ = setAction(sig, &sigaction{handler: sigDefault})
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
