/*
 * exec.c - starting programs.
 *
 * The question goes out with the path as the program gave it; the supervisor resolves it. That the kernel then starts
 * the very same file is not certain (links can be changed in between), so the supervisor looks at /proc/PID/exe again
 * when the new program's own shim says hello, before its first instruction, and can end it there.
 */
#include "shim.h"

#define AT_FDCWD (-100)

static int judge(int dirfd, const char *path, char *const *argv, unsigned flags)
{
	if (ad_mode(&ad_state, AD_EXEC) == AD_OFF || ad_foreign(path))
		return 0;
	struct ad_ask ask = {.kind = AD_EXEC, .dirfd = dirfd, .flags = flags, .text = path, .argv = argv};
	return ad_ask(&ask);
}

enum ad_outcome ad_on_exec(struct ad_call *call)
{
	bool at = call->nr == __NR_execveat;
	const char *path = (const char *)call->a[at];
	char *const *argv = (char *const *)call->a[at + 1];
	char *const *envp = (char *const *)call->a[at + 2];
	int dirfd = at ? (int)call->a[0] : AT_FDCWD;
	unsigned flags = at ? (unsigned)call->a[4] : 0;
	if (ad_state.socket_len == 0)
		return AD_CONTINUE;
	int error = judge(dirfd, path, argv, flags);
	if (error < 0)
		return ad_result(call, error);
	char **edited = ad_environ(envp);
	if (edited == NULL)
		return ad_result(call, -ENOMEM);
	long result = at ? ad_sys5(__NR_execveat, dirfd, path, argv, edited, flags)
			 : ad_sys3(__NR_execve, path, argv, edited);
	ad_environ_done();
	return ad_result(call, result);
}
