/*
 * files.c - opening files.
 *
 * Most opens take the short way: the path as given, made absolute, has no "..", and the kernel is asked to open it
 * without following any link (openat2, RESOLVE_NO_SYMLINKS); if that works, the name is the file's real one. All else
 * goes the long way: reach the file (reach.c), judge its real name, open it again through the descriptor.
 */
#include <asm/fcntl.h>

#include "shim.h"

#ifndef O_LARGEFILE
#error "asm/fcntl.h names O_LARGEFILE"
#endif

#define TMPFILE_BIT 020000000
#define RESOLVE_NO_SYMLINKS 4u
#define ACCESS_MODE 3u
#define MADE_MEANWHILE 16
#define CREATE_LINKS 8 /* dangling links followed when a file is made */
/* What the kernel knows of open's flags; it ignores the rest, but openat2 refuses it. */
#define KNOWN_FLAGS                                                                                                    \
	(ACCESS_MODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC |     \
	 O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | AD_O_PATH | TMPFILE_BIT)
#define PATH_FLAGS (AD_O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct how {
	uint64_t flags, mode, resolve;
};

struct request {
	int dirfd;
	const char *path;
	struct how how;
	unsigned access;
	bool listed; /* the lists may say something; else only the Defender's own files matter */
};

static bool makes(const struct request *r)
{
	return (r->how.flags & O_CREAT) != 0;
}

static bool makes_unnamed(const struct request *r)
{
	return (r->how.flags & TMPFILE_BIT) != 0;
}

static unsigned access_of(uint64_t flags)
{
	static const unsigned by_mode[4] = {AD_READ, AD_WRITE, AD_READ | AD_WRITE, AD_READ | AD_WRITE};
	if ((flags & AD_O_PATH) != 0)
		return 0;
	unsigned access = by_mode[flags & ACCESS_MODE];
	return (flags & (O_TRUNC | TMPFILE_BIT)) != 0 ? access | AD_WRITE : access;
}

/* Reads the call's arguments; false when only the kernel can say what is wrong with them. */
static bool read_request(const struct ad_call *call, struct request *r)
{
	const long *a = call->a;
	*r = (struct request){.dirfd = AD_AT_FDCWD};
	switch (call->nr) {
#ifdef __NR_open
	case __NR_open:
		r->path = (const char *)a[0];
		r->how = (struct how){(uint32_t)a[1], (uint32_t)a[2], 0};
		break;
	case __NR_creat:
		r->path = (const char *)a[0];
		r->how = (struct how){O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)a[1], 0};
		break;
#endif
	case __NR_openat:
		r->dirfd = (int)a[0];
		r->path = (const char *)a[1];
		r->how = (struct how){(uint32_t)a[2], (uint32_t)a[3], 0};
		break;
	default: /* openat2 */
		r->dirfd = (int)a[0];
		r->path = (const char *)a[1];
		if (ad_foreign((const void *)a[2]) || a[3] != (long)sizeof r->how)
			return false;
		memcpy(&r->how, (const void *)a[2], sizeof r->how);
		break;
	}
	r->how.flags &= KNOWN_FLAGS;
	if ((r->how.flags & AD_O_PATH) != 0)
		r->how.flags &= PATH_FLAGS;
	r->how.mode = makes(r) || makes_unnamed(r) ? r->how.mode & 07777 : 0;
	r->access = access_of(r->how.flags);
	return !ad_foreign(r->path);
}

static long open_at(int dirfd, const char *path, const struct how *how)
{
	if (how->resolve == 0)
		return ad_sys4(__NR_openat, dirfd, path, how->flags, how->mode);
	return ad_sys4(__NR_openat2, dirfd, path, how, sizeof *how);
}

/*
 * The file doesn't exist and is to be made: in a directory that is held, and with O_EXCL, which follows no link and
 * leaves no trace in the descriptor's flags. -EAGAIN: somebody else made it meanwhile.
 */
static long open_new(const struct request *request)
{
	struct request r = *request;
	char target[AD_PATH_SMALL];
	long result = -ELOOP;
	int from = -1;
	for (int i = 0; i < CREATE_LINKS; i++) {
		struct ad_place place;
		int error = ad_place(&place, r.dirfd, r.path, r.how.resolve);
		if (from >= 0)
			ad_sys1(__NR_close, from);
		if (error != 0)
			return error < 0 ? error : open_at(request->dirfd, request->path, &request->how);
		from = place.dir;
		result = ad_judge_place(&place, r.access | AD_WRITE, (unsigned)r.how.flags);
		if (result == 0)
			result = ad_sys4(__NR_openat, place.dir, place.last, r.how.flags | O_EXCL, r.how.mode);
		if (result != -EEXIST || (r.how.flags & O_EXCL) != 0)
			break;
		long n = ad_sys4(__NR_readlinkat, place.dir, place.last, target, sizeof target - 1);
		result = n < 0 ? -EAGAIN : -ELOOP;
		if (n < 0 || n >= (long)sizeof target - 1 || (r.how.flags & O_NOFOLLOW) != 0)
			break;
		target[n] = '\0'; /* a link that leads nowhere: the file is made where it leads */
		r.dirfd = place.dir;
		r.path = target;
	}
	ad_sys1(__NR_close, from);
	return result;
}

/* Opens what fd holds the way the program wanted. */
static long open_again(const struct request *r, int fd)
{
	char path[40];
	struct how how = r->how;
	how.resolve = 0;
	how.flags &= ~(uint64_t)(O_CREAT | O_EXCL);
	ad_fd_path(path, fd);
	if (makes(r) && ad_is_directory(fd))
		return -EISDIR;
	return open_at(AD_AT_FDCWD, path, &how);
}

static long open_judged(const struct request *r, int fd)
{
	struct ad_path_buf name;
	ad_path_init(&name);
	bool sure = ad_name(&name, fd, r->dirfd, r->path) == 0;
	long result = ad_judge(fd, &name, sure, r->access, (unsigned)r->how.flags);
	ad_path_free(&name);
	if (result < 0)
		return result;
	/* Without /proc there is no way from the descriptor to a second open. */
	return sure ? open_again(r, fd) : open_at(r->dirfd, r->path, &r->how);
}

/*
 * With O_NOFOLLOW the second open can't go through /proc/self/fd, which is a link; it goes by the held directory, where
 * the name isn't followed either, or for a directory by its ".".
 */
static long open_unfollowed(const struct request *r, int fd)
{
	struct ad_place place;
	struct ad_path_buf name;
	if (ad_is_directory(fd)) {
		long denied = 0;
		ad_path_init(&name);
		if (ad_path_of_fd(&name, fd) == 0)
			denied = ad_judge(fd, &name, true, r->access, (unsigned)r->how.flags);
		ad_path_free(&name);
		if (denied == 0 && makes(r))
			denied = -EISDIR;
		return denied < 0 ? denied : ad_sys4(__NR_openat, fd, ".", r->how.flags, r->how.mode);
	}
	int error = ad_place(&place, r->dirfd, r->path, r->how.resolve);
	if (error != 0)
		return error < 0 ? error : open_at(r->dirfd, r->path, &r->how);
	long result = ad_judge_place(&place, r->access, (unsigned)r->how.flags);
	ad_path_init(&name);
	if (result == 0 && ad_path_of_fd(&name, fd) == 0)
		result = ad_judge_names(fd, name.text, r->access, (unsigned)r->how.flags);
	ad_path_free(&name);
	if (result == 0)
		result = ad_sys4(__NR_openat, place.dir, place.last, r->how.flags, r->how.mode);
	ad_sys1(__NR_close, place.dir);
	return result;
}

static long open_held(const struct request *r)
{
	bool exclusive = makes(r) && (r->how.flags & O_EXCL) != 0;
	unsigned flags = (unsigned)r->how.flags & (O_DIRECTORY | O_NOFOLLOW);
	int fd = ad_reach(r->dirfd, r->path, exclusive ? flags | O_NOFOLLOW : flags, r->how.resolve);
	if (fd == -ENOENT && makes(r))
		return open_new(r);
	if (fd < 0)
		return fd;
	long result = -EEXIST;
	if (!exclusive)
		result = (flags & O_NOFOLLOW) != 0 ? open_unfollowed(r, fd) : open_judged(r, fd);
	ad_sys1(__NR_close, fd);
	return result;
}

/* Combinations of flags that some kernels refuse before they look at the path. */
static bool refused(const struct how *how)
{
	bool odd = (how->flags & TMPFILE_BIT) != 0 || (how->flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY);
	return odd && ad_sys4(__NR_openat, -1, "x", how->flags, how->mode) == -EINVAL;
}

static long open_long(const struct request *r)
{
	long result = refused(&r->how) ? -EINVAL : -EAGAIN;
	for (int i = 0; i < MADE_MEANWHILE && result == -EAGAIN; i++)
		result = open_held(r);
	return result;
}

/* What the short way can't say for sure: there is a link, or a relative path needs rights its absolute form hasn't. */
static bool settled(long result, bool absolute)
{
	return result >= 0 || (absolute && result != -ELOOP && result != -EAGAIN);
}

/* Opened by the short way; a file with several names is judged once more, by its inode. */
static long check_names(const struct request *r, const struct ad_path_buf *name, long fd)
{
	if (fd < 0 || !r->listed)
		return fd;
	int error = ad_judge_names((int)fd, name->text, r->access, (unsigned)r->how.flags);
	if (error == 0)
		return fd;
	ad_sys1(__NR_close, fd);
	return error;
}

/* The short way; false when it doesn't lead there. */
static bool open_short(const struct request *r, const struct ad_path_look *look, struct ad_path_buf *name, long *result)
{
	struct how how = r->how;
	unsigned access = makes(r) ? r->access | AD_WRITE : r->access;
	bool kept = ad_keeps(access);
	bool named = r->listed || look->number || kept;
	how.resolve = RESOLVE_NO_SYMLINKS;
	if ((how.flags & AD_O_PATH) == 0)
		how.flags |= O_LARGEFILE; /* openat adds it by itself */
	if (named) {
		if (look->slash || ad_path_lexical(name, r->dirfd, r->path, look->len) < 0)
			return false;
		if (r->listed && (ad_mode(&ad_state, AD_OPEN) == AD_ASK ||
				  ad_say_open(&ad_state, name->text, name->len, access) == AD_SAY_ASK))
			return false; /* the long way asks, when it knows that the file is there */
		if (kept && ad_at_home(name->text, name->len))
			return false;
		if (ad_begins(name->text, "/proc/") || ad_equal(name->text, "/proc"))
			return false;
		*result = ad_sys4(__NR_openat2, AD_AT_FDCWD, name->text, &how, sizeof how);
	} else {
		if (!ad_path_add(name, r->path, look->len))
			return false;
		*result = ad_sys4(__NR_openat2, r->dirfd, name->text, &how, sizeof how);
	}
	if (!settled(*result, look->absolute))
		return false;
	*result = check_names(r, name, *result);
	return true;
}

enum ad_outcome ad_on_open(struct ad_call *call)
{
	struct request r;
	if (ad_state.table == NULL || !read_request(call, &r))
		return AD_CONTINUE;
	r.listed = ad_listed(makes(&r) ? r.access | AD_WRITE : r.access);
	if (!r.listed && !ad_protects() && !ad_keeps(r.access | AD_WRITE))
		return AD_CONTINUE;
	struct ad_path_look look = ad_path_looks(r.path);
	if (look.len == 0 || look.len >= AD_TEXT_MAX)
		return AD_CONTINUE;
	if (look.slash && makes(&r)) /* never a file that can be made: the kernel says what is wrong */
		return AD_CONTINUE;
	struct ad_path_buf name;
	ad_path_init(&name);
	long result = 0;
	bool done = ad_state.openat2 && !look.up && r.how.resolve == 0 && open_short(&r, &look, &name, &result);
	ad_path_free(&name);
	return ad_result(call, done ? result : open_long(&r));
}
