package main

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tryFilter finds out whether this sandbox lets a process install a filter with a listener: by doing it, on a thread
// that ends with the filter. It costs some microseconds, where a process for it would cost milliseconds of each start.
func tryFilter() error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, which ends the thread
		result <- installFilter()
	}()
	return <-result
}

// installFilter installs a filter that allows everything on the current thread.
func installFilter() error {
	const setModeFilter, newListener = 1, 1 << 3
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	allow := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}}
	program := unix.SockFprog{Len: uint16(len(allow)), Filter: &allow[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, newListener, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("install filter with a listener: %w", errno)
	}
	_ = unix.Close(int(fd))
	return nil
}
