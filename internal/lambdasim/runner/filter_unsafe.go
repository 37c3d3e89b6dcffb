//go:build linux

package runner

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// installFilter puts a filter on the calling thread only.
// Preconditions: the goroutine is locked to its thread.
func installFilter(program []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}
