/* The contract of a workflow step, for guests: FOLDER/input.json in, FOLDER/result.json out. The
 * folder is STEP_FOLDER in a step, another one in a test. */
#ifndef EXAMPLES_STEP_H
#define EXAMPLES_STEP_H

#include "examples/common/json.h"

#define STEP_FOLDER "/work"

struct step {
	char folder[256];
	struct json *input;
	char why[512]; /* what went wrong, for the result's message */
};

/* Is there a step's input? A command started by hand has none. */
bool step_is_here(const char *folder);

/* Reads the input. False with step->why. Ended by step_close() either way. */
bool step_open(struct step *step, const char *folder);
void step_close(struct step *step);

/* The value of an input parameter or plugin option as text: strings as they are, numbers and
 * booleans as they are written. NULL when there is none; *len may be NULL. Borrowed. */
const char *step_parameter(const struct step *step, const char *name, size_t *len);
const char *step_option(const struct step *step, const char *name, size_t *len);

/* Writes the result: Succeeded with one output parameter, or Failed with step->why as its message.
 * False with step->why when it cannot be written. */
bool step_succeed(struct step *step, const char *message, const char *name, const char *value,
                  size_t len);
bool step_fail(struct step *step);

#endif
