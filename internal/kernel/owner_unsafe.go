package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// setOwnerEx says whom the kernel signals for a descriptor: raw is a struct f_owner_ex.
func setOwnerEx(fd int, raw *[8]byte) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETOWN_EX, uintptr(unsafe.Pointer(raw)))
	return errno
}
