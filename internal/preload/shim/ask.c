/*
 * ask.c - questions to the supervisor.
 *
 * Each question opens a connection, sends one packet, reads one packet and closes. The pieces of the packet are
 * gathered by the kernel from where the program has them, so a question needs a few hundred bytes of stack. Signals are
 * blocked meanwhile: a handler must not see our descriptor, leave through longjmp and keep it, or ask in the middle of
 * an answer.
 */
#include "shim.h"

#define AF_UNIX 1
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC 02000000
#define SOL_SOCKET 1
#define SO_RCVTIMEO 20
#define SO_SNDTIMEO 21
#define SCM_RIGHTS 1
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000
#define SIG_SETMASK 2
#define PROT_READ 1
#define MAP_SHARED 1

/*
 * An answer is waited for in slices, because a frozen sandbox may thaw with its clock ahead: then one slice is over at
 * once, and the others still give the supervisor time.
 */
#define SLICE_SECONDS 1
#define SLICES 10

#define ARGV_PIECES 48 /* arguments told at most */
#define TABLE_MAX (16u << 20)

struct sockaddr_name {
	uint16_t family;
	char path[108];
};

struct piece {
	const void *at;
	size_t len;
};

struct message {
	void *name;
	uint32_t name_len;
	struct piece *pieces;
	size_t piece_count;
	void *control;
	size_t control_len;
	int flags;
};

/* Room for one descriptor: a cmsghdr and an int, padded. */
struct rights {
	size_t len;
	int level;
	int type;
	int fd;
	int padding;
};

/* What an error of the conversation means: -ECONNREFUSED when nobody is there, -ETIMEDOUT when nobody answered in time. */
static int meaning(long error)
{
	switch (error) {
	case 0: /* the connection ended */
	case -EPIPE:
	case -ECONNRESET:
		return -ECONNREFUSED;
	case -EAGAIN:
	case -EINTR:
		return -ETIMEDOUT;
	default:
		return error < 0 ? (int)error : -EPROTO;
	}
}

/* A connected socket, or -errno. */
static int dial(const struct ad_state *state)
{
	struct sockaddr_name to;
	struct {
		long seconds, micros;
	} slice = {SLICE_SECONDS, 0};
	long fd = ad_sys3(__NR_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	ad_sys5(__NR_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice);
	ad_sys5(__NR_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice);
	to.family = AF_UNIX;
	to.path[0] = '\0';
	memcpy(to.path + 1, state->socket, state->socket_len);
	long size = (long)(sizeof to.family + 1u + state->socket_len);
	long error = -ECONNREFUSED;
	for (int i = 0; i < SLICES; i++) {
		error = ad_sys3(__NR_connect, fd, &to, size);
		if (error != -EAGAIN && error != -EINTR)
			break;
	}
	if (error < 0) {
		ad_sys1(__NR_close, fd);
		return meaning(error);
	}
	return (int)fd;
}

/* Adds arguments to the pieces until one of the limits; returns their bytes. */
static uint16_t add_arguments(struct message *message, char *const *argv)
{
	size_t total = 0;
	for (size_t i = 0; i < ARGV_PIECES && !ad_foreign(argv) && argv[i] != NULL && total < AD_ARGV_MAX; i++) {
		if (ad_foreign(argv[i]))
			break;
		size_t len = ad_length(argv[i], AD_ARGV_MAX) + 1;
		if (len > AD_ARGV_MAX - total)
			len = AD_ARGV_MAX - total;
		message->pieces[message->piece_count++] = (struct piece){argv[i], len};
		total += len;
	}
	return (uint16_t)total;
}

/* 0 or -errno. */
static int tell(int fd, const struct ad_question *question, const char *text, char *const *argv)
{
	struct piece pieces[2 + ARGV_PIECES];
	struct ad_question head = *question;
	struct message message = {.pieces = pieces, .piece_count = 1};
	pieces[0] = (struct piece){&head, sizeof head};
	if (text != NULL) {
		head.text_len = (uint16_t)ad_length(text, AD_TEXT_MAX);
		pieces[message.piece_count++] = (struct piece){text, head.text_len};
	}
	if (argv != NULL)
		head.argv_len = add_arguments(&message, argv);
	long sent = -EINTR;
	for (int i = 0; i < SLICES && (sent == -EINTR || sent == -EAGAIN); i++)
		sent = ad_sys3(__NR_sendmsg, fd, &message, MSG_NOSIGNAL);
	return sent > 0 ? 0 : meaning(sent);
}

/* Reads the answer, and the descriptor that came with it (-1 for none). */
static int hear(int fd, struct ad_answer *answer, int *passed)
{
	struct rights rights = {.fd = -1};
	struct piece piece = {answer, sizeof *answer};
	struct message message = {
		.pieces = &piece, .piece_count = 1, .control = &rights, .control_len = sizeof rights};
	long got = -EINTR;
	for (int i = 0; i < SLICES && (got == -EINTR || got == -EAGAIN); i++)
		got = ad_sys3(__NR_recvmsg, fd, &message, MSG_CMSG_CLOEXEC);
	*passed = -1;
	if (got > 0 && message.control_len >= offsetof(struct rights, padding) && rights.type == SCM_RIGHTS)
		*passed = rights.fd;
	bool whole = got == (long)sizeof *answer && answer->magic == AD_MAGIC && answer->version == AD_VERSION;
	return whole ? 0 : meaning(got);
}

/* The whole conversation: 0, or -errno when there was none. */
static int converse(const struct ad_state *state, const struct ad_ask *ask, struct ad_answer *answer, int *passed)
{
	struct ad_question question = {
		.magic = AD_MAGIC,
		.version = AD_VERSION,
		.kind = (uint8_t)ask->kind,
		.access = ask->access,
		.pid = (int32_t)ad_sys0(__NR_getpid),
		.dirfd = ask->dirfd,
		.flags = ask->flags,
		.number = ask->number,
		.protocol = ask->protocol,
	};
	int fd = dial(state);
	if (fd < 0)
		return fd;
	if (ask->addr != NULL && ask->addr_len <= sizeof question.addr) {
		question.addr_len = ask->addr_len;
		memcpy(question.addr, ask->addr, ask->addr_len);
	}
	int error = tell(fd, &question, ask->text, ask->argv);
	if (error == 0)
		error = hear(fd, answer, passed);
	ad_sys1(__NR_close, fd);
	return error;
}

static void block_signals(uint64_t *before)
{
	uint64_t all = ~(uint64_t)0;
	ad_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, before, sizeof all);
}

static void restore_signals(const uint64_t *before)
{
	ad_sys4(__NR_rt_sigprocmask, SIG_SETMASK, before, NULL, sizeof *before);
}

/*
 * Nobody answered. A supervisor that is gone, or too slow, leaves the decision to the table's fail flag; but a process
 * that made asking impossible, say by using up its descriptors or by a filter for its calls, doesn't get by with it.
 */
static int unanswered(const struct ad_state *state, enum ad_kind kind, int error)
{
	if (!ad_stops(state, kind))
		return 0;
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS)
		return error;
	if (error != -ECONNREFUSED && error != -ETIMEDOUT)
		return -EACCES;
	return (ad_flags(state) & AD_FAIL_CLOSED) != 0 ? -EACCES : 0;
}

static void leave(void)
{
	for (;;)
		ad_sys1(__NR_exit_group, 126);
}

int ad_ask(const struct ad_ask *ask)
{
	struct ad_answer answer = {0};
	uint64_t mask;
	int passed = -1;
	block_signals(&mask);
	int error = converse(&ad_state, ask, &answer, &passed);
	if (passed >= 0)
		ad_sys1(__NR_close, passed);
	restore_signals(&mask);
	if (error < 0)
		return unanswered(&ad_state, ask->kind, error);
	if (answer.verdict == AD_EXIT)
		leave();
	if (answer.verdict == AD_ALLOW)
		return 0;
	return answer.error > 0 && answer.error < 4096 ? -answer.error : -EACCES;
}

/* Maps the table behind fd, if it is one. */
static bool map_table(struct ad_state *state, int fd, uint32_t size)
{
	if (size < sizeof(struct ad_table) || size > TABLE_MAX)
		return false;
	long at = ad_sys6(__NR_mmap, 0, size, PROT_READ, MAP_SHARED, fd, 0);
	if (at < 0 && at > -4096)
		return false;
	const struct ad_table *table = (const struct ad_table *)at;
	if (table->magic != AD_MAGIC || table->version != AD_VERSION) {
		ad_sys2(__NR_munmap, at, size);
		return false;
	}
	state->table_size = size;
	state->table = table;
	return true;
}

int ad_hello(struct ad_state *state, uint32_t flags)
{
	struct ad_ask ask = {.kind = AD_HELLO, .dirfd = -100, .flags = flags};
	struct ad_answer answer = {0};
	uint64_t mask;
	int passed = -1;
	block_signals(&mask);
	int error = converse(state, &ask, &answer, &passed);
	if (error == 0 && answer.verdict == AD_EXIT)
		leave();
	if (error == 0 && !(passed >= 0 && map_table(state, passed, answer.table)))
		error = -EINVAL;
	if (passed >= 0)
		ad_sys1(__NR_close, passed);
	restore_signals(&mask);
	return error;
}
