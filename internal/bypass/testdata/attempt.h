/*
 * attempt.h - what all attempts in C share: where things are in a cell, and how an attempt tells the harness that it began,
 * what it got hold of, and that it won where only it can know.
 */
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define DENIED "/var/task/denied"      /* the program that must not run */
#define DENIED_TOO "/srv/app/denied"   /* its copy on the file system of /srv and /tmp; denied as well */
#define SECRET "/srv/secret/token"     /* the file that must not be read */
#define LEDGER "/srv/secret/ledger"    /* the file that must not be changed */
#define EVIL "203.0.113.7"             /* the host that must not be reached */
#define EVIL6 "2001:db8::7"
#define PORT 4444                      /* the port that must not be reached, anywhere */
#define LISTEN 8443                    /* the port that must not be listened on */

extern char **environ;

static inline void note(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (fd < 0)
		return;
	if (write(fd, text, length) < 0)
		perror(path);
	close(fd);
}

/* begun: the attempt runs, and comes to its point. Only the first process that says so counts. */
static inline void begun(void)
{
	int fd = open("/proof/begun", O_WRONLY | O_CREAT | O_EXCL, 0666);
	if (fd < 0)
		return;
	dprintf(fd, "%d %d", (int)getpid(), (int)getppid());
	close(fd);
}

/* won: it succeeded, in a way that leaves no other trace. */
static inline void won(const char *how)
{
	note("/proof/won", how, strlen(how));
}

/* leak: what was read; the harness looks for the secret in it. */
static inline void leak(const char *text, ssize_t length)
{
	if (length > 0)
		note("/proof/leak", text, (size_t)length);
}

static inline void leak_fd(int fd)
{
	char text[256];
	leak(text, read(fd, text, sizeof text));
}

/* give_up: a step that must work failed. */
static inline void give_up(const char *step)
{
	perror(step);
	exit(9);
}

static inline char *const *denied_argv(void)
{
	static char *argv[] = {"denied", NULL};
	return argv;
}

static inline void copy(const char *from, int to)
{
	char block[65536];
	ssize_t n;
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		give_up(from);
	while ((n = read(fd, block, sizeof block)) > 0)
		if (write(to, block, (size_t)n) != n)
			give_up("copy");
	close(fd);
}

/* copy_program: a program under another name, or a library. */
static inline void copy_program(const char *from, const char *to)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (fd < 0)
		give_up(to);
	copy(from, fd);
	close(fd);
}

static inline struct sockaddr_in address4(const char *host, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, host, &a.sin_addr);
	return a;
}

static inline struct sockaddr_in6 address6(const char *host, int port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	inet_pton(AF_INET6, host, &a.sin6_addr);
	return a;
}

/*
 * A program holds many ways to the same end; its first argument names the one to go. Each begins for itself when it has
 * preparations that are no part of the attempt, and otherwise right away.
 */
struct way {
	const char *name;
	void (*go)(void);
};

static inline int take(const struct way *ways, int argc, char **argv)
{
	for (; argc > 1 && ways->name; ways++)
		if (!strcmp(ways->name, argv[1])) {
			begun();
			ways->go();
			return 0;
		}
	fprintf(stderr, "no such way\n");
	return 9;
}

#endif
