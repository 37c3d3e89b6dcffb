/*
 * work - a program that may run, unless its arguments are those of a miner.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(argv[i], "stratum+tcp://")) {
			int fd = open("/proof/ran", O_WRONLY | O_CREAT, 0666);
			return fd < 0 || write(fd, "ran\n", 4) != 4;
		}
	return 0;
}
