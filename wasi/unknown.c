#include "wasi/unknown.h"

#include "validator/printable.h"

#include <stdlib.h>

/* The env of each such function. */
struct unknown {
	struct unknown *next;
	struct wasi *wasi;
	bool has_errno;
	char module[PRINTABLE_NAME_SIZE], name[PRINTABLE_NAME_SIZE]; /* as messages show them */
};

/* The letter of host_func_create(); 0 for a type that has none. */
static char letter_of(valtype type)
{
	switch (type) {
	case VAL_I32:
		return 'i';
	case VAL_I64:
		return 'I';
	case VAL_F32:
		return 'f';
	case VAL_F64:
		return 'F';
	default:
		return 0;
	}
}

bool unknown_signature(const struct functype *type, char out[UNKNOWN_SIGNATURE_SIZE])
{
	if (type->param_count > HOST_PARAMS_MAX || type->result_count > 1)
		return false;
	*out++ = '(';
	for (uint32_t i = 0; i < type->param_count; i++) {
		if ((*out++ = letter_of(type->params[i])) == 0)
			return false;
	}
	*out++ = ')';
	if (type->result_count > 0 && (*out++ = letter_of(type->results[0])) == 0)
		return false;
	*out = '\0';
	return true;
}

/* Called with whatever parameters the module's type has. On the targets (System V, AAPCS64) the
 * caller lays them and takes them away, so one that nobody reads does no harm. The result is wide
 * enough for each type, and only an i32 is ever read. */
static uint64_t answer(struct host_call *call)
{
	struct unknown *unknown = call->env;
	if (unknown->wasi->unknown_called == NULL)
		unknown->wasi->unknown_called = unknown;
	if (!unknown->has_errno)
		host_fail(call, "%s.%s is not known, and has no result that could say so", unknown->module,
		          unknown->name);
	return WASI_ENOSYS;
}

struct func *unknown_create(struct wasi *wasi, struct store *store, const struct import *import,
                            struct error *err)
{
	const struct functype *type = import->type.func;
	struct unknown *unknown = calloc(1, sizeof *unknown);
	if (unknown == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for an import");
		return NULL;
	}
	*unknown = (struct unknown){
	    .next = wasi->unknown,
	    .wasi = wasi,
	    .has_errno = type->result_count == 1 && type->results[0] == VAL_I32,
	};
	wasi->unknown = unknown;
	printable_text(import->module.data, import->module.len, unknown->module,
	               sizeof unknown->module);
	printable_text(import->name.data, import->name.len, unknown->name, sizeof unknown->name);

	char signature[UNKNOWN_SIGNATURE_SIZE];
	if (!unknown_signature(type, signature)) {
		error_set(err, ERROR_LINK, "unknown import: function \"%s\" \"%s\" is not there",
		          unknown->module, unknown->name);
		return NULL;
	}
	return host_func_create(store, signature, (void (*)(void))answer, unknown, err);
}

void unknown_clear(struct wasi *wasi)
{
	while (wasi->unknown != NULL) {
		struct unknown *next = wasi->unknown->next;
		free(wasi->unknown);
		wasi->unknown = next;
	}
}

const char *wasi_unknown_called(const struct wasi *wasi, char *text, size_t size)
{
	const struct unknown *unknown = wasi->unknown_called;
	if (unknown == NULL)
		return NULL;
	snprintf(text, size, "the module called %s.%s, which this build does not know", unknown->module,
	         unknown->name);
	return text;
}
