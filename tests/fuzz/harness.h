/* Runs generated modules and writes down all that a user could see of a run. */
#ifndef TESTS_FUZZ_HARNESS_H
#define TESTS_FUZZ_HARNESS_H

#include "interp/interp.h"

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

/* Instantiates twice (the second one shares what is imported) and calls every function of both.
 * False when that was not possible, as when memory is out; then err says why. */
bool harness_run(const struct module *module, const struct store_options *options,
                 struct seen *seen, struct error *err);

#endif
