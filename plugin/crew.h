/* The workers of a server, those that stand ready and those at work: its processes, and who may be
 * reaped. For plugin/worker.c. */
#ifndef PLUGIN_CREW_H
#define PLUGIN_CREW_H

#include "plugin/worker.h"

#include <sys/queue.h>
#include <sys/types.h>

/* A worker that was forked: as long as it stands in a list nobody else reaps its process id, and
 * until it is reaped that is its own. The descriptors are the server's ends. */
struct hand {
	pid_t pid; /* 0: the worker parent has not told yet */
	int socket, out, err;
	TAILQ_ENTRY(hand) next;
};

/* A worker that stands ready, or a new one. False without *err when no worker may start any more.
 */
bool crew_take(struct workers *workers, struct hand **hand, struct error *err);

/* How many are to stand ready. */
size_t crew_ready(const struct workers *workers);

/* Has others forked in place of those that were taken, when half of them are missing. */
void crew_refill(struct workers *workers);

/* Kills a worker that was taken, with all of its group. *stopped tells whether workers_stop() was
 * called before. */
void crew_kill(struct workers *workers, struct hand *hand, bool *stopped);

/* Waits until a worker that was killed so is gone, and reaps it; its wait status. No other thread
 * waits for it meanwhile. */
int crew_reap(struct workers *workers, struct hand *hand);

#endif
