/* One container of a low-level runtime (crun, runc): run to its end, or left standing. */
#ifndef BENCH_CONTAINER_H
#define BENCH_CONTAINER_H

#include "bench/bundle.h"
#include "bench/process.h"

struct container {
	const char *runtime; /* borrowed, as state */
	const char *state;   /* directory of the runtime's state */
	char bundle[4096], id[64], pid_file[4096];
	bool is_started;
};

/* Makes its bundle in DIRECTORY/NAME and gives it an id of its own. */
bool container_write(struct container *container, const char *runtime, const char *state,
                     const char *directory, const char *name, const struct bundle *bundle,
                     struct error *err);

/* Runs it to its end. */
bool container_run(const struct container *container, struct process_result *result,
                   struct error *err);

/* Starts it in the background. Its process becomes a child of the calling one when that is a
 * subreaper (PR_SET_CHILD_SUBREAPER). */
bool container_start(struct container *container, struct error *err);

/* Its process; 0: it did not tell. */
pid_t container_pid(const struct container *container);

/* Ends one that was started, and does nothing for others. */
bool container_end(struct container *container, struct error *err);

#endif
