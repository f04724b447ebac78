#include "plugin/execute.h"

#include "caps/cleanup.h"
#include "plugin/log.h"
#include "plugin/metrics.h"
#include "plugin/now.h"
#include "plugin/reply.h"
#include "plugin/request.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct executor {
	struct executor_setting setting;
	struct runs *runs;
	pthread_t clock;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool is_due, stopping; /* under the lock */
};

/* A run, and what it works on. */
struct execution {
	struct run run; /* first */
	struct pool_job job;
	struct executor *executor;
	struct request request;
	struct step_watch step;
	atomic_bool has_turn;
	char *reply; /* when it has ended */
};

/* ---- one execution ---- */

static void execution_destroy(struct execution *execution)
{
	step_watch_clear(&execution->step);
	request_clear(&execution->request);
	free(execution->reply);
	free(execution);
}

static void run_job(struct pool_job *job, bool stopping)
{
	struct execution *execution =
	    (struct execution *)((char *)job - offsetof(struct execution, job));
	struct executor *executor = execution->executor;
	cleanup_node struct node node = {0};
	struct step_rest rest;
	atomic_store(&execution->has_turn, true);
	/* Without an outcome nobody waits any more: executor_stop() has been called. */
	if (!stopping && step_run(executor->setting.step, &execution->step, &node, &rest))
		execution->reply = reply_of_node(&node);
	/* A result may wait for long; its request need not. */
	size_t size = sizeof *execution + request_keep_names(&execution->request) +
	              (execution->reply == NULL ? 0 : strlen(execution->reply));
	/* Whoever has the answer may ask again at once, and finds this thread free. */
	pool_yield(executor->setting.pool);
	runs_ended(executor->runs, &execution->run, size, now_ms());
	/* From here on the execution may be gone. */
	if (!stopping)
		step_end(&rest);
}

/* ---- callbacks of runs: with its lock held ---- */

static bool start_run(struct run *run)
{
	struct execution *execution = (struct execution *)run;
	return pool_submit(execution->executor->setting.pool, &execution->job);
}

static struct executor *executor_of(const struct run *run)
{
	return ((const struct execution *)run)->executor;
}

static void look(struct caller *const *callers, size_t count, bool *have_left)
{
	struct visit *visits[RUNS_LOOK_MAX];
	for (size_t i = 0; i < count; i++)
		visits[i] = (struct visit *)callers[i];
	executor_of(callers[0]->run)->setting.look(visits, count, have_left);
}

static void answer_running(struct execution *execution, struct answer *answer)
{
	char progress[STEP_PROGRESS_SIZE] = "";
	bool has_turn = atomic_load(&execution->has_turn);
	if (has_turn)
		step_watch_progress(&execution->step, progress);
	cleanup_free char *text =
	    reply_of_running(has_turn ? NULL : "waits for its turn among the plugin's steps", progress);
	answer_json(answer, text);
}

static void answer(struct caller *caller, struct run *run, enum runs_answer how)
{
	struct visit *visit = (struct visit *)caller;
	struct execution *execution = (struct execution *)run;
	switch (how) {
	case RUNS_RESULT:
		answer_json(&visit->answer, execution->reply);
		break;
	case RUNS_RUNNING:
		metrics_add(METRIC_REQUEUED, 1);
		answer_running(execution, &visit->answer);
		break;
	case RUNS_STOPPING:
		answer_refuse(&visit->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "the plugin is stopping");
		break;
	}
	execution->executor->setting.wake(visit);
}

static void drop(struct run *run, enum runs_end end)
{
	struct execution *execution = (struct execution *)run;
	if (end == RUNS_EXPIRED || end == RUNS_CROWDED) {
		metrics_add(METRIC_DROPPED, 1);
		struct log_line line = log_begin(LOG_WARN, "result dropped");
		step_watch_log(&execution->step, &line);
		log_text(&line, "reason",
		         end == RUNS_EXPIRED
		             ? "nobody asked for it (--result-ttl)"
		             : "nobody asked for it, and newer ones needed the room (--kept-results)");
		log_end(&line);
	}
	execution_destroy(execution);
}

/* ---- the clock ---- */

static void wake_clock(void *env)
{
	struct executor *executor = env;
	pthread_mutex_lock(&executor->lock);
	executor->is_due = true;
	pthread_cond_signal(&executor->woken);
	pthread_mutex_unlock(&executor->lock);
}

static void *keep_time(void *env)
{
	struct executor *executor = env;
	pthread_mutex_lock(&executor->lock);
	while (!executor->stopping) {
		executor->is_due = false;
		pthread_mutex_unlock(&executor->lock);
		uint64_t next = runs_tick(executor->runs, now_ms());
		pthread_mutex_lock(&executor->lock);
		const struct timespec until = {.tv_sec = (time_t)(next / 1000),
		                               .tv_nsec = (long)(next % 1000 * 1000000)};
		while (!executor->is_due && !executor->stopping) {
			if (next == RUNS_NEVER)
				pthread_cond_wait(&executor->woken, &executor->lock);
			else if (pthread_cond_timedwait(&executor->woken, &executor->lock, &until) != 0)
				break;
		}
	}
	pthread_mutex_unlock(&executor->lock);
	return NULL;
}

/* ---- visits ---- */

/* A template's mistake is a step that failed, for Argo as for those who watch the server. */
static void fail_request(struct answer *answer, const struct request *request,
                         const struct error *err)
{
	cleanup_node struct node node = {0};
	node_fail(&node, "%s", err->message);
	cleanup_free char *text = reply_of_node(&node);
	answer_json(answer, text);
	metrics_add(METRIC_FAILED, 1);
	struct log_line line = log_begin(LOG_WARN, "step refused");
	log_text(&line, "workflow", request->workflow);
	log_text(&line, "namespace", request->namespace);
	log_text(&line, "template", request->template);
	log_text(&line, "message", err->message);
	log_end(&line);
}

static void refuse_request(struct answer *answer, const struct request *request,
                           const struct error *err)
{
	if (err->kind == ERROR_MALFORMED) {
		answer_refuse(answer, MHD_HTTP_BAD_REQUEST, "not an ExecuteTemplateRequest: %s",
		              err->message);
	} else if (err->kind == ERROR_USAGE || err->kind == ERROR_UNSUPPORTED) {
		fail_request(answer, request, err);
	} else {
		answer_refuse(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", err->message);
	}
}

/* NULL when the visit has been answered. */
static struct execution *decode(struct executor *executor, struct visit *visit, const char *body,
                                size_t size)
{
	struct error err = ERROR_INIT;
	struct execution *execution = calloc(1, sizeof *execution);
	if (execution == NULL) {
		answer_refuse(&visit->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
		return NULL;
	}
	execution->executor = executor;
	execution->job.run = run_job;
	step_watch_init(&execution->step, &execution->request);
	if (!request_decode(body, size, &execution->request, &err))
		refuse_request(&visit->answer, &execution->request, &err);
	else if (execution->request.form == REQUEST_NOT_OURS)
		answer_json(&visit->answer, reply_not_ours);
	else
		return execution;
	execution_destroy(execution);
	return NULL;
}

bool executor_take(struct executor *executor, struct visit *visit, const char *body, size_t size)
{
	struct digest digest;
	struct error err = ERROR_INIT;
	struct execution *execution = decode(executor, visit, body, size);
	if (execution == NULL)
		return true;
	if (!digest_of_bytes(body, size, DIGEST_SHA256, &digest, &err)) {
		refuse_request(&visit->answer, &execution->request, &err);
		execution_destroy(execution);
		return true;
	}
	execution->job.turn.who = execution->request.uid;
	executor->setting.sleep(visit);
	switch (runs_call(executor->runs, &digest, &visit->caller, &execution->run, now_ms())) {
	case RUNS_STARTED:
		return false;
	case RUNS_JOINED:
		metrics_add(METRIC_JOINED, 1);
		execution_destroy(execution);
		return false;
	case RUNS_FULL:
		answer_refuse(&visit->answer, MHD_HTTP_SERVICE_UNAVAILABLE,
		              "all workers are busy and the queue is full (--concurrency, --queue); try "
		              "again");
		break;
	case RUNS_CLOSED:
		answer_refuse(&visit->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "the plugin is stopping");
		break;
	}
	execution_destroy(execution);
	executor->setting.wake(visit);
	return false;
}

void executor_done(struct executor *executor, struct visit *visit, bool was_sent)
{
	runs_delivered(executor->runs, &visit->caller, was_sent, now_ms());
	answer_clear(&visit->answer);
}

/* ---- its life ---- */

struct executor *executor_create(const struct executor_setting *setting, struct error *err)
{
	struct executor *executor = calloc(1, sizeof *executor);
	if (executor == NULL) {
		error_set(err, ERROR_NO_MEMORY, "executor");
		return NULL;
	}
	executor->setting = *setting;
	const struct runs_setting runs = {
	    .reply_within_ms = setting->reply_within_ms,
	    .result_ttl_ms = setting->result_ttl_ms,
	    .kept_bytes = setting->kept_bytes,
	    .start = start_run,
	    .look = look,
	    .answer = answer,
	    .drop = drop,
	    .wake = wake_clock,
	    .env = executor,
	};
	executor->runs = runs_create(&runs, err);
	if (executor->runs == NULL) {
		free(executor);
		return NULL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&executor->lock, NULL);
	pthread_cond_init(&executor->woken, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int failure = pthread_create(&executor->clock, NULL, keep_time, executor);
	if (failure != 0) {
		error_set_errno(err, failure, "cannot start a thread");
		runs_destroy(executor->runs);
		free(executor);
		return NULL;
	}
	return executor;
}

void executor_stop(struct executor *executor)
{
	pthread_mutex_lock(&executor->lock);
	executor->stopping = true;
	pthread_cond_signal(&executor->woken);
	pthread_mutex_unlock(&executor->lock);
	runs_stop(executor->runs);
}

void executor_destroy(struct executor *executor)
{
	if (executor == NULL)
		return;
	executor_stop(executor);
	pthread_join(executor->clock, NULL);
	runs_destroy(executor->runs);
	pthread_cond_destroy(&executor->woken);
	pthread_mutex_destroy(&executor->lock);
	free(executor);
}
