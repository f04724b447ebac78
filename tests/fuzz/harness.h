/* Runs generated modules and writes down all that a user could see of a run. */
#ifndef TESTS_FUZZ_HARNESS_H
#define TESTS_FUZZ_HARNESS_H

#include "interp/image.h"

#include <stddef.h>
#include <stdint.h>

/* The host functions that a generated module imports. */
struct harness_func {
	const char *name;
	const char *wasm; /* "params_results", as the builder takes it */
	const char *host; /* "(params)results", as host_func_create() takes it */
	void (*fn)(void);
};
extern const struct harness_func harness_funcs[];
extern const uint32_t harness_func_count;

/* What was seen, as a row of numbers: arguments of host functions, traps with their backtraces,
 * results, then globals, tables and memory. NaNs are canonical, functions stand for their index. */
struct seen {
	uint64_t *items;
	size_t count;
	size_t room;
};

void seen_clear(struct seen *seen);

/* A run; what is not said is zeros. */
struct harness_run {
	const struct module *module;
	struct store_options options;
	struct image *image; /* that the instances start from; NULL: none */
	uint32_t calls;      /* so many functions of each instance are called, the first ones; 0: all */
	uint32_t guest_fuel; /* FUEL_GLOBAL before each of these calls */
	/* Unless NULL, `image_to` gets an image of what was lowered. */
	const struct image_source *source;
	int image_to; /* descriptor */

	struct seen seen; /* to be cleared */
	size_t
	    fuel_ended; /* items that were seen before options.fuel was used up; SIZE_MAX: it was not */
	uint64_t fuel_left; /* of options.fuel */
};

/* Instantiates twice (the second one shares what is imported) and calls the functions of both, but
 * for one whose start function did not end well, which is seen as any call.
 * False when that was not possible, as when memory is out; then err says why. */
bool harness_run(struct harness_run *run, struct error *err);

#endif
