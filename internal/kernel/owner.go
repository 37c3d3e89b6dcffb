package kernel

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"
)

// Kinds of owners in the kernel's struct f_owner_ex.
const (
	ownerThread = iota
	ownerProcess
	ownerGroup
)

// fcntl is handed over only where it names the owner of a descriptor: whom the kernel signals when something happens to it,
// by a signal of the caller's choice.
func (s *Supervisor) fcntl(c *call) answer {
	if c.arg(1) != unix.F_SETOWN_EX {
		return s.setOwner(c, c.arg(2))
	}
	if c.rules.tamper == off {
		return pass()
	}
	var raw [8]byte
	if errno := readFull(c.tid, c.args[2], raw[:]); errno != 0 {
		return c.refuse(c.rules.tamper, errno)
	}
	kind, id := int(int32(binary.NativeEndian.Uint32(raw[:]))), int(int32(binary.NativeEndian.Uint32(raw[4:])))
	if s.deniesOwner(c, id, kind == ownerGroup) {
		return fail(unix.EPERM)
	}
	return s.onBehalf(c, func(fd int) unix.Errno { return setOwnerEx(fd, &raw) })
}

// ioctl is handed over only where it names the owner of a socket, which lies in memory.
func (s *Supervisor) ioctl(c *call) answer {
	if c.rules.tamper == off {
		return pass()
	}
	var raw [4]byte
	if errno := readFull(c.tid, c.args[2], raw[:]); errno != 0 {
		return c.refuse(c.rules.tamper, errno)
	}
	owner := int(int32(binary.NativeEndian.Uint32(raw[:])))
	if s.deniesSigned(c, owner) {
		return fail(unix.EPERM)
	}
	request := uint(uint32(c.args[1]))
	return s.onBehalf(c, func(fd int) unix.Errno { return errnoOf(unix.IoctlSetPointerInt(fd, request, owner)) })
}

// setOwner: the owner lies in a register, so nothing can change it.
func (s *Supervisor) setOwner(c *call, owner int) answer {
	if s.deniesSigned(c, owner) {
		return fail(unix.EPERM)
	}
	return pass()
}

// deniesSigned judges an owner that is a group when it is negative.
func (s *Supervisor) deniesSigned(c *call, owner int) bool {
	if owner < 0 && owner != math.MinInt32 {
		return s.deniesOwner(c, -owner, true)
	}
	return s.deniesOwner(c, owner, false)
}

// deniesOwner judges whom the kernel is to signal. The Defender is in the function's group, and nobody can send such a
// signal to the others of the group alone.
func (s *Supervisor) deniesOwner(c *call, id int, group bool) bool {
	if id <= 0 {
		return false
	}
	if group && s.anyProtected(membersOf(id)) || !group && s.protects(id) {
		return s.tampers(c, "make the kernel signal the Defender's process")
	}
	return false
}

// onBehalf makes a call with a copy of the caller's descriptor, the first argument, where acts are stopped.
func (s *Supervisor) onBehalf(c *call, work func(fd int) unix.Errno) answer {
	if c.rules.tamper != stop {
		return pass()
	}
	fd, errno := s.processes.descriptor(s.pidOf(c), c.arg(0))
	if errno != 0 {
		return fail(errno)
	}
	defer unix.Close(fd) //nolint:errcheck // a copy
	if !s.listener.waits(c) {
		return later()
	}
	return fail(errnoOf(s.try(c, func() error { return errorOf(work(fd)) })))
}
