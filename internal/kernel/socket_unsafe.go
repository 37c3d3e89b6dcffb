package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// connect connects a socket to an address as the kernel lays it out.
func connect(fd int, address []byte) unix.Errno { return withAddress(unix.SYS_CONNECT, fd, address) }

// bind gives a socket an address.
func bind(fd int, address []byte) unix.Errno { return withAddress(unix.SYS_BIND, fd, address) }

func withAddress(call uintptr, fd int, address []byte) unix.Errno {
	_, _, errno := unix.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(address))), uintptr(len(address)))
	return errno
}

// localAddress is getsockname, as the kernel lays the address out.
func localAddress(fd int) ([]byte, unix.Errno) {
	var raw [maxAddress]byte
	length := uint32(len(raw))
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&length)))
	return raw[:min(int(length), len(raw))], errno
}

// message is what is sent in one go.
type message struct {
	address, control, data []byte
}

// sendMessage sends and returns how many bytes went.
func sendMessage(fd int, m message, flags int) (int, unix.Errno) {
	vector := unix.Iovec{Base: unsafe.SliceData(m.data), Len: uint64(len(m.data))}
	header := unix.Msghdr{
		Name: unsafe.SliceData(m.address), Namelen: uint32(len(m.address)),
		Iov: &vector, Iovlen: 1,
		Control: unsafe.SliceData(m.control), Controllen: uint64(len(m.control)),
	}
	n, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), uintptr(flags))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// receiveMessage receives into m, whose slices say how much there is room for, and returns the bytes of data, the bytes
// of control messages and the flags.
func receiveMessage(fd int, m message, flags int) (n, control int, received int32, errno unix.Errno) { //nolint:nonamedreturns // four numbers
	vector := unix.Iovec{Base: unsafe.SliceData(m.data), Len: uint64(len(m.data))}
	header := unix.Msghdr{
		Iov: &vector, Iovlen: 1,
		Control: unsafe.SliceData(m.control), Controllen: uint64(len(m.control)),
	}
	r, _, errno := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), uintptr(flags))
	if errno != 0 {
		return 0, 0, 0, errno
	}
	return int(r), int(header.Controllen), header.Flags, 0
}
