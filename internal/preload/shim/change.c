/*
 * change.c - making, removing, renaming and altering files by path.
 *
 * Calls that act on a name (unlink, rename, mkdir, ...) are made relative to a held directory; calls that act on the
 * file behind the name (truncate, chmod, ...) are made on the held file, through /proc/self/fd.
 */
#include <asm/fcntl.h>

#include "shim.h"

#define AT_REMOVEDIR 0x200
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_SYMLINK_FOLLOW 0x400
#define AT_EMPTY_PATH 0x1000
#define MS_BIND 4096
#define MS_MOVE 8192

/* The call in its *at form, and which arguments are what. */
struct change {
	long nr;
	long a[5];
	bool two;      /* a second directory and name at 2 and 3 */
	bool follows;  /* it acts on the file that a final link leads to */
	int path;      /* index of the path; the directory is before it, or there is none (path 0) */
	unsigned from; /* access to the first path; 0: it is not judged */
};

static bool at_form(const struct ad_call *call, struct change *c)
{
	const long *a = call->a;
	const long here = AD_AT_FDCWD;
	(void)here; /* arm64 has only the *at forms */
	switch (call->nr) {
#ifdef __NR_unlink
	case __NR_unlink:
		*c = (struct change){__NR_unlinkat, {here, a[0], 0}, false, false, 1, AD_WRITE};
		return true;
	case __NR_rmdir:
		*c = (struct change){__NR_unlinkat, {here, a[0], AT_REMOVEDIR}, false, false, 1, AD_WRITE};
		return true;
	case __NR_mkdir:
		*c = (struct change){__NR_mkdirat, {here, a[0], a[1]}, false, false, 1, AD_WRITE};
		return true;
	case __NR_mknod:
		*c = (struct change){__NR_mknodat, {here, a[0], a[1], a[2]}, false, false, 1, AD_WRITE};
		return true;
	case __NR_rename:
		*c = (struct change){__NR_renameat2, {here, a[0], here, a[1], 0}, true, false, 1, AD_WRITE};
		return true;
	case __NR_link:
		*c = (struct change){__NR_linkat, {here, a[0], here, a[1], 0}, true, false, 1, AD_READ | AD_WRITE};
		return true;
	case __NR_symlink:
		*c = (struct change){__NR_symlinkat, {a[0], here, a[1]}, false, false, 2, AD_WRITE};
		return true;
	case __NR_chmod:
	case __NR_chown:
	case __NR_utime:
	case __NR_utimes:
		*c = (struct change){call->nr, {a[0], a[1], a[2]}, false, true, 0, AD_WRITE};
		return true;
	case __NR_lchown:
		*c = (struct change){__NR_fchownat, {here, a[0], a[1], a[2], AT_SYMLINK_NOFOLLOW}, false, false, 1, AD_WRITE};
		return true;
	case __NR_futimesat:
		*c = (struct change){call->nr, {a[0], a[1], a[2]}, false, true, 1, AD_WRITE};
		return true;
#endif
#ifdef __NR_renameat
	case __NR_renameat:
		*c = (struct change){__NR_renameat2, {a[0], a[1], a[2], a[3], 0}, true, false, 1, AD_WRITE};
		return true;
#endif
	case __NR_unlinkat:
	case __NR_mkdirat:
	case __NR_mknodat:
		*c = (struct change){call->nr, {a[0], a[1], a[2], a[3]}, false, false, 1, AD_WRITE};
		return true;
	case __NR_renameat2:
		*c = (struct change){call->nr, {a[0], a[1], a[2], a[3], a[4]}, true, false, 1, AD_WRITE};
		return true;
	case __NR_linkat:
		*c = (struct change){call->nr, {a[0], a[1], a[2], a[3], a[4]}, true, false, 1, AD_READ | AD_WRITE};
		return true;
	case __NR_symlinkat:
		*c = (struct change){call->nr, {a[0], a[1], a[2]}, false, false, 2, AD_WRITE};
		return true;
	case __NR_truncate:
	case __NR_setxattr:
	case __NR_removexattr:
		*c = (struct change){call->nr, {a[0], a[1], a[2], a[3], a[4]}, false, true, 0, AD_WRITE};
		return true;
	case __NR_fchmodat: /* the kernel's has no flags */
		*c = (struct change){call->nr, {a[0], a[1], a[2]}, false, true, 1, AD_WRITE};
		return true;
	case __NR_fchmodat2:
	case __NR_utimensat:
		*c = (struct change){call->nr, {a[0], a[1], a[2], a[3]}, false, (a[3] & AT_SYMLINK_NOFOLLOW) == 0, 1, AD_WRITE};
		return true;
	case __NR_fchownat:
		*c = (struct change){call->nr, {a[0], a[1], a[2], a[3], a[4]}, false, (a[4] & AT_SYMLINK_NOFOLLOW) == 0, 1,
				     AD_WRITE};
		return true;
	default: /* lsetxattr, lremovexattr: no *at form that old kernels have */
		*c = (struct change){call->nr, {a[0], a[1], a[2], a[3], a[4]}, false, false, 0, AD_WRITE};
		return true;
	}
}

static long run(const struct change *c)
{
	return ad_sys5(c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4]);
}

/* Judges the file itself and gives the path to act on it. The result is a descriptor to close, or -errno. */
static int hold_file(const struct change *c, char path[40], unsigned nofollow)
{
	int dirfd = c->path == 0 ? AD_AT_FDCWD : (int)c->a[c->path - 1];
	const char *given = (const char *)c->a[c->path];
	struct ad_path_buf name;
	int fd = ad_reach(dirfd, given, nofollow, 0);
	if (fd < 0)
		return fd;
	ad_path_init(&name);
	bool sure = ad_name(&name, fd, dirfd, given) == 0;
	int error = ad_judge(fd, &name, sure, c->from, 0);
	ad_path_free(&name);
	if (error == 0 && !sure)
		error = 1;
	if (error != 0) {
		ad_sys1(__NR_close, fd);
		return error < 0 ? error : -EOPNOTSUPP;
	}
	ad_fd_path(path, fd);
	return fd;
}

static long on_file(struct change *c)
{
	char path[40];
	int fd = hold_file(c, path, 0);
	if (fd < 0)
		return fd;
	c->a[c->path] = (long)path;
	if (c->path > 0)
		c->a[c->path - 1] = AD_AT_FDCWD;
	long result = run(c);
	ad_sys1(__NR_close, fd);
	return result;
}

/* Replaces directory and path at an index by a held place; judged. 1: the kernel will refuse the path as it is. */
static int hold_place(struct change *c, int index, unsigned access, struct ad_place *place)
{
	int error = ad_place(place, (int)c->a[index - 1], (const char *)c->a[index], 0);
	if (error != 0)
		return error;
	error = ad_judge_place(place, access, 0);
	if (error == 0 && c->nr == __NR_renameat2)
		error = ad_judge_moved(place);
	if (error < 0) {
		ad_sys1(__NR_close, place->dir);
		return error;
	}
	c->a[index - 1] = place->dir;
	c->a[index] = (long)place->last;
	return 0;
}

static long on_place(struct change *c)
{
	struct ad_place place;
	int error = hold_place(c, c->path, c->from, &place);
	if (error < 0)
		return error;
	long result = run(c);
	if (error == 0)
		ad_sys1(__NR_close, place.dir);
	return result;
}

static long on_two_places(struct change *c)
{
	struct ad_place first, second;
	int one = hold_place(c, 1, c->from, &first);
	if (one != 0)
		return one < 0 ? one : run(c);
	int two = hold_place(c, 3, AD_WRITE, &second);
	long result = two < 0 ? two : run(c);
	ad_sys1(__NR_close, first.dir);
	if (two == 0)
		ad_sys1(__NR_close, second.dir);
	return result;
}

/* linkat names the old file, or what a link of that name leads to, or a descriptor: it is held in any case. */
static long on_link(struct change *c)
{
	struct ad_place second;
	char path[40];
	bool empty = (c->a[4] & AT_EMPTY_PATH) != 0 && *(const char *)c->a[1] == '\0';
	if (empty) { /* needs a privilege that makes rules of paths moot */
		return run(c);
	}
	int fd = hold_file(c, path, (c->a[4] & AT_SYMLINK_FOLLOW) != 0 ? 0 : O_NOFOLLOW);
	if (fd < 0)
		return fd;
	int error = hold_place(c, 3, AD_WRITE, &second);
	long result = error;
	if (error >= 0) {
		c->a[0] = AD_AT_FDCWD;
		c->a[1] = (long)path;
		c->a[4] = AT_SYMLINK_FOLLOW;
		result = run(c);
	}
	if (error == 0)
		ad_sys1(__NR_close, second.dir);
	ad_sys1(__NR_close, fd);
	return result;
}

/* Judged by name only: there is no way to act on a held link. */
static long on_name(const struct change *c)
{
	char path[40];
	int fd = hold_file(c, path, O_NOFOLLOW);
	if (fd < 0)
		return fd;
	long result = run(c);
	ad_sys1(__NR_close, fd);
	return result;
}

static bool readable(const struct change *c)
{
	return !ad_foreign((const void *)c->a[c->path]) && (!c->two || !ad_foreign((const void *)c->a[3]));
}

enum ad_outcome ad_on_change(struct ad_call *call)
{
	struct change c;
	if (ad_state.table == NULL || !(ad_listed(AD_WRITE) || ad_listed(AD_READ) || ad_keeps(AD_WRITE)))
		return AD_CONTINUE;
	if (!at_form(call, &c) || !(ad_listed(c.from) || ad_keeps(c.from)) || !readable(&c) || *(const char *)c.a[c.path] == '\0')
		return AD_CONTINUE;
	if (c.nr == __NR_symlinkat && (ad_foreign((const void *)c.a[0]) || *(const char *)c.a[0] == '\0'))
		return AD_CONTINUE; /* refused for that before anything else */
	if (c.nr == __NR_linkat)
		return ad_result(call, on_link(&c));
	if (c.two)
		return ad_result(call, on_two_places(&c));
	if (c.path == 0)
		return ad_result(call, c.follows ? on_file(&c) : on_name(&c));
	return ad_result(call, c.follows ? on_file(&c) : on_place(&c));
}

/* A file that is open for reading can get another mode and owner, and then nobody can load it. */
enum ad_outcome ad_on_held(struct ad_call *call)
{
	struct ad_path_buf name;
	if (!ad_keeps(AD_WRITE))
		return AD_CONTINUE;
	ad_path_init(&name);
	int error = ad_path_of_fd(&name, (int)call->a[0]) == 0 ? ad_guard_path(name.text, AD_WRITE) : 0;
	ad_path_free(&name);
	return error < 0 ? ad_result(call, error) : AD_CONTINUE;
}

/* A directory that is mounted elsewhere has other names from then on: that counts as reading and writing it. */
enum ad_outcome ad_on_mount(struct ad_call *call)
{
	bool tree = call->nr == __NR_open_tree;
	struct change c = {.a = {AD_AT_FDCWD, call->a[tree]}, .path = 1, .from = AD_READ | AD_WRITE};
	char path[40];
	if (tree)
		c.a[0] = call->a[0];
	else if ((call->a[3] & (MS_BIND | MS_MOVE)) == 0)
		return AD_CONTINUE;
	if (ad_state.table == NULL || !(ad_listed(c.from) || ad_protects()) || !readable(&c))
		return AD_CONTINUE;
	int fd = hold_file(&c, path, 0);
	if (fd == -EACCES || fd == -EPERM)
		return ad_result(call, fd);
	if (fd >= 0)
		ad_sys1(__NR_close, fd);
	return AD_CONTINUE;
}

/* A working directory below /proc of a protected process would make its files nameable without its number. */
enum ad_outcome ad_on_chdir(struct ad_call *call)
{
	const char *path = (const char *)call->a[0];
	struct ad_path_buf name;
	char link[40];
	if (!ad_protects() || ad_foreign(path))
		return AD_CONTINUE;
	int fd = ad_reach(AD_AT_FDCWD, path, O_DIRECTORY, 0);
	if (fd < 0)
		return ad_result(call, fd);
	ad_path_init(&name);
	long result = ad_path_of_fd(&name, fd) == 0 ? ad_guard_path(name.text, AD_READ) : 0;
	ad_path_free(&name);
	ad_fd_path(link, fd);
	if (result == 0)
		result = call->nr == __NR_chdir ? ad_sys1(__NR_fchdir, fd) : ad_sys1(__NR_chroot, link);
	ad_sys1(__NR_close, fd);
	return ad_result(call, result);
}
