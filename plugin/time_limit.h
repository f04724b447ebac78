/* --timeout: the end of a run that takes too long, whatever it does. */
#ifndef PLUGIN_TIME_LIMIT_H
#define PLUGIN_TIME_LIMIT_H

#include "interp/interp.h"
#include "validator/error.h"

/* What timeout(1) answers. */
#define TIME_LIMIT_STATUS 124

/* After `ms` of wall time interrupts the store that is watched. What has not come to its end by
 * that soon after, as a system call that is taken up again, ends with the process, by
 * TIME_LIMIT_STATUS and the message, which names `what`. Once a process. */
bool time_limit_set(uint64_t ms, const char *what, struct error *err);
/* May be told before the time limit is set. */
void time_limit_watch(struct store *store);
/* The run has ended. */
void time_limit_clear(void);
bool time_limit_is_over(void);
/* What standard error is to hear then, with its newline. */
const char *time_limit_message(void);

#endif
