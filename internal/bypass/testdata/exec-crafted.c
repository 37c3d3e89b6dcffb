/*
 * exec-crafted - machine code of the attacker's own that starts the denied program.
 *
 * build: exec-crafted gcc -no-pie
 */
#include "attempt.h"

static void inline_assembly(void)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(SYS_execve), "D"(DENIED), "S"(denied_argv()), "d"(environ) : "rcx", "r11", "memory");
}

/* A 32-bit call from a 64-bit program. The program isn't position independent, so that its data has short addresses. */
static void int80(void)
{
	static const char path[] = DENIED;
	static uint32_t argv[2];
	long result;
	argv[0] = (uint32_t)(uintptr_t)path;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(11L), "b"(path), "c"(argv), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-result;
	perror("int80");
}

static void code_in_memory(void)
{
	/* mov eax,edi; mov rdi,rsi; mov rsi,rdx; mov rdx,rcx; syscall; ret */
	static const unsigned char code[] = {0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x0f, 0x05, 0xc3};
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, code, sizeof code);
	long result = ((long (*)(int, const char *, char *const *, char *const *))page)(SYS_execve, DENIED, denied_argv(), environ);
	errno = (int)-result;
	perror("code in memory");
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"assembly", inline_assembly}, {"int80", int80}, {"memory", code_in_memory}, {NULL, NULL},
	};
	return take(ways, argc, argv);
}
