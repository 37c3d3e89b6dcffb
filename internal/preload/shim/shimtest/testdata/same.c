/*
 * same.c - random file calls, each made twice: through the gate in one directory, plainly in another. Results, errors
 * and numbers of descriptors must be the same. Arguments: SOCKET SEED COUNT DIRECTORY.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim.h"

struct ad_state ad_state;

static unsigned long seed;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % n;
}

static const char *const names[] = {
	"a", "b", "c", "dir", "dir/a", "dir/b", "dir/sub", "dir/sub/a", "./a", "dir/../a", "dir//sub/./a", "link", "link/a",
	"loop", "dangling", "dir/link", "fifo", "none/a", "a/", "dir/", "dir/sub/../../b", "..", ".", "", "dir/.", "dangling/",
	"/dev/null", "/proc/self/fd/0", "/proc/self/status", "hard", "abs", "12/34", "12"};

static const char *name(void)
{
	return names[below(sizeof names / sizeof names[0])];
}

/* Makes the path absolute in a directory now and then. */
static const char *placed(char *to, const char *where, const char *path, bool absolute)
{
	if (!absolute || path[0] == '/' || path[0] == '\0')
		return path;
	snprintf(to, 4096, "%s/%s", where, path);
	return to;
}

static long make(bool gated, long nr, const long a[6])
{
	struct ad_call call = {nr, {a[0], a[1], a[2], a[3], a[4], a[5]}, nr};
	if (gated && ad_gate(&call) == AD_RESULT)
		return call.result;
	return ad_sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static const unsigned flag_choices[] = {
	O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_EXCL,
	O_RDWR | O_CREAT | O_APPEND, O_RDONLY | O_NOFOLLOW, O_WRONLY | O_CREAT | O_NOFOLLOW, O_RDONLY | O_DIRECTORY,
	O_RDWR | O_TRUNC, O_PATH, O_PATH | O_NOFOLLOW, O_TMPFILE | O_RDWR, O_RDONLY | O_CLOEXEC, O_RDONLY | 0x80000000u,
	O_CREAT | O_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC, O_RDONLY | O_TRUNC, O_CREAT | O_EXCL | O_RDWR};

struct step {
	long nr;
	const char *one, *two;
	unsigned flags;
	bool absolute;
};

/* One step in one directory: dir is its descriptor, where its path. */
static long act(bool gated, const struct step *s, int dir, const char *where)
{
	char one[4096], two[4096];
	const char *p = placed(one, where, s->one, s->absolute);
	const char *q = placed(two, where, s->two, s->absolute);
	switch (s->nr) {
	case __NR_openat: {
		long fd = make(gated, s->nr, (long[6]){dir, (long)p, (long)(s->flags | O_NONBLOCK), 0640});
		if (fd < 0)
			return fd;
		long flags = (long)fcntl((int)fd, F_GETFL) << 20 | (long)fcntl((int)fd, F_GETFD) << 16;
		struct stat st;
		fstat((int)fd, &st);
		flags |= (long)(st.st_mode >> 12) << 12 | fd;
		close((int)fd);
		return flags;
	}
	case __NR_unlinkat:
		return make(gated, s->nr, (long[6]){dir, (long)p, s->flags % 2 ? AT_REMOVEDIR : 0});
	case __NR_mkdirat:
		return make(gated, s->nr, (long[6]){dir, (long)p, 0750});
	case __NR_mknodat:
		return make(gated, s->nr, (long[6]){dir, (long)p, S_IFIFO | 0600, 0});
	case __NR_renameat2:
		return make(gated, s->nr, (long[6]){dir, (long)p, dir, (long)q, s->flags % 4 == 0 ? 1 : 0});
	case __NR_linkat:
		return make(gated, s->nr, (long[6]){dir, (long)p, dir, (long)q, s->flags % 2 ? AT_SYMLINK_FOLLOW : 0});
	case __NR_symlinkat:
		return make(gated, s->nr, (long[6]){(long)s->one, dir, (long)q});
	case __NR_truncate:
		return make(gated, s->nr, (long[6]){(long)p, s->flags % 100});
	case __NR_fchmodat:
		return make(gated, s->nr, (long[6]){dir, (long)p, 0600 | (s->flags & 077)});
	case __NR_fchownat:
		return make(gated, s->nr, (long[6]){dir, (long)p, getuid(), -1, s->flags % 2 ? AT_SYMLINK_NOFOLLOW : 0});
	default:
		return make(gated, __NR_utimensat, (long[6]){dir, (long)p, 0, s->flags % 2 ? AT_SYMLINK_NOFOLLOW : 0});
	}
}

static const long numbers[] = {
	__NR_openat, __NR_openat, __NR_openat, __NR_openat, __NR_openat, __NR_openat, __NR_unlinkat, __NR_mkdirat, __NR_mknodat,
	__NR_renameat2, __NR_linkat, __NR_symlinkat, __NR_truncate, __NR_fchmodat, __NR_fchownat, __NR_utimensat};

static struct step random_step(void)
{
	struct step s = {numbers[below(sizeof numbers / sizeof numbers[0])], name(), name(), 0, below(3) == 0};
	s.flags = s.nr == __NR_openat ? flag_choices[below(sizeof flag_choices / sizeof flag_choices[0])] : below(64);
	if (s.nr == __NR_truncate)
		s.absolute = true; /* it has no directory */
	return s;
}

/*
 * Steps that would leave the directory, and links to "name/": when such a link is to be opened as a new file, and the
 * name is a link to itself, the kernel finds another error first.
 */
static bool outside(const struct step *s)
{
	size_t len = strlen(s->one);
	if (s->nr == __NR_symlinkat && len > 0 && s->one[len - 1] == '/')
		return true;
	bool changes = s->nr != __NR_openat || (s->flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR)) != 0;
	return changes && (s->one[0] == '/' || s->two[0] == '/' || !strcmp(s->one, "..") || !strcmp(s->one, ".") ||
			   strstr(s->one, "/..") != NULL);
}

int main(int argc, char **argv)
{
	char where[2][2048];
	int dir[2];
	if (argc != 5)
		return 2;
	strcpy(ad_state.socket, argv[1]);
	ad_state.socket_len = (uint16_t)strlen(argv[1]);
	seed = strtoul(argv[2], NULL, 10);
	if (ad_hello(&ad_state, 0) < 0)
		return 3;
	umask(022);
	for (int i = 0; i < 2; i++) {
		snprintf(where[i], sizeof where[i], "%s/%s", argv[4], i ? "plain" : "gated");
		mkdir(where[i], 0755);
		dir[i] = open(where[i], O_RDONLY | O_DIRECTORY);
		symlinkat("dir", dir[i], "link");
		symlinkat("loop", dir[i], "loop");
		symlinkat("dir/made", dir[i], "dangling");
	}
	for (long n = strtol(argv[3], NULL, 10); n > 0; n--) {
		struct step s = random_step();
		if (outside(&s))
			continue;
		ad_state.openat2 = below(4) != 0;
		long gated = act(true, &s, dir[0], where[0]);
		long plain = act(false, &s, dir[1], where[1]);
		if (gated != plain) {
			printf("call %ld(%s, %s, %#x, absolute %d): %lx through the gate, %lx without\n", s.nr, s.one, s.two,
			       s.flags, s.absolute, (unsigned long)gated, (unsigned long)plain);
			return 1;
		}
	}
	return 0;
}
