#include "tests/interp/fixture.h"

#include <signal.h>

const struct mode modes[MODES] = {
    {"folded", false, false},
    {"unfolded", true, false},
    {"folded, checked memory", false, true},
    {"unfolded, checked memory", true, true},
};

/* cmocka puts its own handlers of faults in place before each test, but the engine only once in a
 * process: put the engine's back. */
static void keep_fault_handlers(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS};
	static struct sigaction engine[2];
	static bool known;
	for (int i = 0; i < 2; i++)
		if (sigaction(signals[i], known ? &engine[i] : NULL, known ? NULL : &engine[i]) != 0)
			fail_msg("cannot handle signal %d", signals[i]);
	known = true;
}

void guest_open(struct guest *g, const struct mode *mode)
{
	g->err = (struct error)ERROR_INIT;
	g->options.unfolded = mode->unfolded;
	g->options.checked_memory = mode->checked_memory;
	g->store = store_create(&g->options, &g->err);
	if (g->store == NULL)
		fail_msg("%s", g->err.message);
	keep_fault_handlers();
}

void guest_give(struct guest *g, const char *name, struct extern_val value)
{
	assert_true(g->import_count < HOST_FUNCS_MAX);
	g->imports[g->import_count].name = name;
	g->imports[g->import_count++].value = value;
}

void guest_give_func(struct guest *g, const char *name, const char *signature, void (*fn)(void),
                     void *env)
{
	struct func *func = host_func_create(g->store, signature, fn, env, &g->err);
	if (func == NULL)
		fail_msg("%s", g->err.message);
	guest_give(g, name, (struct extern_val){.kind = EXTERN_FUNC, .as.func = func});
}

static bool resolve(void *env, struct store *store, const struct import *import,
                    struct extern_val *out, struct error *err)
{
	(void)store;
	(void)err;
	const struct guest *g = env;
	for (uint32_t i = 0; i < g->import_count; i++) {
		if (name_is(import->name, g->imports[i].name)) {
			*out = g->imports[i].value;
			return true;
		}
	}
	return false;
}

void guest_try(struct guest *g, struct wasm *w)
{
	g->bytes = wasm_finish(w);
	g->module = module_load(g->bytes.data, g->bytes.size, NULL, &g->err);
	if (g->module == NULL) {
		char text[900];
		fail_msg("%s", error_format(&g->err, text, sizeof text));
	}
	g->inst = instance_create(g->store, g->module, resolve, g, &g->err);
	assert_int_equal(g->inst == NULL, g->err.kind != ERROR_NONE);
}

void guest_start(struct guest *g, struct wasm *w)
{
	guest_try(g, w);
	if (g->inst == NULL)
		fail_msg("%s", g->err.message);
}

struct instance *guest_add(struct guest *g, struct wasm *w, struct bytes *bytes,
                           struct module **module)
{
	*bytes = wasm_finish(w);
	*module = module_load(bytes->data, bytes->size, NULL, &g->err);
	if (*module == NULL)
		fail_msg("%s", g->err.message);
	return instance_create(g->store, *module, resolve, g, &g->err);
}

void guest_close(struct guest *g)
{
	store_destroy(g->store);
	module_destroy(g->module);
	bytes_free(&g->bytes);
	*g = (struct guest){0};
}

enum trap guest_call(struct guest *g, const char *name, const union value *args,
                     union value *results)
{
	struct func *func = instance_export_func(g->inst, name);
	if (func == NULL)
		fail_msg("no function %s", name);
	error_clear(&g->err);
	if (func_call(g->store, func, args, results, &g->err)) {
		assert_int_equal(g->err.kind, ERROR_NONE);
		return TRAP_NONE;
	}
	if (g->err.kind == ERROR_EXIT)
		return TRAP_EXIT;
	if (g->err.kind != ERROR_TRAP)
		fail_msg("%s: %s", error_kind_word(g->err.kind), g->err.message);
	return store_trap(g->store)->trap;
}

uint32_t guest_i32(struct guest *g, const char *name, uint32_t a, uint32_t b)
{
	union value args[2] = {{.i32 = a}, {.i32 = b}}, result = {.i64 = 0};
	enum trap trap = guest_call(g, name, args, &result);
	if (trap != TRAP_NONE)
		fail_msg("%s(%u, %u): %s", name, a, b, trap_words(trap));
	return result.i32;
}

void assert_trap(struct guest *g, const char *name, uint32_t a, uint32_t b, enum trap trap)
{
	union value args[2] = {{.i32 = a}, {.i32 = b}}, results[4];
	enum trap got = guest_call(g, name, args, results);
	if (got != trap)
		fail_msg("%s(%u, %u): expected \"%s\", got \"%s\"", name, a, b, trap_words(trap),
		         trap_words(got));
}
