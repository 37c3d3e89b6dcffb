/*
 * memory.c - mappings: libraries that the function could have written, and the shim's own pages.
 */
#include <asm/fcntl.h>

#include "shim.h"

#define PROT_EXEC 4
#define MAP_FIXED 0x10
#define MREMAP_FIXED 2
#define AT_EACCESS 0x200
#define W_OK 2

/* Directories of the image and of layers. Only an owner who is root could write there, and then nothing is safe. */
static bool in_image(const char *path)
{
	static const char *const roots[] = {"/usr/", "/lib", "/opt/", "/var/task/", "/var/lang/", "/var/runtime/", "/bin/"};
	for (unsigned i = 0; i < sizeof roots / sizeof roots[0]; i++)
		if (ad_begins(path, roots[i]))
			return true;
	return false;
}

/* Code from a file that the program could have written itself is judged like a program. */
static int judge_code(int fd)
{
	struct ad_path_buf name;
	int error = 0;
	ad_path_init(&name);
	if (ad_path_of_fd(&name, fd) == 0 && name.text[0] == '/') {
		bool writable = ad_sys3(__NR_faccessat, AD_AT_FDCWD, name.text, W_OK) != -EROFS &&
				!in_image(name.text);
		struct ad_ask ask = {.kind = AD_EXEC, .dirfd = AD_AT_FDCWD, .text = name.text, .flags = AD_LIBRARY};
		if (writable)
			error = ad_ask(&ask);
	}
	ad_path_free(&name);
	return error;
}

static bool touches(uintptr_t at, size_t len, uintptr_t own, size_t own_len)
{
	return own_len > 0 && at < own + own_len && own < at + len;
}

/* Would the call change the table's or the state's pages? */
static bool touches_ours(uintptr_t at, size_t len)
{
	const struct ad_state *state = &ad_state;
	return touches(at, len, (uintptr_t)state, sizeof *state) ||
	       touches(at, len, (uintptr_t)state->table, state->table_size);
}

static enum ad_outcome guard(struct ad_call *call, uintptr_t at, size_t len)
{
	struct ad_ask ask = {.kind = AD_TAMPER, .dirfd = AD_AT_FDCWD, .text = "the shim's memory"};
	if (!touches_ours(at, len))
		return AD_CONTINUE;
	ask.number = (int32_t)ad_sys0(__NR_getpid);
	int error = ad_ask(&ask);
	return error < 0 ? ad_result(call, error) : AD_CONTINUE;
}

enum ad_outcome ad_on_memory(struct ad_call *call)
{
	const long *a = call->a;
	if (ad_state.table == NULL)
		return AD_CONTINUE;
	if (call->nr == __NR_mmap && (a[2] & PROT_EXEC) != 0 && (int)a[4] >= 0 &&
	    (ad_flags(&ad_state) & AD_WRITABLE_LIBS) != 0) {
		int error = judge_code((int)a[4]);
		if (error < 0)
			return ad_result(call, error);
	}
	if (call->nr == __NR_mmap && (a[3] & MAP_FIXED) == 0)
		return AD_CONTINUE;
	if (call->nr == __NR_mremap && (a[3] & MREMAP_FIXED) != 0 && touches_ours((uintptr_t)a[4], (size_t)a[2]))
		return guard(call, (uintptr_t)a[4], (size_t)a[2]);
	return guard(call, (uintptr_t)a[0], (size_t)a[1]);
}
