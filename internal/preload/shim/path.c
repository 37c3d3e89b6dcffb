/*
 * path.c - names of files: looking at what a program gave, and asking the kernel what it means.
 */
#include "shim.h"

#define AT_FDCWD (-100)
#define PROT_RW 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define LONG (2 * AD_TEXT_MAX + 512)

/* Nearly all names fit into the buffer itself; the rare long one gets a mapping. */
void ad_path_init(struct ad_path_buf *path)
{
	path->text = path->small;
	path->room = sizeof path->small;
	path->len = 0;
	path->small[0] = '\0';
}

void ad_path_free(struct ad_path_buf *path)
{
	if (path->text != path->small)
		ad_sys2(__NR_munmap, path->text, path->room);
	ad_path_init(path);
}

static bool grow(struct ad_path_buf *path)
{
	long at = ad_sys6(__NR_mmap, 0, LONG, PROT_RW, MAP_PRIVATE_ANONYMOUS, -1, 0);
	if (at < 0 && at > -4096)
		return false;
	memcpy((char *)at, path->text, path->len + 1);
	path->text = (char *)at;
	path->room = LONG;
	return true;
}

bool ad_path_add(struct ad_path_buf *path, const char *text, size_t len)
{
	if (len >= path->room - path->len && path->text == path->small && !grow(path))
		return false;
	if (len >= path->room - path->len)
		return false;
	memcpy(path->text + path->len, text, len);
	path->len += len;
	path->text[path->len] = '\0';
	return true;
}

/* The component that begins at s ends where? */
static size_t component(const char *s)
{
	size_t n = 0;
	while (s[n] != '\0' && s[n] != '/')
		n++;
	return n;
}

struct ad_path_look ad_path_looks(const char *path)
{
	struct ad_path_look look = {.absolute = path[0] == '/'};
	size_t at = 0;
	while (path[at] != '\0' && at < AD_TEXT_MAX) {
		if (path[at] == '/') {
			at++;
			continue;
		}
		size_t n = component(path + at);
		if (n == 2 && path[at] == '.' && path[at + 1] == '.')
			look.up = true;
		if (ad_number(path + at) >= 0)
			look.number = true;
		look.slash = n == 1 && path[at] == '.';
		at += n;
	}
	look.len = at;
	look.slash = look.slash || (at > 0 && path[at - 1] == '/');
	return look;
}

/* Adds path's components, without empty ones and single dots. */
static bool add_clean(struct ad_path_buf *to, const char *path, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n = 0;
		while (at + n < len && path[at + n] != '/')
			n++;
		if (n > 0 && !(n == 1 && path[at] == '.')) {
			bool root = to->len == 1 && to->text[0] == '/';
			if ((!root && !ad_path_add(to, "/", 1)) || !ad_path_add(to, path + at, n))
				return false;
		}
		at += n + 1;
	}
	return to->len > 0 || ad_path_add(to, "/", 1);
}

int ad_path_of_fd(struct ad_path_buf *to, int fd)
{
	char link[40];
	memcpy(link, "/proc/self/fd/", 14);
	ad_decimal(link + 14, (unsigned long)fd);
	to->len = 0;
	long n = ad_sys4(__NR_readlinkat, AT_FDCWD, link, to->text, to->room - 1);
	if (n >= (long)to->room - 1 && to->text == to->small) {
		to->text[0] = '\0';
		if (!grow(to))
			return -ENOMEM;
		n = ad_sys4(__NR_readlinkat, AT_FDCWD, link, to->text, to->room - 1);
	}
	if (n < 0) {
		to->text[0] = '\0';
		return (int)n;
	}
	to->len = (size_t)n;
	to->text[n] = '\0';
	return 0;
}

/* The working directory's name; not its own when it is out of reach. */
static int add_cwd(struct ad_path_buf *to)
{
	long n = ad_sys2(__NR_getcwd, to->text, to->room);
	if (n == -ERANGE && to->text == to->small && grow(to))
		n = ad_sys2(__NR_getcwd, to->text, to->room);
	if (n < 0)
		return (int)n;
	to->len = (size_t)n - 1; /* the kernel counts the NUL */
	return to->text[0] == '/' ? 0 : -ENOENT;
}

int ad_path_lexical(struct ad_path_buf *to, int dirfd, const char *path, size_t len)
{
	int error = 0;
	to->len = 0;
	to->text[0] = '\0';
	if (path[0] != '/')
		error = dirfd == AT_FDCWD ? add_cwd(to) : ad_path_of_fd(to, dirfd);
	if (error < 0)
		return error;
	if (to->len > 0 && to->text[0] != '/')
		return -ENOTDIR;
	return add_clean(to, path, len) ? 0 : -ENAMETOOLONG;
}
