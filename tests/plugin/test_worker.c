/* plugin/worker: a process of its own, from start to end. */
#include "tests/plugin/table.h"

#include "plugin/order.h"
#include "plugin/run.h"
#include "tests/plugin/workers.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_worker_has_nothing_but_its_own(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "report", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_string_equal(outcome.out.data,
	                    "descriptors 4\nleader 1\nblocked 0\ncore 0\ntime 20000\n");
}

static void exit_status_and_streams(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "exit", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_int_equal(outcome.status, 42);
	assert_string_equal(outcome.out.data, "out");
	assert_string_equal(outcome.err.data, "err");
}

/* More arguments than a pipe holds. */
static void many_arguments(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	static const char *strings[30001];
	strings[0] = "count";
	for (size_t i = 1; i < 30001; i++)
		strings[i] = i % 2 == 0 ? "" : "0123456789";
	run_task((struct worker_task){.strings = strings, .string_count = 30001}, "count", &outcome);
	assert_string_equal(outcome.out.data, "30001 180006\n");
}

static void stdin_larger_than_a_pipe(void **state)
{
	(void)state;
	size_t size = 900000;
	char *input = malloc(size);
	for (size_t i = 0; i < size; i++)
		input[i] = (char)(i * 31);
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){.input = input, .input_size = size}, "copy", &outcome);
	assert_int_equal(outcome.out.size, size);
	assert_memory_equal(outcome.out.data, input, size);
	free(input);
}

/* It ends before it has read its stdin: no SIGPIPE, no wait. */
static void unread_stdin_does_not_matter(void **state)
{
	(void)state;
	static char input[300000];
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){.input = input, .input_size = sizeof input}, "exit", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_int_equal(outcome.status, 42);
}

static void without_input_stdin_is_at_its_end(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "copy", &outcome);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(outcome.out.size, 0);
}

/* What it said before it was killed is kept. How long it takes to say it is the machine's affair:
 * the limit is doubled until that is enough. */
static void killed_at_the_time_limit(void **state)
{
	(void)state;
	bool has_spoken = false;
	for (uint64_t time_ms = 200; !has_spoken && time_ms <= 3200; time_ms *= 2) {
		cleanup_worker_outcome struct worker_outcome outcome = {0};
		run_task((struct worker_task){.time_ms = time_ms}, "loop", &outcome);
		assert_int_equal(outcome.end, WORKER_TIME);
		assert_true(outcome.took_ms >= time_ms - 10 && outcome.took_ms < time_ms + 1800);
		has_spoken = outcome.err.size > 0;
		if (has_spoken)
			assert_string_equal(outcome.err.data, "before");
	}
	assert_true(has_spoken);
}

static void killed_for_a_flood(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0}, other = {0};
	run_task((struct worker_task){.output_bytes = 100000}, "flood", &outcome);
	assert_int_equal(outcome.end, WORKER_STDOUT);
	assert_int_equal(outcome.out.size, 100000);
	run_task((struct worker_task){.output_bytes = 100000}, "flood-stderr", &other);
	assert_int_equal(other.end, WORKER_STDERR);
	assert_int_equal(other.err.size, 100000);
	worker_outcome_clear(&other);
}

/* A server that had no memory left told that the step wrote more than its limit. */
static void no_memory_for_output_is_no_flood(void **state)
{
	(void)state;
#ifdef TIPHYS_SANITIZED
	/* A sanitizer reserves more addresses than any limit lets it. */
	print_message("# not run: the addresses of a sanitized process cannot be limited\n");
#else
	struct rlimit old;
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_int_equal(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	const struct rlimit low = {pages * (rlim_t)sysconf(_SC_PAGESIZE) + (32 << 20), old.rlim_max};
	cleanup_worker_outcome struct worker_outcome outcome = {0}, other = {0};
	assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
	run_task((struct worker_task){.output_bytes = 1 << 30}, "flood", &outcome);
	setrlimit(RLIMIT_AS, &old);
	assert_int_equal(outcome.end, WORKER_NO_MEMORY);
	run_task((struct worker_task){0}, "exit", &other);
	assert_int_equal(other.end, WORKER_EXITED);
	worker_outcome_clear(&other);
#endif
}

static void exactly_the_limit_is_no_flood(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0}, other = {0};
	run_task((struct worker_task){.output_bytes = 3}, "exit", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	run_task((struct worker_task){.output_bytes = 2}, "exit", &other);
	assert_int_not_equal(other.end, WORKER_EXITED);
	worker_outcome_clear(&other);
}

static void a_crash_is_a_signal(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "crash", &outcome);
	assert_int_equal(outcome.end, WORKER_SIGNALLED);
	assert_int_equal(outcome.status, SIGSEGV);
}

static void closed_streams_are_not_the_end(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "close", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_int_equal(outcome.status, 7);
}

/* Its children die with it: the run ends at once although they hold its streams open. */
static void children_of_a_worker_die_with_it(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "leave-child", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_true(outcome.took_ms < 5000);
}

/* Its word is its end, and by then it is dead. */
static void a_worker_that_says_that_it_ended_has_ended(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "lie", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_int_equal(outcome.status, 3);
	assert_true(outcome.took_ms < 5000);
	pid_t pid = (pid_t)strtol(outcome.out.data, NULL, 10);
	assert_true(pid > 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* A broken interpreter could have a step told to have met a limit that its end does not meet, or an
 * end with success told to be a module that does not load. */
static void an_end_that_cannot_be_is_none(void **state)
{
	enum { FUEL = 1 << RUN_REACHED_FUEL, MEMORY = 1 << RUN_REACHED_MEMORY };
	enum { STACK = 1 << RUN_REACHED_STACK };
	static const struct {
		uint32_t status, kind, reached;
		bool can_be;
	} rows[] = {
	    {0, ERROR_NONE, 0, true},
	    {134, ERROR_EXIT, 0, true},
	    {3, ERROR_EXIT, MEMORY, true},
	    {134, ERROR_TRAP, 0, true},
	    {134, ERROR_TRAP, FUEL | MEMORY, true},
	    {134, ERROR_TRAP, STACK, true},
	    {1, ERROR_INVALID, 0, true},
	    {2, ERROR_USAGE, 0, true},
	    {256, ERROR_EXIT, 0, false},
	    {0, ERROR_TRAP, 0, false},
	    {0, ERROR_INVALID, 0, false},
	    {134, ERROR_LIMIT, 0, false},
	    {1, ERROR_NETWORK + 1, 0, false},
	    {1, UINT32_MAX, 0, false},
	    {1, ERROR_EXIT, FUEL, false},
	    {1, ERROR_NO_MEMORY, STACK, false},
	    {134, ERROR_TRAP, FUEL | STACK, false},
	    {134, ERROR_TRAP, 1 << RUN_REACHED_COUNT, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char status[16], kind[16], reached[16];
		const char *const strings[] = {"end", status, kind, reached};
		cleanup_worker_outcome struct worker_outcome outcome = {0};
		snprintf(status, sizeof status, "%u", rows[i].status);
		snprintf(kind, sizeof kind, "%u", rows[i].kind);
		snprintf(reached, sizeof reached, "%u", rows[i].reached);
		run_task((struct worker_task){.strings = strings, .string_count = 4}, "end", &outcome);
		assert_int_equal(outcome.end, WORKER_EXITED);
		if (outcome.status != (rows[i].can_be ? (int)rows[i].status : 6) ||
		    outcome.kind != (rows[i].can_be ? rows[i].kind : ERROR_NONE) ||
		    outcome.reached != (rows[i].can_be ? rows[i].reached : 0))
			fail_msg("row %zu: status %d, kind %u, reached %u", i, outcome.status, outcome.kind,
			         outcome.reached);
	}
}

/* What it said went before what the kernel tells, although that was waited for. */
static void the_kernels_word_goes_before_a_workers(void **state)
{
	static const struct {
		const char *how;
		enum worker_end end;
		int status;
	} rows[] = {{"crash", WORKER_SIGNALLED, SIGSEGV}, {"exit", WORKER_EXITED, 7}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *const strings[] = {"die-and-tell", rows[i].how};
		cleanup_worker_outcome struct worker_outcome outcome = {0};
		run_task((struct worker_task){.strings = strings, .string_count = 2}, "die", &outcome);
		assert_int_equal(outcome.end, rows[i].end);
		assert_int_equal(outcome.status, rows[i].status);
		assert_int_equal(outcome.kind, ERROR_NONE);
		assert_int_equal(outcome.said.size, 0);
	}
}

/* What the engine says took its place in stderr, and was lost with it at the limit. */
static void what_a_worker_says_of_its_end_is_none_of_its_output(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0}, slow = {0};
	run_task((struct worker_task){.output_bytes = 3}, "tell", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_int_equal(outcome.status, 134);
	assert_int_equal(outcome.kind, ERROR_TRAP);
	assert_int_equal(outcome.said.size, WORKER_TEXT_MAX);
	assert_int_equal(outcome.said.data[WORKER_TEXT_MAX - 1], 't');
	assert_string_equal(outcome.err.data, "err");
	run_task((struct worker_task){0}, "tell-slowly", &slow);
	assert_int_equal(slow.end, WORKER_EXITED);
	assert_int_equal(slow.status, 5);
	assert_int_equal(slow.kind, ERROR_EXIT);
	assert_string_equal(slow.said.data, "text");
	worker_outcome_clear(&slow);
}

static void half_a_word_is_none(void **state)
{
	static const char *const ways[] = {"tell-half", "tell-too-much"};
	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		cleanup_worker_outcome struct worker_outcome outcome = {0};
		run_task((struct worker_task){0}, ways[i], &outcome);
		assert_int_equal(outcome.end, WORKER_EXITED);
		assert_int_equal(outcome.status, 6);
		assert_int_equal(outcome.said.size, 0);
	}
}

static void a_word_that_is_none_is_not_its_end(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "babble", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_int_equal(outcome.status, 8);
}

/* Those whose end is not said at once are told of as the others are. */
static void a_slow_worker_is_heard(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	run_task((struct worker_task){0}, "slow", &outcome);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_int_equal(outcome.status, 9);
	assert_string_equal(outcome.out.data, "slow\n");
}

/* What is left after its word is the caller's: no other reaps it, and stopping does not wait. */
static void what_is_left_of_a_worker_is_its_callers(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		cleanup_worker_outcome struct worker_outcome outcome = {0};
		struct hand *left;
		const struct worker_task task = {.strings =
		                                     (const char *const[]){i % 2 == 0 ? "lie" : "exit"},
		                                 .string_count = 1,
		                                 .time_ms = 20000,
		                                 .output_bytes = 1000};
		struct error err = ERROR_INIT;
		size_t before = open_descriptors();
		assert_true(worker_run_to_word(workers, &task, &outcome, &left, &err));
		assert_int_equal(outcome.end, WORKER_EXITED);
		assert_int_equal(outcome.status, i % 2 == 0 ? 3 : 42);
		assert_non_null(left);
		workers_reap_others(workers);
		worker_bury(workers, left);
		assert_int_equal(open_descriptors(), before);
		siginfo_t none = {0};
		assert_int_equal(waitid(P_ALL, 0, &none, WEXITED | WNOHANG | WNOWAIT), 0);
		assert_int_equal(none.si_pid, 0);
	}
	worker_bury(workers, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_worker_has_nothing_but_its_own),
	    cmocka_unit_test(exit_status_and_streams),
	    cmocka_unit_test(many_arguments),
	    cmocka_unit_test(stdin_larger_than_a_pipe),
	    cmocka_unit_test(unread_stdin_does_not_matter),
	    cmocka_unit_test(without_input_stdin_is_at_its_end),
	    cmocka_unit_test(killed_at_the_time_limit),
	    cmocka_unit_test(killed_for_a_flood),
	    cmocka_unit_test(no_memory_for_output_is_no_flood),
	    cmocka_unit_test(exactly_the_limit_is_no_flood),
	    cmocka_unit_test(a_crash_is_a_signal),
	    cmocka_unit_test(closed_streams_are_not_the_end),
	    cmocka_unit_test(children_of_a_worker_die_with_it),
	    cmocka_unit_test(a_worker_that_says_that_it_ended_has_ended),
	    cmocka_unit_test(an_end_that_cannot_be_is_none),
	    cmocka_unit_test(the_kernels_word_goes_before_a_workers),
	    cmocka_unit_test(what_a_worker_says_of_its_end_is_none_of_its_output),
	    cmocka_unit_test(half_a_word_is_none),
	    cmocka_unit_test(a_word_that_is_none_is_not_its_end),
	    cmocka_unit_test(a_slow_worker_is_heard),
	    cmocka_unit_test(what_is_left_of_a_worker_is_its_callers),
	};
	workers_prepare(argc, argv);
	setenv("SECRET", "not for workers", 1);
	return cmocka_run_group_tests(tests, workers_make, workers_remove);
}
