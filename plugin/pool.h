/* A fixed number of threads, and a queue before them that has an end and is fair (plugin/turns.h).
 */
#ifndef PLUGIN_POOL_H
#define PLUGIN_POOL_H

#include "plugin/turns.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Embedded in what the job is about; in the pool's hands from pool_submit() until run() is called.
 */
struct pool_job {
	struct turn turn; /* turn.who: whose job it is */
	/* stopping: the pool does no more work; tell whoever waits, and return at once. */
	void (*run)(struct pool_job *job, bool stopping);
};

/* `queue_max`: jobs that may wait beside those that run. */
struct pool *pool_create(size_t threads, size_t queue_max, struct error *err);

/* False when the queue is full or the pool stops; then the job stays the caller's. */
bool pool_submit(struct pool *pool, struct pool_job *job);

/* Called from run(), when what follows is clearing up: from here on the job counts as done, and the
 * thread as one that is free. */
void pool_yield(struct pool *pool);

/* Jobs that wait, and jobs that run (pool_yield()). */
struct pool_load {
	size_t waiting, running;
};
struct pool_load pool_load(struct pool *pool);

/* Takes no more jobs; those that wait are run with stopping set. Returns at once. */
void pool_stop(struct pool *pool);

/* After pool_stop(): waits until every job is done. False when that takes longer than `ms`. */
bool pool_wait(struct pool *pool, unsigned ms);

/* After pool_wait() returned true. NULL is allowed. */
void pool_destroy(struct pool *pool);

#endif
