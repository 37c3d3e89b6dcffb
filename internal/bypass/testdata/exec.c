/*
 * exec - ways to start the denied program. The same source serves for programs that bring their own C library.
 *
 * build: exec gcc
 * build: exec-static gcc -static
 * build: exec-static-pie gcc -static-pie
 * build: exec-musl musl-gcc
 * build: exec-musl-static musl-gcc -static
 */
#include "attempt.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>

static void direct(void)
{
	execve(DENIED, denied_argv(), environ);
}

static void search(void)
{
	setenv("PATH", "/nowhere:/var/task", 1);
	execvp("denied", denied_argv());
}

static void by_system(void)
{
	if (system(DENIED))
		perror("system");
}

static void by_popen(void)
{
	FILE *f = popen(DENIED, "r");
	if (f)
		pclose(f);
}

static void at_directory(void)
{
	int dir = open("/var/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	syscall(SYS_execveat, dir, "denied", denied_argv(), environ, 0);
}

static void at_empty_path(void)
{
	int fd = open(DENIED, O_PATH | O_CLOEXEC);
	syscall(SYS_execveat, fd, "", denied_argv(), environ, AT_EMPTY_PATH);
}

static void by_fexecve(void)
{
	fexecve(open(DENIED, O_RDONLY | O_CLOEXEC), denied_argv(), environ);
}

static void spawn(void)
{
	pid_t pid;
	if (!posix_spawn(&pid, DENIED, NULL, NULL, denied_argv(), environ))
		waitpid(pid, NULL, 0);
}

static void spawn_search(void)
{
	pid_t pid;
	setenv("PATH", "/var/task", 1);
	if (!posix_spawnp(&pid, "denied", NULL, NULL, denied_argv(), environ))
		waitpid(pid, NULL, 0);
}

static void by_vfork(void)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execve(DENIED, denied_argv(), environ);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static int cloned(void *unused)
{
	(void)unused;
	execve(DENIED, denied_argv(), environ);
	_exit(1);
}

static void clone_shared(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid = clone(cloned, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
	waitpid(pid, NULL, 0);
}

static void by_clone3(void)
{
	uint64_t args[8] = {[4] = SIGCHLD}; /* the first version of struct clone_args; [4] is exit_signal */
	long pid = syscall(SYS_clone3, args, sizeof args);
	if (pid == 0)
		cloned(NULL);
	waitpid((pid_t)pid, NULL, 0);
}

static void by_syscall(void)
{
	syscall(SYS_execve, DENIED, denied_argv(), environ);
}

/* The x32 number of execve; kernels without that interface know no such call. */
static void x32(void)
{
	syscall(0x40000000 + 520, DENIED, denied_argv(), environ);
}

static void empty_environment(void)
{
	char *argv[] = {"sh", "-c", DENIED, NULL}, *none[] = {NULL};
	execve("/bin/sh", argv, none);
}

static void *in_thread(void *unused)
{
	(void)unused;
	direct();
	return NULL;
}

static void thread(void)
{
	pthread_t t;
	pthread_create(&t, NULL, in_thread, NULL);
	pthread_join(t, NULL);
}

static void on_alarm(int unused)
{
	(void)unused;
	direct();
	_exit(1);
}

static void handler(void)
{
	signal(SIGALRM, on_alarm);
	raise(SIGALRM);
}

/* A daemon: nobody of its parents lives when it acts. */
static void orphan(void)
{
	int done[2];
	char byte;
	if (pipe(done))
		give_up("pipe");
	if (fork()) {
		close(done[1]);
		/* The function lives on until its daemon has ended or become another program. */
		if (read(done[0], &byte, 1) < 0)
			perror("read");
		return;
	}
	fcntl(done[1], F_SETFD, FD_CLOEXEC);
	setsid();
	pid_t parent = getpid();
	if (fork())
		_exit(0);
	for (int i = 0; i < 1000 && getppid() == parent; i++)
		usleep(1000);
	direct();
	_exit(1);
}

static void relative(void)
{
	if (chdir("/var/task"))
		give_up("chdir");
	execve("./denied", denied_argv(), environ);
}

static void dots(void)
{
	execve("/var/../var/task/.//../task/./denied", denied_argv(), environ);
}

static void proc_root(void)
{
	execve("/proc/self/root/var/task/denied", denied_argv(), environ);
}

static void proc_cwd(void)
{
	if (chdir("/var/task"))
		give_up("chdir");
	execve("/proc/self/cwd/denied", denied_argv(), environ);
}

static void proc_fd(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", open(DENIED, O_RDONLY | O_CLOEXEC));
	execve(path, denied_argv(), environ);
}

static void long_path(void)
{
	char path[4096] = "/var/task/";
	while (strlen(path) < 4000)
		strcat(path, "./");
	execve(strcat(path, "denied"), denied_argv(), environ);
}

/* More arguments than a question to the Defender holds. */
static void many_arguments(void)
{
	static char *argv[20001];
	for (int i = 0; i < 20000; i++)
		argv[i] = "argument";
	execve(DENIED, argv, environ);
}

static void no_arguments(void)
{
	char *const *volatile none = NULL;
	execve(DENIED, none, none);
}

static void memfd(void)
{
	int fd = memfd_create("innocent", MFD_CLOEXEC);
	copy(DENIED, fd);
	fexecve(fd, denied_argv(), environ);
}

/* A static program in memory: no dynamic linker will look at LD_PRELOAD. */
static void memfd_static(void)
{
	int fd = memfd_create("innocent", MFD_CLOEXEC);
	char path[64];
	copy("/var/task/denied-static", fd);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	execve(path, denied_argv(), environ);
}

static void deleted(void)
{
	copy_program(DENIED, "/srv/work/gone");
	int fd = open("/srv/work/gone", O_RDONLY | O_CLOEXEC);
	unlink("/srv/work/gone");
	syscall(SYS_execveat, fd, "", denied_argv(), environ, AT_EMPTY_PATH);
}

static void unnamed_file(void)
{
	char path[64];
	int fd = open("/srv/work", O_TMPFILE | O_RDWR, 0755);
	copy(DENIED, fd);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, AT_FDCWD, "/srv/work/named", AT_SYMLINK_FOLLOW))
		give_up("linkat");
	close(fd);
	execve("/srv/work/named", denied_argv(), environ);
}

static void renamed_copy(void)
{
	copy_program(DENIED, "/tmp/innocent");
	execve("/tmp/innocent", denied_argv(), environ);
}

static void by_symlink(void)
{
	if (symlink(DENIED, "/tmp/innocent"))
		give_up("symlink");
	execve("/tmp/innocent", denied_argv(), environ);
}

static void symlinked_directory(void)
{
	if (symlink("/var/task", "/tmp/dir"))
		give_up("symlink");
	execve("/tmp/dir/denied", denied_argv(), environ);
}

static void hard_link(void)
{
	if (link(DENIED_TOO, "/srv/work/innocent"))
		perror("link");
	execve("/srv/work/innocent", denied_argv(), environ);
}

static void moved(void)
{
	if (rename(DENIED_TOO, "/srv/work/innocent"))
		perror("rename");
	execve("/srv/work/innocent", denied_argv(), environ);
}

static void moved_directory(void)
{
	if (rename("/srv/app", "/srv/work/app"))
		perror("rename");
	execve("/srv/work/app/denied", denied_argv(), environ);
}

static void linker(void)
{
	char *argv[] = {"ld.so", DENIED, NULL};
	execve("/lib64/ld-linux-x86-64.so.2", argv, environ);
}

/* The denied program is the interpreter of a script that was deployed with the function. */
static void interpreter(void)
{
	execve("/var/task/script-of-denied", denied_argv(), environ);
}

/* A file without "#!" is given to a shell by the C library. */
static void no_interpreter(void)
{
	char *argv[] = {"plain", NULL};
	execvp("/var/task/plain-script", argv);
	perror("execvp");
}

static void libc_handle(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	int (*call)(const char *, char *const *, char *const *) = dlsym(libc, "execve");
	call(DENIED, denied_argv(), environ);
}

#ifdef LM_ID_NEWLM
/* A second C library in a name space of its own: nobody preloaded anything there. */
static void other_namespace(void)
{
	void *libc = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
	if (!libc)
		give_up(dlerror());
	int (*call)(const char *, char *const *, char *const *) = dlsym(libc, "execve");
	call(DENIED, denied_argv(), environ);
}
#endif

/* A library that the function could have written; its constructor calls the kernel itself. */
static void own_library(void)
{
	copy_program("/var/task/raw.so", "/tmp/raw.so");
	if (!dlopen("/tmp/raw.so", RTLD_NOW))
		give_up(dlerror());
}

/* The same library, deployed with the function. */
static void deployed_library(void)
{
	if (!dlopen("/var/task/raw.so", RTLD_NOW))
		give_up(dlerror());
}

/* No descriptor is left to ask the supervisor with; the new program has them all again. */
static void no_descriptors(void)
{
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		;
	direct();
}

static void bind_over(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("unshare");
	if (syscall(SYS_mount, DENIED, "/usr/bin/true", NULL, 4096 /* MS_BIND */, NULL))
		give_up("mount");
	execve("/usr/bin/true", denied_argv(), environ);
}

static void other_root(void)
{
	if (unshare(CLONE_NEWUSER) || chroot("/var/task"))
		give_up("chroot");
	execve("/denied-static", denied_argv(), environ);
}

/* Abstract sockets belong to a network name space: the Defender's aren't in this one. */
static void other_network(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		give_up("unshare");
	direct();
}

static void other_processes(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
		give_up("unshare");
	if (fork() == 0)
		direct();
	wait(NULL);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"direct", direct}, {"search", search}, {"system", by_system}, {"popen", by_popen},
		{"execveat", at_directory}, {"execveat-empty-path", at_empty_path}, {"fexecve", by_fexecve},
		{"posix-spawn", spawn}, {"posix-spawnp", spawn_search}, {"vfork", by_vfork}, {"clone-vm", clone_shared},
		{"clone3", by_clone3}, {"syscall", by_syscall}, {"x32", x32}, {"empty-environment", empty_environment},
		{"thread", thread}, {"signal-handler", handler}, {"orphan", orphan}, {"relative", relative}, {"dots", dots},
		{"proc-root", proc_root}, {"proc-cwd", proc_cwd}, {"proc-fd", proc_fd}, {"long-path", long_path},
		{"many-arguments", many_arguments}, {"no-arguments", no_arguments}, {"memfd", memfd},
		{"memfd-static", memfd_static}, {"deleted", deleted}, {"unnamed-file", unnamed_file},
		{"renamed-copy", renamed_copy}, {"symlink", by_symlink}, {"symlinked-directory", symlinked_directory},
		{"hard-link", hard_link}, {"moved", moved}, {"moved-directory", moved_directory}, {"linker", linker},
		{"interpreter", interpreter}, {"no-interpreter", no_interpreter}, {"libc-handle", libc_handle},
#ifdef LM_ID_NEWLM
		{"other-namespace", other_namespace},
#endif
		{"own-library", own_library}, {"deployed-library", deployed_library}, {"no-descriptors", no_descriptors},
		{"bind-over", bind_over}, {"other-root", other_root}, {"other-network", other_network},
		{"other-processes", other_processes}, {NULL, NULL},
	};
	return take(ways, argc, argv);
}
