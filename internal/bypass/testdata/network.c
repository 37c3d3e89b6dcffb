/*
 * network - ways to reach a denied host or port, and to listen on a denied port.
 *
 * build: network gcc
 * build: network-static gcc -static
 */
#include "attempt.h"
#include "uring.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/uio.h>

static void say(int fd)
{
	if (write(fd, "hello", 5) < 0)
		perror("write");
	close(fd);
}

static void reach(int family, int type, const void *address, socklen_t length)
{
	int fd = socket(family, type, 0);
	if (connect(fd, address, length))
		give_up("connect");
	say(fd);
}

static void connect4(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	reach(AF_INET, SOCK_STREAM, &a, sizeof a);
}

static void connect6(void)
{
	struct sockaddr_in6 a = address6(EVIL6, 8080);
	reach(AF_INET6, SOCK_STREAM, &a, sizeof a);
}

static void connect_mapped(void)
{
	struct sockaddr_in6 a = address6("::ffff:" EVIL, 8080);
	reach(AF_INET6, SOCK_STREAM, &a, sizeof a);
}

static void connect_port(void)
{
	struct sockaddr_in a = address4("203.0.113.9", PORT);
	reach(AF_INET, SOCK_STREAM, &a, sizeof a);
}

/* The unspecified address means this machine; the port is denied there too. */
static void connect_any(void)
{
	struct sockaddr_in a = address4("0.0.0.0", PORT);
	reach(AF_INET, SOCK_STREAM, &a, sizeof a);
}

static void connect_metadata(void)
{
	struct sockaddr_in a = address4("169.254.169.254", 80);
	reach(AF_INET, SOCK_STREAM, &a, sizeof a);
}

static void connect_udp(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	reach(AF_INET, SOCK_DGRAM, &a, sizeof a);
}

/* An address may be longer than its family needs. */
static void connect_long(void)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in a = address4(EVIL, 8080);
	memcpy(&s, &a, sizeof a);
	reach(AF_INET, SOCK_STREAM, &s, sizeof s);
}

static void connect_syscall(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (syscall(SYS_connect, fd, &a, sizeof a))
		give_up("connect");
	say(fd);
}

static void connect_non_blocking(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS)
		give_up("connect");
	struct pollfd p = {fd, POLLOUT, 0};
	poll(&p, 1, 1000);
	say(fd);
}

/* A datagram socket that had an allowed peer is given another one. */
static void reconnect(void)
{
	struct sockaddr_in good = address4("203.0.113.9", 8080), evil = address4(EVIL, 8080);
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (struct sockaddr *)&good, sizeof good) || connect(fd, &none, sizeof none) ||
	    connect(fd, (struct sockaddr *)&evil, sizeof evil))
		give_up("connect");
	say(fd);
}

static void send_to(int family, const void *address, socklen_t length)
{
	if (sendto(socket(family, SOCK_DGRAM, 0), "hello", 5, 0, address, length) < 0)
		perror("sendto");
}

static void sendto4(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	send_to(AF_INET, &a, sizeof a);
}

static void sendto6(void)
{
	struct sockaddr_in6 a = address6(EVIL6, 8080);
	send_to(AF_INET6, &a, sizeof a);
}

static void sendto_mapped(void)
{
	struct sockaddr_in6 a = address6("::ffff:" EVIL, 8080);
	send_to(AF_INET6, &a, sizeof a);
}

/* Linux takes the unspecified family for IPv4 here. */
static void sendto_unspecified(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	a.sin_family = AF_UNSPEC;
	send_to(AF_INET, &a, sizeof a);
}

/* An IPv6 socket takes IPv4 addresses here. */
static void sendto_four_on_six(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	send_to(AF_INET6, &a, sizeof a);
}

/* The socket has an allowed peer; this one datagram goes elsewhere. */
static void sendto_connected(void)
{
	struct sockaddr_in good = address4("203.0.113.9", 8080), evil = address4(EVIL, 8080);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (struct sockaddr *)&good, sizeof good) ||
	    sendto(fd, "hello", 5, 0, (struct sockaddr *)&evil, sizeof evil) < 0)
		give_up("sendto");
}

static struct msghdr message(struct sockaddr_in *a)
{
	static struct iovec part = {"hello", 5};
	return (struct msghdr){.msg_name = a, .msg_namelen = sizeof *a, .msg_iov = &part, .msg_iovlen = 1};
}

static void by_sendmsg(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	struct msghdr m = message(&a);
	if (sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &m, 0) < 0)
		perror("sendmsg");
}

/* The denied address is in the second message. */
static void by_sendmmsg(void)
{
	struct sockaddr_in good = address4("203.0.113.9", 8080), evil = address4(EVIL, 8080);
	struct mmsghdr m[2] = {{message(&good), 0}, {message(&evil), 0}};
	if (sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), m, 2, 0) < 0)
		perror("sendmmsg");
}

static void sendmmsg_syscall(void)
{
	struct sockaddr_in evil = address4(EVIL, 8080);
	struct mmsghdr m[1] = {{message(&evil), 0}};
	if (syscall(SYS_sendmmsg, socket(AF_INET, SOCK_DGRAM, 0), m, 1, 0) < 0)
		perror("sendmmsg");
}

static void fast_open(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	if (sendto(socket(AF_INET, SOCK_STREAM, 0), "hello", 5, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof a) < 0)
		perror("sendto");
}

static void fast_open_message(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	struct msghdr m = message(&a);
	if (sendmsg(socket(AF_INET, SOCK_STREAM, 0), &m, MSG_FASTOPEN) < 0)
		perror("sendmsg");
}

static void fast_open_connect(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one);
	if (connect(fd, (struct sockaddr *)&a, sizeof a))
		give_up("connect");
	say(fd);
}

static void multipath(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	int fd = socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
		give_up("connect");
	say(fd);
}

static void ring(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct io_uring_sqe r = {.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&a, .off = sizeof a};
	if (ring_submit(&r))
		give_up("connect");
	say(fd);
}

static void ring_send(void)
{
	struct sockaddr_in a = address4(EVIL, 8080);
	struct msghdr m = message(&a);
	struct io_uring_sqe r = {.opcode = IORING_OP_SENDMSG, .fd = socket(AF_INET, SOCK_DGRAM, 0), .addr = (uintptr_t)&m, .len = 1};
	if (ring_submit(&r) < 0)
		give_up("sendmsg");
}

/* A connected socket from a process with an empty environment. */
static void passed_socket(void)
{
	int pair[2];
	char *argv[] = {"helper", "socket", NULL}, *none[] = {NULL};
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
		say(*(int *)CMSG_DATA(CMSG_FIRSTHDR(&m)));
	wait(NULL);
}

/* ---- listening ---- */

static void serve(int fd)
{
	if (listen(fd, 8))
		give_up("listen");
	struct pollfd p = {fd, POLLIN, 0};
	if (poll(&p, 1, 2000) == 1)
		say(accept(fd, NULL, NULL));
}

static void listen4(void)
{
	struct sockaddr_in a = address4("0.0.0.0", LISTEN);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof a))
		give_up("bind");
	serve(fd);
}

static void listen6(void)
{
	struct sockaddr_in6 a = address6("::", LISTEN);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof a))
		give_up("bind");
	serve(fd);
}

static void listen_mapped(void)
{
	struct sockaddr_in6 a = address6("::ffff:127.0.0.1", LISTEN);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof a))
		give_up("bind");
	serve(fd);
}

/* Linux takes the unspecified family for IPv4 when the address is unspecified too. */
static void listen_unspecified(void)
{
	struct sockaddr_in a = address4("0.0.0.0", LISTEN);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_family = AF_UNSPEC;
	if (bind(fd, (struct sockaddr *)&a, sizeof a))
		give_up("bind");
	serve(fd);
}

static void listen_syscall(void)
{
	struct sockaddr_in a = address4("127.0.0.1", LISTEN);
	long fd = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (syscall(SYS_bind, fd, &a, sizeof a))
		give_up("bind");
	serve((int)fd);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"connect", connect4}, {"connect6", connect6}, {"connect-mapped", connect_mapped}, {"connect-port", connect_port},
		{"connect-any", connect_any}, {"metadata", connect_metadata}, {"connect-udp", connect_udp},
		{"connect-long", connect_long}, {"connect-syscall", connect_syscall}, {"non-blocking", connect_non_blocking},
		{"reconnect", reconnect}, {"sendto", sendto4}, {"sendto6", sendto6}, {"sendto-mapped", sendto_mapped},
		{"sendto-unspecified", sendto_unspecified}, {"sendto-four-on-six", sendto_four_on_six},
		{"sendto-connected", sendto_connected}, {"sendmsg", by_sendmsg}, {"sendmmsg", by_sendmmsg},
		{"sendmmsg-syscall", sendmmsg_syscall}, {"fast-open", fast_open}, {"fast-open-message", fast_open_message},
		{"fast-open-connect", fast_open_connect}, {"multipath", multipath}, {"io-uring", ring},
		{"io-uring-send", ring_send}, {"passed-socket", passed_socket}, {"listen", listen4}, {"listen6", listen6},
		{"listen-mapped", listen_mapped}, {"listen-unspecified", listen_unspecified},
		{"listen-syscall", listen_syscall}, {NULL, NULL},
	};
	return take(ways, argc, argv);
}
