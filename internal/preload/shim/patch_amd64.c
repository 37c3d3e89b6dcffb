/*
 * patch_amd64.c - system call sites on amd64.
 *
 * A jump takes five bytes, a system call instruction two. Two forms have room for it:
 *
 *   before   the five bytes before the instruction are one instruction, nearly always "mov $NUMBER,%eax". The jump
 *            replaces it, the stub does it, and the system call itself stays where it is. A jump from elsewhere to the
 *            system call instruction stays right, too.
 *   after    the instruction and what follows have at least five bytes, and what follows doesn't depend on where it is
 *            (a comparison, a move of the result). The stub does both.
 */
#if defined(__x86_64__)

#include "patch.h"

#define LOOK_BACK 40

static const uint8_t load_r9[5] = {0x4c, 0x8b, 0x4c, 0x24, 0x08}; /* mov 8(%rsp),%r9: glibc's syscall() */
static const uint8_t save_r11[5] = {0x4c, 0x89, 0x5c, 0x24, 0x08}; /* mov %r11,8(%rsp): musl's cancellable calls */

/*
 * The next system call instruction at or after p, or end. This looks through more than a megabyte when a program starts,
 * so it compares 32 bytes at once, and without a branch on the first byte alone, which is a common one. Vector
 * registers aren't ours (see shim.h): the six used here are put back.
 */
static const uint8_t *find_call(const uint8_t *p, const uint8_t *end)
{
	uint8_t saved[96];
	uint32_t found = 0, more = 0;
	const uint64_t first = 0x0f0f0f0f0f0f0f0fu, second = 0x0505050505050505u;
	if (end - p >= 33) {
		__asm__ volatile("movdqu %%xmm0, (%[saved])\n\t"
				 "movdqu %%xmm1, 16(%[saved])\n\t"
				 "movdqu %%xmm2, 32(%[saved])\n\t"
				 "movdqu %%xmm3, 48(%[saved])\n\t"
				 "movdqu %%xmm4, 64(%[saved])\n\t"
				 "movdqu %%xmm5, 80(%[saved])\n\t"
				 "movq %[first], %%xmm0\n\t"
				 "punpcklqdq %%xmm0, %%xmm0\n\t"
				 "movq %[second], %%xmm1\n\t"
				 "punpcklqdq %%xmm1, %%xmm1\n"
				 "1:\n\t"
				 "movdqu (%[p]), %%xmm2\n\t"
				 "movdqu 1(%[p]), %%xmm3\n\t"
				 "movdqu 16(%[p]), %%xmm4\n\t"
				 "movdqu 17(%[p]), %%xmm5\n\t"
				 "pcmpeqb %%xmm0, %%xmm2\n\t"
				 "pcmpeqb %%xmm1, %%xmm3\n\t"
				 "pcmpeqb %%xmm0, %%xmm4\n\t"
				 "pcmpeqb %%xmm1, %%xmm5\n\t"
				 "pand %%xmm3, %%xmm2\n\t"
				 "pand %%xmm5, %%xmm4\n\t"
				 "pmovmskb %%xmm2, %[found]\n\t"
				 "pmovmskb %%xmm4, %[more]\n\t"
				 "shl $16, %[more]\n\t"
				 "or %[more], %[found]\n\t"
				 "jnz 2f\n\t"
				 "add $32, %[p]\n\t"
				 "cmp %[last], %[p]\n\t"
				 "jbe 1b\n"
				 "2:\n\t"
				 "movdqu (%[saved]), %%xmm0\n\t"
				 "movdqu 16(%[saved]), %%xmm1\n\t"
				 "movdqu 32(%[saved]), %%xmm2\n\t"
				 "movdqu 48(%[saved]), %%xmm3\n\t"
				 "movdqu 64(%[saved]), %%xmm4\n\t"
				 "movdqu 80(%[saved]), %%xmm5\n\t"
				 : [p] "+r"(p), [found] "=&r"(found), [more] "=&r"(more)
				 : [saved] "r"(saved), [first] "r"(first), [second] "r"(second), [last] "r"(end - 33)
				 : "cc", "memory");
		if (found != 0)
			return p + __builtin_ctz(found);
	}
	for (; end - p >= 2; p++)
		if (p[0] == 0x0f && p[1] == 0x05)
			return p;
	return end;
}

/* The number that "mov $NUMBER,%eax" at p loads, or -1. With a prefix the register would be another one. */
static long loaded_number(const uint8_t *p)
{
	uint32_t number;
	if (p[0] != 0xb8 || p[3] != 0 || p[4] != 0)
		return -1;
	__builtin_memcpy(&number, p + 1, sizeof number);
	return number;
}

static bool prefixed(const uint8_t *p)
{
	return (p[-1] & 0xf0) == 0x40;
}

/* Bytes of the instruction after a system call that the stub can do elsewhere; 0 for another. */
static unsigned movable(const uint8_t *p)
{
	if (p[0] == 0x48 && p[1] == 0x3d) /* cmp $imm32,%rax */
		return 6;
	if (p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xf8) /* cmp $imm8,%rax */
		return 4;
	if (p[0] == 0x48 && p[1] == 0x89 && p[2] == 0xc7) /* mov %rax,%rdi */
		return 3;
	if (p[0] == 0x3d) /* cmp $imm32,%eax */
		return 5;
	return 0;
}

#define FUNCTION 2048 /* bytes before and after, where a branch of the same function would be */

/* Where a branch at p would lead, if there is one. */
static const uint8_t *target_of(const uint8_t *p)
{
	int32_t distance;
	if (p[0] == 0xeb || (p[0] & 0xf0) == 0x70)
		return p + 2 + (int8_t)p[1];
	if (p[0] != 0xe9 && !(p[0] == 0x0f && (p[1] & 0xf0) == 0x80))
		return NULL;
	unsigned n = p[0] == 0xe9 ? 1 : 2;
	__builtin_memcpy(&distance, p + n, sizeof distance);
	return p + n + 4 + distance;
}

/* Could any branch nearby lead into the bytes between from and to? */
static bool entered(const uint8_t *code, const uint8_t *end, const uint8_t *from, const uint8_t *to)
{
	const uint8_t *p = from - code > FUNCTION ? from - FUNCTION : code;
	const uint8_t *last = end - to > FUNCTION ? to + FUNCTION : end;
	for (; last - p > 6; p++) {
		const uint8_t *target = target_of(p);
		if (target > from && target < to)
			return true;
	}
	return false;
}

/* The number loaded last before the call, as far as its bytes tell; -1 when they don't. */
static long number_before(const uint8_t *code, const uint8_t *call)
{
	for (const uint8_t *p = call - 5; p > code && call - p < LOOK_BACK; p--) {
		long number = loaded_number(p);
		if (number >= 0 && !prefixed(p))
			return number;
		if (p[0] == 0x0f && p[1] == 0x05)
			return -1;
	}
	return -1;
}

/*
 * A number that comes from somewhere else. glibc's such calls are futex's and exit's and the like; musl, which hands
 * every result to a function in rdi, makes calls of interest that way.
 */
static bool unknown_matters(const uint8_t *call)
{
	static const uint8_t futex[5] = {0xca, 0, 0, 0};
	if (movable(call + 2) != 3)
		return false;
	for (const uint8_t *p = call - LOOK_BACK; p < call - 4; p++)
		if (memcmp(p, futex, 4) == 0)
			return false;
	return true;
}

/* A known site needs no look for branches into it: the process that told of it had that. */
static bool classify(const uint8_t *code, const uint8_t *end, uint8_t *call, bool known, struct ad_site *site)
{
	if (call - code < LOOK_BACK || end - call < 16)
		return false;
	long number = loaded_number(call - 5);
	bool before = number >= 0 && !prefixed(call - 5);
	if (before && !ad_gated(number))
		return false;
	if (before || memcmp(call - 5, load_r9, 5) == 0 || memcmp(call - 5, save_r11, 5) == 0) {
		*site = (struct ad_site){call - 5, call, 5};
		return true;
	}
	unsigned tail = movable(call + 2);
	if (2 + tail < 5)
		return false;
	if (number < 0)
		number = number_before(code, call);
	if (number < 0 ? !unknown_matters(call) : !ad_gated(number))
		return false;
	if (!known && entered(code, end, call, call + 2 + tail))
		return false;
	*site = (struct ad_site){call, call, (uint8_t)(2 + tail)};
	return true;
}

unsigned ad_find_sites(const uint8_t *code, size_t size, struct ad_site *sites, unsigned max)
{
	const uint8_t *end = code + size;
	unsigned count = 0;
	for (const uint8_t *p = find_call(code, end); p < end && count < max; p = find_call(p + 2, end))
		if (classify(code, end, (uint8_t *)(uintptr_t)p, false, &sites[count]))
			count++;
	return count;
}

bool ad_site_at(const uint8_t *code, size_t size, size_t offset, struct ad_site *site)
{
	uint8_t *call = (uint8_t *)(uintptr_t)code + offset;
	return offset <= size - 2 && call[0] == 0x0f && call[1] == 0x05 && classify(code, code + size, call, true, site);
}

/*
 * Where all stubs lead. The stub has moved the stack pointer below the red zone. Builds a struct ad_call, calls the
 * gate, and returns with the carry flag set when the result is in rax. The unwinder is told that the caller is the site
 * itself: its address lies 24 bytes before the return address in the stub.
 */
extern const char ad_entry[] __attribute__((visibility("hidden")));
__asm__(".text\n\t"
	".p2align 4\n\t"
	".hidden ad_entry\n\t"
	".globl ad_entry\n\t"
	".type ad_entry, @function\n"
	"ad_entry:\n\t"
	".cfi_startproc\n\t"
	".cfi_def_cfa rsp, 136\n\t"
	"push %rbp\n\t"
	".cfi_def_cfa_offset 144\n\t"
	".cfi_offset rbp, -144\n\t"
	"mov %rsp, %rbp\n\t"
	".cfi_def_cfa rbp, 144\n\t"
	"mov 8(%rbp), %rcx\n\t"
	"push -24(%rcx)\n\t"
	".cfi_offset rip, -152\n\t"
	"sub $72, %rsp\n\t"
	"and $-16, %rsp\n\t"
	"mov %rax, (%rsp)\n\t"
	"mov %rdi, 8(%rsp)\n\t"
	"mov %rsi, 16(%rsp)\n\t"
	"mov %rdx, 24(%rsp)\n\t"
	"mov %r10, 32(%rsp)\n\t"
	"mov %r8, 40(%rsp)\n\t"
	"mov %r9, 48(%rsp)\n\t"
	"mov %rax, 56(%rsp)\n\t"
	"mov %rsp, %rdi\n\t"
	"call ad_gate\n\t"
	"neg %eax\n\t" /* carry: not AD_CONTINUE; the moves keep it */
	"mov 8(%rsp), %rdi\n\t"
	"mov 16(%rsp), %rsi\n\t"
	"mov 24(%rsp), %rdx\n\t"
	"mov 32(%rsp), %r10\n\t"
	"mov 40(%rsp), %r8\n\t"
	"mov 48(%rsp), %r9\n\t"
	"mov 56(%rsp), %rax\n\t"
	"leave\n\t"
	"ret\n\t"
	".cfi_endproc\n\t"
	".size ad_entry, . - ad_entry\n\t");

struct writer {
	uint8_t *at;
	bool reaches;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	memcpy(w->at, bytes, n);
	w->at += n;
}

#define PUT(w, ...)                                                                                                    \
	do {                                                                                                           \
		const uint8_t bytes_[] = {__VA_ARGS__};                                                                \
		put((w), bytes_, sizeof bytes_);                                                                       \
	} while (0)

static bool distance(const uint8_t *from, const uint8_t *to, int32_t *result)
{
	int64_t d = (int64_t)(to - from);
	*result = (int32_t)d;
	return d == *result;
}

/* jmp to */
static void put_jump(struct writer *w, const uint8_t *to)
{
	int32_t d = 0;
	w->reaches = distance(w->at + 5, to, &d) && w->reaches;
	PUT(w, 0xe9);
	put(w, &d, sizeof d);
}

#define SITE_BEFORE_RETURN 24
#define CODE_AT 24 /* of the stub: its constants are in front */

bool ad_write_stub(uint8_t *stub, const struct ad_site *site)
{
	const bool before = site->at != site->call;
	const uint8_t *after = before ? site->call + 2 : site->at + site->length;
	const uint8_t *entry = (const uint8_t *)ad_entry;
	struct writer w = {stub, true};
	int32_t d = 0;
	memset(stub, 0xcc, AD_STUB_SIZE);
	put(&w, &entry, 8);
	w.at = stub + CODE_AT;
	if (before)
		put(&w, site->at, 5);
	PUT(&w, 0x48, 0x8d, 0x64, 0x24, 0x80); /* lea -128(%rsp),%rsp */
	w.reaches = distance(w.at + 6, stub, &d);
	PUT(&w, 0xff, 0x15); /* call *entry(%rip) */
	put(&w, &d, sizeof d);
	memcpy(w.at - SITE_BEFORE_RETURN, &after, sizeof after);
	PUT(&w, 0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0); /* lea 128(%rsp),%rsp */
	if (before) {
		PUT(&w, 0x72, 0x05); /* jc: the result is there */
		put_jump(&w, site->call);
	} else {
		PUT(&w, 0x72, 0x02);
		PUT(&w, 0x0f, 0x05);
		put(&w, site->call + 2, site->length - 2u);
	}
	put_jump(&w, after);
	if (!w.reaches)
		stub[0] = 0xcc, stub[1] = 0xcc;
	return w.reaches;
}

void ad_write_jump(const uint8_t *stub, const struct ad_site *site)
{
	const uint8_t *code = stub + CODE_AT;
	uint8_t bytes[8];
	int32_t d = 0;
	if ((stub[0] == 0xcc && stub[1] == 0xcc) || !distance(site->at + 5, code, &d))
		return;
	memset(bytes, 0x90, sizeof bytes);
	bytes[0] = 0xe9;
	memcpy(bytes + 1, &d, sizeof d);
	memcpy(site->at, bytes, site->length);
}

void ad_flush(const uint8_t *code, size_t size)
{
	(void)code;
	(void)size; /* the processor watches its own stores */
}

#endif
