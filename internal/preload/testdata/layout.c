/*
 * layout.c - reads and writes what wire.h describes, so that the Go side can be held against it.
 *
 *   layout question      writes a question that uses every field
 *   layout table FILE    prints a table
 *   layout answer FILE   prints an answer
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../shim/wire.h"

static unsigned char memory[1 << 20];

static int question(void)
{
	const char text[] = "/some/text", argv[] = "one\0two";
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(4444)};
	struct ad_question q = {
		.magic = AD_MAGIC, .version = AD_VERSION, .kind = AD_LISTEN, .access = AD_READ | AD_WRITE, .pid = 77,
		.dirfd = -100, .flags = 0x1234, .number = 1, .protocol = AD_UDP, .addr_len = sizeof(in6),
		.text_len = sizeof(text) - 1, .argv_len = sizeof(argv),
	};
	inet_pton(AF_INET6, "2001:db8::7", &in6.sin6_addr);
	memcpy(q.addr, &in6, sizeof(in6));
	fwrite(&q, sizeof(q), 1, stdout);
	fwrite(text, sizeof(text) - 1, 1, stdout);
	fwrite(argv, sizeof(argv), 1, stdout);
	return 0;
}

static void paths(const char *name, struct ad_list list)
{
	const struct ad_path *p = (const void *)(memory + list.offset);
	for (uint32_t i = 0; i < list.count; i++)
		printf("%s %.*s\n", name, (int)p[i].length, memory + p[i].offset);
}

static void nets(const char *name, struct ad_list list)
{
	const struct ad_net *n = (const void *)(memory + list.offset);
	char text[64];
	for (uint32_t i = 0; i < list.count; i++)
		printf("%s %s/%d\n", name, inet_ntop(AF_INET6, n[i].addr, text, sizeof(text)), n[i].bits);
}

static void ports(const char *name, struct ad_list list)
{
	const struct ad_ports *p = (const void *)(memory + list.offset);
	for (uint32_t i = 0; i < list.count; i++)
		printf("%s %d-%d\n", name, p[i].first, p[i].last);
}

static int table(size_t size)
{
	const struct ad_table *t = (const void *)memory;
	char text[64];
	printf("magic %d version %u size %d seq %u flags %u\n", t->magic == AD_MAGIC, t->version, t->size == size, t->seq, t->flags);
	for (int i = 0; i < AD_KINDS; i++)
		printf("kind %d mode %d stops %d\n", i, t->mode[i], t->stops[i]);
	for (int i = 0; i < 4; i++)
		printf("protected %d\n", t->protected_pids[i]);
	printf("resolver %s:%d api %d\n", inet_ntop(AF_INET, &t->resolver_addr, text, sizeof(text)), ntohs(t->resolver_port), ntohs(t->api_port));
	printf("upstream %s:%d\n", inet_ntop(AF_INET, &t->upstream_addr, text, sizeof(text)), ntohs(t->upstream_port));
	paths("deny read", t->deny_read);
	paths("deny write", t->deny_write);
	paths("allow read", t->allow_read);
	paths("allow write", t->allow_write);
	nets("deny net", t->deny_nets);
	nets("allow net", t->allow_nets);
	ports("deny port", t->deny_ports);
	ports("allow port", t->allow_ports);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return question();
	FILE *f = argc == 3 ? fopen(argv[2], "rb") : NULL;
	size_t size = f ? fread(memory, 1, sizeof(memory), f) : 0;
	if (!size)
		return 1;
	if (!strcmp(argv[1], "table"))
		return table(size);
	const struct ad_answer *a = (const void *)memory;
	printf("%d magic %d version %d verdict %d error %d table %u\n", size == sizeof(*a), a->magic == AD_MAGIC, a->version, a->verdict, a->error, a->table);
	return 0;
}
