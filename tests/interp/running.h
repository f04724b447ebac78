/* A module that a test made, instantiated in a store of its own. */
#ifndef TESTS_INTERP_RUNNING_H
#define TESTS_INTERP_RUNNING_H

#include "interp/interp.h"
#include "tests/lib/wasm_builder.h"

#include <signal.h>

struct running {
	struct bytes bytes;
	struct module *module;
	struct store *store;
	struct instance *inst;
	struct error err; /* of running_start() and of the last call */
};

/* cmocka puts its own handlers of SIGSEGV and SIGBUS in front for each test; the engine installs
 * those that turn faults into traps but once, with the first store. So they are put back. */
static inline void running_restore_handlers(void)
{
	static struct sigaction handlers[2];
	static bool known;
	static const int signals[2] = {SIGSEGV, SIGBUS};
	for (int i = 0; i < 2; i++)
		sigaction(signals[i], known ? &handlers[i] : NULL, known ? NULL : &handlers[i]);
	known = true;
}

/* Takes the builder's module, with every feature on. inst is NULL and err set when it cannot be
 * instantiated; running_stop() is due in any case. */
static inline struct running running_start(struct wasm *w, const struct store_options *options)
{
	struct running run = {.bytes = wasm_finish(w), .err = ERROR_INIT};
	struct module_options features = {.features = FEATURES_IMPLEMENTED};
	run.module = module_load(run.bytes.data, run.bytes.size, &features, &run.err);
	run.store = run.module == NULL ? NULL : store_create(options, &run.err);
	running_restore_handlers();
	if (run.store != NULL)
		run.inst = instance_create(run.store, run.module, NULL, NULL, &run.err);
	return run;
}

static inline void running_stop(struct running *run)
{
	store_destroy(run->store);
	module_destroy(run->module);
	bytes_free(&run->bytes);
}

/* Calls an export of this instance with integers (up to three are read); the trap, or TRAP_NONE and
 * *result. */
static inline enum trap running_call_in(struct running *run, struct instance *inst,
                                        const char *name, uint64_t *result, const uint64_t *args)
{
	union value values[3] = {{.i64 = args[0]}, {.i64 = args[1]}, {.i64 = args[2]}};
	union value out = {.i64 = 0};
	struct func *func = instance_export_func(inst, name);
	error_clear(&run->err);
	if (!func_call(run->store, func, values, &out, &run->err))
		return store_trap(run->store)->trap;
	*result = out.i64;
	return TRAP_NONE;
}

#define running_call(run, name, result, ...)                                                       \
	running_call_in(run, (run)->inst, name, result, (const uint64_t[3]){__VA_ARGS__})

/* How code is made: every combination of folding and guard pages. */
static const struct store_options running_modes[] = {
    {0},
    {.unfolded = true},
    {.checked_memory = true},
    {.unfolded = true, .checked_memory = true},
};

#define RUNNING_MODES (sizeof running_modes / sizeof running_modes[0])

#endif
