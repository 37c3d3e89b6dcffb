/*
 * stress.c - threads that open files, connect, fork, vfork and spawn, while timer signals arrive whose handler opens a
 * file on a small stack of its own. Ends after the seconds given, with 0 when every result was as expected.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static volatile int stop;
static volatile int failed;

#define EXPECT(what)                                                                                                   \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			dprintf(2, "line %d: %s, errno %d\n", __LINE__, #what, errno);                                 \
			failed = 1;                                                                                    \
		}                                                                                                      \
	} while (0)

static void on_signal(int sig)
{
	int before = errno;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	(void)sig;
	errno = before;
}

static void small_stack(void)
{
	stack_t stack = {.ss_sp = malloc(SIGSTKSZ), .ss_size = SIGSTKSZ};
	EXPECT(sigaltstack(&stack, NULL) == 0);
}

static void *open_files(void *unused)
{
	small_stack();
	while (!stop) {
		int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
		EXPECT(fd >= 0);
		close(fd);
		EXPECT(open("/none/at/all", O_RDONLY) == -1 && errno == ENOENT);
		EXPECT(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	}
	return unused;
}

static void *use_sockets(void *unused)
{
	small_stack();
	while (!stop) {
		int pair[2];
		char c;
		EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		EXPECT(send(pair[0], "x", 1, 0) == 1);
		EXPECT(recv(pair[1], &c, 1, 0) == 1);
		close(pair[0]);
		close(pair[1]);
	}
	return unused;
}

static void ended_well(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			EXPECT(errno == 0);
			return;
		}
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *start_programs(void *unused)
{
	char *argv[] = {"true", NULL};
	char *empty[] = {NULL};
	small_stack();
	while (!stop) {
		pid_t pid;
		EXPECT(posix_spawnp(&pid, "true", NULL, NULL, argv, environ) == 0);
		ended_well(pid);
		pid = vfork();
		if (pid == 0) {
			execve("/bin/true", argv, empty);
			_exit(1);
		}
		ended_well(pid);
		pid = fork();
		if (pid == 0) {
			int fd = open("/etc/hosts", O_RDONLY);
			if (fd < 0)
				_exit(2);
			execvp("true", argv);
			_exit(1);
		}
		ended_well(pid);
		EXPECT(system("exit 0") == 0);
	}
	return unused;
}

int main(int argc, char **argv)
{
	void *(*const work[])(void *) = {open_files, use_sockets, start_programs, start_programs};
	pthread_t threads[sizeof work / sizeof work[0]];
	struct itimerval timer = {{0, 3000}, {0, 3000}};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (unsigned i = 0; i < sizeof work / sizeof work[0]; i++)
		pthread_create(&threads[i], NULL, work[i], NULL);
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 2);
	while (time(NULL) < end)
		usleep(10000);
	stop = 1;
	for (unsigned i = 0; i < sizeof work / sizeof work[0]; i++)
		pthread_join(threads[i], NULL);
	return failed;
}
