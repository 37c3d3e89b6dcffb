/* patch.h - what patch.c and the two architectures' files share. */
#ifndef AUTODEFEND_PATCH_H
#define AUTODEFEND_PATCH_H

#include "shim.h"

#define AD_PAGE_MAX 65536 /* the largest page */

#if defined(__x86_64__)
#define AD_STUB_SIZE 80
#define AD_REACH 0x70000000ul
#else
#define AD_STUB_SIZE 64
#define AD_REACH 0x7000000ul
#endif

/* A system call instruction. */
struct ad_site {
	uint8_t *at;     /* the first byte to be replaced */
	uint8_t *call;   /* the system call instruction */
	uint8_t length;  /* bytes that the stub does instead, from at */
};

/* Finds the sites that may be of interest: at most max. */
unsigned ad_find_sites(const uint8_t *code, size_t size, struct ad_site *sites, unsigned max);

/* The site whose system call instruction is at an offset; false when there is none that is of interest. */
bool ad_site_at(const uint8_t *code, size_t size, size_t offset, struct ad_site *site);

/* known.c: sites that the parent process found already. */
unsigned ad_known_sites(const uint8_t *code, size_t size, struct ad_site *sites, unsigned max);
void ad_remember_sites(const uint8_t *code, size_t size, const struct ad_site *sites, unsigned count);

/* Writes a site's stub; false when it can't reach. */
bool ad_write_stub(uint8_t *stub, const struct ad_site *site);

/* Replaces the site by a jump to its stub, if that was written. */
void ad_write_jump(const uint8_t *stub, const struct ad_site *site);

/* Makes written code visible to the processor. */
void ad_flush(const uint8_t *code, size_t size);

#endif
