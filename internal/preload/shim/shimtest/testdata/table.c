/*
 * table.c - asks a table questions that come on standard input, and prints the answers. Each record: the table's length
 * and bytes, an access, a path's length and bytes, an address, a port. The table lies in memory of exactly its length, so
 * that the sanitizer sees a byte read beyond it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

struct ad_state ad_state;

static void take(void *to, size_t n)
{
	if (n > 0 && fread(to, n, 1, stdin) != 1)
		exit(0);
}

static void judge(uint8_t *table, uint32_t size)
{
	uint8_t access, addr[16];
	uint16_t len, port;
	char below[64];
	struct ad_state *state = &ad_state;
	take(&access, 1);
	take(&len, sizeof len);
	char *path = malloc(len + 1u);
	take(path, len);
	path[len] = '\0';
	take(addr, sizeof addr);
	take(&port, sizeof port);
	state->table = (const struct ad_table *)table;
	state->table_size = size;
	putchar('0' + (ad_say_open(state, path, len, access) == AD_SAY_ASK));
	putchar('0' + (ad_say_connect(state, addr, port) == AD_SAY_ASK));
	putchar('0' + ad_lists_open(state, access));
	putchar('0' + (ad_denied_below(state, path, len, below, sizeof below) > 0));
	for (enum ad_kind kind = 0; kind < AD_KINDS; kind++)
		putchar('0' + ad_mode(state, kind));
	putchar('\n');
	fflush(stdout);
	free(path);
}

int main(void)
{
	for (;;) {
		uint32_t size;
		take(&size, sizeof size);
		if (size < sizeof(struct ad_table))
			return 1;
		uint8_t *table = malloc(size);
		take(table, size);
		judge(table, size);
		free(table);
	}
}
