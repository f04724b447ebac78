/* Runs one script of the suite in a store of its own.
 *
 * Every command ends in one of four ways. Passed: it did what the suite says. Skipped: its module,
 * or one it depends on, was refused with ERROR_UNSUPPORTED; counted under the feature's name, never
 * as passed. Text: its module stands only as quoted text. Failed: everything else, also when the
 * module it needs had failed before. */
#ifndef SPEC_TESTS_RUN_SCRIPT_H
#define SPEC_TESTS_RUN_SCRIPT_H

#include "spec-tests/script.h"

#include <stdio.h>

struct run_options {
	uint64_t features;       /* as in struct module_options; 0: the default */
	bool unfolded;           /* lower without folding */
	bool collect_always;     /* collect garbage at every allocation */
	bool checked_memory;     /* no guard pages */
	bool images;             /* write each module's image, and run from that */
	unsigned failures_shown; /* failures written to the log; 0: all */
};

#define RUN_SKIPS_MAX 24

struct run_result {
	uint32_t commands;   /* everything that was executed, assertions included */
	uint32_t assertions; /* = passed + failed + skipped + text */
	uint32_t passed;
	uint32_t failed;
	uint32_t skipped;
	uint32_t text;
	uint32_t broken;     /* commands that are no assertions and failed: also a failure */
	uint32_t rejections; /* passed assertions of an invalid or malformed module … */
	uint32_t worded;     /* … whose message contains the suite's words */
	uint32_t skip_count;
	struct {
		char feature[40];
		uint32_t assertions;
	} skips[RUN_SKIPS_MAX];
};

/* Fills *result and writes a line to log for each failure: script, line, command, expected, got.
 * False with an error when the run could not even start (no store); failures are no error. */
bool run_script(const struct script *script, const struct run_options *options,
                struct run_result *result, FILE *log, struct error *err);

/* Adds part to total. */
void run_result_add(struct run_result *total, const struct run_result *part);

#endif
