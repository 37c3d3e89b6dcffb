/* text.h - the few operations on strings and memory the shim needs; the compiler calls the mem functions too. */
#ifndef AUTODEFEND_TEXT_H
#define AUTODEFEND_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#pragma GCC visibility pop

/* Length of s, at most max. */
size_t ad_length(const char *s, size_t max);

/* Are the strings equal? */
bool ad_equal(const char *a, const char *b);

/* Does s begin with prefix? */
bool ad_begins(const char *s, const char *prefix);

/* Writes a number's decimal digits and a final NUL to the buffer, which needs 21 bytes; returns the number of digits. */
size_t ad_decimal(char *to, unsigned long number);

/* Reads digits from s up to end, a '/' or the string's end; -1 when there is anything else or none or too many. */
long ad_number(const char *s);

#endif
