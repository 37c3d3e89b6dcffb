/* A library that acts as soon as it is loaded, under every name that a language looks for. */
#include <unistd.h>

__attribute__((constructor)) static void act(void)
{
	if (write(1, "secret content\n", 15) < 0)
		_exit(1);
}

void Init_addon(void) {}
void *PyInit_addon(void) { return 0; }
