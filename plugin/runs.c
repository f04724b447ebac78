#include "plugin/runs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

TAILQ_HEAD(run_list, run);
TAILQ_HEAD(caller_list, caller);

struct runs {
	struct runs_setting setting;
	pthread_mutex_t lock;
	struct run_list buckets[BUCKETS];
	struct caller_list waiting; /* callers of ATTACHED runs, by deadline */
	struct run_list kept;       /* by kept_until */
	size_t kept_bytes;
	uint64_t next; /* when runs_tick() is due */
	bool stopping;
};

struct runs *runs_create(const struct runs_setting *setting, struct error *err)
{
	struct runs *runs = calloc(1, sizeof *runs);
	if (runs == NULL) {
		error_set(err, ERROR_NO_MEMORY, "runs");
		return NULL;
	}
	runs->setting = *setting;
	pthread_mutex_init(&runs->lock, NULL);
	for (size_t i = 0; i < BUCKETS; i++)
		TAILQ_INIT(&runs->buckets[i]);
	TAILQ_INIT(&runs->waiting);
	TAILQ_INIT(&runs->kept);
	runs->next = RUNS_NEVER;
	return runs;
}

static struct run_list *bucket(struct runs *runs, const struct digest *digest)
{
	return &runs->buckets[(digest->bytes[0] | (size_t)digest->bytes[1] << 8) % BUCKETS];
}

static void expect_tick(struct runs *runs, uint64_t at)
{
	if (at < runs->next) {
		runs->next = at;
		runs->setting.wake(runs->setting.env);
	}
}

/* ---- the steps from state to state ---- */

static void attach(struct runs *runs, struct run *run, struct caller *caller, uint64_t now)
{
	run->state = RUN_ATTACHED;
	run->caller = caller;
	caller->run = run;
	caller->deadline = now + runs->setting.reply_within_ms;
	TAILQ_INSERT_TAIL(&runs->waiting, caller, waiting);
	expect_tick(runs, caller->deadline);
}

/* Its caller hears that the run goes on, or that the server stops. */
static void detach(struct runs *runs, struct run *run, enum runs_answer answer)
{
	struct caller *caller = run->caller;
	TAILQ_REMOVE(&runs->waiting, caller, waiting);
	run->state = RUN_LOOSE;
	run->caller = NULL;
	caller->run = NULL;
	runs->setting.answer(caller, run, answer);
}

static void deliver(struct runs *runs, struct run *run, struct caller *caller)
{
	run->state = RUN_DELIVERING;
	run->caller = caller;
	caller->run = run;
	runs->setting.answer(caller, run, RUNS_RESULT);
}

static void forget(struct runs *runs, struct run *run, enum runs_end end)
{
	TAILQ_REMOVE(bucket(runs, &run->digest), run, equals);
	runs->setting.drop(run, end);
}

static void take_from_kept(struct runs *runs, struct run *run)
{
	TAILQ_REMOVE(&runs->kept, run, kept);
	runs->kept_bytes -= run->size;
}

/* The oldest results go when there is no room for them. */
static void keep(struct runs *runs, struct run *run, uint64_t now)
{
	run->state = RUN_KEPT;
	run->caller = NULL;
	run->kept_until = now + runs->setting.result_ttl_ms;
	TAILQ_INSERT_TAIL(&runs->kept, run, kept);
	runs->kept_bytes += run->size;
	expect_tick(runs, run->kept_until);
	while (runs->kept_bytes > runs->setting.kept_bytes) {
		struct run *oldest = TAILQ_FIRST(&runs->kept);
		take_from_kept(runs, oldest);
		forget(runs, oldest, RUNS_CROWDED);
	}
}

/* ---- what happens ---- */

/* The runs of those who have left are nobody's. How many have. */
static size_t let_go_of_left(struct runs *runs, struct caller *const *callers, size_t count)
{
	bool have_left[RUNS_LOOK_MAX];
	size_t left = 0;
	runs->setting.look(callers, count, have_left);
	for (size_t i = 0; i < count; i++) {
		if (!have_left[i])
			continue;
		left++;
		detach(runs, callers[i]->run, RUNS_RUNNING);
	}
	return left;
}

/* Of the runs with that digest the oldest in that state, or NULL. */
static struct run *find(struct runs *runs, const struct digest *digest, enum run_state state)
{
	struct run *run;
	TAILQ_FOREACH(run, bucket(runs, digest), equals)
	{
		if (run->state == state && digest_equal(&run->digest, digest))
			break;
	}
	return run;
}

/* A run with that digest that nobody waits for: one that has ended, else the oldest. */
static struct run *find_free(struct runs *runs, const struct digest *digest)
{
	struct caller *callers[RUNS_LOOK_MAX];
	size_t count = 0, left = 0;
	struct run *loose = NULL, *run;
	TAILQ_FOREACH(run, bucket(runs, digest), equals)
	{
		if (!digest_equal(&run->digest, digest))
			continue;
		if (run->state == RUN_KEPT)
			return run;
		if (run->state == RUN_LOOSE && loose == NULL)
			loose = run;
		if (run->state == RUN_ATTACHED)
			callers[count++] = run->caller;
		if (count == RUNS_LOOK_MAX) {
			left += let_go_of_left(runs, callers, count);
			count = 0;
		}
	}
	if (count > 0)
		left += let_go_of_left(runs, callers, count);
	return left == 0 ? loose : find(runs, digest, RUN_LOOSE);
}

static enum runs_taken join_or_start(struct runs *runs, const struct digest *digest,
                                     struct caller *caller, struct run *fresh, uint64_t now)
{
	if (runs->stopping)
		return RUNS_CLOSED;
	struct run *run = find_free(runs, digest);
	if (run != NULL && run->state == RUN_KEPT) {
		take_from_kept(runs, run);
		deliver(runs, run, caller);
		return RUNS_JOINED;
	}
	if (run != NULL) {
		attach(runs, run, caller, now);
		return RUNS_JOINED;
	}
	/* Before it starts: it may end before start() returns. */
	fresh->digest = *digest;
	if (!runs->setting.start(fresh))
		return RUNS_FULL;
	TAILQ_INSERT_TAIL(bucket(runs, digest), fresh, equals);
	attach(runs, fresh, caller, now);
	return RUNS_STARTED;
}

enum runs_taken runs_call(struct runs *runs, const struct digest *digest, struct caller *caller,
                          struct run *fresh, uint64_t now)
{
	pthread_mutex_lock(&runs->lock);
	enum runs_taken taken = join_or_start(runs, digest, caller, fresh, now);
	pthread_mutex_unlock(&runs->lock);
	return taken;
}

void runs_ended(struct runs *runs, struct run *run, size_t size, uint64_t now)
{
	pthread_mutex_lock(&runs->lock);
	run->size = size;
	if (run->state == RUN_ATTACHED)
		let_go_of_left(runs, &run->caller, 1);
	if (run->state == RUN_ATTACHED) {
		TAILQ_REMOVE(&runs->waiting, run->caller, waiting);
		deliver(runs, run, run->caller);
	} else if (runs->stopping) {
		forget(runs, run, RUNS_STOPPED);
	} else {
		keep(runs, run, now);
	}
	pthread_mutex_unlock(&runs->lock);
}

void runs_delivered(struct runs *runs, struct caller *caller, bool was_sent, uint64_t now)
{
	pthread_mutex_lock(&runs->lock);
	struct run *run = caller->run;
	caller->run = NULL;
	if (run != NULL && run->state == RUN_ATTACHED) {
		/* The connection went without an answer. */
		TAILQ_REMOVE(&runs->waiting, caller, waiting);
		run->state = RUN_LOOSE;
		run->caller = NULL;
	} else if (run != NULL && was_sent) {
		forget(runs, run, RUNS_COLLECTED);
	} else if (run != NULL && runs->stopping) {
		forget(runs, run, RUNS_STOPPED);
	} else if (run != NULL) {
		keep(runs, run, now);
	}
	pthread_mutex_unlock(&runs->lock);
}

uint64_t runs_tick(struct runs *runs, uint64_t now)
{
	pthread_mutex_lock(&runs->lock);
	struct caller *caller;
	while ((caller = TAILQ_FIRST(&runs->waiting)) != NULL && caller->deadline <= now)
		detach(runs, caller->run, RUNS_RUNNING);
	struct run *run;
	while ((run = TAILQ_FIRST(&runs->kept)) != NULL && run->kept_until <= now) {
		take_from_kept(runs, run);
		forget(runs, run, RUNS_EXPIRED);
	}
	uint64_t next = RUNS_NEVER;
	if (caller != NULL)
		next = caller->deadline;
	if (run != NULL && run->kept_until < next)
		next = run->kept_until;
	runs->next = next;
	pthread_mutex_unlock(&runs->lock);
	return next;
}

void runs_stop(struct runs *runs)
{
	pthread_mutex_lock(&runs->lock);
	runs->stopping = true;
	struct caller *caller;
	while ((caller = TAILQ_FIRST(&runs->waiting)) != NULL)
		detach(runs, caller->run, RUNS_STOPPING);
	struct run *run;
	while ((run = TAILQ_FIRST(&runs->kept)) != NULL) {
		take_from_kept(runs, run);
		forget(runs, run, RUNS_STOPPED);
	}
	pthread_mutex_unlock(&runs->lock);
}

void runs_destroy(struct runs *runs)
{
	if (runs == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct run *run;
		while ((run = TAILQ_FIRST(&runs->buckets[i])) != NULL)
			forget(runs, run, RUNS_STOPPED);
	}
	pthread_mutex_destroy(&runs->lock);
	free(runs);
}
