/*
 * hooks.c - the C library's functions by name.
 *
 * Once the library's own system calls lead to the gate (patch.c), these only pass on. Where the sandbox doesn't let us
 * change the library's code, they are what is left: the calls that a program makes by name are judged here, with a
 * plain system call instead of the library's (a thread that is cancelled while it blocks in one ends after it).
 *
 * getaddrinfo and its like are judged here in any case, when no resolver of ours sees their questions.
 */
#include <asm/fcntl.h>

#include "shim.h"

/* The library's headers would declare these with the types of their arguments. */
#pragma GCC diagnostic ignored "-Wmissing-declarations"

#define HOOK __attribute__((visibility("default")))
#define EAI_FAIL (-4)

extern char **environ __attribute__((weak));
extern int *__errno_location(void) __attribute__((weak));

/* Every function here takes at most six arguments that are integers or pointers, which both ABIs pass alike. */
typedef long function(long, long, long, long, long, long);

/*
 * The library's function of this name, looked up when it is needed first: a hook may be called before our constructor.
 * Two threads may both look; they find the same.
 */
#define NEXT(name)                                                                                                     \
	({                                                                                                             \
		static function *found_;                                                                               \
		function *next_ = __atomic_load_n(&found_, __ATOMIC_RELAXED);                                          \
		if (next_ == NULL) {                                                                                   \
			next_ = (function *)ad_next(name);                                                             \
			__atomic_store_n(&found_, next_, __ATOMIC_RELAXED);                                            \
		}                                                                                                      \
		next_;                                                                                                 \
	})

static long give(long result)
{
	if (result >= 0 || result < -4095)
		return result;
	if (__errno_location != NULL)
		*__errno_location() = (int)-result;
	return -1;
}

/* The call as the library would make it, judged. */
static long judged(long nr, long a, long b, long c, long d, long e, long f)
{
	struct ad_call call = {nr, {a, b, c, d, e, f}, nr};
	if (ad_gate(&call) == AD_RESULT)
		return give(call.result);
	return give(ad_sys6(nr, call.a[0], call.a[1], call.a[2], call.a[3], call.a[4], call.a[5]));
}

/* A function that is one system call. */
#define HOOK_CALL(name, nr, ...)                                                                                       \
	HOOK long name(long a, long b, long c, long d, long e, long f)                                                 \
	{                                                                                                              \
		(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;                                                  \
		function *next = ad_state.patched ? NEXT(#name) : NULL;                                                \
		return next != NULL ? next(a, b, c, d, e, f) : judged(nr, __VA_ARGS__);                                \
	}

HOOK_CALL(open, __NR_openat, AD_AT_FDCWD, a, b, c, 0, 0)
HOOK_CALL(open64, __NR_openat, AD_AT_FDCWD, a, b, c, 0, 0)
HOOK_CALL(openat, __NR_openat, a, b, c, d, 0, 0)
HOOK_CALL(openat64, __NR_openat, a, b, c, d, 0, 0)
HOOK_CALL(creat, __NR_openat, AD_AT_FDCWD, a, O_CREAT | O_WRONLY | O_TRUNC, b, 0, 0)
HOOK_CALL(creat64, __NR_openat, AD_AT_FDCWD, a, O_CREAT | O_WRONLY | O_TRUNC, b, 0, 0)
HOOK_CALL(execve, __NR_execve, a, b, c, 0, 0, 0)
HOOK_CALL(execv, __NR_execve, a, b, (long)environ, 0, 0, 0)
HOOK_CALL(fexecve, __NR_execveat, a, (long)"", b, c, 0x1000, 0)
HOOK_CALL(connect, __NR_connect, a, b, c, 0, 0, 0)
HOOK_CALL(sendto, __NR_sendto, a, b, c, d, e, f)
HOOK_CALL(sendmsg, __NR_sendmsg, a, b, c, 0, 0, 0)
HOOK_CALL(sendmmsg, __NR_sendmmsg, a, b, c, d, 0, 0)
HOOK_CALL(bind, __NR_bind, a, b, c, 0, 0, 0)
HOOK_CALL(listen, __NR_listen, a, b, 0, 0, 0, 0)
HOOK_CALL(recvfrom, __NR_recvfrom, a, b, c, d, e, f)
HOOK_CALL(recvmsg, __NR_recvmsg, a, b, c, 0, 0, 0)
HOOK_CALL(getpeername, __NR_getpeername, a, b, c, 0, 0, 0)
HOOK_CALL(unlink, __NR_unlinkat, AD_AT_FDCWD, a, 0, 0, 0, 0)
HOOK_CALL(unlinkat, __NR_unlinkat, a, b, c, 0, 0, 0)
HOOK_CALL(rmdir, __NR_unlinkat, AD_AT_FDCWD, a, 0x200, 0, 0, 0)
HOOK_CALL(rename, __NR_renameat2, AD_AT_FDCWD, a, AD_AT_FDCWD, b, 0, 0)
HOOK_CALL(renameat, __NR_renameat2, a, b, c, d, 0, 0)
HOOK_CALL(mkdir, __NR_mkdirat, AD_AT_FDCWD, a, b, 0, 0, 0)
HOOK_CALL(link, __NR_linkat, AD_AT_FDCWD, a, AD_AT_FDCWD, b, 0, 0)
HOOK_CALL(linkat, __NR_linkat, a, b, c, d, e, 0)
HOOK_CALL(symlink, __NR_symlinkat, a, AD_AT_FDCWD, b, 0, 0, 0)
HOOK_CALL(truncate, __NR_truncate, a, b, 0, 0, 0, 0)
HOOK_CALL(chmod, __NR_fchmodat, AD_AT_FDCWD, a, b, 0, 0, 0)
HOOK_CALL(kill, __NR_kill, a, b, 0, 0, 0, 0)
HOOK_CALL(process_vm_readv, __NR_process_vm_readv, a, b, c, d, e, f)
HOOK_CALL(process_vm_writev, __NR_process_vm_writev, a, b, c, d, e, f)
HOOK_CALL(chdir, __NR_chdir, a, 0, 0, 0, 0, 0)

HOOK long syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	long (*next)(long, ...) = ad_state.patched ? (long (*)(long, ...))NEXT("syscall") : NULL;
	return next != NULL ? next(nr, a, b, c, d, e, f) : judged(nr, a, b, c, d, e, f);
}

/* The library's ptrace turns the results of the PEEK requests round; only the question is ours. */
HOOK long ptrace(long request, long pid, long addr, long data)
{
	struct ad_call call = {__NR_ptrace, {request, pid, addr, data}, 0};
	function *next = NEXT("ptrace");
	if (next == NULL)
		return judged(__NR_ptrace, request, pid, addr, data, 0, 0);
	if (!ad_state.patched && ad_gate(&call) == AD_RESULT)
		return give(call.result);
	return next(request, pid, addr, data, 0, 0);
}

/* Judges a path that the library will open itself. 0, or -errno. */
static long judge_path(long path, unsigned access)
{
	struct ad_path_buf name;
	if (ad_state.patched || ad_state.table == NULL || ad_foreign((const void *)path))
		return 0;
	int fd = ad_reach(AD_AT_FDCWD, (const char *)path, 0, 0);
	if (fd < 0) { /* fopen may make it */
		struct ad_place place;
		if (access == AD_READ || ad_place(&place, AD_AT_FDCWD, (const char *)path, 0) != 0)
			return 0;
		int error = ad_judge_place(&place, access, 0);
		ad_sys1(__NR_close, place.dir);
		return error;
	}
	ad_path_init(&name);
	bool sure = ad_name(&name, fd, AD_AT_FDCWD, (const char *)path) == 0;
	int error = ad_judge(fd, &name, sure, access, 0);
	ad_path_free(&name);
	ad_sys1(__NR_close, fd);
	return error;
}

static long open_stream(function *library, long path, long mode)
{
	unsigned access = AD_READ;
	for (const char *m = (const char *)mode; !ad_foreign(m) && *m != '\0'; m++)
		if (*m == 'w' || *m == 'a' || *m == '+')
			access |= AD_WRITE;
	long error = judge_path(path, access);
	if (error < 0 || library == NULL) {
		give(error < 0 ? error : -ENOSYS);
		return 0;
	}
	return library(path, mode, 0, 0, 0, 0);
}

HOOK long fopen(long path, long mode)
{
	return open_stream(NEXT("fopen"), path, mode);
}

HOOK long fopen64(long path, long mode)
{
	function *next = NEXT("fopen64"); /* newer musl has only fopen */
	return open_stream(next != NULL ? next : NEXT("fopen"), path, mode);
}

HOOK long opendir(long path)
{
	return open_stream(NEXT("opendir"), path, 0);
}

/* The functions that look through PATH and start a child are the library's; the question is asked before. */
static long judge_program(long path, long argv)
{
	struct ad_ask ask = {.kind = AD_EXEC, .dirfd = AD_AT_FDCWD, .text = (const char *)path, .argv = (char *const *)argv};
	if (ad_state.patched || ad_mode(&ad_state, AD_EXEC) == AD_OFF || ad_foreign((const void *)path))
		return 0;
	return ad_ask(&ask);
}

static long environment(long envp)
{
	char **edited = ad_state.patched || ad_state.socket_len == 0 ? NULL : ad_environ((char *const *)envp);
	return edited == NULL ? envp : (long)edited;
}

HOOK long execvpe(long file, long argv, long envp)
{
	function *next = NEXT("execvpe");
	long error = judge_program(file, argv);
	if (error < 0 || next == NULL)
		return give(error < 0 ? error : -ENOSYS);
	long result = next(file, argv, environment(envp), 0, 0, 0);
	if (!ad_state.patched)
		ad_environ_done();
	return result;
}

HOOK long execvp(long file, long argv)
{
	function *next = ad_state.patched ? NEXT("execvp") : NULL;
	if (next != NULL)
		return next(file, argv, 0, 0, 0, 0);
	return execvpe(file, argv, (long)environ);
}

static long spawn(function *library, const long a[6])
{
	long error = judge_program(a[1], a[4]);
	if (error < 0 || library == NULL)
		return error < 0 ? -error : ENOSYS; /* posix_spawn returns the error */
	long result = library(a[0], a[1], a[2], a[3], a[4], environment(a[5]));
	if (!ad_state.patched)
		ad_environ_done();
	return result;
}

HOOK long posix_spawn(long a, long b, long c, long d, long e, long f)
{
	return spawn(NEXT("posix_spawn"), (long[6]){a, b, c, d, e, f});
}

HOOK long posix_spawnp(long a, long b, long c, long d, long e, long f)
{
	return spawn(NEXT("posix_spawnp"), (long[6]){a, b, c, d, e, f});
}

static bool refused_name(long name)
{
	struct ad_ask ask = {.kind = AD_RESOLVE, .dirfd = AD_AT_FDCWD, .text = (const char *)name};
	if (ad_mode(&ad_state, AD_RESOLVE) == AD_OFF || (ad_flags(&ad_state) & AD_REDIRECT_DNS) != 0)
		return false;
	return !ad_foreign(ask.text) && ad_ask(&ask) < 0;
}

HOOK long getaddrinfo(long node, long service, long hints, long found)
{
	function *next = NEXT("getaddrinfo");
	if (next == NULL || refused_name(node))
		return EAI_FAIL;
	return next(node, service, hints, found, 0, 0);
}

static long host(function *library, long name, long family)
{
	if (library == NULL || refused_name(name))
		return 0;
	return library(name, family, 0, 0, 0, 0);
}

HOOK long gethostbyname(long name)
{
	return host(NEXT("gethostbyname"), name, 0);
}

HOOK long gethostbyname2(long name, long family)
{
	return host(NEXT("gethostbyname2"), name, family);
}
