/*
 * environ.c - the environment of a program to be started.
 *
 * Whatever environment a program is started with, the shim's two variables are put back into it: AD_VARIABLE, and
 * LIBRARY at the head of LD_PRELOAD. The new vector lives in a mapping of its own, because stacks may be tiny (musl's
 * posix_spawn gives its child 5 KB).
 *
 * While a rule stops anything, auditors (LD_AUDIT) are acts against the Defender: their code runs before the shim's, with
 * a C library of their own. Where such acts are stopped, the program starts without them. Nor does the loader write files
 * (LD_PROFILE, LD_DEBUG_OUTPUT), which nobody would be asked about.
 *
 * A vfork child shares its parent's memory, and after a successful exec nobody is left to unmap. So mappings are
 * remembered by thread pointer: a vfork child has its parent thread's, the parent sleeps meanwhile, and the next exec of
 * that thread uses the mapping again.
 */
#include "shim.h"

#define PROT_RW 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define SLOTS 64
#define ENTRIES_MAX (1u << 20)

struct slot {
	uintptr_t thread; /* 0 for a free one */
	void *at;
	size_t size;
};

static struct slot slots[SLOTS];

/* This thread's slot, or a free one made its own, or NULL when all are taken. */
static struct slot *own_slot(void)
{
	uintptr_t self = ad_thread();
	for (unsigned i = 0; i < SLOTS; i++)
		if (__atomic_load_n(&slots[i].thread, __ATOMIC_ACQUIRE) == self)
			return &slots[i];
	for (unsigned i = 0; i < SLOTS; i++) {
		uintptr_t expected = 0;
		if (__atomic_compare_exchange_n(&slots[i].thread, &expected, self, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return &slots[i];
	}
	return NULL;
}

static void *map(size_t size)
{
	long at = ad_sys6(__NR_mmap, 0, (long)size, PROT_RW, MAP_PRIVATE_ANONYMOUS, -1, 0);
	return at < 0 && at > -4096 ? NULL : (void *)at;
}

static void *room(size_t size)
{
	struct slot *slot = own_slot();
	size = (size + 4095) & ~(size_t)4095;
	if (slot == NULL)
		return map(size);
	if (slot->at != NULL && slot->size >= size)
		return slot->at;
	if (slot->at != NULL)
		ad_sys2(__NR_munmap, slot->at, slot->size);
	slot->at = map(size);
	slot->size = slot->at == NULL ? 0 : size;
	return slot->at;
}

void ad_environ_done(void)
{
	uintptr_t self = ad_thread();
	for (unsigned i = 0; i < SLOTS; i++) {
		if (slots[i].thread != self)
			continue;
		if (slots[i].at != NULL)
			ad_sys2(__NR_munmap, slots[i].at, slots[i].size);
		slots[i].at = NULL;
		slots[i].size = 0;
		__atomic_store_n(&slots[i].thread, 0, __ATOMIC_RELEASE);
		return;
	}
}

static bool is_variable(const char *entry)
{
	return ad_begins(entry, AD_VARIABLE "=") || ad_begins(entry, AD_SITES "=");
}

static bool is_audit(const char *entry)
{
	return ad_begins(entry, "LD_AUDIT=");
}

/* Would the loader write a file, before the shim is there? */
static bool is_output(const char *entry)
{
	return ad_begins(entry, "LD_PROFILE=") || ad_begins(entry, "LD_DEBUG_OUTPUT=");
}

static bool refuses_audit(const char *value)
{
	struct ad_ask ask = {.kind = AD_TAMPER, .dirfd = -100, .text = "LD_AUDIT"};
	return value != NULL && *value != '\0' && ad_ask(&ask) < 0;
}

static bool is_preload(const char *entry)
{
	return ad_begins(entry, "LD_PRELOAD=");
}

/* Writes LD_PRELOAD=LIBRARY[:value] at to; value is NULL when there is no such variable, and may be empty. */
static void write_preload(char *to, const char *value)
{
	const struct ad_state *state = &ad_state;
	memcpy(to, "LD_PRELOAD=", 11);
	memcpy(to + 11, state->library, state->library_len);
	to += 11 + state->library_len;
	*to = '\0';
	if (value == NULL)
		return;
	if (ad_begins(value, state->library)) { /* already there: an environment that was copied from a child's start */
		char after = value[state->library_len];
		if (after == '\0')
			return;
		if (after == ':' || after == ' ')
			value += state->library_len + 1;
	}
	*to++ = ':';
	memcpy(to, value, ad_length(value, SIZE_MAX) + 1);
}

/* Writes AD_VARIABLE; a child learns from it whether it may run when nobody answers its hello. */
static void write_variable(char *to)
{
	const struct ad_state *state = &ad_state;
	bool closed = state->closed || (ad_flags(state) & AD_FAIL_CLOSED) != 0;
	const char *head = closed ? AD_VARIABLE "=1c:" : AD_VARIABLE "=1:";
	size_t len = ad_length(head, SIZE_MAX);
	memcpy(to, head, len);
	to += len;
	memcpy(to, state->socket, state->socket_len);
	to += state->socket_len;
	*to++ = ':';
	memcpy(to, state->library, state->library_len + 1u);
}

char **ad_environ(char *const *envp)
{
	size_t count = 0;
	const char *owners = NULL; /* the last one counts for the loader */
	const char *audit = NULL;
	for (; !ad_foreign(envp) && envp[count] != NULL && count < ENTRIES_MAX; count++) {
		if (!ad_foreign(envp[count]) && is_preload(envp[count]))
			owners = envp[count] + 11;
		if (!ad_foreign(envp[count]) && is_audit(envp[count]) && (audit == NULL || *audit == '\0'))
			audit = envp[count] + 9;
	}
	size_t text = 11 + ad_state.library_len + 2u + (owners == NULL ? 0 : ad_length(owners, SIZE_MAX));
	size_t variable = sizeof AD_VARIABLE + 8u + ad_state.socket_len + ad_state.library_len;
	char **to = room((count + 4) * sizeof *to + variable + text);
	if (to == NULL)
		return NULL;
	char *own = (char *)(to + count + 4);
	char *preload = own + variable;
	write_variable(own);
	write_preload(preload, owners);
	size_t n = 0;
	bool placed = false;
	bool stops = ad_stops_any(&ad_state);
	bool unaudited = stops && refuses_audit(audit);
	for (size_t i = 0; i < count; i++) {
		if (!ad_foreign(envp[i]) && ((stops && is_output(envp[i])) || (unaudited && is_audit(envp[i]))))
			continue;
		if (ad_foreign(envp[i]) || !(is_variable(envp[i]) || is_preload(envp[i]))) {
			to[n++] = envp[i];
		} else if (is_preload(envp[i]) && !placed) {
			to[n++] = preload;
			placed = true;
		}
	}
	if (!placed)
		to[n++] = preload;
	to[n++] = own;
	if (ad_state.sites_len > 0)
		to[n++] = (char *)(uintptr_t)ad_state.sites;
	to[n] = NULL;
	return to;
}
