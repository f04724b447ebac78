#include "bench/sandboxed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The limits of `tiphys serve` by default. */
#define TIME_MS ((uint64_t)600 * 1000)
#define OUTPUT_BYTES ((size_t)1 << 20)

__attribute__((format(printf, 3, 4))) static bool add(struct sandboxed *sandboxed,
                                                      struct error *err, const char *fmt, ...)
{
	va_list args;
	char *text;
	va_start(args, fmt);
	int size = vasprintf(&text, fmt, args);
	va_end(args);
	if (size < 0)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the options of a worker");
	sandboxed->words[sandboxed->count++] = text;
	return true;
}

/* What plugin/step.c says to the worker of a step that asks for nothing. */
bool sandboxed_open(struct sandboxed *sandboxed, struct workers *workers, char *const *command,
                    const char *work, const char *cache, struct error *err)
{
	sandboxed->workers = workers;
	bool fine = add(sandboxed, err, "--dir=%s::/work:quota=%llu", work, 1ull << 30) &&
	            add(sandboxed, err, "--clock=real") && add(sandboxed, err, "--random") &&
	            add(sandboxed, err, "--stdin") && add(sandboxed, err, "--stdin") &&
	            add(sandboxed, err, "--memory=%llu", 1ull << 30) &&
	            add(sandboxed, err, "--cache-dir=%s", cache) && add(sandboxed, err, "--");
	for (size_t i = 0; fine && i <= SANDBOXED_ARGUMENTS && command[i] != NULL; i++)
		fine = add(sandboxed, err, "%s", command[i]);
	return fine;
}

void sandboxed_close(struct sandboxed *sandboxed)
{
	for (size_t i = 0; i < sandboxed->count; i++)
		free(sandboxed->words[i]);
}

static bool is_ended(const struct worker_outcome *outcome, struct error *err)
{
	switch (outcome->end) {
	case WORKER_EXITED:
		return true;
	case WORKER_SIGNALLED:
		return error_set(err, ERROR_SYSTEM, "the worker died of signal %d", outcome->status);
	case WORKER_TIME:
		return error_set(err, ERROR_LIMIT, "the worker ran longer than %llu s",
		                 (unsigned long long)(TIME_MS / 1000));
	case WORKER_STDOUT:
	case WORKER_STDERR:
		return error_set(err, ERROR_LIMIT, "the worker wrote more than %zu bytes", OUTPUT_BYTES);
	case WORKER_NO_MEMORY:
		return error_set(err, ERROR_NO_MEMORY, "no memory for what the worker wrote");
	case WORKER_STOPPED:
		break;
	}
	return error_set(err, ERROR_SYSTEM, "the worker was stopped");
}

static bool run(struct sandboxed *sandboxed, bool to_its_end, struct process_result *result,
                struct error *err)
{
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	const struct worker_task task = {
	    .strings = (const char *const *)sandboxed->words,
	    .string_count = sandboxed->count,
	    .time_ms = TIME_MS,
	    .output_bytes = OUTPUT_BYTES,
	};
	double began = monotonic_seconds();
	struct hand *left;
	bool ran = worker_run_to_word(sandboxed->workers, &task, &outcome, &left, err);
	double answered = monotonic_seconds();
	worker_bury(sandboxed->workers, left);
	result->wall = (to_its_end ? monotonic_seconds() : answered) - began;
	if (!ran || !is_ended(&outcome, err))
		return false;
	result->status = outcome.status;
	result->output_size = outcome.out.size;
	result->output = calloc(1, outcome.out.size + 1);
	if (result->output == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for what it prints");
	if (outcome.out.size > 0)
		memcpy(result->output, outcome.out.data, outcome.out.size);
	if (outcome.err.size > 0)
		snprintf(result->complaint, sizeof result->complaint, "%.*s",
		         (int)strcspn(outcome.err.data, "\n"), outcome.err.data);
	return true;
}

bool sandboxed_run(void *env, struct process_result *result, struct error *err)
{
	return run(env, true, result, err);
}

bool sandboxed_answer(void *env, struct process_result *result, struct error *err)
{
	return run(env, false, result, err);
}
