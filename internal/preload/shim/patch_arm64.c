/*
 * patch_arm64.c - system call sites on arm64.
 *
 * All instructions have four bytes, so the system call instruction itself is replaced by a branch to its stub, which
 * calls the gate and then does the instruction.
 */
#if defined(__aarch64__)

#include "patch.h"

#define SVC 0xd4000001u
#define RET 0xd65f03c0u
#define LOOK_BACK 24

enum { NUMBER_UNKNOWN = -1, NUMBER_DYNAMIC = -2, NUMBER_ELSEWHERE = -3 };

/* What an instruction does to x8: the number it loads, or one of the above. */
static long number_from(uint32_t instruction)
{
	if ((instruction & 0xffe0001fu) == 0xd2800008u || (instruction & 0xffe0001fu) == 0x52800008u) /* mov x8, #n */
		return instruction >> 5 & 0xffff;
	if ((instruction & 0xffe0ffffu) == 0xaa0003e8u || (instruction & 0xffe0ffffu) == 0x2a0003e8u) /* mov x8, xN */
		return NUMBER_DYNAMIC;
	if ((instruction & 0xfffffc1fu) == 0xd3407c08u || (instruction & 0xfffffc1fu) == 0x93407c08u) /* uxtw, sxtw */
		return NUMBER_DYNAMIC;
	if (instruction == RET || instruction == SVC)
		return NUMBER_ELSEWHERE;
	return NUMBER_UNKNOWN;
}

static bool of_interest(const uint32_t *code, const uint32_t *call)
{
	for (const uint32_t *p = call - 1; p >= code && call - p <= LOOK_BACK; p--) {
		long number = number_from(*p);
		if (number == NUMBER_DYNAMIC)
			return true;
		if (number >= 0)
			return ad_gated(number);
		if (number == NUMBER_ELSEWHERE)
			return false;
	}
	return false;
}

unsigned ad_find_sites(const uint8_t *code, size_t size, struct ad_site *sites, unsigned max)
{
	const uint32_t *first = (const uint32_t *)(((uintptr_t)code + 3) & ~(uintptr_t)3);
	const uint32_t *end = (const uint32_t *)(((uintptr_t)code + size) & ~(uintptr_t)3);
	unsigned count = 0;
	for (const uint32_t *p = first; p < end && count < max; p++) {
		if (*p != SVC || !of_interest(first, p))
			continue;
		uint8_t *at = (uint8_t *)(uintptr_t)p;
		sites[count++] = (struct ad_site){at, at, 4};
	}
	return count;
}

bool ad_site_at(const uint8_t *code, size_t size, size_t offset, struct ad_site *site)
{
	const uint32_t *first = (const uint32_t *)(((uintptr_t)code + 3) & ~(uintptr_t)3);
	uint8_t *at = (uint8_t *)(uintptr_t)code + offset;
	const uint32_t *call = (const uint32_t *)(const void *)at;
	if (offset > size - 4 || ((uintptr_t)at & 3) != 0 || *call != SVC || !of_interest(first, call))
		return false;
	*site = (struct ad_site){at, at, 4};
	return true;
}

/*
 * Where all stubs lead. Saves what the system call instruction would keep: everything but x0 (the stub saved x16, x17,
 * x29 and x30). Returns to the stub, or 16 bytes further when the result is in x0.
 */
extern const char ad_entry[] __attribute__((visibility("hidden")));
__asm__(".text\n\t"
	".p2align 4\n\t"
	".hidden ad_entry\n\t"
	".globl ad_entry\n\t"
	".type ad_entry, %function\n"
	"ad_entry:\n\t"
	".cfi_startproc\n\t"
	"sub sp, sp, #176\n\t"
	".cfi_def_cfa_offset 176\n\t"
	"stp x8, x0, [sp]\n\t"
	"stp x1, x2, [sp, #16]\n\t"
	"stp x3, x4, [sp, #32]\n\t"
	"stp x5, x8, [sp, #48]\n\t"
	"stp x6, x7, [sp, #64]\n\t"
	"stp x9, x10, [sp, #80]\n\t"
	"stp x11, x12, [sp, #96]\n\t"
	"stp x13, x14, [sp, #112]\n\t"
	"stp x15, x18, [sp, #128]\n\t"
	"stp x29, x30, [sp, #144]\n\t"
	".cfi_offset x29, -32\n\t"
	".cfi_offset x30, -24\n\t"
	"mrs x9, nzcv\n\t"
	"str x9, [sp, #160]\n\t"
	"add x29, sp, #144\n\t"
	"mov x0, sp\n\t"
	"bl ad_gate\n\t"
	"ldr x9, [sp, #160]\n\t"
	"msr nzcv, x9\n\t"
	"ldp x29, x30, [sp, #144]\n\t"
	"ldr x1, [sp, #8]\n\t"
	"cbz w0, 1f\n\t"
	"ldr x1, [sp, #56]\n\t"
	"add x30, x30, #16\n"
	"1:\n\t"
	"mov x0, x1\n\t"
	"ldp x15, x18, [sp, #128]\n\t"
	"ldp x13, x14, [sp, #112]\n\t"
	"ldp x11, x12, [sp, #96]\n\t"
	"ldp x9, x10, [sp, #80]\n\t"
	"ldp x6, x7, [sp, #64]\n\t"
	"ldp x5, x8, [sp, #48]\n\t"
	"ldp x3, x4, [sp, #32]\n\t"
	"ldp x1, x2, [sp, #16]\n\t"
	"ldr x8, [sp]\n\t"
	"add sp, sp, #176\n\t"
	".cfi_def_cfa_offset 0\n\t"
	"ret\n\t"
	".cfi_endproc\n\t"
	".size ad_entry, . - ad_entry\n\t");

#define ENTRY_AT 48 /* of the stub: the address of ad_entry */

/* The branch instruction from one address to another; false when it is too far. */
static bool branch(const uint8_t *from, const uint8_t *to, uint32_t *instruction)
{
	int64_t d = (int64_t)(to - from) / 4;
	*instruction = 0x14000000u | ((uint32_t)d & 0x3ffffffu);
	return d >= -0x2000000 && d < 0x2000000;
}

bool ad_write_stub(uint8_t *stub, const struct ad_site *site)
{
	const uint8_t *entry = (const uint8_t *)ad_entry;
	uint32_t code[11] = {
		0xa9bf7bfdu,                       /* stp x29, x30, [sp, #-16]! */
		0xa9bf47f0u,                       /* stp x16, x17, [sp, #-16]! */
		0x58000010u | (ENTRY_AT - 8) << 3, /* ldr x16, entry */
		0xd63f0200u,                       /* blr x16 */
		0xa8c147f0u,                       /* ldp x16, x17, [sp], #16 */
		0xa8c17bfdu,                       /* ldp x29, x30, [sp], #16 */
		SVC, 0,
		0xa8c147f0u, 0xa8c17bfdu, 0};
	uint32_t back;
	bool reaches = branch(stub + 28, site->call + 4, &code[7]) && branch(stub + 40, site->call + 4, &code[10]) &&
		       branch(site->call, stub, &back);
	memset(stub, 0, AD_STUB_SIZE);
	if (!reaches)
		return false;
	memcpy(stub, code, sizeof code);
	memcpy(stub + ENTRY_AT, &entry, sizeof entry);
	return true;
}

void ad_write_jump(const uint8_t *stub, const struct ad_site *site)
{
	uint32_t instruction;
	if (*(const uint32_t *)(const void *)stub == 0 || !branch(site->call, stub, &instruction))
		return;
	__atomic_store_n((uint32_t *)(void *)site->at, instruction, __ATOMIC_RELAXED);
	ad_flush(site->at, 4);
}

void ad_flush(const uint8_t *code, size_t size)
{
	uint64_t sizes;
	__asm__("mrs %0, ctr_el0" : "=r"(sizes));
	uintptr_t data_line = (uintptr_t)4 << (sizes >> 16 & 15);
	uintptr_t code_line = (uintptr_t)4 << (sizes & 15);
	uintptr_t end = (uintptr_t)code + size;
	for (uintptr_t at = (uintptr_t)code & ~(data_line - 1); at < end; at += data_line)
		__asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb ish" : : : "memory");
	for (uintptr_t at = (uintptr_t)code & ~(code_line - 1); at < end; at += code_line)
		__asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

#endif
