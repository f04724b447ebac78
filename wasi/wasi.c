#include "wasi/handler.h"

#include <stdlib.h>

#define NEEDS_NOTHING WASI_NEEDS_NOTHING
#define ANY_FD WASI_ANY_FD

#define WASI_SIGNATURE(id, text, result, parameters) static const char text_##id[] = text;
#include "wasi/signature.def"
#undef WASI_SIGNATURE

static const struct wasi_function functions[] = {
#define WASI_FUNCTION(name, signature, capability) {#name, text_##signature, capability},
#include "wasi/preview1.def"
#undef WASI_FUNCTION
};

static void (*const handlers[])(void) = {
#define WASI_FUNCTION(name, signature, capability) (void (*)(void)) wasi_##name,
#include "wasi/preview1.def"
#undef WASI_FUNCTION
};

#define FUNCTION_COUNT (sizeof(functions) / sizeof(*functions))
_Static_assert(FUNCTION_COUNT == 46, "preview 1 has 46 functions");

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
	return wasi;
}

void wasi_destroy(struct wasi *wasi)
{
	free(wasi);
}

static bool snapshot_of(struct name module, enum snapshot *snapshot)
{
	if (name_is(module, "wasi_snapshot_preview1"))
		*snapshot = SNAPSHOT_1;
	else if (name_is(module, "wasi_unstable"))
		*snapshot = SNAPSHOT_0;
	else
		return false;
	return true;
}

static bool function_index(struct name module, struct name name, enum snapshot *snapshot,
                           size_t *index)
{
	if (!snapshot_of(module, snapshot))
		return false;
	for (size_t i = 0; i < FUNCTION_COUNT; i++) {
		if (name_is(name, functions[i].name)) {
			*index = i;
			return *snapshot == SNAPSHOT_1 || handlers[i] != (void (*)(void))wasi_sock_accept;
		}
	}
	return false;
}

bool wasi_resolve(void *env, struct store *store, const struct import *import,
                  struct extern_val *out, struct error *err)
{
	struct wasi *wasi = env;
	enum snapshot snapshot;
	size_t index;
	if (import->kind != EXTERN_FUNC ||
	    !function_index(import->module, import->name, &snapshot, &index))
		return false;
	out->kind = EXTERN_FUNC;
	out->as.func = host_func_create(store, functions[index].signature, handlers[index],
	                                &wasi->bindings[snapshot], err);
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
	return index < FUNCTION_COUNT ? &functions[index] : NULL;
}

const struct wasi_function *wasi_function_find(struct name module, struct name name)
{
	enum snapshot snapshot;
	size_t index;
	return function_index(module, name, &snapshot, &index) ? &functions[index] : NULL;
}
