/* From the words of the command line to a capability set. */
#ifndef PLUGIN_GRANTS_H
#define PLUGIN_GRANTS_H

#include "caps/caps.h"
#include "plugin/options.h"

/* What a command line grants. {0} grants nothing but the output streams, without limit. */
struct grants {
	struct option_texts dirs; /* HOST::GUEST[:ro|:quota=BYTES|:quota=/OTHER] */
	struct option_texts env;  /* NAME=VALUE */
	bool has_stdin;
	bool no_stdout, no_stderr;
	const char *clock;     /* NULL, "" or "real", "coarse", "fixed", "fixed:TIME" */
	const char *random;    /* NULL, "" or a seed */
	uint64_t stdout_limit; /* bytes; 0: none */
	uint64_t stderr_limit;
	uint64_t open_files; /* 0: CAPS_OPEN_FILES_DEFAULT */
	bool are_of_step;    /* words of plugin/step.c: who reads of a limit has a template */
};

/* Grants to `caps`. ERROR_USAGE for words that make no sense, ERROR_SYSTEM for a directory that
 * cannot be opened. */
bool grants_apply(const struct grants *grants, struct caps *caps, struct error *err);

/* Grants the program's name and its arguments. */
bool grants_apply_args(struct caps *caps, const char *name, const struct operands *args,
                       struct error *err);

#endif
