/*
 * files-crafted - machine code of the attacker's own that reads the secret.
 *
 * build: files-crafted gcc -no-pie
 */
#include "attempt.h"

static void inline_assembly(void)
{
	long fd;
	__asm__ volatile("syscall" : "=a"(fd) : "a"(SYS_openat), "D"((long)AT_FDCWD), "S"(SECRET), "d"((long)O_RDONLY) : "rcx", "r11", "memory");
	leak_fd((int)fd);
}

static void int80(void)
{
	static const char path[] = SECRET;
	long fd;
	__asm__ volatile("int $0x80" : "=a"(fd) : "a"(5L), "b"(path), "c"((long)O_RDONLY), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
	leak_fd((int)fd);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {{"assembly", inline_assembly}, {"int80", int80}, {NULL, NULL}};
	return take(ways, argc, argv);
}
