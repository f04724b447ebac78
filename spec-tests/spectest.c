#include "spec-tests/spectest.h"

#include <stdlib.h>
#include <string.h>

static void print(struct host_call *call)
{
	(void)call;
}

static void print_i32(struct host_call *call, uint32_t a)
{
	(void)call, (void)a;
}

static void print_i64(struct host_call *call, uint64_t a)
{
	(void)call, (void)a;
}

static void print_f32(struct host_call *call, float a)
{
	(void)call, (void)a;
}

static void print_f64(struct host_call *call, double a)
{
	(void)call, (void)a;
}

static void print_i32_f32(struct host_call *call, uint32_t a, float b)
{
	(void)call, (void)a, (void)b;
}

static void print_f64_f64(struct host_call *call, double a, double b)
{
	(void)call, (void)a, (void)b;
}

/* Everything it exports, made when first asked for. */
enum { EXPORT_COUNT = 15 };

struct row {
	const char *name;
	enum extern_kind kind;
	union {
		struct {
			const char *signature;
			void (*fn)(void);
		} func;
		struct {
			valtype type;
			union value init;
		} global;
		struct table_type table;
		struct memory_type memory;
	} as;
};

#define FUNC(name, signature)                                                                      \
	{                                                                                              \
		#name, EXTERN_FUNC,                                                                        \
		{                                                                                          \
			.func = { signature, (void (*)(void))name }                                            \
		}                                                                                          \
	}
#define GLOBAL(name, type, ...)                                                                    \
	{                                                                                              \
		name, EXTERN_GLOBAL,                                                                       \
		{                                                                                          \
			.global = { type, {__VA_ARGS__} }                                                      \
		}                                                                                          \
	}

static const struct row rows[EXPORT_COUNT] = {
    FUNC(print, "()"),
    FUNC(print_i32, "(i)"),
    FUNC(print_i64, "(I)"),
    FUNC(print_f32, "(f)"),
    FUNC(print_f64, "(F)"),
    FUNC(print_i32_f32, "(if)"),
    FUNC(print_f64_f64, "(FF)"),
    GLOBAL("global_i32", VAL_I32, .i32 = 666),
    GLOBAL("global_i64", VAL_I64, .i64 = 666),
    GLOBAL("global_f32", VAL_F32, .f32 = 666.6f),
    GLOBAL("global_f64", VAL_F64, .f64 = 666.6),
    {"table", EXTERN_TABLE, {.table = {VAL_FUNCREF, {.min = 10, .max = 20, .has_max = true}}}},
    {"table64",
     EXTERN_TABLE,
     {.table = {VAL_FUNCREF, {.min = 10, .max = 20, .has_max = true, .is_64 = true}}}},
    {"memory", EXTERN_MEMORY, {.memory = {{.min = 1, .max = 2, .has_max = true}, 16}}},
    {"shared_memory",
     EXTERN_MEMORY,
     {.memory = {{.min = 1, .max = 2, .has_max = true, .is_shared = true}, 16}}},
};

struct spectest {
	struct store *store;
	bool is_made[EXPORT_COUNT];
	struct extern_val made[EXPORT_COUNT];
};

static bool make(struct store *store, const struct row *row, struct extern_val *out,
                 struct error *err)
{
	out->kind = row->kind;
	switch (row->kind) {
	case EXTERN_FUNC:
		out->as.func = host_func_create(store, row->as.func.signature, row->as.func.fn, NULL, err);
		return out->as.func;
	case EXTERN_TABLE:
		out->as.table = table_create(store, &row->as.table, err);
		return out->as.table;
	case EXTERN_MEMORY:
		out->as.memory = memory_create(store, &row->as.memory, err);
		return out->as.memory;
	default:
		out->as.global = global_create(store, &(struct global_type){.type = row->as.global.type},
		                               row->as.global.init, err);
		return out->as.global;
	}
}

struct spectest *spectest_create(struct store *store, struct error *err)
{
	struct spectest *spectest = calloc(1, sizeof *spectest);
	if (!spectest)
		error_set(err, ERROR_NO_MEMORY, "the module spectest");
	else
		spectest->store = store;
	return spectest;
}

void spectest_destroy(struct spectest *spectest)
{
	free(spectest);
}

bool spectest_export(struct spectest *spectest, const char *name, size_t len,
                     struct extern_val *out, struct error *err)
{
	for (size_t i = 0; i < EXPORT_COUNT; i++) {
		if (strlen(rows[i].name) != len || memcmp(rows[i].name, name, len) != 0)
			continue;
		if (!spectest->is_made[i]) {
			if (!make(spectest->store, &rows[i], &spectest->made[i], err)) {
				error_wrap(err, "spectest.%s", rows[i].name);
				return false;
			}
			spectest->is_made[i] = true;
		}
		*out = spectest->made[i];
		return true;
	}
	return false;
}
