/*
 * known.c - handing the places of system calls from a process to its children.
 *
 * Looking through a C library takes longer than starting a small program. Children nearly always have the same library,
 * so they are told: for each piece of code its size, then the distances between its calls, "SIZE:D,D,...;". A child
 * takes that only when each place holds such a call still; otherwise it looks for itself.
 */
#include "patch.h"

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static const char *read_hex(const char *s, size_t *number)
{
	*number = 0;
	for (; is_digit(*s) && *number < (size_t)1 << 40; s++)
		*number = *number * 16 + (size_t)(*s <= '9' ? *s - '0' : *s - 'a' + 10);
	return s;
}

static void write_hex(char **to, size_t number)
{
	int shift = 60;
	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*(*to)++ = "0123456789abcdef"[number >> shift & 15];
}

unsigned ad_known_sites(const uint8_t *code, size_t size, struct ad_site *sites, unsigned max)
{
	const char *s = ad_state.known;
	while (s != NULL && *s != '\0') {
		size_t piece, distance, offset = 0;
		unsigned count = 0;
		s = read_hex(s, &piece);
		if (*s != ':')
			return 0;
		do {
			s = read_hex(s + 1, &distance);
			offset += distance;
			if (piece == size && (count == max || !ad_site_at(code, size, offset, &sites[count++])))
				return 0;
		} while (*s == ',');
		if (*s != ';')
			return 0;
		if (piece == size)
			return count;
		s++;
	}
	return 0;
}

#define NUMBER_MAX 17 /* characters of a number and what follows it */

void ad_remember_sites(const uint8_t *code, size_t size, const struct ad_site *sites, unsigned count)
{
	struct ad_state *state = &ad_state;
	static const char head[] = AD_SITES "=";
	char *to = state->sites + state->sites_len;
	const char *end = state->sites + sizeof state->sites;
	const uint8_t *last = code;
	if (count == 0)
		return;
	if (state->sites_len == 0) {
		memcpy(to, head, sizeof head - 1);
		to += sizeof head - 1;
	}
	if (end - to < 2 * NUMBER_MAX)
		return;
	write_hex(&to, size);
	for (unsigned i = 0; i < count; i++) {
		if (end - to < 2 * NUMBER_MAX)
			return; /* too many: what was written is forgotten */
		*to++ = i == 0 ? ':' : ',';
		write_hex(&to, (size_t)(sites[i].call - last));
		last = sites[i].call;
	}
	*to++ = ';';
	state->sites_len = (uint16_t)(to - state->sites);
}
