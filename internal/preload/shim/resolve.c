/*
 * resolve.c - sending questions for names to the Defender's resolver.
 *
 * Whatever goes to port 53 goes to the resolver instead, and programs that look where an answer came from (c-ares,
 * musl) are told the address they asked. Which address that was is remembered by descriptor; a stale memory is
 * harmless, because it is used only for packets that came from the resolver.
 */
#include "shim.h"

#define AF_INET 2
#define AF_INET6 10
#define DNS_PORT 53
#define REMEMBERED 1024

struct asked {
	uint32_t len; /* 0: none */
	uint8_t bytes[28];
};

static struct asked asked[REMEMBERED];

static struct asked *asked_by(int fd)
{
	return fd >= 0 && fd < REMEMBERED ? &asked[fd] : NULL;
}

/* Writes the resolver's address in the form of a family. */
static uint32_t write_resolver(uint8_t *to, uint16_t family)
{
	const struct ad_table *table = ad_state.table;
	uint32_t addr = __atomic_load_n(&table->resolver_addr, __ATOMIC_RELAXED);
	uint16_t port = __atomic_load_n(&table->resolver_port, __ATOMIC_RELAXED);
	memset(to, 0, 28);
	memcpy(to, &family, sizeof family);
	memcpy(to + 2, &port, sizeof port);
	if (family == AF_INET) {
		memcpy(to + 4, &addr, sizeof addr);
		return 16;
	}
	memset(to + 18, 0xff, 2);
	memcpy(to + 20, &addr, sizeof addr);
	return 28;
}

bool ad_redirect(int fd, struct ad_sockaddr *addr, uint16_t port)
{
	struct asked *entry = asked_by(fd);
	uint16_t family;
	if ((ad_flags(&ad_state) & AD_REDIRECT_DNS) == 0 || port != DNS_PORT) {
		if (entry != NULL)
			__atomic_store_n(&entry->len, 0, __ATOMIC_RELAXED);
		return false;
	}
	memcpy(&family, addr->bytes, sizeof family);
	if (entry != NULL) {
		uint32_t len = addr->len < sizeof entry->bytes ? addr->len : sizeof entry->bytes;
		memcpy(entry->bytes, addr->bytes, len);
		__atomic_store_n(&entry->len, len, __ATOMIC_RELEASE);
	}
	addr->len = write_resolver(addr->bytes, family);
	return true;
}

bool ad_redirected(int fd)
{
	const struct asked *entry = asked_by(fd);
	return entry != NULL && __atomic_load_n(&entry->len, __ATOMIC_ACQUIRE) != 0;
}

void ad_restore_source(int fd, void *addr, int32_t *len, uint32_t room)
{
	struct asked *entry = asked_by(fd);
	uint8_t resolver[28];
	uint8_t mapped[16], expected[16];
	uint16_t port, expected_port;
	if (entry == NULL || entry->len == 0 || ad_foreign(addr))
		return;
	uint32_t got = (uint32_t)*len < room ? (uint32_t)*len : room;
	uint32_t size = write_resolver(resolver, AF_INET);
	if (!ad_mapped(addr, got, mapped, &port) || !ad_mapped(resolver, size, expected, &expected_port))
		return;
	if (port != expected_port || memcmp(mapped, expected, sizeof mapped) != 0)
		return;
	memcpy(addr, entry->bytes, entry->len < room ? entry->len : room);
	*len = (int32_t)entry->len;
}
