/* Which call gets which run. Argo's agent asks for a step, gives up after 30 s, and asks again with
 * the same bytes and no ticket; equal nodes of a workflow send equal bytes too. So a run that
 * nobody waits for is kept under the digest of its request, and a call takes one of those before it
 * starts another: N equal nodes get exactly N runs, and each gets one result.
 *
 *   state        an equal call    the call's   its caller   the run      the reply   --result-ttl
 *                comes            time is up   has left     ends         was sent    is over
 *   ----------   --------------   ----------   ----------   ----------   ---------   ------------
 *   ATTACHED     if its caller    Running,     Running,     result,      -           -
 *                has left: to     LOOSE        LOOSE        DELIVERING
 *                the new one;
 *                else another
 *                run
 *   LOOSE        ATTACHED         -            -            KEPT         -           -
 *   DELIVERING   another run      -            KEPT         -            collected   -
 *   KEPT         result,          -            -            -            -           dropped
 *                DELIVERING
 *
 * `Running` and `result` are what the caller is answered with. A caller's leaving shows when its
 * connection is looked at: when an equal call comes, when the run ends, and when the reply cannot
 * be sent.
 *
 * Nothing here knows HTTP, steps or threads' clocks: time is handed in, in milliseconds of any
 * clock that does not go back. Thread-safe. */
#ifndef PLUGIN_RUNS_H
#define PLUGIN_RUNS_H

#include "plugin/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct runs;
struct run;

/* One call; embedded in what waits. It belongs to runs from runs_call() until it is answered, and
 * after a result until runs_delivered(). */
struct caller {
	struct run *run; /* NULL: none (any more) */
	uint64_t deadline;
	TAILQ_ENTRY(caller) waiting;
};

enum run_state { RUN_NEW, RUN_ATTACHED, RUN_LOOSE, RUN_DELIVERING, RUN_KEPT };

/* Embedded in what runs. Starts as {0}. */
struct run {
	struct digest digest; /* of the request */
	enum run_state state;
	struct caller *caller; /* in ATTACHED and DELIVERING */
	uint64_t kept_until;
	size_t size;
	TAILQ_ENTRY(run) equals; /* runs in the same bucket, oldest first */
	TAILQ_ENTRY(run) kept;
};

enum runs_answer {
	RUNS_RESULT,   /* the run has ended; tell runs_delivered() what became of the reply */
	RUNS_RUNNING,  /* it goes on: ask again */
	RUNS_STOPPING, /* the server stops */
};

enum runs_end {
	RUNS_COLLECTED,
	RUNS_EXPIRED, /* nobody asked for the result within --result-ttl */
	RUNS_CROWDED, /* the results that wait are more than --kept-results; this was the oldest */
	RUNS_STOPPED,
};

/* As many callers are looked at with one call. */
#define RUNS_LOOK_MAX 128

/* The callbacks are called with a lock held: they call nothing of runs.h and do not block. */
struct runs_setting {
	uint64_t reply_within_ms; /* --reply-within */
	uint64_t result_ttl_ms;   /* --result-ttl */
	size_t kept_bytes;        /* --kept-results: bytes of results that wait for their callers */

	/* Puts a new run on its way. False: no more runs can be taken. */
	bool (*start)(struct run *run);
	/* Which of these callers have closed their connections? count is 1 … RUNS_LOOK_MAX. */
	void (*look)(struct caller *const *callers, size_t count, bool *have_left);
	void (*answer)(struct caller *caller, struct run *run, enum runs_answer answer);
	/* The run is nobody's any more: frees it. */
	void (*drop)(struct run *run, enum runs_end end);
	/* runs_tick() has become due earlier than it last said. */
	void (*wake)(void *env);
	void *env;
};

/* The setting is copied. */
struct runs *runs_create(const struct runs_setting *setting, struct error *err);
/* No run may be left but DELIVERING and KEPT ones, which are dropped. NULL is allowed. */
void runs_destroy(struct runs *runs);

enum runs_taken {
	RUNS_STARTED, /* `fresh` is on its way */
	RUNS_JOINED,  /* the caller has another run; `fresh` stays the caller's */
	RUNS_FULL,    /* there was none to join, and none could be started */
	RUNS_CLOSED,  /* after runs_stop() */
};

/* Gives the caller a run with that digest: one that nobody waits for, else `fresh`. The caller may
 * have been answered when this returns. */
enum runs_taken runs_call(struct runs *runs, const struct digest *digest, struct caller *caller,
                          struct run *fresh, uint64_t now);

/* The run has ended, with a result of `size` bytes. */
void runs_ended(struct runs *runs, struct run *run, size_t size, uint64_t now);

/* The connection of a caller is done with its reply, or is no more. Does nothing for a caller that
 * holds no run. */
void runs_delivered(struct runs *runs, struct caller *caller, bool was_sent, uint64_t now);

/* Answers those whose time is up, drops results whose time is over. When it is to be called again;
 * RUNS_NEVER: not before wake(). */
#define RUNS_NEVER UINT64_MAX
uint64_t runs_tick(struct runs *runs, uint64_t now);

/* Answers all who wait, and takes nobody any more. Runs that end later are dropped. */
void runs_stop(struct runs *runs);

#endif
