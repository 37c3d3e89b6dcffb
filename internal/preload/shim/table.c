/*
 * table.c - what the shared table says.
 *
 * The supervisor writes the table, other processes read it, and it may be rewritten while we read. So nothing in it is
 * trusted: every offset and count is held against the number of bytes that were mapped, every element is copied before
 * use, and a read counts only when the sequence number was even and the same before and after.
 */
#include "shim.h"

#define TRIES 1000

/* One of the table's lists, held against its bounds. */
struct list {
	const uint8_t *at;
	uint32_t count;
};

static const uint8_t *bytes(const struct ad_state *state)
{
	return (const uint8_t *)state->table;
}

static struct list list_of(const struct ad_state *state, size_t field, size_t element)
{
	struct ad_list list;
	struct list none = {NULL, 0};
	__builtin_memcpy(&list, bytes(state) + field, sizeof list);
	if (list.offset > state->table_size || list.count > (state->table_size - list.offset) / element)
		return none;
	return (struct list){bytes(state) + list.offset, list.count};
}

#define LIST(state, name, element) list_of((state), offsetof(struct ad_table, name), sizeof(element))

/* The sequence number before a read; false when the table is being written for too long. */
static bool begin(const struct ad_state *state, uint32_t *seq)
{
	for (int i = 0; i < TRIES; i++) {
		*seq = __atomic_load_n(&state->table->seq, __ATOMIC_ACQUIRE);
		if ((*seq & 1) == 0)
			return true;
		__asm__ volatile("" ::: "memory");
	}
	return false;
}

static bool unchanged(const struct ad_state *state, uint32_t seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&state->table->seq, __ATOMIC_RELAXED) == seq;
}

uint8_t ad_mode(const struct ad_state *state, enum ad_kind kind)
{
	if (state->table == NULL)
		return AD_OFF;
	uint8_t mode = __atomic_load_n(&state->table->mode[kind], __ATOMIC_RELAXED);
	return mode > AD_ASK ? AD_ASK : mode;
}

bool ad_stops(const struct ad_state *state, enum ad_kind kind)
{
	return state->table != NULL && __atomic_load_n(&state->table->stops[kind], __ATOMIC_RELAXED) != 0;
}

bool ad_stops_any(const struct ad_state *state)
{
	for (int kind = AD_EXEC; kind <= AD_OPEN; kind++)
		if (ad_stops(state, (enum ad_kind)kind))
			return true;
	return false;
}

uint32_t ad_flags(const struct ad_state *state)
{
	return state->table == NULL ? 0 : __atomic_load_n(&state->table->flags, __ATOMIC_RELAXED);
}

/* Is the path equal to an element, or below one? */
static bool below(const struct ad_state *state, struct list list, const char *path, size_t len)
{
	for (uint32_t i = 0; i < list.count; i++) {
		struct ad_path p;
		__builtin_memcpy(&p, list.at + i * sizeof p, sizeof p);
		if (p.length > len || p.offset > state->table_size || p.length > state->table_size - p.offset)
			continue;
		if (p.length < len && path[p.length] != '/')
			continue;
		if (memcmp(bytes(state) + p.offset, path, p.length) == 0)
			return true;
	}
	return false;
}

static enum ad_say say_access(const struct ad_state *state, const char *path, size_t len, unsigned access)
{
	bool reads = access == AD_READ;
	struct list deny = reads ? LIST(state, deny_read, struct ad_path) : LIST(state, deny_write, struct ad_path);
	struct list allow = reads ? LIST(state, allow_read, struct ad_path) : LIST(state, allow_write, struct ad_path);
	if (below(state, deny, path, len))
		return AD_SAY_ASK;
	if (allow.count > 0 && !below(state, allow, path, len))
		return AD_SAY_ASK;
	return AD_SAY_ALLOW;
}

enum ad_say ad_say_open(const struct ad_state *state, const char *path, size_t len, unsigned access)
{
	uint32_t seq;
	for (int i = 0; i < TRIES && begin(state, &seq); i++) {
		enum ad_say say = AD_SAY_ALLOW;
		if ((access & AD_READ) != 0)
			say = say_access(state, path, len, AD_READ);
		if (say == AD_SAY_ALLOW && (access & AD_WRITE) != 0)
			say = say_access(state, path, len, AD_WRITE);
		if (unchanged(state, seq))
			return say;
	}
	return AD_SAY_ASK;
}

/* Copies a path of the list that is below path; its length, or 0. */
static size_t under(const struct ad_state *state, struct list list, const char *path, size_t len, char *to, size_t room)
{
	for (uint32_t i = 0; i < list.count; i++) {
		struct ad_path p;
		__builtin_memcpy(&p, list.at + i * sizeof p, sizeof p);
		if (p.length <= len || p.length >= room || p.offset > state->table_size ||
		    p.length > state->table_size - p.offset)
			continue;
		const uint8_t *bytes_of = bytes(state) + p.offset;
		if (bytes_of[len] == '/' && memcmp(bytes_of, path, len) == 0) {
			memcpy(to, bytes_of, p.length);
			to[p.length] = '\0';
			return p.length;
		}
	}
	return 0;
}

size_t ad_denied_below(const struct ad_state *state, const char *path, size_t len, char *to, size_t room)
{
	size_t n = under(state, LIST(state, deny_write, struct ad_path), path, len, to, room);
	return n > 0 ? n : under(state, LIST(state, deny_read, struct ad_path), path, len, to, room);
}

bool ad_lists_open(const struct ad_state *state, unsigned access)
{
	bool any = false;
	if ((access & AD_READ) != 0)
		any = LIST(state, deny_read, struct ad_path).count > 0 || LIST(state, allow_read, struct ad_path).count > 0;
	if ((access & AD_WRITE) != 0)
		any = any || LIST(state, deny_write, struct ad_path).count > 0 ||
		      LIST(state, allow_write, struct ad_path).count > 0;
	return any;
}

static bool inside(const uint8_t addr[16], const struct ad_net *net)
{
	unsigned bits = net->bits > 128 ? 128 : net->bits;
	if (memcmp(addr, net->addr, bits / 8) != 0)
		return false;
	if (bits % 8 == 0)
		return true;
	unsigned differ = (unsigned)addr[bits / 8] ^ (unsigned)net->addr[bits / 8];
	return (differ >> (8 - bits % 8)) == 0;
}

static bool in_nets(struct list list, const uint8_t addr[16])
{
	for (uint32_t i = 0; i < list.count; i++) {
		struct ad_net net;
		__builtin_memcpy(&net, list.at + i * sizeof net, sizeof net);
		if (inside(addr, &net))
			return true;
	}
	return false;
}

static bool in_ports(struct list list, uint16_t port)
{
	for (uint32_t i = 0; i < list.count; i++) {
		struct ad_ports ports;
		__builtin_memcpy(&ports, list.at + i * sizeof ports, sizeof ports);
		if (port >= ports.first && port <= ports.last)
			return true;
	}
	return false;
}

static bool loopback(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t six[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	return (memcmp(addr, mapped, sizeof mapped) == 0 && addr[12] == 127) || memcmp(addr, six, sizeof six) == 0;
}

static enum ad_say say_connect(const struct ad_state *state, const uint8_t addr[16], uint16_t port)
{
	bool local = loopback(addr);
	struct list allow_nets = LIST(state, allow_nets, struct ad_net);
	struct list allow_ports = LIST(state, allow_ports, struct ad_ports);
	if (in_ports(LIST(state, deny_ports, struct ad_ports), port))
		return AD_SAY_ASK;
	if (!local && in_nets(LIST(state, deny_nets, struct ad_net), addr))
		return AD_SAY_ASK;
	if (!local && allow_nets.count > 0 && !in_nets(allow_nets, addr))
		return AD_SAY_ASK;
	if (allow_ports.count > 0 && !in_ports(allow_ports, port))
		return AD_SAY_ASK;
	return AD_SAY_ALLOW;
}

enum ad_say ad_say_connect(const struct ad_state *state, const uint8_t addr[16], uint16_t port)
{
	uint32_t seq;
	for (int i = 0; i < TRIES && begin(state, &seq); i++) {
		enum ad_say say = say_connect(state, addr, port);
		if (unchanged(state, seq))
			return say;
	}
	return AD_SAY_ASK;
}

bool ad_mapped(const void *sockaddr, size_t len, uint8_t addr[16], uint16_t *port)
{
	const uint8_t *b = sockaddr;
	uint16_t family = 0;
	if (len >= sizeof family)
		__builtin_memcpy(&family, b, sizeof family);
	if (family == 2 && len >= 8) { /* AF_INET */
		memset(addr, 0, 10);
		memset(addr + 10, 0xff, 2);
		__builtin_memcpy(addr + 12, b + 4, 4);
	} else if (family == 10 && len >= 24) { /* AF_INET6 */
		__builtin_memcpy(addr, b + 8, 16);
	} else {
		return false;
	}
	*port = (uint16_t)((unsigned)b[2] << 8 | b[3]);
	return true;
}
