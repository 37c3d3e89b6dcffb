/*
 * defender-crafted - machine code of the attacker's own against the Defender.
 *
 * build: defender-crafted gcc -no-pie
 */
#include "attempt.h"

static long call3(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

static void by_kill(void)
{
	errno = (int)-call3(SYS_kill, getppid(), SIGKILL, 0);
	perror("kill");
	usleep(150000);
}

static int open_of_parent(const char *name, int flags)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)getppid(), name);
	return (int)call3(SYS_open, (long)path, flags, 0);
}

static void by_environ(void)
{
	static char text[1 << 17];
	int fd = open_of_parent("environ", O_RDONLY);
	ssize_t n = read(fd, text, sizeof text);
	if (n > 0 && memmem(text, (size_t)n, "TW_POLICY=", 10))
		won("read");
}

static void by_mem(void)
{
	char line[512], mode[8], byte;
	unsigned long from = 0, to;
	int maps = open_of_parent("maps", O_RDONLY), mem = open_of_parent("mem", O_RDWR);
	FILE *f = maps >= 0 ? fdopen(maps, "r") : NULL;
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r' && mode[1] == 'w')
			break;
	if (mem >= 0 && pread(mem, &byte, 1, (off_t)from) == 1 && pwrite(mem, &byte, 1, (off_t)from) == 1)
		won("written");
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {{"kill", by_kill}, {"environ", by_environ}, {"mem", by_mem}, {NULL, NULL}};
	return take(ways, argc, argv);
}
