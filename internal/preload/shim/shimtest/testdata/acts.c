/* acts.c - ways to open the file named by the argument, by functions of the C library; prints what became of each. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void report(const char *what, int happened)
{
	printf("%s: %s\n", what, happened ? "done" : errno == EACCES ? "denied" : strerror(errno));
	fflush(stdout);
	errno = 0;
}

static int child(const char *command)
{
	char line[64];
	FILE *out = popen(command, "r");
	int got = out != NULL && fgets(line, sizeof line, out) != NULL;
	if (out != NULL)
		pclose(out);
	errno = EACCES;
	return got;
}

int main(int argc, char **argv)
{
	const char *secret = argv[1], *directory = argv[2];
	char path[4096], command[5000];
	if (argc != 3)
		return 2;
	report("open", open(secret, O_RDONLY) >= 0);
	report("openat", openat(AT_FDCWD, secret, O_RDONLY) >= 0);
	report("fopen", fopen(secret, "r") != NULL);
	report("freopen", freopen(secret, "r", stdin) != NULL);
	report("syscall", syscall(SYS_openat, AT_FDCWD, secret, O_RDONLY) >= 0);
	report("creat", creat(secret, 0600) >= 0);
	report("truncate", truncate(secret, 0) == 0);
	report("unlink", unlink(secret) == 0);
	snprintf(path, sizeof path, "%s/link", directory);
	unlink(path);
	report("symlink", symlink(secret, path) == 0);
	report("open link", open(path, O_RDONLY) >= 0);
	report("rename", rename(secret, path) == 0);
	snprintf(path, sizeof path, "%s/hard", directory);
	report("link", link(secret, path) == 0);
	snprintf(path, sizeof path, "/proc/self/root%s", secret);
	report("root", open(path, O_RDONLY) >= 0);
	int held = open(secret, O_PATH);
	snprintf(path, sizeof path, "/proc/self/fd/%d", held);
	errno = 0;
	report("O_PATH", open(path, O_RDONLY) >= 0);
	report("chmod", chmod(secret, 0777) == 0);
	report("allowed", open("/dev/null", O_RDWR) >= 0);
	if (getenv("NO_CHILDREN") != NULL)
		return 0;
	snprintf(command, sizeof command, "cat %s 2>/dev/null", secret);
	report("popen", child(command));
	snprintf(command, sizeof command, "env -i cat %s 2>/dev/null", secret);
	report("env -i", child(command));
	snprintf(command, sizeof command, "{ env -u LD_PRELOAD cat < %s; } 2>/dev/null", secret);
	report("shell", child(command));
	return 0;
}
