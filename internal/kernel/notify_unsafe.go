package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// request is the kernel's struct seccomp_notif: a thread has made a call and waits.
type request struct {
	id    uint64
	tid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// reply is the kernel's struct seccomp_notif_resp.
type reply struct {
	id    uint64
	val   int64
	err   int32 // negative error number
	flags uint32
}

// injection is the kernel's struct seccomp_notif_addfd.
type injection struct {
	id         uint64
	flags      uint32
	srcFD      uint32
	newFD      uint32
	newFDFlags uint32
}

// Requests of ioctl on a listener.
const (
	ioctlReceive = 0xc0502100
	ioctlSend    = 0xc0182101
	ioctlIDValid = 0x40082102
	ioctlAddFD   = 0x40182103

	replyContinue = 1
	addFDSend     = 2
)

// receive waits for a request. ENOENT means that the caller went away meanwhile.
func receive(listener int, r *request) unix.Errno {
	*r = request{}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), ioctlReceive, uintptr(unsafe.Pointer(r)))
	return errno
}

// send answers a request. ENOENT means that the caller went away meanwhile.
func send(listener int, r *reply) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(listener), ioctlSend, uintptr(unsafe.Pointer(r)))
	return errno
}

// stillWaits tells whether the caller of a request is still there, so that what was read from its /proc was its own.
func stillWaits(listener int, id uint64) bool {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(listener), ioctlIDValid, uintptr(unsafe.Pointer(&id)))
	return errno == 0
}

// addFD puts a copy of a descriptor into the caller's table and returns its number there.
//
// Preconditions: with addFDSend, no signal may reach the thread: the kernel would end the caller's call with result 0 and
// no descriptor.
func addFD(listener int, i *injection) (int, unix.Errno) {
	fd, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(listener), ioctlAddFD, uintptr(unsafe.Pointer(i)))
	return int(fd), errno
}

// blockSignals blocks all signals for the calling thread and returns the former mask.
//
// Preconditions: the goroutine is locked to its thread.
func blockSignals() uint64 { return setSignals(^uint64(0)) }

// setSignals replaces the calling thread's mask.
func setSignals(mask uint64) uint64 {
	var former uint64
	const setMask, bytes = 2, 8
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&mask)), uintptr(unsafe.Pointer(&former)), bytes, 0, 0)
	return former
}
