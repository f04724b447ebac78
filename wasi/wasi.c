#include "wasi/handler.h"
#include "wasi/unknown.h"

#include <stdlib.h>

#define NEEDS_NOTHING WASI_NEEDS_NOTHING
#define ANY_FD WASI_ANY_FD
#define READ_FD WASI_READ_FD
#define WRITE_FD WASI_WRITE_FD
#define SOCKET_FD WASI_SOCKET_FD
#define HANDLE WASI_HANDLE
#define READS WASI_READS
#define WRITES WASI_WRITES
#define READS_OR_WRITES WASI_READS_OR_WRITES

#define WASI_SIGNATURE(id, text, result, parameters) static const char text_##id[] = text;
#include "wasi/signature.def"
#undef WASI_SIGNATURE

#define WASI_FUNCTION(name, signature, capability, access)                                         \
	{#name, text_##signature, capability, access, sizeof #name - 1},
static const struct wasi_function preview1_functions[] = {
#include "wasi/preview1.def"
};
static const struct wasi_function experimental_http_functions[] = {
#include "wasi/experimental_http.def"
};
static const struct wasi_function tiphys_functions[] = {
#include "wasi/tiphys.def"
};
#undef WASI_FUNCTION

static void (*const preview1_handlers[])(void) = {
#define WASI_FUNCTION(name, signature, capability, access) (void (*)(void)) wasi_##name,
#include "wasi/preview1.def"
#undef WASI_FUNCTION
};
static void (*const experimental_http_handlers[])(void) = {
#define WASI_FUNCTION(name, signature, capability, access)                                         \
	(void (*)(void)) experimental_http_##name,
#include "wasi/experimental_http.def"
#undef WASI_FUNCTION
};
static void (*const tiphys_handlers[])(void) = {
#define WASI_FUNCTION(name, signature, capability, access) (void (*)(void)) tiphys_##name,
#include "wasi/tiphys.def"
#undef WASI_FUNCTION
};

/* What guests can import from. */
static const struct import_module {
	const char *name;
	enum snapshot snapshot; /* of preview 1's layouts */
	const struct wasi_function *functions;
	void (*const *handlers)(void);
	size_t count;
} modules[] = {
#define MODULE(name, snapshot, table)                                                              \
	{name, snapshot, table##_functions, table##_handlers,                                          \
	 sizeof(table##_functions) / sizeof(*table##_functions)}
    MODULE("wasi_snapshot_preview1", SNAPSHOT_1, preview1),
    MODULE("wasi_unstable", SNAPSHOT_0, preview1),
    MODULE("wasi_experimental_http", SNAPSHOT_1, experimental_http),
    MODULE("tiphys", SNAPSHOT_1, tiphys),
#undef MODULE
};

#define PREVIEW1_COUNT (sizeof(preview1_functions) / sizeof(*preview1_functions))
_Static_assert(PREVIEW1_COUNT == 46, "preview 1 has 46 functions");

struct wasi *wasi_create(struct caps *caps, struct error *err)
{
	struct wasi *wasi = calloc(1, sizeof(*wasi));
	if (!wasi) {
		error_set(err, ERROR_NO_MEMORY, "no memory for the state of a WASI run");
		return NULL;
	}
	wasi->caps = caps;
	for (int snapshot = SNAPSHOT_0; snapshot <= SNAPSHOT_1; snapshot++)
		wasi->bindings[snapshot] = (struct binding){wasi, snapshot};
	rights_init(caps);
	caps_sockets_show(caps, false); /* until a function of theirs is imported */
	return wasi;
}

void wasi_destroy(struct wasi *wasi)
{
	if (wasi)
		unknown_clear(wasi);
	free(wasi);
}

/* NULL when there is none; *index is its place in the tables. */
static const struct import_module *find(struct name module, struct name name, size_t *index)
{
	for (size_t m = 0; m < sizeof(modules) / sizeof(*modules); m++) {
		if (!name_is(module, modules[m].name))
			continue;
		for (size_t i = 0; i < modules[m].count; i++) {
			/* By their lengths first: most names begin as others do. */
			if (modules[m].functions[i].name_size != name.len ||
			    !name_is(name, modules[m].functions[i].name))
				continue;
			/* The one function that snapshot 0 has not. */
			bool is_newer = modules[m].handlers[i] == (void (*)(void))wasi_sock_accept;
			*index = i;
			return modules[m].snapshot == SNAPSHOT_0 && is_newer ? NULL : &modules[m];
		}
	}
	return NULL;
}

bool wasi_resolve(void *env, struct store *store, const struct import *import,
                  struct extern_val *out, struct error *err)
{
	struct wasi *wasi = env;
	size_t index;
	if (import->kind != EXTERN_FUNC)
		return error_set(err, ERROR_LINK, "%s", wasi_foreign_advice(import));
	out->kind = EXTERN_FUNC;
	const struct import_module *module = find(import->module, import->name, &index);
	if (!module && wasi_is_unknown(import)) {
		out->as.func = unknown_create(wasi, store, import, err);
		return out->as.func != NULL;
	}
	if (!module)
		return error_set(err, ERROR_LINK, "%s", wasi_foreign_advice(import));
	int capability = module->functions[index].capability;
	if (capability == CAP_SOCKETS || capability == WASI_SOCKET_FD)
		caps_sockets_show(wasi->caps, true);
	out->as.func =
	    host_func_create(store, module->functions[index].signature, module->handlers[index],
	                     &wasi->bindings[module->snapshot], err);
	return out->as.func != NULL;
}

bool wasi_has_exited(const struct wasi *wasi)
{
	return wasi->has_exited;
}

uint32_t wasi_exit_status(const struct wasi *wasi)
{
	return wasi->exit_status;
}

const struct wasi_function *wasi_function_at(size_t index)
{
	return index < PREVIEW1_COUNT ? &preview1_functions[index] : NULL;
}

const struct wasi_function *wasi_function_find(struct name module, struct name name)
{
	size_t index;
	const struct import_module *found = find(module, name, &index);
	return found ? &found->functions[index] : NULL;
}

/* The two snapshots of WASI; the other modules of the table are complete, and a name they lack is a
 * mistake. */
bool wasi_is_unknown(const struct import *import)
{
	char signature[UNKNOWN_SIGNATURE_SIZE];
	if (import->kind != EXTERN_FUNC || wasi_function_find(import->module, import->name) ||
	    !unknown_signature(import->type.func, signature))
		return false;
	for (size_t m = 0; m < sizeof(modules) / sizeof(*modules); m++) {
		if (modules[m].functions == preview1_functions && name_is(import->module, modules[m].name))
			return true;
	}
	return false;
}
