/*
 * network-crafted - machine code of the attacker's own that connects to the denied host.
 *
 * build: network-crafted gcc -no-pie
 */
#include "attempt.h"

static struct sockaddr_in evil; /* in static memory: a 32-bit call must be able to point at it */

static void inline_assembly(void)
{
	long result;
	evil = address4(EVIL, 8080);
	__asm__ volatile("syscall" : "=a"(result) : "a"(SYS_connect), "D"((long)socket(AF_INET, SOCK_STREAM, 0)), "S"(&evil), "d"(sizeof evil) : "rcx", "r11", "memory");
}

static void int80(void)
{
	long result;
	evil = address4(EVIL, 8080);
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(362L), "b"((long)socket(AF_INET, SOCK_STREAM, 0)), "c"(&evil), "d"(sizeof evil) : "memory", "r8", "r9", "r10", "r11");
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {{"assembly", inline_assembly}, {"int80", int80}, {NULL, NULL}};
	return take(ways, argc, argv);
}
