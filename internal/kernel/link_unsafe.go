package kernel

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// linkOf is the kernel's name of what a descriptor of ours refers to. It is called for every file, so it makes no garbage
// but the name.
func linkOf(fd int) (string, error) {
	var path [32]byte
	name := append(strconv.AppendInt(append(path[:0], "/proc/self/fd/"...), int64(fd), 10), 0)
	var buf [512]byte
	n, errno := readLinkAt(name, buf[:])
	if errno == 0 && n == len(buf) {
		long := make([]byte, 2*unix.PathMax)
		if n, errno = readLinkAt(name, long); errno == 0 {
			return string(long[:n]), nil
		}
	}
	if errno != 0 {
		return "", errno
	}
	return string(buf[:n]), nil
}

// readLinkAt reads a symbolic link by its absolute path, which ends with NUL.
func readLinkAt(path, buf []byte) (int, unix.Errno) {
	const cwd = unix.AT_FDCWD
	dir := cwd
	n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	return int(n), errno
}
