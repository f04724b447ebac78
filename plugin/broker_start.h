/* Starts a broker for a run of the command line: `tiphys broker` in tiphys-net, a child process at
 * the other end of a socket. */
#ifndef PLUGIN_BROKER_START_H
#define PLUGIN_BROKER_START_H

#include "caps/caps.h"
#include "plugin/broker_options.h"

#include <sys/types.h>

/* The descriptor that the child finds its socket at. */
#define BROKER_FD 3

/* Starts it and grants to `caps` what it grants. *pid is to be given to broker_wait() when it is
 * not 0, also after a failure. False with *err set; ERROR_USAGE without words when the broker took
 * exception to its options: it has told on stderr. */
bool broker_start(const struct broker_options *options, struct caps *caps, pid_t *pid,
                  struct error *err);

/* Grants to `caps` what the broker at `fd`, which is taken over, grants. False with *err set. */
bool broker_take(struct caps *caps, int fd, struct error *err);

/* Reaps it, after the set is destroyed: the end of its socket ends it. */
void broker_wait(pid_t pid);

#endif
