/* A guest's run as a step of `tiphys serve` has it: by a sandboxed worker that stood ready, from
 * the moment when the server has it all. Beside bench/inside.h it tells what the sandbox costs a
 * step. */
#ifndef BENCH_SANDBOXED_H
#define BENCH_SANDBOXED_H

#include "bench/measure.h"
#include "plugin/worker.h"

#define SANDBOXED_ARGUMENTS 16
enum { SANDBOXED_STRINGS = 8 + SANDBOXED_ARGUMENTS };

struct sandboxed {
	struct workers *workers; /* borrowed */
	char *words[SANDBOXED_STRINGS];
	size_t count;
};

/* `workers` stays the caller's. `command` is the module's path and at most SANDBOXED_ARGUMENTS
 * arguments, and ends with NULL. The worker is granted what a step is: the directory `work` as
 * /work with a quota, an empty standard input, the clock and random bytes; the module's image is
 * looked for in `cache`. *sandboxed is {0} before and is for sandboxed_close() after, on failure
 * too. */
bool sandboxed_open(struct sandboxed *sandboxed, struct workers *workers, char *const *command,
                    const char *work, const char *cache, struct error *err);
void sandboxed_close(struct sandboxed *sandboxed);

/* Cell functions; env is a struct sandboxed. The time is that until the worker is gone, or until
 * the server has all for its answer, which it does not keep waiting for the other. */
bool sandboxed_run(void *env, struct process_result *result, struct error *err);
bool sandboxed_answer(void *env, struct process_result *result, struct error *err);

#endif
