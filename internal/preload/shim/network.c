/*
 * network.c - connecting, sending to an address, binding and listening.
 *
 * An address is copied before it is judged, and the kernel gets the copy: another thread can't exchange it in between.
 */
#include "shim.h"

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define SOL_SOCKET 1
#define SO_TYPE 3
#define SO_PROTOCOL 38
#define SO_DOMAIN 39
#define SOCK_STREAM 1
#define IPPROTO_MPTCP 262

/* As the kernel's struct msghdr and mmsghdr. */
struct message {
	void *name;
	int32_t name_len;
	void *pieces;
	size_t piece_count;
	void *control;
	size_t control_len;
	uint32_t flags;
};

struct numbered_message {
	struct message message;
	uint32_t len;
};

/* An option of a socket, -1 when there is none. */
static int option(int fd, int name)
{
	int value = 0;
	uint32_t size = sizeof value;
	return ad_sys5(__NR_getsockopt, fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

static uint16_t protocol_of(int fd)
{
	int protocol = option(fd, SO_PROTOCOL);
	if (protocol < 0)
		return 0;
	return protocol == IPPROTO_MPTCP ? AD_TCP : (uint16_t)protocol;
}

/* Anything to do for internet addresses at all? */
static bool watching(void)
{
	const struct ad_table *table = ad_state.table;
	return table != NULL && (ad_mode(&ad_state, AD_CONNECT) != AD_OFF || (ad_flags(&ad_state) & AD_REDIRECT_DNS) != 0 ||
				 __atomic_load_n(&table->api_port, __ATOMIC_RELAXED) != 0 ||
				 __atomic_load_n(&table->upstream_port, __ATOMIC_RELAXED) != 0);
}

static bool copy(struct ad_sockaddr *to, const void *addr, size_t len)
{
	if (ad_foreign(addr) || len < 2 || len > sizeof to->bytes)
		return false;
	memcpy(to->bytes, addr, len);
	to->len = (uint32_t)len;
	return true;
}

static uint16_t family_of(const struct ad_sockaddr *addr)
{
	uint16_t family;
	memcpy(&family, addr->bytes, sizeof family);
	return family;
}

/* Sockets whose owners answer questions for names without asking a name server that we could stand in for. */
static bool answers_names(const char *path)
{
	return ad_equal(path, "/var/run/nscd/socket") || ad_equal(path, "/run/nscd/socket") ||
	       ad_equal(path, "/run/systemd/resolve/io.systemd.Resolve");
}

static int judge_local(struct ad_sockaddr *addr)
{
	const struct ad_state *state = &ad_state;
	char path[110];
	size_t len = addr->len - 2 < sizeof path - 1 ? addr->len - 2 : sizeof path - 1;
	memcpy(path, addr->bytes + 2, len);
	path[len] = '\0';
	bool own = len == state->socket_len + 1u && path[0] == '\0' &&
		   memcmp(path + 1, state->socket, state->socket_len) == 0;
	if (own) {
		struct ad_ask ask = {.kind = AD_TAMPER, .dirfd = AD_AT_FDCWD, .text = "the Defender's socket"};
		return ad_ask(&ask);
	}
	bool names = (ad_flags(state) & AD_REDIRECT_DNS) != 0 || ad_mode(state, AD_RESOLVE) != AD_OFF;
	return names && answers_names(path) ? -ENOENT : 0;
}

static bool is_local(const uint8_t mapped[16])
{
	static const uint8_t four[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
	static const uint8_t six[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	static const uint8_t any[16] = {0};
	return memcmp(mapped, four, sizeof four) == 0 || memcmp(mapped, six, sizeof six) == 0 ||
	       memcmp(mapped, any, sizeof any) == 0 || memcmp(mapped + 12, any, 4) == 0;
}

/*
 * The Runtime API and its proxy are asked about whatever the lists say: they aren't every program's to talk to. Both
 * addresses of this machine are those of its other names, too.
 */
static bool is_api(const uint8_t mapped[16], uint16_t port)
{
	const struct ad_table *table = ad_state.table;
	uint16_t api = __builtin_bswap16(__atomic_load_n(&table->api_port, __ATOMIC_RELAXED));
	uint16_t upstream = __builtin_bswap16(__atomic_load_n(&table->upstream_port, __ATOMIC_RELAXED));
	uint32_t addr = __atomic_load_n(&table->upstream_addr, __ATOMIC_RELAXED);
	if (port == 0 || (port != api && port != upstream))
		return false;
	return is_local(mapped) || (port == upstream && memcmp(mapped + 12, &addr, sizeof addr) == 0);
}

/* Judges a destination, or turns it to the resolver. 0, or -errno. */
static int judge(int fd, struct ad_sockaddr *addr)
{
	uint8_t mapped[16];
	uint16_t port;
	if (family_of(addr) == AF_UNIX)
		return judge_local(addr);
	if (!ad_mapped(addr->bytes, addr->len, mapped, &port))
		return 0;
	if (ad_redirect(fd, addr, port))
		return 0;
	uint8_t mode = ad_mode(&ad_state, AD_CONNECT);
	if (!is_api(mapped, port)) {
		if (mode == AD_OFF || (mode == AD_LIST && ad_say_connect(&ad_state, mapped, port) == AD_SAY_ALLOW))
			return 0;
	}
	struct ad_ask ask = {.kind = AD_CONNECT, .dirfd = AD_AT_FDCWD, .protocol = protocol_of(fd), .addr = addr->bytes};
	ask.addr_len = addr->len > 28 ? 28 : (uint16_t)addr->len;
	return ad_ask(&ask);
}

static void set_family(struct ad_sockaddr *addr, uint16_t family)
{
	memcpy(addr->bytes, &family, sizeof family);
}

/* As judge. Where something is sent to, an IPv4 socket takes an unspecified family for its own. */
static int judge_sent(int fd, struct ad_sockaddr *addr)
{
	bool unspecified = family_of(addr) == AF_UNSPEC && addr->len >= 16 && option(fd, SO_DOMAIN) == AF_INET &&
			   option(fd, SO_TYPE) != SOCK_STREAM;
	if (unspecified)
		set_family(addr, AF_INET);
	int error = judge(fd, addr);
	if (unspecified)
		set_family(addr, AF_UNSPEC);
	return error;
}

enum ad_outcome ad_on_connect(struct ad_call *call)
{
	struct ad_sockaddr addr;
	int fd = (int)call->a[0];
	if (ad_state.table == NULL || !copy(&addr, (const void *)call->a[1], (size_t)(uint32_t)call->a[2]))
		return AD_CONTINUE;
	if (!watching() && family_of(&addr) != AF_UNIX)
		return AD_CONTINUE;
	int error = judge(fd, &addr);
	if (error < 0)
		return ad_result(call, error);
	return ad_result(call, ad_sys3(__NR_connect, fd, addr.bytes, addr.len));
}

static enum ad_outcome on_sendto(struct ad_call *call)
{
	struct ad_sockaddr addr;
	int fd = (int)call->a[0];
	if (!copy(&addr, (const void *)call->a[4], (size_t)(uint32_t)call->a[5]))
		return AD_CONTINUE;
	int error = judge_sent(fd, &addr);
	if (error < 0)
		return ad_result(call, error);
	return ad_result(call, ad_sys6(__NR_sendto, fd, call->a[1], call->a[2], call->a[3], (long)addr.bytes, (long)addr.len));
}

static bool named(const struct message *message)
{
	return !ad_foreign(message) && !ad_foreign(message->name) && message->name_len > 0;
}

static long send_one(int fd, const struct message *given, unsigned flags)
{
	struct ad_sockaddr addr;
	struct message message = *given;
	if (!named(given) || !copy(&addr, message.name, (size_t)message.name_len))
		return ad_sys3(__NR_sendmsg, fd, given, flags);
	int error = judge_sent(fd, &addr);
	if (error < 0)
		return error;
	message.name = addr.bytes;
	message.name_len = (int32_t)addr.len;
	return ad_sys3(__NR_sendmsg, fd, &message, flags);
}

/* As the kernel does it: one after the other, the error is told only when none was sent. */
static enum ad_outcome on_sendmmsg(struct ad_call *call)
{
	struct numbered_message *messages = (struct numbered_message *)call->a[1];
	uint32_t count = (uint32_t)call->a[2] > 1024 ? 1024 : (uint32_t)call->a[2];
	bool any = false;
	if (ad_foreign(messages))
		return AD_CONTINUE;
	for (uint32_t i = 0; i < count && !any; i++)
		any = named(&messages[i].message);
	if (!any)
		return AD_CONTINUE;
	uint32_t sent = 0;
	long result = 0;
	for (; sent < count; sent++) {
		result = send_one((int)call->a[0], &messages[sent].message, (unsigned)call->a[3]);
		if (result < 0)
			break;
		messages[sent].len = (uint32_t)result;
	}
	return ad_result(call, sent > 0 ? (long)sent : result);
}

enum ad_outcome ad_on_send(struct ad_call *call)
{
	if (!watching())
		return AD_CONTINUE;
	if (call->nr == __NR_sendto)
		return call->a[4] == 0 ? AD_CONTINUE : on_sendto(call);
	if (call->nr == __NR_sendmmsg)
		return on_sendmmsg(call);
	const struct message *message = (const struct message *)call->a[1];
	if (!named(message))
		return AD_CONTINUE;
	return ad_result(call, send_one((int)call->a[0], message, (unsigned)call->a[2]));
}

static int judge_listen(int fd, const struct ad_sockaddr *addr, int listening)
{
	uint8_t mapped[16];
	uint16_t port;
	if (!ad_mapped(addr->bytes, addr->len, mapped, &port) || (port == 0 && !listening))
		return 0;
	struct ad_ask ask = {.kind = AD_LISTEN, .dirfd = AD_AT_FDCWD, .protocol = protocol_of(fd), .addr = addr->bytes,
			     .number = listening};
	ask.addr_len = addr->len > 28 ? 28 : (uint16_t)addr->len;
	return ad_ask(&ask);
}

enum ad_outcome ad_on_listen(struct ad_call *call)
{
	struct ad_sockaddr addr = {.len = sizeof addr.bytes};
	int fd = (int)call->a[0];
	if (ad_mode(&ad_state, AD_LISTEN) == AD_OFF)
		return AD_CONTINUE;
	if (call->nr == __NR_listen) {
		if (ad_sys3(__NR_getsockname, fd, addr.bytes, &addr.len) < 0)
			return AD_CONTINUE;
		int error = judge_listen(fd, &addr, 1);
		return error < 0 ? ad_result(call, error) : AD_CONTINUE;
	}
	if (!copy(&addr, (const void *)call->a[1], (size_t)(uint32_t)call->a[2]))
		return AD_CONTINUE;
	int error = judge_listen(fd, &addr, 0);
	return ad_result(call, error < 0 ? error : ad_sys3(__NR_bind, fd, addr.bytes, addr.len));
}

static enum ad_outcome receive_many(struct ad_call *call)
{
	struct numbered_message *messages = (struct numbered_message *)call->a[1];
	uint32_t room[64]; /* a resolver doesn't read more at once; the rest keeps the resolver's address */
	uint32_t count = (uint32_t)call->a[2];
	if (ad_foreign(messages))
		return AD_CONTINUE;
	for (uint32_t i = 0; i < count && i < 64; i++)
		room[i] = (uint32_t)messages[i].message.name_len;
	long got = ad_sys5(__NR_recvmmsg, call->a[0], messages, count, call->a[3], call->a[4]);
	for (long i = 0; i < got && i < 64; i++)
		ad_restore_source((int)call->a[0], messages[i].message.name, &messages[i].message.name_len, room[i]);
	return ad_result(call, got);
}

/* Answers of the resolver come from where the question went, as far as the program can see. */
enum ad_outcome ad_on_receive(struct ad_call *call)
{
	int fd = (int)call->a[0];
	if (ad_state.table == NULL || !ad_redirected(fd))
		return AD_CONTINUE;
	if (call->nr == __NR_recvmmsg)
		return receive_many(call);
	if (call->nr == __NR_recvmsg) {
		struct message *message = (struct message *)call->a[1];
		if (!named(message))
			return AD_CONTINUE;
		uint32_t room = (uint32_t)message->name_len;
		long got = ad_sys3(__NR_recvmsg, fd, message, call->a[2]);
		if (got >= 0)
			ad_restore_source(fd, message->name, &message->name_len, room);
		return ad_result(call, got);
	}
	bool peer = call->nr == __NR_getpeername;
	void *addr = (void *)call->a[peer ? 1 : 4];
	int32_t *len = (int32_t *)call->a[peer ? 2 : 5];
	if (ad_foreign(addr) || ad_foreign(len))
		return AD_CONTINUE;
	uint32_t room = (uint32_t)*len;
	long got = peer ? ad_sys3(__NR_getpeername, fd, addr, len)
			: ad_sys6(__NR_recvfrom, fd, call->a[1], call->a[2], call->a[3], (long)addr, (long)len);
	if (got >= 0)
		ad_restore_source(fd, addr, len, room);
	return ad_result(call, got);
}
