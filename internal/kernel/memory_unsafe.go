package kernel

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

const pageSize = 4096

// readMemory fills buf from a process's memory, as far as it is mapped, and returns how many bytes it got.
func readMemory(tid int, address uint64, buf []byte) (int, unix.Errno) {
	return transfer(unix.SYS_PROCESS_VM_READV, tid, address, buf)
}

// writeMemory copies buf into a process's memory.
func writeMemory(tid int, address uint64, buf []byte) unix.Errno {
	n, errno := transfer(unix.SYS_PROCESS_VM_WRITEV, tid, address, buf)
	if errno == 0 && n < len(buf) {
		return unix.EFAULT
	}
	return errno
}

func transfer(call uintptr, tid int, address uint64, buf []byte) (int, unix.Errno) {
	if len(buf) == 0 {
		return 0, 0
	}
	local := unix.Iovec{Base: &buf[0], Len: uint64(len(buf))}
	remote := unix.RemoteIovec{Base: uintptr(address), Len: len(buf)}
	n, _, errno := unix.Syscall6(call, uintptr(tid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// readFull fills buf or fails with EFAULT.
func readFull(tid int, address uint64, buf []byte) unix.Errno {
	n, errno := readMemory(tid, address, buf)
	if errno == 0 && n < len(buf) {
		return unix.EFAULT
	}
	return errno
}

// readString reads bytes up to a NUL that must be among the first len(buf) bytes, else ENAMETOOLONG. It reads page by
// page: the next one may not be mapped.
func readString(tid int, address uint64, buf []byte) (string, unix.Errno) {
	for have := 0; have < len(buf); {
		here := address + uint64(have)
		want := min(len(buf)-have, pageSize-int(here%pageSize))
		n, errno := readMemory(tid, here, buf[have:have+want])
		if errno != 0 {
			return "", errno
		}
		if end := bytes.IndexByte(buf[have:have+n], 0); end >= 0 {
			return string(buf[:have+end]), 0
		}
		have += n
	}
	return "", unix.ENAMETOOLONG
}

// readStrings reads a NULL-terminated array of strings: at most count of them and about size bytes in all. What doesn't
// fit is left out.
func readStrings(tid int, address uint64, count, size int) ([]string, unix.Errno) {
	var list []string
	buf := make([]byte, size)
	for i := 0; i < count && address != 0; i++ {
		var pointer [8]byte
		if errno := readFull(tid, address+uint64(8*i), pointer[:]); errno != 0 {
			return nil, errno
		}
		at := binary.LittleEndian.Uint64(pointer[:])
		if at == 0 {
			break
		}
		text, errno := readString(tid, at, buf)
		if errno == unix.ENAMETOOLONG {
			return append(list, string(buf)), 0
		}
		if errno != 0 {
			return nil, errno
		}
		list, buf = append(list, text), buf[min(len(text), len(buf)):]
		if len(buf) == 0 {
			break
		}
	}
	return list, 0
}
