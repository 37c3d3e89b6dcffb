package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// setIdentity changes groups, user and effective capabilities of the calling thread alone, as raw calls do: the C
// library's and Go's own functions change all threads.
//
// Preconditions: the goroutine is locked to its thread and stays so until the thread ends.
func setIdentity(uid, gid int, groups []uint32, effective uint64) unix.Errno {
	var list unsafe.Pointer
	if len(groups) > 0 {
		list = unsafe.Pointer(&groups[0])
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(list), 0); errno != 0 {
		return errno
	}
	_, _, _ = unix.RawSyscall(unix.SYS_SETFSGID, uintptr(gid), 0, 0)
	_, _, _ = unix.RawSyscall(unix.SYS_SETFSUID, uintptr(uid), 0, 0)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return errnoOf(err)
	}
	data[0].Effective, data[1].Effective = data[0].Permitted&uint32(effective), data[1].Permitted&uint32(effective>>32)
	if err := unix.Capset(&header, &data[0]); err != nil {
		return errnoOf(err)
	}
	now, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, ^uintptr(0), 0, 0)
	if int(int32(now)) != uid {
		return unix.EPERM
	}
	return 0
}
