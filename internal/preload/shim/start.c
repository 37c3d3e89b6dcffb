/*
 * start.c - the constructor: report in, get the table, hide our variables from the program.
 *
 * It should run before any other library's constructor (the linker flag initfirst asks for that), so it must not need
 * the C library to be ready.
 */
#include <asm/fcntl.h>
#include <asm/stat.h>

#include "shim.h"

#define PROT_READ 1
#define W_OK 2

struct ad_state ad_state;

extern char **environ __attribute__((weak));
extern const char *gnu_get_libc_version(void) __attribute__((weak));

/* Copies text up to a separator into to; false when it doesn't fit or is empty. */
static bool take(char *to, size_t room, uint16_t *len, const char *from, size_t n)
{
	if (n == 0 || n >= room)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	*len = (uint16_t)n;
	return true;
}

/* Reads "AUTODEFEND_SHIM=1:SOCKET:LIBRARY"; "1c" instead of "1" when nothing may run without a supervisor. */
static bool read_variable(struct ad_state *state, const char *entry)
{
	const char *socket = entry + sizeof AD_VARIABLE; /* after the '=' */
	uint16_t socket_len = 0;
	size_t n = 0;
	state->closed = ad_begins(socket, "1c:");
	if (!state->closed && !ad_begins(socket, "1:"))
		return false;
	socket += state->closed ? 3 : 2;
	while (socket[n] != '\0' && socket[n] != ':')
		n++;
	if (socket[n] == '\0')
		return false;
	const char *library = socket + n + 1;
	if (!take(state->library, sizeof state->library, &state->library_len, library, ad_length(library, 4096)))
		return false;
	if (!take(state->socket, sizeof state->socket, &socket_len, socket, n))
		return false;
	state->socket_len = socket_len; /* set last: it says that the rest is there */
	return true;
}

/* Takes LIBRARY away from the head of LD_PRELOAD; true when nothing is left of the variable. */
static bool strip_preload(const struct ad_state *state, char *entry)
{
	char *value = entry + 11;
	if (!ad_begins(value, state->library))
		return false;
	char *after = value + state->library_len;
	if (*after == '\0')
		return true;
	if (*after != ':' && *after != ' ')
		return false;
	size_t len = ad_length(after + 1, SIZE_MAX);
	memmove(value, after + 1, len);
	memset(value + len, 0, state->library_len + 1u);
	return false;
}

/* Removes our variables, in place: the vector on the stack is the one that the program gets. */
static void hide(const struct ad_state *state, char **envp)
{
	char **to = envp;
	for (char **from = envp; *from != NULL; from++) {
		bool ours = ad_begins(*from, AD_VARIABLE "=") || ad_begins(*from, AD_SITES "=");
		if (ad_begins(*from, "LD_PRELOAD="))
			ours = strip_preload(state, *from);
		if (ours)
			memset(*from, 0, ad_length(*from, SIZE_MAX)); /* /proc/PID/environ */
		else
			*to++ = *from;
	}
	*to = NULL;
}

/* May this process change a file or directory, be it after changing its mode? */
static bool may_change(const char *path)
{
	struct stat st;
	long writes = ad_sys3(__NR_faccessat, AD_AT_FDCWD, path, W_OK);
	if (writes == 0 || writes == -EROFS)
		return writes == 0;
	return ad_sys4(__NR_newfstatat, AD_AT_FDCWD, path, &st, 0) == 0 && (long)st.st_uid == ad_sys0(__NR_geteuid);
}

/* Looks whether the shim's file or a directory on the way to it is this process's to change. */
static void look_home(struct ad_state *state)
{
	char path[sizeof state->library];
	size_t len = state->library_len;
	memcpy(path, state->library, len + 1);
	state->exposed = may_change(path);
	while (len > 0) {
		while (len > 0 && path[--len] != '/')
			;
		path[len > 0 ? len : 1] = '\0';
		if (state->home_len == 0)
			state->home_len = (uint16_t)len;
		state->exposed = state->exposed || may_change(path);
	}
}

static bool has_openat2(void)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {0, 0, 0};
	return ad_sys4(__NR_openat2, -1, "x", &how, sizeof how) == -EBADF;
}

/* Makes the state read-only; not on arm64 kernels with larger pages, where it isn't alone in its page. */
static void seal(struct ad_state *state)
{
	unsigned char resident[1];
	uintptr_t odd = ((uintptr_t)state & ~(uintptr_t)0xffff) + AD_PAGE;
	if (ad_sys3(__NR_mincore, odd, 1, resident) != -EINVAL) /* EINVAL: not a page's address */
		ad_sys3(__NR_mprotect, state, sizeof *state, PROT_READ);
}

void ad_start(char **envp)
{
	struct ad_state *state = &ad_state;
	if (envp == NULL || state->socket_len != 0)
		return;
	bool known = false;
	for (char **entry = envp; *entry != NULL && !known; entry++)
		known = ad_begins(*entry, AD_VARIABLE "=") && read_variable(state, *entry);
	if (!known)
		return;
	state->openat2 = has_openat2();
	look_home(state);
	for (char **entry = envp; *entry != NULL; entry++)
		if (ad_begins(*entry, AD_SITES "="))
			state->known = *entry + sizeof AD_SITES;
	state->patched = ad_patch() > 0;
	state->sites[state->sites_len] = '\0';
	state->known = NULL;
	if (state->patched) /* else the library's own children wouldn't get them back */
		hide(state, envp);
	int error = ad_hello(state, state->patched ? AD_PATCHED : 0);
	while (error < 0 && state->closed)
		ad_sys1(__NR_exit_group, 126);
	seal(state);
}

/* glibc's loader gives constructors main's arguments; musl's gives none, but has set environ by then. */
__attribute__((constructor)) static void construct(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	if (gnu_get_libc_version == NULL)
		envp = &environ == NULL ? NULL : environ;
	ad_start(envp);
}
