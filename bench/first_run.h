/* Starts as processes that are no plain command: a first run, which finds no image and keeps one,
 * and validation alone. */
#ifndef BENCH_FIRST_RUN_H
#define BENCH_FIRST_RUN_H

#include "bench/measure.h"

struct first_run {
	char **argv; /* owned; its words borrowed. It keeps images below `cache` */
	char cache[512];
};

/* Makes `cache` empty, which is not timed, and runs the command. */
cell_function first_run_run;

/* What first_run_run() does before it runs the command. */
bool first_run_prepare(const struct first_run *first, struct error *err);

struct validation {
	char **argv; /* owned; its words borrowed */
};

/* Runs the command, whose output does not count, in an environment of its own. */
cell_function validation_run;

#endif
