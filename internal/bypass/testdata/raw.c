/*
 * raw - a library whose constructor starts the denied program without any C library.
 *
 * build: raw.so gcc -shared -fPIC
 */
#include "attempt.h"

static __attribute__((constructor)) void load(void)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(SYS_execve), "D"(DENIED), "S"(denied_argv()), "d"(environ) : "rcx", "r11", "memory");
}
