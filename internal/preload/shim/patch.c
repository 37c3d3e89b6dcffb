/*
 * patch.c - leading the C library's system calls to the gate.
 *
 * Interposing functions misses what a library calls inside itself (getaddrinfo's sockets, popen's exec), and what a
 * program finds by a handle (ctypes' CDLL("libc.so.6").open). All of these end in system call instructions. Those of
 * the C library and its loader, and of small libraries, get a jump to a piece of code of ours nearby (patch_amd64.c,
 * patch_arm64.c), which calls ad_gate; if that has nothing against the call, the instruction runs where it always ran,
 * or right after, so that cancellation, restarts after signals and errno stay the library's business.
 *
 * Objects that are loaded later are looked through when their code is mapped (memory.c).
 */
#include <elf.h>

#include "shim.h"
#include "patch.h"

#define PROT_RX 5
#define PROT_RW 3
#define PROT_RWX 7
#define MAP_PRIVATE_ANONYMOUS 0x22
#define MAP_FIXED_NOREPLACE 0x100000
#define SITES_MAX 2048
#define LIBC_MAX (8u << 20)  /* bytes of code looked through in a C library */
#define OTHER_MAX (1u << 20) /* and in other objects: large ones are worth nobody's start-up time */
#define WRITABLE_MAX (64u << 20) /* but a copy of a C library may have any name */

static void *map_at(uintptr_t hint, size_t size)
{
	int flags = MAP_PRIVATE_ANONYMOUS | (hint != 0 ? MAP_FIXED_NOREPLACE : 0);
	long at = ad_sys6(__NR_mmap, (long)hint, (long)size, PROT_RW, flags, -1, 0);
	return at < 0 && at > -4096 ? NULL : (void *)at;
}

/* Memory within a branch's reach of the code. Kernels before 4.17 take the address as a hint, so the place is checked. */
static uint8_t *map_near(uintptr_t code, size_t code_size, size_t size)
{
	size = (size + AD_PAGE_MAX - 1) & ~(size_t)(AD_PAGE_MAX - 1);
	uintptr_t step = AD_PAGE_MAX;
	for (uintptr_t away = step; away < AD_REACH / 2; away += step, step += step / 2) {
		uintptr_t places[2] = {(code - away - size) & ~(uintptr_t)(AD_PAGE_MAX - 1),
				       (code + code_size + away) & ~(uintptr_t)(AD_PAGE_MAX - 1)};
		for (int i = 0; i < 2; i++) {
			void *at = map_at(places[i], size);
			if ((uintptr_t)at == places[i])
				return at;
			if (at != NULL)
				ad_sys2(__NR_munmap, at, size);
		}
	}
	return NULL;
}

/* Writes the jumps of the sites found in one piece of code. Their number, or 0 when the sandbox doesn't let us. */
static unsigned lead(uintptr_t code, size_t size, const struct ad_site *sites, unsigned count)
{
	uintptr_t start = code & ~(uintptr_t)(AD_PAGE - 1);
	size_t len = size + (code - start);
	size_t room = (size_t)count * AD_STUB_SIZE;
	unsigned done = 0;
	uint8_t *stubs = map_near(code, size, room);
	if (stubs == NULL)
		return 0;
	if (ad_sys3(__NR_mprotect, start, len, PROT_RWX) < 0) {
		ad_sys2(__NR_munmap, stubs, room);
		return 0;
	}
	for (unsigned i = 0; i < count; i++)
		if (ad_write_stub(stubs + (size_t)i * AD_STUB_SIZE, &sites[i]))
			done++;
	ad_flush(stubs, room);
	ad_sys3(__NR_mprotect, stubs, room, PROT_RX);
	for (unsigned i = 0; i < count; i++)
		ad_write_jump(stubs + (size_t)i * AD_STUB_SIZE, &sites[i]);
	ad_sys3(__NR_mprotect, start, len, PROT_RX);
	return done;
}

/* For a C library, the parent may have found the sites already: a program starts in a fraction of the time then. */
static unsigned find(const uint8_t *code, size_t size, bool library, struct ad_site *sites)
{
	unsigned count = library ? ad_known_sites(code, size, sites, SITES_MAX) : 0;
	if (count == 0)
		count = ad_find_sites(code, size, sites, SITES_MAX);
	if (library)
		ad_remember_sites(code, size, sites, count);
	return count;
}

static unsigned patch_code(uintptr_t code, size_t size, bool library)
{
	size_t room = SITES_MAX * sizeof(struct ad_site);
	struct ad_site *sites = map_at(0, room);
	if (sites == NULL)
		return 0;
	unsigned count = find((const uint8_t *)code, size, library, sites);
	unsigned done = count == 0 ? 0 : lead(code, size, sites, count);
	ad_sys2(__NR_munmap, sites, room);
	return done;
}

static const char *base_name(const char *path)
{
	const char *base = path;
	for (; *path != '\0'; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

static bool is_c_library(const char *path)
{
	static const char *const names[] = {"libc.so", "libc-2.",     "libc.musl",    "ld-linux", "ld-musl",
					    "ld-2.",   "libpthread", "libresolv", "libanl"};
	const char *base = base_name(path);
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (ad_begins(base, names[i]))
			return true;
	return false;
}

void ad_patch_mapped(uintptr_t code, size_t size, const char *path, bool writable)
{
	size_t max = is_c_library(path) ? LIBC_MAX : OTHER_MAX;
	if (size <= (writable ? WRITABLE_MAX : max))
		patch_code(code, size, false);
}

static unsigned patch_object(const struct ad_object *object)
{
	const Elf64_Ehdr *elf = (const Elf64_Ehdr *)object->bias;
	unsigned char resident[1];
	unsigned done = 0;
	size_t max = is_c_library(object->name) ? LIBC_MAX : OTHER_MAX;
	if (object->bias == 0 || ad_sys3(__NR_mincore, object->bias & ~(uintptr_t)(AD_PAGE - 1), 1, resident) < 0 ||
	    memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_phentsize != sizeof(Elf64_Phdr))
		return 0;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(object->bias + elf->e_phoff);
	for (unsigned i = 0; i < elf->e_phnum; i++) {
		const Elf64_Phdr *p = &segment[i];
		uintptr_t start = object->bias + p->p_vaddr;
		bool own = (uintptr_t)ad_gate >= start && (uintptr_t)ad_gate < start + p->p_memsz;
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) != 0 && !own && p->p_filesz <= max)
			done += patch_code(start, p->p_filesz, max == LIBC_MAX);
	}
	return done;
}

unsigned ad_patch(void)
{
	unsigned in_library = 0;
	for (const struct ad_object *o = ad_objects(); o != NULL; o = o->next) {
		if (o->name == NULL || ad_begins(o->name, "linux-vdso"))
			continue;
		unsigned done = patch_object(o);
		if (is_c_library(o->name))
			in_library += done;
	}
	return in_library;
}
