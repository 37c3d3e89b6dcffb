package bpf

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNumbers holds a sample of the numbers, one of each range, against those of this machine's architecture.
func TestNumbers(t *testing.T) {
	arch, err := ArchOf(runtime.GOARCH)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	for call, want := range map[string]uint32{
		"execve": unix.SYS_EXECVE, "execveat": unix.SYS_EXECVEAT, "openat": unix.SYS_OPENAT, "openat2": unix.SYS_OPENAT2,
		"connect": unix.SYS_CONNECT, "bind": unix.SYS_BIND, "listen": unix.SYS_LISTEN, "sendto": unix.SYS_SENDTO,
		"sendmsg": unix.SYS_SENDMSG, "sendmmsg": unix.SYS_SENDMMSG, "recvfrom": unix.SYS_RECVFROM, "recvmsg": unix.SYS_RECVMSG,
		"recvmmsg": unix.SYS_RECVMMSG, "getpeername": unix.SYS_GETPEERNAME, "socket": unix.SYS_SOCKET,
		"kill": unix.SYS_KILL, "tkill": unix.SYS_TKILL, "tgkill": unix.SYS_TGKILL, "rt_sigqueueinfo": unix.SYS_RT_SIGQUEUEINFO,
		"rt_tgsigqueueinfo": unix.SYS_RT_TGSIGQUEUEINFO, "pidfd_send_signal": unix.SYS_PIDFD_SEND_SIGNAL,
		"pidfd_getfd": unix.SYS_PIDFD_GETFD, "ptrace": unix.SYS_PTRACE, "prctl": unix.SYS_PRCTL, "clone": unix.SYS_CLONE,
		"clone3": unix.SYS_CLONE3, "unshare": unix.SYS_UNSHARE, "setns": unix.SYS_SETNS, "chroot": unix.SYS_CHROOT,
		"mount": unix.SYS_MOUNT, "umount2": unix.SYS_UMOUNT2, "truncate": unix.SYS_TRUNCATE, "unlinkat": unix.SYS_UNLINKAT,
		"renameat2": unix.SYS_RENAMEAT2, "linkat": unix.SYS_LINKAT, "symlinkat": unix.SYS_SYMLINKAT, "fchmodat": unix.SYS_FCHMODAT,
		"utimensat": unix.SYS_UTIMENSAT, "setxattr": unix.SYS_SETXATTR, "prlimit64": unix.SYS_PRLIMIT64,
		"io_uring_setup": unix.SYS_IO_URING_SETUP, "seccomp": unix.SYS_SECCOMP, "process_vm_writev": unix.SYS_PROCESS_VM_WRITEV,
	} {
		if got, ok := arch.Number(call); !ok || got != want {
			t.Errorf("%s is %d on %s, want %d", call, got, arch, want)
		}
	}
}
