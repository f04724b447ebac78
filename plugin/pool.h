/* A fixed number of threads, and a queue before them that has an end. */
#ifndef PLUGIN_POOL_H
#define PLUGIN_POOL_H

#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Embedded in what the job is about; in the pool's hands from pool_submit() until run() is called.
 */
struct pool_job {
	/* stopping: the pool does no more work; tell whoever waits, and return at once. */
	void (*run)(struct pool_job *job, bool stopping);
	struct pool_job *next;
};

/* `queue_max`: jobs that may wait beside those that run. */
struct pool *pool_create(size_t threads, size_t queue_max, struct error *err);

/* False when the queue is full or the pool stops; then the job stays the caller's. */
bool pool_submit(struct pool *pool, struct pool_job *job);

/* Takes no more jobs; those that wait are run with stopping set. Returns at once. */
void pool_stop(struct pool *pool);

/* After pool_stop(): waits until every job is done. False when that takes longer than `ms`. */
bool pool_wait(struct pool *pool, unsigned ms);

/* After pool_wait() returned true. NULL is allowed. */
void pool_destroy(struct pool *pool);

#endif
