/*
 * guard.c - keeping the Defender's own processes, sockets and memory out of the program's reach.
 *
 * The supervisor and its guardian run under the same user as the program, so the kernel would let the program signal
 * them, trace them and write their memory.
 */
#include <asm/fcntl.h>

#include "shim.h"

#define PIDS 4
#define SELF_SLOTS 8
#define PRIO_PROCESS 0
#define PRIO_PGRP 1
#define PRIO_USER 2
#define IOPRIO_WHO_PROCESS 1 /* and so on, one more than setpriority's */
#define FIOSETOWN 0x8901
#define SIOCSPGRP 0x8902
#define PROT_EXEC 4
#define MAP_FIXED 0x10

static int32_t protected_pid(unsigned i)
{
	return __atomic_load_n(&ad_state.table->protected_pids[i], __ATOMIC_RELAXED);
}

bool ad_protects(void)
{
	for (unsigned i = 0; ad_state.table != NULL && i < PIDS; i++)
		if (protected_pid(i) > 0)
			return true;
	return false;
}

/* Is it a protected process, or one of its threads, which have numbers of their own? */
static bool is_protected(long pid)
{
	char path[48];
	if (pid <= 0 || ad_state.table == NULL)
		return false;
	for (unsigned i = 0; i < PIDS; i++) {
		int32_t other = protected_pid(i);
		if (other <= 0)
			continue;
		if (other == pid)
			return true;
		memcpy(path, "/proc/", 6);
		size_t n = 6 + ad_decimal(path + 6, (unsigned long)other);
		memcpy(path + n, "/task/", 6);
		ad_decimal(path + n + 6, (unsigned long)pid);
		if (ad_sys3(__NR_faccessat, AD_AT_FDCWD, path, 0) == 0)
			return true;
	}
	return false;
}

static int tamper(const char *what, long pid)
{
	struct ad_ask ask = {.kind = AD_TAMPER, .dirfd = AD_AT_FDCWD, .text = what, .number = (int32_t)pid};
	return ad_ask(&ask);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = ad_length(s, 2 * AD_TEXT_MAX);
	size_t m = ad_length(end, 64);
	return n >= m && ad_equal(s + n - m, end);
}

/* What ps and its like read of every process, and what holds no secret of ours. */
static bool harmless(const char *path)
{
	static const char *const names[] = {"stat", "statm", "status", "cmdline", "comm"};
	while (*path >= '0' && *path <= '9')
		path++;
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (*path == '/' && ad_equal(path + 1, names[i]))
			return true;
	return false;
}

/*
 * The shim's own directory: a child starts without the shim when its file is gone, empty or elsewhere. A layer is
 * read-only and belongs to root; where it doesn't, its files can't be changed all the same.
 */
bool ad_keeps(unsigned access)
{
	return ad_state.exposed && ad_state.table != NULL && (access & AD_WRITE) != 0;
}

/* Is path the first len bytes of below, up to a slash or the end? */
static bool leads_to(const char *path, size_t len, const char *below, size_t below_len)
{
	return len > 0 && len <= below_len && memcmp(path, below, len) == 0 && (len == below_len || below[len] == '/');
}

int ad_guard_moved(const char *path, size_t len)
{
	if (!ad_keeps(AD_WRITE) || !leads_to(path, len, ad_state.library, ad_state.home_len))
		return 0;
	return tamper(path, 0);
}

bool ad_at_home(const char *path, size_t len)
{
	return leads_to(ad_state.library, ad_state.home_len, path, len);
}

int ad_guard_path(const char *path, unsigned access)
{
	if (ad_keeps(access) && ad_at_home(path, ad_length(path, 2 * AD_TEXT_MAX)))
		return tamper(path, 0);
	if (!ad_begins(path, "/proc/"))
		return 0;
	long pid = ad_number(path + 6);
	if (pid < 0)
		return 0;
	if (is_protected(pid))
		return (access & AD_WRITE) == 0 && harmless(path + 6) ? 0 : tamper(path, pid);
	/* /proc/self/mem writes where no mapping permits it, the shim's code included. */
	if ((access & AD_WRITE) != 0 && ends_with(path, "/mem"))
		return tamper(path, pid);
	return 0;
}

static enum ad_outcome refuse(struct ad_call *call, const char *what, long pid)
{
	int error = tamper(what, pid);
	return error < 0 ? ad_result(call, error) : AD_CONTINUE;
}

/* Would a signal to this group (0 for all processes) reach a protected process? Its number, or 0. */
static long protected_in_group(long group)
{
	for (unsigned i = 0; i < PIDS; i++) {
		int32_t pid = protected_pid(i);
		if (pid > 0 && (group == 0 || ad_sys1(__NR_getpgid, pid) == group))
			return pid;
	}
	return 0;
}

/*
 * A signal to a group or to everybody goes to each process but the protected ones, as it would if the Defender weren't
 * there: programs do end their own group.
 */
static long signal_all(long group, long sig)
{
	struct {
		uint64_t inode;
		int64_t offset;
		uint16_t size;
		uint8_t type;
		char name[];
	} *entry;
	char bytes[1024] __attribute__((aligned(8)));
	long self = ad_sys0(__NR_getpid);
	long result = -ESRCH;
	bool self_too = false;
	long dir = ad_sys4(__NR_openat, AD_AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return -EPERM;
	long n;
	while ((n = ad_sys3(__NR_getdents64, dir, bytes, sizeof bytes)) > 0) {
		for (long at = 0; at < n; at += entry->size) {
			entry = (void *)(bytes + at);
			long pid = ad_number(entry->name);
			if (pid <= 1 || is_protected(pid) || (group != 0 && ad_sys1(__NR_getpgid, pid) != group))
				continue;
			if (pid == self) {
				self_too = group != 0;
				continue;
			}
			long sent = ad_sys2(__NR_kill, pid, sig);
			if (result != 0 && sent != -ESRCH)
				result = sent;
		}
	}
	ad_sys1(__NR_close, dir);
	return self_too ? ad_sys2(__NR_kill, self, sig) : result;
}

static enum ad_outcome on_kill(struct ad_call *call)
{
	long pid = (int)call->a[0];
	long sig = (int)call->a[1];
	if (pid > 0)
		return is_protected(pid) ? refuse(call, "kill", pid) : AD_CONTINUE;
	long group = pid == -1 ? 0 : pid == 0 ? ad_sys1(__NR_getpgid, 0) : -pid;
	if (sig == 0 || protected_in_group(group) == 0)
		return AD_CONTINUE;
	return ad_result(call, signal_all(group, sig));
}

enum ad_outcome ad_on_signal(struct ad_call *call)
{
	if (call->a[0] == ad_sys0(__NR_getpid) || !ad_protects())
		return AD_CONTINUE;
	if (call->nr == __NR_kill)
		return on_kill(call);
	long thread = call->nr == __NR_tgkill || call->nr == __NR_rt_tgsigqueueinfo ? (int)call->a[1] : 0;
	if (is_protected((int)call->a[0]))
		return refuse(call, "signal", (int)call->a[0]);
	return thread > 0 && is_protected(thread) ? refuse(call, "signal", thread) : AD_CONTINUE;
}

/* The process whose share of the machine is set: of a group or a user, a protected one if there is any. */
static long weighed(int which, int who)
{
	switch (which) {
	case PRIO_PROCESS:
		return who;
	case PRIO_PGRP:
		return protected_in_group(who != 0 ? who : ad_sys1(__NR_getpgid, 0));
	case PRIO_USER: /* the Defender's user is the program's */
		return who == 0 || who == ad_sys0(__NR_getuid) ? protected_in_group(0) : 0;
	default:
		return 0;
	}
}

/* The process that a call looks into or changes; 0 for none. */
static long reached(const struct ad_call *call)
{
	switch (call->nr) {
	case __NR_ptrace: /* TRACEME is 0 and names nobody */
		return call->a[0] == 0 ? 0 : (int)call->a[1];
	case __NR_setpriority:
		return weighed((int)call->a[0], (int)call->a[1]);
	case __NR_ioprio_set:
		return weighed((int)call->a[0] - IOPRIO_WHO_PROCESS, (int)call->a[1]);
	default:
		return (int)call->a[0];
	}
}

static const char *reach_name(long nr)
{
	switch (nr) {
	case __NR_ptrace:
		return "ptrace";
	case __NR_process_vm_readv:
		return "process_vm_readv";
	case __NR_process_vm_writev:
		return "process_vm_writev";
	case __NR_pidfd_open:
		return "pidfd_open";
	case __NR_prlimit64:
		return "prlimit";
	case __NR_setpriority:
		return "setpriority";
	case __NR_sched_setaffinity:
		return "sched_setaffinity";
	case __NR_sched_setscheduler:
	case __NR_sched_setparam:
	case __NR_sched_setattr:
		return "sched_setscheduler";
	case __NR_ioprio_set:
		return "ioprio_set";
	case __NR_migrate_pages:
	case __NR_move_pages:
		return "move_pages";
	default:
		return "kcmp";
	}
}

enum ad_outcome ad_on_reach(struct ad_call *call)
{
	long pid = ad_protects() ? reached(call) : 0;
	if (pid == 0 || !is_protected(pid))
		return AD_CONTINUE;
	return refuse(call, reach_name(call->nr), pid);
}

/* A descriptor's owner gets SIGIO, or any signal: a way to kill without kill. */
enum ad_outcome ad_on_owner(struct ad_call *call)
{
	struct {
		int type;
		int pid;
	} owner = {0, 0};
	if (call->nr == __NR_fcntl && call->a[1] == F_SETOWN)
		owner.pid = (int)call->a[2];
	else if (call->nr == __NR_fcntl && call->a[1] == F_SETOWN_EX && !ad_foreign((const void *)call->a[2]))
		memcpy(&owner, (const void *)call->a[2], sizeof owner);
	else if (call->nr == __NR_ioctl && (call->a[1] == FIOSETOWN || call->a[1] == SIOCSPGRP) &&
		 !ad_foreign((const void *)call->a[2]))
		memcpy(&owner.pid, (const void *)call->a[2], sizeof owner.pid);
	else
		return AD_CONTINUE;
	if (!ad_protects())
		return AD_CONTINUE;
	if (owner.pid < 0 || owner.type == F_OWNER_PGRP) {
		long group = owner.pid < 0 ? -(long)owner.pid : owner.pid;
		return protected_in_group(group) != 0 ? refuse(call, "F_SETOWN", group) : AD_CONTINUE;
	}
	return is_protected(owner.pid) ? refuse(call, "F_SETOWN", owner.pid) : AD_CONTINUE;
}

enum ad_outcome ad_on_uring(struct ad_call *call)
{
	return (ad_flags(&ad_state) & AD_NO_IO_URING) != 0 ? ad_result(call, -ENOSYS) : AD_CONTINUE;
}
