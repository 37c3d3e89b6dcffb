/*
 * isolate.c - calls by which a process leaves the world that the Defender sees.
 *
 * A tracer changes the calls of the process that it traces behind our back.
 *
 * In another network namespace the supervisor's socket isn't there; with other mounts or another root, paths mean other
 * files; a filter of the program's own can make our questions fail, or answer them. While a rule stops anything, such
 * calls are acts against the Defender. Where the sandbox refuses them anyhow, as Lambda's does, nobody is asked: the same
 * call with arguments that can do nothing tells.
 */
#include "shim.h"

#define CLONE_NEWTIME 0x80u
#define CLONE_OTHERS 0x7e020000u /* NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
#define PR_SET_SECCOMP 22
#define SECCOMP_MODE_FILTER 2
#define SECCOMP_SET_MODE_FILTER 1
#define PTRACE_TRACEME 0
#define PTRACE_ATTACH 16
#define PTRACE_SEIZE 0x4206

/* The flags of clone3 are in memory. */
static bool clones_apart(const struct ad_call *call)
{
	uint64_t flags = (uint64_t)call->a[0];
	if (call->nr == __NR_clone)
		return (flags & CLONE_OTHERS) != 0; /* NEWTIME's bit is one of the signal's there */
	if (ad_foreign((const void *)call->a[0]))
		return false;
	memcpy(&flags, (const void *)call->a[0], sizeof flags);
	return (flags & (CLONE_OTHERS | CLONE_NEWTIME)) != 0;
}

/* What the call would be, or NULL when it leaves nothing. */
static const char *leaves(const struct ad_call *call)
{
	switch (call->nr) {
	case __NR_clone:
	case __NR_clone3:
		return clones_apart(call) ? "clone into namespaces" : NULL;
	case __NR_unshare:
		return (call->a[0] & (CLONE_OTHERS | CLONE_NEWTIME)) != 0 ? "unshare" : NULL;
	case __NR_setns:
		return "setns";
	case __NR_mount:
	case __NR_move_mount:
		return "mount";
	case __NR_pivot_root:
		return "pivot_root";
	case __NR_chroot:
		return "chroot";
	case __NR_ptrace:
		return call->a[0] == PTRACE_TRACEME || call->a[0] == PTRACE_ATTACH || call->a[0] == PTRACE_SEIZE ? "ptrace" : NULL;
	case __NR_prctl:
		return call->a[0] == PR_SET_SECCOMP && call->a[1] == SECCOMP_MODE_FILTER ? "seccomp filter" : NULL;
	default: /* seccomp */
		return call->a[0] == SECCOMP_SET_MODE_FILTER ? "seccomp filter" : NULL;
	}
}

/* The call with arguments that the kernel refuses for what they are: another error than EPERM, unless it isn't permitted. */
static long harmless(const struct ad_call *call)
{
	switch (call->nr) {
	case __NR_unshare:
		return ad_sys1(__NR_unshare, 0);
	case __NR_setns:
		return ad_sys2(__NR_setns, -1, call->a[1]);
	case __NR_mount:
		return ad_sys5(__NR_mount, NULL, NULL, NULL, call->a[3], NULL);
	case __NR_move_mount:
		return ad_sys5(__NR_move_mount, -1, NULL, -1, NULL, call->a[4]);
	case __NR_pivot_root:
		return ad_sys2(__NR_pivot_root, NULL, NULL);
	case __NR_chroot:
		return ad_sys1(__NR_chroot, NULL);
	case __NR_prctl:
		return ad_sys5(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0);
	case __NR_ptrace:
		return ad_sys4(__NR_ptrace, -1, 0, NULL, NULL);
	case __NR_seccomp:
		return ad_sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, call->a[1], NULL);
	default: /* a clone can't be tried */
		return 0;
	}
}

static bool permitted(const struct ad_call *call)
{
	long result = harmless(call);
	return result != -EPERM && result != -ENOSYS;
}

enum ad_outcome ad_on_isolate(struct ad_call *call)
{
	const char *what = leaves(call);
	if (what != NULL && ad_stops_any(&ad_state) && permitted(call)) {
		struct ad_ask ask = {.kind = AD_TAMPER, .dirfd = AD_AT_FDCWD, .text = what};
		int error = ad_ask(&ask);
		if (error < 0)
			return ad_result(call, error);
	}
	if (call->nr == __NR_mount)
		return ad_on_mount(call);
	if (call->nr == __NR_ptrace)
		return ad_on_reach(call);
	return call->nr == __NR_chroot ? ad_on_chdir(call) : AD_CONTINUE;
}
