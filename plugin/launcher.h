/* The server's side of plugin/order.h: starts the worker parent, and has workers forked by it. */
#ifndef PLUGIN_LAUNCHER_H
#define PLUGIN_LAUNCHER_H

#include "plugin/order.h"
#include "plugin/worker.h"

#include <stdatomic.h>
#include <sys/types.h>

struct launcher {
	const char *executable; /* borrowed */
	pid_t pid;              /* of the worker parent; 0: none */
	int socket;
	struct worker_sandbox sandbox;
	/* Set by any thread: nobody waits long for a worker parent any more. */
	atomic_bool is_stopping;
};

/* Starts the worker parent and waits for its hello. */
bool launcher_init(struct launcher *launcher, const char *executable, struct error *err);

/* Takes no more orders: the worker parent tells of those that it has, and ends. */
void launcher_close(const struct launcher *launcher);

/* Ends the worker parent. */
void launcher_clear(struct launcher *launcher);

/* Was this ended child the worker parent? Then it is reaped. */
bool launcher_reap(struct launcher *launcher, pid_t pid);

/* Starts a worker parent in place of one that is gone. */
bool launcher_start(struct launcher *launcher, struct error *err);

/* Asks for a worker with these descriptors (enum order_descriptor), which stay the caller's. False
 * with errno set: ECONNRESET or EPIPE when there is no worker parent any more, else when it takes
 * no more orders now. One thread at a time, as all below. */
bool launcher_order(struct launcher *launcher, const int fds[ORDER_DESCRIPTORS]);

enum launcher_word {
	LAUNCHER_STARTED, /* *pid: a child of the calling process */
	LAUNCHER_FAILED,  /* *pid: -errno of the fork */
	LAUNCHER_SILENT,  /* no word yet (only without `wait`) */
	LAUNCHER_GONE, /* there is no worker parent any more, and none of the workers that were ordered
	                */
};

/* What became of the oldest order that was not asked about. */
enum launcher_word launcher_word(struct launcher *launcher, bool wait, pid_t *pid);

#endif
