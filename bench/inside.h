/* A guest's start inside this process, without the cost of a new one. */
#ifndef BENCH_INSIDE_H
#define BENCH_INSIDE_H

#include "bench/measure.h"
#include "interp/image.h"
#include "plugin/module_file.h"

enum inside_what {
	INSIDE_DECODE,      /* decode and validate, nothing else, by one thread */
	INSIDE_DECODE_ALL,  /* the same by as many threads as there are processors */
	INSIDE_INSTANTIATE, /* a store and an instance of a decoded module */
	INSIDE_RUN,         /* that, the run to its end, and giving all back */
	INSIDE_FIRST,       /* from the file's name to the guest's first instruction */
	INSIDE_FIRST_IMAGE, /* the same from an image, which the first run keeps */
};

#define INSIDE_ARGUMENTS 16

struct inside {
	struct module_file file;
	struct module *module; /* decoded by inside_open() */
	struct image *image;   /* with all its functions lowered; NULL for a large module */
	enum inside_what what; /* what the wall time is of */
	/* The module's path and arguments up to NULL, and the directory for images: borrowed. */
	const char *command[INSIDE_ARGUMENTS + 2];
	const char *cache;
};

/* `command`: the module's path and at most INSIDE_ARGUMENTS arguments, then NULL. `cache` is for
 * INSIDE_FIRST_IMAGE alone. *inside is {0} before and is for
 * inside_close() after, on failure too. */
bool inside_open(struct inside *inside, char *const *command, const char *cache,
                 enum inside_what what, struct error *err);
void inside_close(struct inside *inside);

/* A cell_function; env is a struct inside. In every case the guest runs to its end and its output
 * is kept, so that it can be checked; only `what` is timed. */
bool inside_run(void *env, struct process_result *result, struct error *err);

#endif
