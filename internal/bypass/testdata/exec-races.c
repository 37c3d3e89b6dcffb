/*
 * exec-races - what is checked isn't what is started: somebody changes it in between, over and over.
 */
#include "race.h"

#include <sched.h>

#define TRIES 300

static char path[64] = "/bin/true";

static void *flip_path(void *unused)
{
	(void)unused;
	for (int i = 0; !stop; i++) {
		/* Both are cut to the same length by the terminator, so that every mix of the two is one of them. */
		memcpy(path, i & 1 ? DENIED : "/bin/true\0\0\0\0\0\0\0\0", sizeof DENIED);
		flipped();
	}
	return NULL;
}

/* A thread of the same process changes the path's bytes. */
static void path_in_thread(void)
{
	char *argv[] = {"true", NULL};
	for (int i = 0; again(TRIES); i++) {
		if (fork() == 0) {
			pthread_t t;
			pthread_create(&t, NULL, flip_path, NULL);
			usleep((useconds_t)(i % 50));
			execve(path, argv, environ);
			_exit(1);
		}
		wait(NULL);
		flips++; /* the child's own count went with it */
	}
}

/* A parent that shares its memory with the child that calls. */
static void path_in_peer(void)
{
	char *argv[] = {"true", NULL};
	pthread_t t;
	pthread_create(&t, NULL, flip_path, NULL);
	for (int i = 0; again(TRIES); i++) {
		pid_t pid = vfork();
		if (pid == 0) {
			execve(path, argv, environ);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	stop = 1;
	pthread_join(t, NULL);
}

static void *flip_link(void *unused)
{
	(void)unused;
	for (int i = 0; !stop; i++) {
		if (symlink(i & 1 ? DENIED : "/bin/true", "/srv/work/next"))
			perror("symlink");
		if (rename("/srv/work/next", "/srv/work/link"))
			perror("rename");
		flipped();
	}
	return NULL;
}

static void symlink_flip(void)
{
	char *argv[] = {"true", NULL};
	pthread_t t;
	if (symlink("/bin/true", "/srv/work/link"))
		give_up("symlink");
	pthread_create(&t, NULL, flip_link, NULL);
	for (int i = 0; again(TRIES); i++) {
		pid_t pid = fork();
		if (pid == 0) {
			execve("/srv/work/link", argv, environ);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	stop = 1;
	pthread_join(t, NULL);
}

/* The same by exchanging two names. */
static void *exchange(void *unused)
{
	(void)unused;
	while (!stop)
		if (syscall(SYS_renameat2, AT_FDCWD, "/srv/work/one", AT_FDCWD, "/srv/work/two", 2 /* RENAME_EXCHANGE */))
			give_up("renameat2");
		else
			flipped();
	return NULL;
}

static void rename_flip(void)
{
	char *argv[] = {"true", NULL};
	pthread_t t;
	if (symlink("/bin", "/srv/work/one") || symlink("/srv/fake", "/srv/work/two") || mkdir("/srv/fake", 0755) ||
	    symlink(DENIED, "/srv/fake/true"))
		give_up("symlink");
	pthread_create(&t, NULL, exchange, NULL);
	for (int i = 0; again(TRIES); i++) {
		pid_t pid = fork();
		if (pid == 0) {
			execve("/srv/work/one/true", argv, environ);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	stop = 1;
	pthread_join(t, NULL);
}

/* Another process writes into the caller's memory. */
static void path_from_afar(void)
{
	char *argv[] = {"true", NULL};
	char file[64];
	snprintf(file, sizeof file, "/proc/%d/mem", (int)getpid());
	pid_t writer = fork();
	if (writer == 0) {
		int fd = open(file, O_RDWR);
		for (int i = 0; fd >= 0; i++) {
			if (pwrite(fd, i & 1 ? DENIED : "/bin/true\0\0\0\0\0\0\0\0", sizeof DENIED, (off_t)path) < 0)
				_exit(1);
			flipped();
		}
		perror(file);
		_exit(1);
	}
	while (again(TRIES)) {
		pid_t pid = vfork();
		if (pid == 0) {
			execve(path, argv, environ);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
		flips++;
	}
	kill(writer, SIGKILL);
}

/* The rule looks at arguments here: a miner's pool. */
static char argument[32] = "stratum+tcp://pool";

static void *flip_argument(void *unused)
{
	(void)unused;
	for (int i = 0; !stop; i++) {
		memcpy(argument, i & 1 ? "stratum+tcp://pool" : "harmless-text-pool", 18);
		flipped();
	}
	return NULL;
}

static void argument_flip(void)
{
	char *argv[] = {"work", "-o", argument, NULL};
	for (int i = 0; again(TRIES); i++) {
		if (fork() == 0) {
			pthread_t t;
			pthread_create(&t, NULL, flip_argument, NULL);
			usleep((useconds_t)(i % 50));
			execve("/var/task/work", argv, environ);
			_exit(1);
		}
		wait(NULL);
		flips++; /* the child's own count went with it */
	}
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"path-thread", path_in_thread}, {"path-peer", path_in_peer}, {"symlink", symlink_flip},
		{"rename", rename_flip}, {"path-afar", path_from_afar},
		{"argument", argument_flip}, {NULL, NULL},
	};
	return take(ways, argc, argv);
}
