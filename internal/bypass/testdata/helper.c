/*
 * helper - a second program that gets hold of a descriptor and hands it over on its standard input, a socket.
 */
#include "attempt.h"

int main(int argc, char **argv)
{
	int fd = -1;
	char room[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
	struct iovec part = {&byte, 1};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
	if (argc > 1 && !strcmp(argv[1], "file"))
		fd = open(SECRET, O_RDONLY);
	if (argc > 1 && !strcmp(argv[1], "socket")) {
		struct sockaddr_in a = address4(EVIL, 8080);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
			perror("connect");
			return 1;
		}
	}
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(0, &m, 0) < 0;
}
