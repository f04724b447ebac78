/* Runs scripts in processes of their own, some at a time, so that a crash or an endless loop in one
 * takes nothing from the others. */
#ifndef SPEC_TESTS_JOBS_H
#define SPEC_TESTS_JOBS_H

#include "spec-tests/suite.h"

#include <sys/types.h>

struct job {
	char path[PATH_MAX]; /* of the script */
	char title[sizeof((struct expectation *)0)->title];
	const struct expectation *expected; /* NULL: not in the list */

	/* Filled by jobs_run(). */
	struct run_result *result; /* shared with the child; what ran before a crash counts */
	bool is_right;
	char *log; /* failures, and how the process ended if not well */
	FILE *log_file;
	pid_t pid;
};

struct jobs_options {
	uint64_t features; /* beside those of the script's group */
	bool unfolded;
	bool collect_always;
	bool checked_memory;
	bool images;
	unsigned failures_shown; /* for each script; 0: all */
	unsigned at_a_time;      /* processes; at least 1 */
	unsigned seconds;        /* for one script */
};

/* Runs all; `done` is called for each, in their order. False with an error when processes cannot be
 * made. */
bool jobs_run(struct job *jobs, size_t count, const struct jobs_options *options,
              void (*done)(const struct job *job, void *env), void *env, struct error *err);
void jobs_clear(struct job *jobs, size_t count);

#endif
