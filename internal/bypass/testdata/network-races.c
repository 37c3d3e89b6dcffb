/*
 * network-races - the address that is checked isn't the one that is used.
 */
#include "race.h"

#include <sys/uio.h>

#define TRIES 2000

static struct sockaddr_in address;

static void *flip(void *unused)
{
	volatile uint32_t *where = &address.sin_addr.s_addr;
	uint32_t good = inet_addr("203.0.113.9"), evil = inet_addr(EVIL);
	(void)unused;
	for (int i = 0; !stop; i++) {
		*where = i & 1 ? evil : good;
		flipped();
	}
	return NULL;
}

static void race(void (*try)(void))
{
	pthread_t t;
	address = address4("203.0.113.9", 8080);
	pthread_create(&t, NULL, flip, NULL);
	while (again(TRIES))
		try();
	stop = 1;
	pthread_join(t, NULL);
}

static void connect_once(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (!connect(fd, (struct sockaddr *)&address, sizeof address) && write(fd, "hello", 5) < 0)
		perror("write");
	close(fd);
}

static void stream_once(void)
{
	struct linger now = {1, 0}; /* reset: no ports are kept */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EACCES && errno != EPERM && errno != ECONNREFUSED)
		perror("connect");
	close(fd);
}

static void sendto_once(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (sendto(fd, "hello", 5, 0, (struct sockaddr *)&address, sizeof address) < 0 && errno != EACCES && errno != EPERM)
		perror("sendto");
	close(fd);
}

static void sendmsg_once(void)
{
	struct iovec part = {"hello", 5};
	struct msghdr m = {.msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &part, .msg_iovlen = 1};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (sendmsg(fd, &m, 0) < 0 && errno != EACCES && errno != EPERM)
		perror("sendmsg");
	close(fd);
}

static void connect_flip(void)
{
	race(connect_once);
}

static void stream_flip(void)
{
	race(stream_once);
}

static void sendto_flip(void)
{
	race(sendto_once);
}

static void sendmsg_flip(void)
{
	race(sendmsg_once);
}

/* The descriptor names another socket when the call is carried out. */
static int sockets[2];

static void *swap(void *unused)
{
	(void)unused;
	for (int i = 0; !stop; i++) {
		dup2(sockets[i & 1], 100);
		flipped();
	}
	return NULL;
}

/* A datagram socket whose connect would be harmless, and a stream whose connect is not, share a number in turn. */
static void descriptor_flip(void)
{
	pthread_t t;
	struct sockaddr_in evil = address4("203.0.113.9", PORT);
	sockets[0] = open("/dev/null", O_RDONLY);
	sockets[1] = socket(AF_INET, SOCK_DGRAM, 0);
	pthread_create(&t, NULL, swap, NULL);
	while (again(TRIES))
		if (!connect(100, (struct sockaddr *)&evil, sizeof evil) && write(sockets[1], "hello", 5) == 5)
			break;
	stop = 1;
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"connect", connect_flip}, {"stream", stream_flip}, {"sendto", sendto_flip}, {"sendmsg", sendmsg_flip},
		{"descriptor", descriptor_flip}, {NULL, NULL},
	};
	return take(ways, argc, argv);
}
