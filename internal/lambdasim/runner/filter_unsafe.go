//go:build linux

package runner

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// installFilter puts a filter on the calling thread, and on others only if the
// flags of seccomp(2) say so.
// Preconditions: the goroutine is locked to its thread.
func installFilter(program []unix.SockFilter, flags uintptr) error {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}
