/*
 * shim.h - what the shim's files know of each other.
 *
 * The idea: every file, process and network call of a program ends in a system call instruction, nearly always one of
 * the C library's. patch.c puts a jump at those instructions, and hooks.c interposes the library's functions in case
 * that isn't possible. Both lead to ad_gate (gate.c), which gets the number and the arguments as the kernel would, and
 * either says AD_CONTINUE (the program makes its call itself, where it always made it) or gives the result.
 *
 * Rules for everything below: no C library function, no allocation, no lock, no thread-local variable, no errno; at
 * most 4 KB of stack for an open that asks, a third of that for an exec; correct in a signal handler, a vfork child, and before the constructor ran. That is also
 * why the shim is compiled for general registers only: the system call instruction keeps all the others.
 */
#ifndef AUTODEFEND_SHIM_H
#define AUTODEFEND_SHIM_H

#include "sys.h"
#include "text.h"
#include "wire.h"

/* A system call about to be made. */
struct ad_call {
	long nr;
	long a[6];
	long result; /* what the caller gets when the answer is AD_RESULT */
};

enum ad_outcome {
	AD_CONTINUE = 0, /* the caller makes the call, with the arguments in a */
	AD_RESULT = 1    /* the call is over */
};

static inline enum ad_outcome ad_result(struct ad_call *call, long result)
{
	call->result = result;
	return AD_RESULT;
}

/* gate.c */
enum ad_outcome ad_gate(struct ad_call *call);
bool ad_gated(long nr); /* does ad_gate care about this number? */

/* What the constructor learnt. Nothing of it changes later, and its page is read-only then. */
#define AD_PAGE 4096
struct ad_state {
	const struct ad_table *table; /* NULL until the supervisor gave one: everything passes */
	uint32_t table_size;          /* bytes mapped */
	uint16_t socket_len;          /* bytes of socket */
	uint16_t library_len;
	bool openat2;                 /* the kernel has it and the sandbox permits it */
	bool closed;                  /* without a table, nothing runs */
	bool exposed;                 /* this process may change the shim's directory, or a directory above it */
	uint16_t home_len;            /* bytes of library that are its directory */
	bool patched;                 /* the C library's own system calls come to the gate */
	char socket[108];             /* name of the supervisor's abstract socket, without the leading NUL */
	char library[512];            /* path of the shim */
	const char *known;            /* known.c: the value of AD_SITES while the constructor runs, or NULL */
	uint16_t sites_len;
	char sites[2048];             /* AD_SITES=... for this process's children */
} __attribute__((aligned(AD_PAGE)));

extern struct ad_state ad_state;

/* Beside AD_VARIABLE and hidden like it: where in the C library the system calls are, from shim to shim (known.c). */
#define AD_SITES "AUTODEFEND_SITES"

/* table.c: what the table says. All of it is safe whatever the table's bytes are. */
enum ad_say { AD_SAY_ALLOW, AD_SAY_ASK };
struct ad_lists; /* a consistent copy of the table's head */
uint8_t ad_mode(const struct ad_state *state, enum ad_kind kind);
bool ad_stops(const struct ad_state *state, enum ad_kind kind);
bool ad_stops_any(const struct ad_state *state); /* anything but acts against the Defender */
uint32_t ad_flags(const struct ad_state *state);
enum ad_say ad_say_open(const struct ad_state *state, const char *path, size_t len, unsigned access);
/* A denied path below this one, which loses its name when this one does: its length, 0 for none. */
size_t ad_denied_below(const struct ad_state *state, const char *path, size_t len, char *to, size_t room);
bool ad_lists_open(const struct ad_state *state, unsigned access); /* could ad_say_open ever say ask? */
enum ad_say ad_say_connect(const struct ad_state *state, const uint8_t addr[16], uint16_t port);
bool ad_mapped(const void *sockaddr, size_t len, uint8_t addr[16], uint16_t *port); /* false: neither IPv4 nor IPv6 */

/* ask.c: the supervisor's answer. */
struct ad_ask {
	enum ad_kind kind;
	uint8_t access;
	int32_t dirfd;
	uint32_t flags;
	int32_t number;
	uint16_t protocol;
	uint16_t addr_len;
	const void *addr;
	const char *text;        /* may be NULL */
	char *const *argv;       /* may be NULL */
};
int ad_ask(const struct ad_ask *ask);                    /* 0, or -errno when the act is refused; AD_EXIT doesn't return */
int ad_hello(struct ad_state *state, uint32_t flags);    /* 0, or -errno when there is no table */

/* start.c */
void ad_start(char **envp);

/* environ.c: memory for one exec, and the environment with the shim's variables put back. */
char **ad_environ(char *const *envp); /* NULL when there is no memory */
void ad_environ_done(void);           /* the exec failed: the memory isn't needed */

/* path.c: names of files. */
#define AD_PATH_SMALL 512
struct ad_path_buf {
	char *text;
	size_t len;
	size_t room;
	char small[AD_PATH_SMALL];
};
void ad_path_init(struct ad_path_buf *path);
void ad_path_free(struct ad_path_buf *path);
bool ad_path_add(struct ad_path_buf *path, const char *text, size_t len);
struct ad_path_look {
	size_t len;
	bool absolute;
	bool up;       /* has a .. */
	bool number;   /* has a component of digits */
	bool slash;    /* ends with / or /., so it can only be a directory */
};
struct ad_path_look ad_path_looks(const char *path);
int ad_path_lexical(struct ad_path_buf *to, int dirfd, const char *path, size_t len);
int ad_path_of_fd(struct ad_path_buf *to, int fd);

/* reach.c: files as the kernel finds them. A reached file is an O_PATH descriptor, which nobody can read or write. */
#define AD_AT_FDCWD (-100)
#define AD_O_PATH 010000000
#define AD_O_CLOEXEC 02000000
int ad_reach(int dirfd, const char *path, unsigned flags, uint64_t resolve); /* the descriptor, a high one, or -errno */
void ad_fd_path(char to[40], int fd);                                          /* /proc/self/fd/N */
int ad_name(struct ad_path_buf *to, int fd, int dirfd, const char *path);      /* 0; 1 when it is only what path says */
bool ad_listed(unsigned access); /* does the table say anything about such an access? */
int ad_judge(int fd, const struct ad_path_buf *name, bool sure, unsigned access, unsigned flags); /* 0 or -errno */

int ad_judge_names(int fd, const char *name, unsigned access, unsigned flags); /* of an allowed name, by inode */
bool ad_is_directory(int fd);

/* A directory and the name in it that a call creates, changes or removes. */
#define AD_LAST_MAX 320
struct ad_place {
	int dir;
	char last[AD_LAST_MAX];
};
int ad_place(struct ad_place *place, int dirfd, const char *path, uint64_t resolve); /* 0, -errno, 1: the kernel refuses */
int ad_judge_place(const struct ad_place *place, unsigned access, unsigned flags);
int ad_judge_moved(const struct ad_place *place); /* what is below the place changes its name, too */

/* files.c, change.c, network.c, resolve.c, exec.c, guard.c, isolate.c: one function per group of calls. */
enum ad_outcome ad_on_open(struct ad_call *call);
enum ad_outcome ad_on_change(struct ad_call *call);
enum ad_outcome ad_on_held(struct ad_call *call);
enum ad_outcome ad_on_chdir(struct ad_call *call);
enum ad_outcome ad_on_mount(struct ad_call *call);
enum ad_outcome ad_on_connect(struct ad_call *call);
enum ad_outcome ad_on_send(struct ad_call *call);
enum ad_outcome ad_on_listen(struct ad_call *call);
enum ad_outcome ad_on_receive(struct ad_call *call);
enum ad_outcome ad_on_exec(struct ad_call *call);
enum ad_outcome ad_on_signal(struct ad_call *call);
enum ad_outcome ad_on_reach(struct ad_call *call);
enum ad_outcome ad_on_owner(struct ad_call *call);
enum ad_outcome ad_on_isolate(struct ad_call *call);
enum ad_outcome ad_on_uring(struct ad_call *call);
enum ad_outcome ad_on_memory(struct ad_call *call);
int ad_guard_path(const char *path, unsigned access); /* 0, or -errno: a path below /proc of a protected process */
bool ad_protects(void);                               /* is any process protected? */
bool ad_keeps(unsigned access);                       /* must a path be known for such an access, for the shim's own files? */
bool ad_at_home(const char *path, size_t len);        /* is it the shim's directory, or below? */
int ad_guard_moved(const char *path, size_t len);     /* 0, or -errno: a directory above the shim's, or that */

/* resolve.c: where port 53 goes. */
struct ad_sockaddr {
	uint8_t bytes[128];
	uint32_t len;
};
bool ad_redirect(int fd, struct ad_sockaddr *addr, uint16_t port); /* true: addr is the resolver's now */
bool ad_redirected(int fd);
void ad_restore_source(int fd, void *addr, int32_t *len, uint32_t room);

/* next.c: what is loaded. The beginning of the loader's struct link_map. */
struct ad_object {
	uintptr_t bias;
	const char *name;
	const void *dynamic;
	const struct ad_object *next;
};
const struct ad_object *ad_objects(void);
void *ad_next(const char *name); /* the function behind one of our hooks, or NULL */

/* patch.c: the number of system call sites that lead to the gate now. */
unsigned ad_patch(void);
void ad_patch_mapped(uintptr_t code, size_t size, const char *path, bool writable);

#endif
