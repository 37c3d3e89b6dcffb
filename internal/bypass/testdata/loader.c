/*
 * loader - a dynamic loader of the attacker's own, which loads nothing: it starts the denied program. And a program that
 * names it as its loader.
 *
 * build: loader gcc -DLOADER -nostdlib -static-pie -fPIE -fno-stack-protector
 * build: loaded gcc -Wl,--dynamic-linker=/var/task/loader
 */
#ifdef LOADER
#include <sys/syscall.h>

void _start(void);
void _start(void)
{
	static const char path[] = "/var/task/denied";
	const char *argv[] = {path, 0};
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"((long)SYS_execve), "D"(path), "S"(argv), "d"(argv + 1) : "rcx", "r11", "memory");
	__asm__ volatile("syscall" : "=a"(result) : "a"((long)SYS_exit), "D"(1L) : "rcx", "r11", "memory");
	__builtin_unreachable();
}
#else
int main(void)
{
	return 0;
}
#endif
