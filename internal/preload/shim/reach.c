/*
 * reach.c - getting hold of a file, learning its real name, and judging that name.
 *
 * Between a look at a path and its use by the kernel anybody can exchange a link or a directory. So a file is first
 * opened with O_PATH, which reads nothing and has no side effect; the kernel tells the name of what was found; and what
 * the program wanted is then done with that descriptor, not with the path.
 */
#include <asm/fcntl.h>
#include <asm/stat.h>

#include "shim.h"

#define DUPFD_CLOEXEC 1030 /* F_DUPFD_CLOEXEC */
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define DELETED " (deleted)"

/*
 * The program's own descriptors must get the numbers they would have without us (a shell closes 0 and expects the next
 * open to be 0), so ours move out of the way.
 */
static int lift(int fd)
{
	static const int floors[] = {700, 200, 50};
	for (unsigned i = 0; i < sizeof floors / sizeof floors[0]; i++) {
		long high = ad_sys3(__NR_fcntl, fd, DUPFD_CLOEXEC, floors[i]);
		if (high >= 0) {
			ad_sys1(__NR_close, fd);
			return (int)high;
		}
	}
	return fd;
}

int ad_reach(int dirfd, const char *path, unsigned flags, uint64_t resolve)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = {flags | AD_O_PATH | AD_O_CLOEXEC, 0, resolve};
	long fd = resolve == 0 ? ad_sys4(__NR_openat, dirfd, path, how.flags, 0)
			       : ad_sys4(__NR_openat2, dirfd, path, &how, sizeof how);
	return fd < 0 ? (int)fd : lift((int)fd);
}

void ad_fd_path(char to[40], int fd)
{
	memcpy(to, "/proc/self/fd/", 14);
	ad_decimal(to + 14, (unsigned long)fd);
}

int ad_name(struct ad_path_buf *to, int fd, int dirfd, const char *path)
{
	if (ad_path_of_fd(to, fd) == 0)
		return 0;
	ad_path_lexical(to, dirfd, path, ad_length(path, AD_TEXT_MAX));
	return 1;
}

bool ad_listed(unsigned access)
{
	uint8_t mode = ad_mode(&ad_state, AD_OPEN);
	return access != 0 && mode != AD_OFF && (mode == AD_ASK || ad_lists_open(&ad_state, access));
}

bool ad_is_directory(int fd)
{
	struct stat st;
	return ad_sys2(__NR_fstat, fd, &st) == 0 && (st.st_mode & S_IFMT) == S_IFDIR;
}

/* Has the file several names? fd may be -1 for a file that is still to be made. */
static bool several_names(int fd, struct ad_inode *inode)
{
	struct stat st;
	if (fd < 0 || ad_sys2(__NR_fstat, fd, &st) < 0 || (st.st_mode & S_IFMT) != S_IFREG || st.st_nlink < 2)
		return false;
	*inode = (struct ad_inode){st.st_dev, st.st_ino};
	return true;
}

static int ask_open(int fd, const char *name, unsigned access, unsigned flags)
{
	struct ad_inode inode;
	struct ad_ask ask = {
		.kind = AD_OPEN, .access = (uint8_t)access, .dirfd = AD_AT_FDCWD, .flags = flags, .text = name};
	if (several_names(fd, &inode)) {
		ask.addr = &inode;
		ask.addr_len = sizeof inode;
	}
	return ad_ask(&ask);
}

int ad_judge_names(int fd, const char *name, unsigned access, unsigned flags)
{
	struct ad_inode inode;
	return several_names(fd, &inode) ? ask_open(fd, name, access, flags) : 0;
}

int ad_judge(int fd, const struct ad_path_buf *name, bool sure, unsigned access, unsigned flags)
{
	size_t len = name->len;
	if (len == 0 || name->text[0] != '/') /* a pipe or its like, reached through /proc/self/fd */
		return 0;
	int error = ad_guard_path(name->text, access);
	if (error < 0 || !ad_listed(access))
		return error;
	if (len > sizeof DELETED && ad_equal(name->text + len + 1 - sizeof DELETED, DELETED))
		len -= sizeof DELETED - 1;
	if (sure && ad_mode(&ad_state, AD_OPEN) == AD_LIST &&
	    ad_say_open(&ad_state, name->text, len, access) == AD_SAY_ALLOW)
		return ad_judge_names(fd, name->text, access, flags);
	return ask_open(fd, name->text, access, flags);
}

int ad_place(struct ad_place *place, int dirfd, const char *path, uint64_t resolve)
{
	size_t end = ad_length(path, AD_TEXT_MAX);
	size_t stop = end;
	while (stop > 0 && path[stop - 1] == '/')
		stop--;
	size_t start = stop;
	while (start > 0 && path[start - 1] != '/')
		start--;
	size_t len = end - start;
	bool dots = (stop - start == 1 && path[start] == '.') ||
		    (stop - start == 2 && path[start] == '.' && path[start + 1] == '.');
	if (stop == start || dots || len >= sizeof place->last || end == AD_TEXT_MAX)
		return 1;
	memcpy(place->last, path + start, len);
	place->last[len] = '\0';
	struct ad_path_buf parent;
	ad_path_init(&parent);
	bool fits = start == 0 ? ad_path_add(&parent, ".", 1) : ad_path_add(&parent, path, start);
	place->dir = fits ? ad_reach(dirfd, parent.text, O_DIRECTORY, resolve) : -ENAMETOOLONG;
	ad_path_free(&parent);
	return place->dir < 0 ? place->dir : 0;
}

/* The place's full name; whether it is sure. */
static bool place_name(struct ad_path_buf *name, const struct ad_place *place, bool *fits)
{
	bool sure = ad_path_of_fd(name, place->dir) == 0;
	size_t len = ad_length(place->last, sizeof place->last);
	while (len > 0 && place->last[len - 1] == '/')
		len--;
	*fits = (name->len == 1 || ad_path_add(name, "/", 1)) && ad_path_add(name, place->last, len);
	return sure;
}

int ad_judge_place(const struct ad_place *place, unsigned access, unsigned flags)
{
	struct ad_path_buf name;
	bool fits;
	ad_path_init(&name);
	bool sure = place_name(&name, place, &fits);
	int error = fits ? ad_judge(-1, &name, sure, access, flags) : -ENAMETOOLONG;
	ad_path_free(&name);
	return error;
}

int ad_judge_moved(const struct ad_place *place)
{
	struct ad_path_buf name;
	char denied[AD_PATH_SMALL];
	bool fits;
	ad_path_init(&name);
	place_name(&name, place, &fits);
	int error = fits ? ad_guard_moved(name.text, name.len) : 0;
	if (error == 0 && fits && ad_denied_below(&ad_state, name.text, name.len, denied, sizeof denied) > 0) {
		struct ad_ask ask = {
			.kind = AD_OPEN, .access = AD_READ | AD_WRITE, .dirfd = AD_AT_FDCWD, .text = denied};
		error = ad_ask(&ask);
	}
	ad_path_free(&name);
	return error;
}
