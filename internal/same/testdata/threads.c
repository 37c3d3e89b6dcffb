/* Threads that open, spawn and fork at once; vfork; cancellation; small stacks; alternate signal stacks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static int failures;

static void *opens(void *p)
{
	for (int i = 0; i < 2000; i++) {
		int fd = open(i % 2 ? "/etc/passwd" : "/no/such", O_RDONLY | O_CLOEXEC);
		if ((fd >= 0) != (i % 2)) __sync_fetch_and_add(&failures, 1);
		if (fd >= 0) close(fd);
	}
	return p;
}

static void *spawns(void *p)
{
	char *argv[] = {"true", NULL};
	for (int i = 0; i < 20; i++) {
		pid_t pid;
		int status;
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid || status) __sync_fetch_and_add(&failures, 1);
		if ((pid = vfork()) == 0) { execve("/bin/true", argv, environ); _exit(1); }
		if (waitpid(pid, &status, 0) != pid || status) __sync_fetch_and_add(&failures, 1);
		if ((pid = fork()) == 0) { int fd = open("/etc/passwd", O_RDONLY); _exit(fd < 0); }
		if (waitpid(pid, &status, 0) != pid || status) __sync_fetch_and_add(&failures, 1);
	}
	return p;
}

static void *waits(void *p) { char c; int fds[2]; if (!pipe(fds)) while (read(fds[0], &c, 1) >= 0) { } return p; }

static void handler(int sig) { int fd = open("/etc/hostname", O_RDONLY); if (fd >= 0) close(fd); (void)sig; }

int main(void)
{
	pthread_t t[7], w;
	pthread_attr_t small;
	stack_t alternate = {.ss_sp = malloc(64 * 1024), .ss_size = 64 * 1024};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
	sigaltstack(&alternate, NULL);
	sigaction(SIGALRM, &action, NULL);
	ualarm(2000, 2000);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	for (int i = 0; i < 7; i++) pthread_create(&t[i], i % 2 ? NULL : &small, i < 4 ? opens : spawns, NULL);
	for (int i = 0; i < 7; i++) pthread_join(t[i], NULL);
	ualarm(0, 0);
	void *result;
	pthread_create(&w, NULL, waits, NULL);
	usleep(1000);
	pthread_cancel(w);
	pthread_join(w, &result);
	printf("failures %d, cancelled %d\n", failures, result == PTHREAD_CANCELED);
	FILE *f = popen("echo popen", "r");
	char line[20] = "";
	if (!f || !fgets(line, sizeof line, f)) return 5;
	printf("%s%d\n", line, pclose(f));
	return 4;
}
