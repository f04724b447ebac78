/* Host functions: bound by a signature string, called through libffi. */
#include "interp/runtime.h"

#include <ffi.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct host_func {
	struct func func;
	ffi_cif cif;
	void (*fn)(void);
	void *env;
	char result; /* letter, or 0 */
	struct functype type;
	/* As many as the function has: most have few. */
	valtype *valtypes; /* of the params and the result */
	ffi_type *types[]; /* the host_call, then the params; behind them the valtypes */
};

_Static_assert(offsetof(struct host_func, func) == 0, "a function of the host is found by it");

static struct host_func *host_of(struct func *func)
{
	return (struct host_func *)func;
}

const struct functype *host_func_type(const struct func *func)
{
	return &((const struct host_func *)func)->type;
}

static ffi_type *ffi_type_of(char letter, valtype *type)
{
	switch (letter) {
	case 'i':
		*type = VAL_I32;
		return &ffi_type_uint32;
	case 'I':
		*type = VAL_I64;
		return &ffi_type_uint64;
	case 'f':
		*type = VAL_F32;
		return &ffi_type_float;
	case 'F':
		*type = VAL_F64;
		return &ffi_type_double;
	case 'r':
		*type = VAL_EXTERNREF;
		return &ffi_type_uint64;
	default:
		return NULL;
	}
}

/* "(params)results" into host->types and valtypes and the result's letter. */
static bool parse(struct host_func *host, const char *signature, ffi_type **result,
                  struct error *err)
{
	const char *at = signature;
	uint32_t count = 0;
	host->types[0] = &ffi_type_pointer;
	if (*at++ != '(')
		return error_set(err, ERROR_USAGE, "host function signature \"%s\": `(` expected",
		                 signature);
	for (; *at != '\0' && *at != ')'; at++) {
		if (count == HOST_PARAMS_MAX)
			return error_set(err, ERROR_LIMIT,
			                 "host function signature \"%s\": at most %d parameters are taken",
			                 signature, HOST_PARAMS_MAX);
		host->types[count + 1] = ffi_type_of(*at, &host->valtypes[count]);
		if (*at == 'v')
			return error_set(err, ERROR_USAGE,
			                 "host function signature \"%s\": a v128 cannot be taken", signature);
		if (host->types[count + 1] == NULL)
			return error_set(err, ERROR_USAGE, "host function signature \"%s\": unknown type `%c`",
			                 signature, *at);
		count++;
	}
	if (*at++ != ')')
		return error_set(err, ERROR_USAGE, "host function signature \"%s\": `)` expected",
		                 signature);
	*result = &ffi_type_void;
	host->result = *at;
	if (*at != '\0') {
		*result = ffi_type_of(*at, &host->valtypes[count]);
		if (*result == NULL || at[1] != '\0')
			return error_set(err, ERROR_USAGE,
			                 "host function signature \"%s\": at most one result is taken",
			                 signature);
	}
	host->type = (struct functype){
	    .params = host->valtypes,
	    .results = host->valtypes + count,
	    .param_count = count,
	    .result_count = host->result != '\0',
	    .param_slots = count,
	    .result_slots = host->result != '\0',
	};
	return true;
}

struct func *host_func_create(struct store *store, const char *signature, void (*fn)(void),
                              void *env, struct error *err)
{
	/* No more parameters than letters, and a result. */
	size_t most = strnlen(signature, HOST_PARAMS_MAX);
	struct host_func *host = arena_zeroed(
	    store->arena, 1, sizeof *host + (most + 1) * (sizeof(ffi_type *) + sizeof(valtype)));
	if (host == NULL) {
		error_set(err, ERROR_NO_MEMORY, "out of memory");
		return NULL;
	}
	host->valtypes = (valtype *)(host->types + most + 1);
	struct func *func = &host->func;
	ffi_type *result;
	if (!parse(host, signature, &result, err))
		return NULL;
	host->fn = fn;
	host->env = env;
	if (ffi_prep_cif(&host->cif, FFI_DEFAULT_ABI, host->type.param_count + 1, result,
	                 host->types) != FFI_OK) {
		error_set(err, ERROR_USAGE, "host function signature \"%s\": libffi refuses it", signature);
		return NULL;
	}
	func->header = type_header(&host->type);
	return store_intern_type(store, &host->type, &func->type_id, err) ? func : NULL;
}

/* Results shorter than a register come back widened (libffi: ffi_arg). */
union ffi_result {
	ffi_arg word;
	uint64_t i64;
	float f32;
	double f64;
};

static void keep_result(char letter, const union ffi_result *result, union slot *slot)
{
	switch (letter) {
	case 'i':
		slot->i64 = (uint32_t)result->word;
		break;
	case 'f':
		slot->f32 = result->f32;
		break;
	case 'F':
		slot->f64 = result->f64;
		break;
	case '\0':
		break;
	default:
		slot->i64 = result->i64;
		break;
	}
}

enum trap host_invoke(struct store *store, struct func *func, struct instance *caller,
                      union slot *slots)
{
	struct host_func *host = host_of(func);
	struct host_call call = {.env = host->env, .store = store, .caller = caller};
	struct host_call *call_pointer = &call;
	void *args[HOST_PARAMS_MAX + 1] = {&call_pointer};
	/* On little-endian machines a slot's first bytes are the value of any type. */
	for (uint32_t i = 0; i < host->type.param_count; i++)
		args[i + 1] = &slots[i];

	enum trap outer = store->host_trap;
	store->host_trap = TRAP_NONE;
	union ffi_result result = {0};
	ffi_call(&host->cif, host->fn, &result, args);
	enum trap trap = store->host_trap;
	store->host_trap = outer;
	if (trap == TRAP_NONE)
		keep_result(host->result, &result, slots);
	return trap;
}

void host_fail(struct host_call *call, const char *fmt, ...)
{
	char message[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	call->store->host_trap = TRAP_HOST;
	if (call->store->host_error != NULL)
		error_put(call->store->host_error, ERROR_TRAP, "%s", message);
}

void host_exit(struct host_call *call, uint32_t status)
{
	call->store->host_trap = TRAP_EXIT;
	call->store->exit_status = status;
}

uint8_t *host_memory(const struct host_call *call, uint64_t *size)
{
	struct instance *inst = call->caller;
	if (inst == NULL || inst->module->memory_count == 0) {
		*size = 0;
		return NULL;
	}
	*size = inst->memories[0]->size;
	return inst->memories[0]->base;
}
