/* gate.c - which system call is whose business. */
#include "shim.h"

typedef enum ad_outcome handler(struct ad_call *call);

#define X32_CALLS 0x40000000 /* the same calls again, by numbers that nothing below knows */

/* The handler of a number; NULL for those that pass. */
static handler *handler_of(long nr)
{
#ifdef __x86_64__
	if (nr >= X32_CALLS)
		return ad_on_uring; /* answered alike: not there */
#endif
	switch (nr) {
#ifdef __NR_open
	case __NR_open:
	case __NR_creat:
#endif
	case __NR_openat:
	case __NR_openat2:
		return ad_on_open;
#ifdef __NR_unlink
	case __NR_unlink:
	case __NR_rmdir:
	case __NR_mkdir:
	case __NR_mknod:
	case __NR_rename:
	case __NR_link:
	case __NR_symlink:
	case __NR_chmod:
	case __NR_chown:
	case __NR_lchown:
	case __NR_utime:
	case __NR_utimes:
	case __NR_futimesat:
#endif
#ifdef __NR_renameat
	case __NR_renameat:
#endif
	case __NR_unlinkat:
	case __NR_mkdirat:
	case __NR_mknodat:
	case __NR_renameat2:
	case __NR_linkat:
	case __NR_symlinkat:
	case __NR_truncate:
	case __NR_fchmodat:
	case __NR_fchmodat2:
	case __NR_fchownat:
	case __NR_utimensat:
	case __NR_setxattr:
	case __NR_lsetxattr:
	case __NR_removexattr:
	case __NR_lremovexattr:
		return ad_on_change;
	case __NR_fchmod:
	case __NR_fchown:
		return ad_on_held;
	case __NR_open_tree:
		return ad_on_mount;
	case __NR_chdir:
		return ad_on_chdir;
	case __NR_clone:
	case __NR_clone3:
	case __NR_unshare:
	case __NR_setns:
	case __NR_mount:
	case __NR_move_mount:
	case __NR_pivot_root:
	case __NR_chroot:
	case __NR_prctl:
	case __NR_ptrace:
	case __NR_seccomp:
		return ad_on_isolate;
	case __NR_mmap:
	case __NR_mprotect:
	case __NR_munmap:
	case __NR_mremap:
		return ad_on_memory;
	case __NR_connect:
		return ad_on_connect;
	case __NR_sendto:
	case __NR_sendmsg:
	case __NR_sendmmsg:
		return ad_on_send;
	case __NR_bind:
	case __NR_listen:
		return ad_on_listen;
	case __NR_recvfrom:
	case __NR_recvmsg:
	case __NR_recvmmsg:
	case __NR_getpeername:
		return ad_on_receive;
	case __NR_execve:
	case __NR_execveat:
		return ad_on_exec;
	case __NR_kill:
	case __NR_tkill:
	case __NR_tgkill:
	case __NR_rt_sigqueueinfo:
	case __NR_rt_tgsigqueueinfo:
		return ad_on_signal;
	case __NR_process_vm_readv:
	case __NR_process_vm_writev:
	case __NR_pidfd_open:
	case __NR_prlimit64:
	case __NR_sched_setaffinity:
	case __NR_sched_setscheduler:
	case __NR_sched_setparam:
	case __NR_sched_setattr:
	case __NR_setpriority:
	case __NR_ioprio_set:
	case __NR_migrate_pages:
	case __NR_move_pages:
	case __NR_kcmp:
		return ad_on_reach;
	case __NR_fcntl:
	case __NR_ioctl:
		return ad_on_owner;
	case __NR_io_uring_setup:
	case __NR_io_uring_enter:
	case __NR_io_uring_register:
		return ad_on_uring;
	default:
		return NULL;
	}
}

bool ad_gated(long nr)
{
	return handler_of(nr) != NULL;
}

enum ad_outcome ad_gate(struct ad_call *call)
{
	handler *handle = handler_of(call->nr);
	return handle == NULL ? AD_CONTINUE : handle(call);
}
