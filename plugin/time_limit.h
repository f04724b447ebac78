/* --timeout: the end of a run that takes too long, whatever it does. */
#ifndef PLUGIN_TIME_LIMIT_H
#define PLUGIN_TIME_LIMIT_H

#include "validator/error.h"

/* What timeout(1) answers. */
#define TIME_LIMIT_STATUS 124

/* Ends the process after `ms` of wall time with TIME_LIMIT_STATUS and a message that names `what`.
 * Once a process. */
bool time_limit_set(uint64_t ms, const char *what, struct error *err);
/* The run has ended in time. */
void time_limit_clear(void);

#endif
