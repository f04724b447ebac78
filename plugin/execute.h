/* template.execute: from the body of a request to its answer. Decodes it, gives the caller a run
 * (plugin/runs.h) and the run its turn (plugin/pool.h), and keeps the time. Knows nothing of
 * connections but that a visit can be left sleeping. */
#ifndef PLUGIN_EXECUTE_H
#define PLUGIN_EXECUTE_H

#include "plugin/answer.h"
#include "plugin/pool.h"
#include "plugin/runs.h"
#include "plugin/step.h"

struct executor;

/* One request; embedded in what the server knows of it. Starts as {0}. */
struct visit {
	struct caller caller;
	struct answer answer;
};

/* What is pointed to is borrowed until executor_destroy(). The callbacks are called from any
 * thread, and call nothing of execute.h. */
struct executor_setting {
	struct pool *pool;
	const struct step_setting *step;
	uint64_t reply_within_ms; /* --reply-within */
	uint64_t result_ttl_ms;   /* --result-ttl */
	size_t kept_bytes;        /* --kept-results */

	void (*sleep)(struct visit *visit);
	void (*wake)(struct visit *visit); /* its answer is there */
	/* Which of these visits, 1 … RUNS_LOOK_MAX, have nobody left at the other end? */
	void (*look)(struct visit *const *visits, size_t count, bool *have_left);
};

struct executor *executor_create(const struct executor_setting *setting, struct error *err);

/* True when the visit has its answer. False when it sleeps until it has one; it may be awake again
 * when this returns. */
bool executor_take(struct executor *executor, struct visit *visit, const char *body, size_t size);

/* The connection is done with the visit. */
void executor_done(struct executor *executor, struct visit *visit, bool was_sent);

/* Answers all visits that sleep: the server stops. Before pool_stop(). */
void executor_stop(struct executor *executor);

/* After the pool was waited for and the last executor_done(). NULL is allowed. */
void executor_destroy(struct executor *executor);

#endif
