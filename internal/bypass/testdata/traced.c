/*
 * traced - a parent changes its child's system calls while the child stands at their door: after everything in the child
 * itself has looked at them, and before the kernel does.
 */
#include "attempt.h"

#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

static char harmless[64] = "/srv/work/harmless";

/* child makes calls that nobody minds, until it has become something else. */
static void child(void)
{
	char text[64];
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) {
		perror("ptrace");
		_exit(1);
	}
	raise(SIGSTOP);
	for (int i = 0; i < 20; i++) {
		int fd = open(harmless, O_RDONLY);
		ssize_t n = read(fd, text, sizeof text);
		if (n > 0 && strncmp(text, "nothing", 7))
			leak(text, n);
		close(fd);
		getppid();
	}
	_exit(0);
}

/* follow stops the child at each call and lets change see it. */
static void follow(void (*change)(pid_t pid, struct user_regs_struct *r))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		child();
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (WIFSTOPPED(status)) {
		struct user_regs_struct r;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && !ptrace(PTRACE_GETREGS, pid, NULL, &r))
			change(pid, &r);
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || waitpid(pid, &status, 0) < 0)
			break;
	}
}

static void become(pid_t pid, struct user_regs_struct *r)
{
	static char *argv[] = {"denied", NULL};
	if (r->orig_rax != SYS_getppid || (long)r->rax != -ENOSYS) /* -ENOSYS: at the door, not behind it */
		return;
	r->orig_rax = SYS_execve;
	r->rdi = (unsigned long)DENIED;
	r->rsi = (unsigned long)argv; /* the child is a copy: its addresses are ours */
	r->rdx = (unsigned long)environ;
	ptrace(PTRACE_SETREGS, pid, NULL, r);
}

static void other_number(void)
{
	follow(become);
}

static void other_path(pid_t pid, struct user_regs_struct *r)
{
	struct iovec mine = {SECRET, sizeof SECRET}, other = {harmless, sizeof SECRET};
	if ((r->orig_rax == SYS_openat || r->orig_rax == SYS_open) && (long)r->rax == -ENOSYS &&
	    process_vm_writev(pid, &mine, 1, &other, 1, 0) < 0)
		perror("process_vm_writev");
}

static void changed_path(void)
{
	follow(other_path);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {{"number", other_number}, {"path", changed_path}, {NULL, NULL}};
	return take(ways, argc, argv);
}
