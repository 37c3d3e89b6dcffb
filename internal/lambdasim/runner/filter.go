//go:build linux

package runner

import (
	"golang.org/x/sys/unix"
)

// lambdaProgram returns the filter of ProfileLambda.
func lambdaProgram() []unix.SockFilter {
	const (
		loadWord, jumpEqual, jumpGreaterEqual, jumpSet, ret = 0x20, 0x15, 0x35, 0x45, 0x06

		allow          = 0x7fff0000
		refuse         = 0x00050000 | uint32(unix.EPERM)
		absent         = 0x00050000 | uint32(unix.ENOSYS)
		offArch        = 4
		firstArgument  = 16
		x32Bit         = 0x40000000
		cloneNamespace = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
	)
	program := []unix.SockFilter{
		{Code: loadWord, K: offArch},
		{Code: jumpEqual, K: auditArch, Jt: 1},
		{Code: ret, K: absent},
		{Code: loadWord},
		{Code: jumpGreaterEqual, K: x32Bit, Jf: 1},
		{Code: ret, K: absent},
		{Code: jumpEqual, K: unix.SYS_CLONE3, Jf: 1},
		{Code: ret, K: absent},
		{Code: jumpEqual, K: unix.SYS_CLONE, Jf: 4},
		{Code: loadWord, K: firstArgument},
		{Code: jumpSet, K: cloneNamespace, Jf: 1},
		{Code: ret, K: refuse},
		{Code: ret, K: allow},
	}
	for _, nr := range refusedCalls() {
		program = append(program, unix.SockFilter{Code: jumpEqual, K: nr, Jf: 1}, unix.SockFilter{Code: ret, K: refuse})
	}
	return append(program, unix.SockFilter{Code: ret, K: allow})
}

// refusedCalls are the system calls that AWS Lambda's sandbox refuses.
func refusedCalls() []uint32 {
	return []uint32{
		unix.SYS_PRCTL, unix.SYS_SECCOMP, unix.SYS_PTRACE, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_CHROOT,
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT,
		unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_FSCONFIG, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
		unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	}
}
