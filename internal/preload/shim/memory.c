/*
 * memory.c - mappings: libraries that the function could have written, and the shim's own pages.
 */
#include <asm/fcntl.h>
#include <asm/stat.h>

#include "shim.h"

#define PROT_EXEC 4
#define MAP_PRIVATE 2
#define MAP_TYPE 15
#define MAP_FIXED 0x10
#define MREMAP_FIXED 2
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

/* Could the function have written this file? */
static bool is_writable(const struct ad_path_buf *name)
{
	return name->text[0] == '/' && !in_image(name->text) &&
	       ad_sys3(__NR_faccessat, AD_AT_FDCWD, name->text, W_OK) != -EROFS;
}

/* Code from a file that the function could have written is judged like a program. */
static int judge_code(const struct ad_path_buf *name, bool writable)
{
	struct ad_ask ask = {.kind = AD_EXEC, .dirfd = AD_AT_FDCWD, .text = name->text, .flags = AD_LIBRARY};
	if (!writable || (ad_flags(&ad_state) & AD_WRITABLE_LIBS) == 0)
		return 0;
	return ad_ask(&ask);
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

/* Leads the system calls of freshly mapped code to the gate, before any of it can run. */
static void lead(uintptr_t at, const long *a, const struct ad_path_buf *name, bool writable)
{
	struct stat st;
	if (!ad_state.patched || (a[3] & MAP_TYPE) != MAP_PRIVATE || ad_sys2(__NR_fstat, a[4], &st) < 0)
		return;
	long in_file = st.st_size - a[5]; /* beyond the file's end there is nothing to read, not even zeros */
	if (in_file > 0)
		ad_patch_mapped(at, (size_t)(in_file < a[1] ? in_file : a[1]), name->text, writable);
}

/* A file's code is mapped: a library's, most likely. */
static enum ad_outcome map_code(struct ad_call *call)
{
	const long *a = call->a;
	struct ad_path_buf name;
	ad_path_init(&name);
	bool writable = ad_path_of_fd(&name, (int)a[4]) == 0 && is_writable(&name);
	long result = judge_code(&name, writable);
	if (result == 0) {
		result = ad_sys6(__NR_mmap, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (result >= 0 || result < -4095)
			lead((uintptr_t)result, a, &name, writable);
	}
	ad_path_free(&name);
	return ad_result(call, result);
}

enum ad_outcome ad_on_memory(struct ad_call *call)
{
	const long *a = call->a;
	if (ad_state.table == NULL)
		return AD_CONTINUE;
	bool code = call->nr == __NR_mmap && (a[2] & PROT_EXEC) != 0 && (int)a[4] >= 0;
	if (code && !((a[3] & MAP_FIXED) != 0 && touches_ours((uintptr_t)a[0], (size_t)a[1])))
		return map_code(call);
	if (call->nr == __NR_mmap && (a[3] & MAP_FIXED) == 0)
		return AD_CONTINUE;
	if (call->nr == __NR_mremap && (a[3] & MREMAP_FIXED) != 0 && touches_ours((uintptr_t)a[4], (size_t)a[2]))
		return guard(call, (uintptr_t)a[4], (size_t)a[2]);
	return guard(call, (uintptr_t)a[0], (size_t)a[1]);
}
