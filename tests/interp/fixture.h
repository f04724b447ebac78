/* For the tests of interp/: a store with one instance of a module under construction. */
#ifndef TESTS_INTERP_FIXTURE_H
#define TESTS_INTERP_FIXTURE_H

#include "interp/interp.h"
#include "tests/lib/wasm_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every way to run the same module. */
struct mode {
	const char *name;
	bool unfolded;
	bool checked_memory;
};
#define MODES 4
extern const struct mode modes[MODES];

#define HOST_FUNCS_MAX 16

struct guest {
	struct store_options options;
	struct bytes bytes;
	struct module *module;
	struct store *store;
	struct instance *inst;
	struct error err; /* of the last call */
	/* What imports of "env" are answered with, by name. */
	struct {
		const char *name;
		struct extern_val value;
	} imports[HOST_FUNCS_MAX];
	uint32_t import_count;
};

/* Makes the store, with the mode's options; other options may be set in g before. Then imports may
 * be given, and the guest started. */
void guest_open(struct guest *g, const struct mode *mode);
void guest_give(struct guest *g, const char *name, struct extern_val value);
void guest_give_func(struct guest *g, const char *name, const char *signature, void (*fn)(void),
                     void *env);
/* Loads what was built and instantiates it; fails the test when that is not possible. */
void guest_start(struct guest *g, struct wasm *w);
/* The same, but the instantiation may fail: then g->inst is NULL and g->err says why. */
void guest_try(struct guest *g, struct wasm *w);
/* Another module in the same store, which the caller destroys behind the guest; its instance. */
struct instance *guest_add(struct guest *g, struct wasm *w, struct bytes *bytes,
                           struct module **module);
void guest_close(struct guest *g);

/* Calls an export; args and results as func_call() takes them. The trap, or TRAP_NONE. */
enum trap guest_call(struct guest *g, const char *name, const union value *args,
                     union value *results);

/* For functions of i32: the result, which must be. */
uint32_t guest_i32(struct guest *g, const char *name, uint32_t a, uint32_t b);
void assert_trap(struct guest *g, const char *name, uint32_t a, uint32_t b, enum trap trap);

#endif
