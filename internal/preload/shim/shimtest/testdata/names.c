/* names.c - prints the address of the name given, as this program's C library finds it. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	char text[64];
	if (argc != 2)
		return 2;
	int error = getaddrinfo(argv[1], "80", &hints, &found);
	if (error != 0) {
		printf("%s\n", gai_strerror(error));
		return 1;
	}
	puts(inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, text, sizeof text));
	return 0;
}
