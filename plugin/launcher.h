/* The server's side of plugin/order.h: starts the worker parent, and has workers forked by it. */
#ifndef PLUGIN_LAUNCHER_H
#define PLUGIN_LAUNCHER_H

#include "plugin/order.h"
#include "plugin/worker.h"

#include <sys/types.h>

struct launcher {
	const char *executable; /* borrowed */
	pid_t pid;              /* of the worker parent; 0: none */
	int socket;
	struct worker_sandbox sandbox;
};

/* Starts the worker parent and waits for its hello. */
bool launcher_init(struct launcher *launcher, const char *executable, struct error *err);

/* Kills the worker parent, so that no worker starts any more. From any thread. */
void launcher_kill(const struct launcher *launcher);

/* Ends the worker parent. */
void launcher_clear(struct launcher *launcher);

/* Was this ended child the worker parent? Then it is reaped, and the next launch starts another. */
bool launcher_reap(struct launcher *launcher, pid_t pid);

struct launch {
	int fds[ORDER_DESCRIPTORS];
	uint64_t time_ms;
};

/* Starts a worker: a child of the calling process, leader of its process group. A worker parent
 * that was killed is started anew. One thread at a time. */
bool launcher_launch(struct launcher *launcher, const struct launch *launch, pid_t *pid,
                     struct error *err);

#endif
