/* `tiphys run` as a function, for processes that put themselves behind a wall before they run a
 * module. */
#ifndef PLUGIN_RUN_H
#define PLUGIN_RUN_H

#include "caps/caps.h"
#include "plugin/options.h"
#include "validator/error.h"

#include <stddef.h>

/* What a run is about to need, as its command line says; 0: the default of `tiphys run`. */
struct run_needs {
	const struct operands *args; /* the guest's */
	uint64_t module_bytes;
	uint64_t memory_bytes;
	uint64_t stack_bytes;
	uint32_t open_files;
};

/* Limits of the engine's that a run met; it may have ended in its own words. */
enum run_reached { RUN_REACHED_FUEL, RUN_REACHED_MEMORY, RUN_REACHED_STACK, RUN_REACHED_COUNT };

/* How a run ended. */
struct run_end {
	int status;           /* 0 … 255 */
	enum error_kind kind; /* what ended it; ERROR_NONE, ERROR_EXIT: the guest itself */
	unsigned reached;     /* bits 1 << enum run_reached */
	const char *text;     /* what `tiphys run` says of it, without its own name and the file's */
	size_t size;          /* of the text, in bytes; at most RUN_TEXT_MAX */
};
#define RUN_TEXT_MAX 8192

struct run_wall {
	/* Called once, when all that is granted is open and no byte of the module was looked at. With
	 * false and *err set nothing is run. */
	bool (*put_up)(void *env, struct caps *caps, const struct run_needs *needs, struct error *err);
	void *env;
	/* Called last, when all is written and the process ends. */
	void (*say_end)(const struct run_end *end);
};

/* As cmd_run(), of a file and never of a reference. `wall` is NULL for none. The
 * process ends with the run; it returns when the command line is wrong. */
int run_behind(const struct run_wall *wall, int argc, char **argv);

#endif
