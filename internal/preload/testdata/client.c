/*
 * client.c - asks the supervisor as the shim does, with nothing else around it.
 *
 *   client SOCKET hello             "verdict errno table", then what can be done with the table
 *   client SOCKET stay              says hello, prints the answer, and stays until its input ends
 *   client SOCKET KIND TEXT [ARG]…  asks, and prints "verdict errno table"
 *   client SOCKET at FD FLAGS TEXT [ARG]…  an AD_EXEC with a descriptor
 *   client SOCKET net KIND ADDRESS PORT
 *   client SOCKET bench COUNT       nanoseconds for one question
 *   client SOCKET hold COUNT        connects that often, says nothing, and stays until its input ends
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../shim/wire.h"

static const char *name;
static int table_fd = -1;

static int dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	memcpy(addr.sun_path + 1, name, strlen(name));
	if (connect(fd, (void *)&addr, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) {
		perror("connect");
		exit(3);
	}
	return fd;
}

static struct ad_answer ask(struct ad_question *q, const char *text, char **argv)
{
	static char packet[sizeof(*q) + AD_TEXT_MAX + AD_ARGV_MAX];
	size_t at = sizeof(*q) + strlen(text);
	q->magic = AD_MAGIC;
	q->version = AD_VERSION;
	q->pid = 1; /* a lie that must not matter */
	q->text_len = strlen(text);
	memcpy(packet + sizeof(*q), text, q->text_len);
	for (; argv && *argv; argv++) {
		size_t n = strlen(*argv) + 1;
		if (q->argv_len + n > AD_ARGV_MAX)
			n = AD_ARGV_MAX - q->argv_len;
		memcpy(packet + at, *argv, n);
		at += n;
		q->argv_len += n;
	}
	memcpy(packet, q, sizeof(*q));

	int fd = dial();
	struct ad_answer a = {.verdict = 255};
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&a, sizeof(a)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	if (send(fd, packet, at, MSG_NOSIGNAL) < 0 || recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) != sizeof(a)) {
		puts("none");
		exit(4);
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		memcpy(&table_fd, CMSG_DATA(c), sizeof(int));
	close(fd);
	return a;
}

static void print(struct ad_answer a)
{
	printf("%d %d %u\n", a.verdict, a.error, a.table);
	fflush(stdout);
}

static int hello(void)
{
	struct ad_question q = {.kind = AD_HELLO, .dirfd = AT_FDCWD};
	struct ad_answer a = ask(&q, "", NULL);
	print(a);
	if (a.verdict != AD_ALLOW)
		return 0;
	const struct ad_table *t = mmap(NULL, a.table, PROT_READ, MAP_SHARED, table_fd, 0);
	printf("magic %d seq %u exec %d\n", t != MAP_FAILED && t->magic == AD_MAGIC, t->seq, t->mode[AD_EXEC]);
	printf("writable %d\n", mprotect((void *)t, a.table, PROT_READ | PROT_WRITE) == 0);
	printf("mappable %d\n", mmap(NULL, a.table, PROT_READ | PROT_WRITE, MAP_SHARED, table_fd, 0) != MAP_FAILED);
	printf("write %zd\n", pwrite(table_fd, "x", 1, 0));
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", table_fd);
	int again = open(path, O_RDWR);
	printf("reopened %zd\n", again < 0 ? -1 : pwrite(again, "x", 1, 0));
	printf("truncated %d\n", ftruncate(table_fd, 0) == 0 || (again >= 0 && ftruncate(again, 0) == 0));
	return 0;
}

static void wait_for_end(void)
{
	char c;
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	struct ad_question q = {.dirfd = AT_FDCWD};
	if (argc < 3)
		return 2;
	name = argv[1];
	if (!strcmp(argv[2], "hello"))
		return hello();
	if (!strcmp(argv[2], "stay")) {
		q.kind = AD_HELLO;
		print(ask(&q, "", NULL));
		wait_for_end();
		return 0;
	}
	if (!strcmp(argv[2], "at") && argc > 5) {
		q.kind = AD_EXEC;
		q.dirfd = atoi(argv[3]);
		q.flags = atoi(argv[4]);
		print(ask(&q, argv[5], argv + 6));
		return 0;
	}
	if (!strcmp(argv[2], "net") && argc > 5) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[5]))};
		inet_pton(AF_INET, argv[4], &in.sin_addr);
		q.kind = atoi(argv[3]);
		q.protocol = AD_TCP;
		q.addr_len = sizeof(in);
		memcpy(q.addr, &in, sizeof(in));
		print(ask(&q, "", NULL));
		return 0;
	}
	if (!strcmp(argv[2], "bench")) {
		struct timespec from, to;
		int count = atoi(argv[3]);
		char *args[] = {"true", NULL};
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (int i = 0; i < count; i++) {
			struct ad_question one = {.dirfd = AT_FDCWD, .kind = argc > 4 ? atoi(argv[4]) : AD_EXEC, .access = AD_READ};
			ask(&one, "/bin/true", args);
		}
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("%ld\n", ((to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec) / count);
		return 0;
	}
	if (!strcmp(argv[2], "hold")) {
		for (int i = atoi(argv[3]); i > 0; i--)
			dial();
		puts("held");
		wait_for_end();
		return 0;
	}
	q.kind = atoi(argv[2]);
	q.access = AD_READ;
	print(ask(&q, argc > 3 ? argv[3] : "", argv + (argc > 4 ? 4 : argc)));
	return 0;
}
