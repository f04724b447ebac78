/* One program run from its start to its end: what it cost and what it said. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "validator/error.h"

#include <stddef.h>

struct process_options {
	char *const *env;     /* NULL: the caller's */
	unsigned seconds;     /* killed after that; 0: PROCESS_SECONDS */
	size_t output_limit;  /* bytes of stdout; 0: PROCESS_OUTPUT. More is an error */
	bool discards_output; /* what it starts in the background may keep stdout and stderr */
};

#define PROCESS_SECONDS 120
#define PROCESS_OUTPUT ((size_t)1 << 20)

struct process_result {
	double wall, user, system; /* seconds: from before the spawn until it was waited for */
	int status;                /* as a shell has it: 128 + the signal's number after a signal */
	char *output;              /* stdout, with a NUL behind it */
	size_t output_size;
	char complaint[256]; /* the first line of stderr that is not empty */
};

/* Starts argv (argv[0] is looked for on the path) with stdin from /dev/null and waits for its end.
 * *result is {0} before and is for process_clear() after, on failure too. False when it could not
 * be started, was too slow or said too much; what it did otherwise is the caller's to judge. */
bool process_run(char *const *argv, const struct process_options *options,
                 struct process_result *result, struct error *err);

/* Runs a command that must end with status 0; its output is thrown away. */
bool process_do(char *const *argv, unsigned seconds, struct error *err);

void process_clear(struct process_result *result);
#define cleanup_process __attribute__((cleanup(process_clear)))

/* Seconds of CLOCK_MONOTONIC. */
double monotonic_seconds(void);

#endif
