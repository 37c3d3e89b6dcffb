/*
 * denied - the program that the rules deny. Its mark is the proof that it ran. It stays out of attempt.h: it must not
 * look like an attempt that began.
 *
 * build: denied gcc
 * build: denied-static gcc -static
 */
#include <fcntl.h>
#include <unistd.h>

int main(void)
{
	int fd = open("/proof/ran", O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (fd >= 0)
		return write(fd, "ran\n", 4) != 4;
	/* Under another root the file is out of sight. */
	return write(1, "the denied program ran\n", 23) != 23;
}
