/*
 * next.c - what is loaded, and the function behind one of our hooks.
 *
 * The list that loaders keep for debuggers names every object, in glibc and musl alike, and needs no lock and no
 * dlsym (whose version differs between C libraries).
 */
#include <elf.h>

#include "shim.h"

struct debugger_list { /* struct r_debug */
	int version;
	const struct ad_object *first;
};

extern struct debugger_list _r_debug __attribute__((weak));        /* glibc */
extern struct debugger_list *_dl_debug_addr __attribute__((weak)); /* musl */

const struct ad_object *ad_objects(void)
{
	if (&_r_debug != NULL && _r_debug.first != NULL)
		return _r_debug.first;
	if (&_dl_debug_addr != NULL && _dl_debug_addr != NULL)
		return _dl_debug_addr->first;
	return NULL;
}

/* What a symbol lookup needs of an object. */
struct symbols {
	const Elf64_Sym *table;
	const char *names;
	const uint32_t *hash;     /* DT_HASH */
	const uint32_t *gnu_hash; /* DT_GNU_HASH */
	const uint16_t *versions; /* DT_VERSYM, may be NULL */
};

/* glibc writes addresses into the dynamic section, musl leaves offsets there. */
static const void *address(const struct ad_object *object, uintptr_t value)
{
	return (const void *)(value < object->bias ? object->bias + value : value);
}

static bool read_symbols(const struct ad_object *object, struct symbols *s)
{
	*s = (struct symbols){NULL, NULL, NULL, NULL, NULL};
	for (const Elf64_Dyn *d = object->dynamic; d != NULL && d->d_tag != DT_NULL; d++) {
		const void *at = address(object, d->d_un.d_ptr);
		if (d->d_tag == DT_SYMTAB)
			s->table = at;
		else if (d->d_tag == DT_STRTAB)
			s->names = at;
		else if (d->d_tag == DT_HASH)
			s->hash = at;
		else if (d->d_tag == DT_GNU_HASH)
			s->gnu_hash = at;
		else if (d->d_tag == DT_VERSYM)
			s->versions = at;
	}
	return s->table != NULL && s->names != NULL && (s->gnu_hash != NULL || s->hash != NULL);
}

/* Is symbol number i the default version of this name, and defined? */
static bool fits(const struct symbols *s, uint32_t i, const char *name)
{
	const Elf64_Sym *symbol = &s->table[i];
	if (symbol->st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol->st_info) != STT_FUNC)
		return false;
	if (s->versions != NULL && (s->versions[i] & 0x8000) != 0) /* hidden: an old version */
		return false;
	return ad_equal(s->names + symbol->st_name, name);
}

static uint32_t find_gnu(const struct symbols *s, const char *name)
{
	const uint32_t *h = s->gnu_hash;
	uint32_t hash = 5381;
	for (const char *c = name; *c != '\0'; c++)
		hash = hash * 33 + (unsigned char)*c;
	uint32_t buckets = h[0], first = h[1], words = h[2];
	const uint32_t *bucket = h + 4 + (size_t)words * 2;
	const uint32_t *chain = bucket + buckets;
	if (buckets == 0)
		return 0;
	for (uint32_t i = bucket[hash % buckets]; i >= first && i != 0; i++) {
		if ((chain[i - first] | 1) == (hash | 1) && fits(s, i, name))
			return i;
		if ((chain[i - first] & 1) != 0)
			break;
	}
	return 0;
}

static uint32_t find_old(const struct symbols *s, const char *name)
{
	uint32_t hash = 0;
	for (const char *c = name; *c != '\0'; c++) {
		hash = (hash << 4) + (unsigned char)*c;
		uint32_t high = hash & 0xf0000000u;
		hash = (hash ^ high >> 24) & ~high;
	}
	if (s->hash[0] == 0)
		return 0;
	for (uint32_t i = s->hash[2 + hash % s->hash[0]]; i != 0; i = s->hash[2 + s->hash[0] + i])
		if (fits(s, i, name))
			return i;
	return 0;
}

extern const Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));

void *ad_next(const char *name)
{
	bool after = false;
	for (const struct ad_object *o = ad_objects(); o != NULL; o = o->next) {
		struct symbols s;
		if (o->dynamic == _DYNAMIC) {
			after = true;
			continue;
		}
		if (!after || !read_symbols(o, &s))
			continue;
		uint32_t i = s.gnu_hash != NULL ? find_gnu(&s, name) : find_old(&s, name);
		if (i != 0)
			return (void *)(o->bias + s.table[i].st_value);
	}
	return NULL;
}
