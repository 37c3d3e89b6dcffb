package wrapper

import (
	"errors"
	"runtime"
	"syscall"
)

// Exit codes that shells use for programs that could not be started.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignalBase    = 128
)

// finish ends as the child did: it returns the child's exit code, or dies of the signal that the child died of.
func finish(status syscall.WaitStatus) int {
	if !status.Signaled() {
		return status.ExitStatus()
	}
	die(status.Signal())
	return exitSignalBase + int(status.Signal())
}

// die kills this process with sig. The core file, if any, is the child's: ours must not overwrite it.
func die(sig syscall.Signal) {
	runtime.LockOSThread()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err == nil {
		limit.Cur = 0
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit)
	}
	setDefault(sig)
	setMask(0)
	_, _, _ = syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(syscall.Getpid()), uintptr(syscall.Gettid()), uintptr(sig))
}

// startFailure is the exit code for a runtime that could not be started.
func startFailure(err error) int {
	if errors.Is(err, syscall.ENOENT) {
		return exitNotFound
	}
	return exitNotExecutable
}
