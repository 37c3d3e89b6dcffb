/*
 * files - ways to read the secret, and to change the ledger.
 *
 * build: files gcc
 * build: files-static gcc -static
 * build: files-musl musl-gcc -DNO_URING
 */
#include "attempt.h"
#ifndef NO_URING
#include "uring.h"
#endif

#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

/* ---- reading ---- */

static void plain(void)
{
	leak_fd(open(SECRET, O_RDONLY));
}

static void stream(void)
{
	char line[128];
	FILE *f = fopen(SECRET, "r");
	if (f && fgets(line, sizeof line, f))
		leak(line, (ssize_t)strlen(line));
}

static void at_directory(void)
{
	leak_fd(openat(open("/srv/secret", O_RDONLY | O_DIRECTORY), "token", O_RDONLY));
}

static void at_path_directory(void)
{
	leak_fd(openat(open("/srv/secret", O_PATH | O_DIRECTORY), "token", O_RDONLY));
}

static void by_openat2(void)
{
	uint64_t how[3] = {O_RDONLY, 0, 0}; /* struct open_how: flags, mode, resolve */
	leak_fd((int)syscall(437, AT_FDCWD, SECRET, how, sizeof how));
}

/* RESOLVE_IN_ROOT: the path is read as if another directory were the root. */
static void openat2_in_root(void)
{
	uint64_t how[3] = {O_RDONLY, 0, 0x10};
	leak_fd((int)syscall(437, open("/srv", O_PATH | O_DIRECTORY), "/secret/token", how, sizeof how));
}

static void reopen(int fd, const char *format)
{
	char path[64];
	snprintf(path, sizeof path, format, fd);
	leak_fd(open(path, O_RDONLY));
}

static void path_reopen(void)
{
	reopen(open(SECRET, O_PATH), "/proc/self/fd/%d");
}

static void dev_fd(void)
{
	reopen(open(SECRET, O_PATH), "/dev/fd/%d");
}

static void directory_fd(void)
{
	reopen(open("/srv/secret", O_PATH | O_DIRECTORY), "/proc/self/fd/%d/token");
}

static void thread_self_fd(void)
{
	reopen(open("/srv/secret", O_PATH | O_DIRECTORY), "/proc/thread-self/fd/%d/token");
}

static void by_symlink(void)
{
	if (symlink(SECRET, "/tmp/innocent"))
		give_up("symlink");
	leak_fd(open("/tmp/innocent", O_RDONLY));
}

static void relative_symlink(void)
{
	if (symlink("../srv/./secret/../secret/token", "/tmp/innocent"))
		give_up("symlink");
	leak_fd(open("/tmp/innocent", O_RDONLY));
}

static void symlinked_directory(void)
{
	if (symlink("/srv/secret", "/tmp/dir"))
		give_up("symlink");
	leak_fd(open("/tmp/dir/token", O_RDONLY));
}

/* "..", after a link, goes up from where the link leads. */
static void symlink_then_up(void)
{
	if (symlink("/srv/work", "/tmp/dir"))
		give_up("symlink");
	leak_fd(open("/tmp/dir/../secret/token", O_RDONLY));
}

static void dots(void)
{
	leak_fd(open("/srv/work/../secret/./token", O_RDONLY));
}

static void slashes(void)
{
	leak_fd(open("//srv///secret//token", O_RDONLY));
}

static void proc_root(void)
{
	leak_fd(open("/proc/self/root/srv/secret/token", O_RDONLY));
}

static void thread_root(void)
{
	reopen(getpid(), "/proc/self/task/%d/root/srv/secret/token");
}

static void child_root(void)
{
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	reopen(child, "/proc/%d/root/srv/secret/token");
	kill(child, SIGKILL);
}

static void proc_cwd(void)
{
	if (chdir("/srv/secret"))
		give_up("chdir");
	leak_fd(open("/proc/self/cwd/token", O_RDONLY));
}

static void working_directory(void)
{
	if (chdir("/srv/secret"))
		give_up("chdir");
	leak_fd(open("token", O_RDONLY));
}

static void by_fchdir(void)
{
	if (fchdir(open("/srv/secret", O_PATH | O_DIRECTORY)))
		give_up("fchdir");
	leak_fd(open("./token", O_RDONLY));
}

static void hard_link(void)
{
	if (link(SECRET, "/srv/work/innocent"))
		perror("link");
	leak_fd(open("/srv/work/innocent", O_RDONLY));
}

static void hard_link_of_fd(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", open(SECRET, O_PATH));
	if (linkat(AT_FDCWD, path, AT_FDCWD, "/srv/work/innocent", AT_SYMLINK_FOLLOW))
		perror("linkat");
	leak_fd(open("/srv/work/innocent", O_RDONLY));
}

/* A second name that was there before the function started. */
static void old_link(void)
{
	leak_fd(open("/srv/work/old-link", O_RDONLY));
}

static void moved(void)
{
	if (rename(SECRET, "/srv/work/innocent"))
		perror("rename");
	leak_fd(open("/srv/work/innocent", O_RDONLY));
}

static void moved_directory(void)
{
	if (rename("/srv/secret", "/srv/work/dir"))
		perror("rename");
	leak_fd(open("/srv/work/dir/token", O_RDONLY));
}

/* The directory above the denied one has no rule of its own. */
static void moved_parent(void)
{
	if (rename("/srv/box", "/srv/work/box"))
		perror("rename");
	leak_fd(open("/srv/work/box/secret/token", O_RDONLY));
}

static void exchanged_parent(void)
{
	if (mkdir("/srv/work/empty", 0755) || syscall(SYS_renameat2, AT_FDCWD, "/srv/work/empty", AT_FDCWD, "/srv/box", 2))
		perror("renameat2");
	leak_fd(open("/srv/work/empty/secret/token", O_RDONLY));
}

static void mapped(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(SECRET, O_RDONLY), 0);
	if (p != MAP_FAILED)
		leak(p, 27);
}

static void by_sendfile(void)
{
	int to = open("/proof/leak", O_WRONLY | O_CREAT, 0666);
	if (sendfile(to, open(SECRET, O_RDONLY), NULL, 100) < 0)
		perror("sendfile");
}

static void by_splice(void)
{
	int pipes[2];
	if (pipe(pipes) || splice(open(SECRET, O_RDONLY), NULL, pipes[1], NULL, 100, 0) < 0)
		give_up("splice");
	leak_fd(pipes[0]);
}

static void by_copy_file_range(void)
{
	int to = open("/srv/work/copy", O_RDWR | O_CREAT, 0666);
	if (copy_file_range(open(SECRET, O_RDONLY), NULL, to, NULL, 100, 0) < 0)
		perror("copy_file_range");
	lseek(to, 0, SEEK_SET);
	leak_fd(to);
}

static void by_syscall(void)
{
	leak_fd((int)syscall(SYS_open, SECRET, O_RDONLY));
}

static void syscall_openat(void)
{
	leak_fd((int)syscall(SYS_openat, AT_FDCWD, SECRET, O_RDONLY));
}

static void thread_directory(void)
{
	if (unshare(CLONE_FS) || chdir("/srv"))
		give_up("unshare");
	leak_fd(open("secret/token", O_RDONLY));
}

static void by_child(void)
{
	if (system("cat " SECRET))
		perror("cat");
}

/* A shell reads it as a script, and complains about its content. */
static void as_script(void)
{
	if (system("/bin/sh " SECRET))
		perror("sh");
}

/* A descriptor from a process with an empty environment. */
static void passed_descriptor(void)
{
	int pair[2];
	char *argv[] = {"helper", "file", NULL}, *none[] = {NULL};
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec part = {&byte, 1};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		give_up("socketpair");
	if (fork() == 0) {
		dup2(pair[1], 0);
		execve("/var/task/helper", argv, none);
		_exit(1);
	}
	close(pair[1]);
	if (recvmsg(pair[0], &m, 0) > 0 && CMSG_FIRSTHDR(&m))
		leak_fd(*(int *)CMSG_DATA(CMSG_FIRSTHDR(&m)));
	wait(NULL);
}

static void bind_mount(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("unshare");
	if (syscall(SYS_mount, "/srv/secret", "/srv/work", NULL, 4096 /* MS_BIND */, NULL))
		give_up("mount");
	leak_fd(open("/srv/work/token", O_RDONLY));
}

static void other_root(void)
{
	if (unshare(CLONE_NEWUSER) || chroot("/srv"))
		give_up("chroot");
	int fd = open("/secret/token", O_RDONLY);
	char text[128];
	ssize_t n = read(fd, text, sizeof text);
	/* The harness's directory is out of sight; standard output isn't. */
	if (n > 0 && write(1, text, (size_t)n) < 0)
		perror("write");
}

static void mount_tree(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("unshare");
	int tree = (int)syscall(428 /* open_tree */, AT_FDCWD, "/srv/secret", 1 /* OPEN_TREE_CLONE */);
	leak_fd(openat(tree, "token", O_RDONLY));
}

#ifndef NO_URING
static void ring(void)
{
	struct io_uring_sqe r = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)SECRET, .open_flags = O_RDONLY};
	leak_fd(ring_submit(&r));
}
#endif

/* ---- changing ---- */

static void overwrite(void)
{
	int fd = open(LEDGER, O_WRONLY | O_TRUNC);
	if (write(fd, "0 coins\n", 8) < 0)
		perror("write");
}

static void append(void)
{
	FILE *f = fopen(LEDGER, "a");
	if (f) {
		fputs("0 coins\n", f);
		fclose(f);
	}
}

static void shorten(void)
{
	if (truncate(LEDGER, 0))
		perror("truncate");
}

static void rename_over(void)
{
	if (rename("/srv/work/harmless", LEDGER))
		perror("rename");
}

static void rename_away(void)
{
	if (rename(LEDGER, "/srv/work/taken"))
		perror("rename");
}

static void exchange(void)
{
	if (syscall(SYS_renameat2, AT_FDCWD, "/srv/work/harmless", AT_FDCWD, LEDGER, 2 /* RENAME_EXCHANGE */))
		perror("renameat2");
}

static void by_unlink(void)
{
	if (unlink(LEDGER))
		perror("unlink");
}

static void unlink_at(void)
{
	if (unlinkat(open("/srv/secret", O_PATH), "ledger", 0))
		perror("unlinkat");
}

static void by_remove(void)
{
	if (remove(LEDGER))
		perror("remove");
}

static void map_and_write(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open(LEDGER, O_RDWR), 0);
	if (p != MAP_FAILED)
		memcpy(p, "000", 3);
}

static void vectored(void)
{
	struct iovec part = {"000", 3};
	if (pwritev(open(LEDGER, O_WRONLY), &part, 1, 0) < 0)
		perror("pwritev");
}

static void link_write(void)
{
	if (link(LEDGER, "/srv/work/innocent"))
		perror("link");
	if (truncate("/srv/work/innocent", 0))
		perror("truncate");
}

static void write_by_path_fd(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", open(LEDGER, O_PATH));
	if (truncate(path, 0))
		perror("truncate");
}

static void no_access_mode(void)
{
	/* The access mode 3 means: checked for reading and writing, opened for neither; O_TRUNC works all the same. */
	if (open(LEDGER, 3 | O_TRUNC) < 0)
		perror("open");
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"open", plain}, {"fopen", stream}, {"openat", at_directory}, {"openat-path", at_path_directory},
		{"openat2", by_openat2}, {"openat2-in-root", openat2_in_root}, {"path-reopen", path_reopen}, {"dev-fd", dev_fd},
		{"directory-fd", directory_fd}, {"thread-self-fd", thread_self_fd}, {"symlink", by_symlink},
		{"relative-symlink", relative_symlink}, {"symlinked-directory", symlinked_directory},
		{"symlink-then-up", symlink_then_up}, {"dots", dots}, {"slashes", slashes}, {"proc-root", proc_root},
		{"thread-root", thread_root}, {"child-root", child_root}, {"proc-cwd", proc_cwd}, {"chdir", working_directory},
		{"fchdir", by_fchdir}, {"hard-link", hard_link}, {"hard-link-of-fd", hard_link_of_fd}, {"old-link", old_link},
		{"moved", moved}, {"moved-directory", moved_directory}, {"moved-parent", moved_parent},
		{"exchanged-parent", exchanged_parent}, {"mmap", mapped}, {"sendfile", by_sendfile}, {"splice", by_splice},
		{"copy-file-range", by_copy_file_range}, {"syscall", by_syscall}, {"syscall-openat", syscall_openat},
		{"unshare-fs", thread_directory}, {"cat", by_child}, {"as-script", as_script},
		{"passed-descriptor", passed_descriptor}, {"bind-mount", bind_mount}, {"other-root", other_root},
		{"mount-tree", mount_tree},
#ifndef NO_URING
		{"io-uring", ring},
#endif
		{"overwrite", overwrite}, {"append", append}, {"truncate", shorten}, {"rename-over", rename_over},
		{"rename-away", rename_away}, {"exchange", exchange}, {"unlink", by_unlink}, {"unlinkat", unlink_at},
		{"remove", by_remove}, {"map-and-write", map_and_write}, {"pwritev", vectored}, {"link-write", link_write},
		{"write-by-path-fd", write_by_path_fd}, {"no-access-mode", no_access_mode}, {NULL, NULL},
	};
	return take(ways, argc, argv);
}
