/*
 * polite - libraries whose code runs when they are loaded, and that call the C library as anybody does: an addon for a
 * language's runtime, and one for the dynamic linker's own interface (LD_AUDIT), which lives in another name space.
 *
 * build: addon.node gcc -shared -fPIC
 * build: audit.so gcc -shared -fPIC -DAUDIT
 */
#include "attempt.h"

/* Without an environment the denied program doesn't load this again. */
static char *nothing[] = {NULL};

#ifdef AUDIT
unsigned int la_version(unsigned int version);
unsigned int la_version(unsigned int version)
{
	begun();
	execve(DENIED, denied_argv(), nothing);
	return version;
}
#else
static __attribute__((constructor)) void load(void)
{
	execve(DENIED, denied_argv(), nothing);
}
#endif
