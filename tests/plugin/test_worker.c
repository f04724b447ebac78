/* plugin/worker: a process of its own, from start to end. */
#include "plugin/worker.h"

#include "plugin/order.h"
#include "plugin/run.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char *child;

static struct workers *workers;

static int make_workers(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	workers = workers_create(child, 0, &err);
	return workers == NULL;
}

static int destroy_workers(void **state)
{
	(void)state;
	workers_destroy(workers);
	return 0;
}

static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static pid_t first_child(void)
{
	int pid = 0;
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	if (fscanf(file, "%d", &pid) != 1)
		pid = 0;
	fclose(file);
	return pid;
}

static pid_t last_child(void)
{
	int pid = 0;
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	for (int next; fscanf(file, "%d", &next) == 1;)
		pid = next;
	fclose(file);
	return pid;
}

static void run_task(struct worker_task task, const char *what, struct worker_outcome *outcome)
{
	struct error err = ERROR_INIT;
	if (task.strings == NULL) {
		task.strings = &what;
		task.string_count = 1;
	}
	if (task.time_ms == 0)
		task.time_ms = 20000;
	if (task.output_bytes == 0)
		task.output_bytes = 1 << 20;
	size_t before = open_descriptors();
	if (!worker_run(workers, &task, outcome, &err))
		fail_msg("%s: %s", what, err.message);
	assert_int_equal(open_descriptors(), before);
	siginfo_t left = {0};
	assert_int_equal(waitid(P_ALL, 0, &left, WEXITED | WNOHANG | WNOWAIT), 0);
	assert_int_equal(left.si_pid, 0);
}

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

static void missing_executables_are_named(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_null(workers_create("/nonexistent/tiphys", 0, &err));
	assert_non_null(strstr(err.message, "/nonexistent/tiphys: No such file"));
	/* One that is no tiphys ends without a word. */
	struct error other = ERROR_INIT;
	assert_null(workers_create("/bin/true", 0, &other));
	assert_non_null(strstr(other.message, "/bin/true: no word from its worker-parent"));
}

/* Killed from outside, noticed by a launch or by whoever looks after children. */
static void a_killed_worker_parent_is_replaced(void **state)
{
	(void)state;
	for (int noticed = 0; noticed < 2; noticed++) {
		pid_t parent = first_child();
		assert_true(parent > 0);
		size_t before = open_descriptors();
		kill(parent, SIGKILL);
		if (noticed) {
			siginfo_t info;
			waitid(P_PID, (id_t)parent, &info, WEXITED | WNOWAIT);
			assert_false(workers_reap_others(workers));
			assert_int_equal(first_child(), 0);
			assert_int_equal(open_descriptors(), before - 1);
		}
		cleanup_worker_outcome struct worker_outcome outcome = {0};
		const struct worker_task task = {.strings = (const char *const[]){"exit"},
		                                 .string_count = 1,
		                                 .time_ms = 20000,
		                                 .output_bytes = 1000};
		struct error err = ERROR_INIT;
		assert_true(worker_run(workers, &task, &outcome, &err));
		assert_int_equal(outcome.status, 42);
		assert_int_not_equal(first_child(), parent);
		assert_int_equal(open_descriptors(), before);
	}
}

/* ---- workers that stand ready ---- */

static size_t children(pid_t *pids, size_t max)
{
	char path[64];
	size_t count = 0;
	int pid;
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (count < max && fscanf(file, "%d", &pid) == 1)
		pids[count++] = pid;
	fclose(file);
	return count;
}

struct one_run {
	struct workers *workers;
	const char *what;
	pthread_t thread;
	bool ran;
	enum worker_end end;
};

static void *run_one(void *env)
{
	struct one_run *run = env;
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	const struct worker_task task = {
	    .strings = &run->what, .string_count = 1, .time_ms = 60000, .output_bytes = 100};
	struct error err = ERROR_INIT;
	run->ran = worker_run(run->workers, &task, &outcome, &err);
	run->end = outcome.end;
	return NULL;
}

static void begin_run(struct one_run *run)
{
	assert_int_equal(pthread_create(&run->thread, NULL, run_one, run), 0);
}

static void expect_stopped(struct one_run *run)
{
	pthread_join(run->thread, NULL);
	assert_true(run->ran);
	assert_int_equal(run->end, WORKER_STOPPED);
}

/* No worker parent was started in place of the one that hung, and nothing by it: nobody would wait
 * for that. */
static void expect_no_others(const pid_t *had, size_t had_count)
{
	pid_t pids[16];
	size_t count = children(pids, 16);
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;
		while (at < had_count && had[at] != pids[i])
			at++;
		assert_true(at < had_count);
	}
}

/* A step waits for a worker parent that does nothing any more, and holds the lock meanwhile. */
static void stopping_does_not_wait_for_a_worker_parent_that_hangs(void **state)
{
	(void)state;
	struct timespec begin, end;
	struct error err = ERROR_INIT;
	pid_t had[16];
	struct one_run step = {.workers = workers_create(child, 0, &err), .what = "exit"};
	assert_non_null(step.workers);
	/* The youngest child is its worker parent. */
	assert_int_equal(kill(last_child(), SIGSTOP), 0);
	size_t had_count = children(had, 16);
	begin_run(&step);
	usleep(200000);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	workers_stop(step.workers);
	expect_stopped(&step);
	expect_no_others(had, had_count);
	workers_destroy(step.workers);
	clock_gettime(CLOCK_MONOTONIC, &end);
	/* It waited for 30 s. */
	assert_true(end.tv_sec - begin.tv_sec < 15);
}

static void run_exit(struct workers *ready)
{
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	const struct worker_task task = {.strings = (const char *const[]){"exit"},
	                                 .string_count = 1,
	                                 .time_ms = 20000,
	                                 .output_bytes = 1000};
	struct error err = ERROR_INIT;
	if (!worker_run(ready, &task, &outcome, &err))
		fail_msg("%s", err.message);
	assert_int_equal(outcome.end, WORKER_EXITED);
	assert_int_equal(outcome.status, 42);
	assert_string_equal(outcome.out.data, "out");
}

/* Kills a child, and leaves it to be reaped. */
static void kill_child(pid_t pid)
{
	siginfo_t info;
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

/* Waits until there are `count` children beside those that were there before. */
static void expect_children(size_t before, size_t count, struct workers *ready, pid_t pids[16])
{
	const struct timespec moment = {.tv_nsec = 10000000};
	for (int i = 0; i < 500 && children(pids, 16) != before + count; i++) {
		if (ready != NULL)
			workers_reap_others(ready);
		nanosleep(&moment, NULL);
	}
	assert_int_equal(children(pids, 16), before + count);
}

static void some_stand_ready(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	pid_t pids[16];
	size_t before = children(pids, 16), descriptors = open_descriptors();
	struct workers *ready = workers_create(child, 3, &err);
	expect_children(before, 1, ready, pids);
	for (int i = 0; i < 20; i++)
		run_exit(ready);
	/* The worker parent, and three. */
	expect_children(before, 4, ready, pids);
	/* Killed while they wait: others take their place, no step fails. */
	for (size_t i = 0; i < 3; i++)
		kill_child(pids[before + 1 + i]);
	for (int i = 0; i < 5; i++)
		run_exit(ready);
	expect_children(before, 4, ready, pids);
	/* The worker parent is killed: those that stand ready are still good, and it is replaced. What
	 * it forked and did not tell of is a stranger. */
	kill_child(pids[before]);
	for (int i = 0; i < 10; i++)
		run_exit(ready);
	expect_children(before, 4, ready, pids);
	workers_stop(ready);
	workers_destroy(ready);
	/* Nobody but who reaps strangers waits for a stranger. */
	expect_children(before, 0, workers, pids);
	assert_int_equal(open_descriptors(), descriptors);
}

/* Nobody else's child is reaped, nobody is reaped twice. */
static void those_that_stand_ready_are_not_reaped_by_others(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	pid_t pids[16];
	size_t before = children(pids, 16);
	struct workers *ready = workers_create(child, 2, &err);
	run_exit(ready);
	expect_children(before, 3, ready, pids);
	kill_child(pids[before + 1]);
	assert_true(workers_reap_others(ready));
	run_exit(ready);
	run_exit(ready);
	workers_destroy(ready);
	expect_children(before, 0, NULL, pids);
}

/* One step waits for the worker parent with the lock held; another one, that runs, waits for the
 * lock to have more of them stand ready, and may have it before who stops them all. */
static void stopping_has_no_more_stand_ready(void **state)
{
	(void)state;
	for (int round = 0; round < 12; round++) {
		struct error err = ERROR_INIT;
		pid_t pids[16], had[16];
		size_t before = children(pids, 16);
		struct workers *ready = workers_create(child, 1, &err);
		assert_non_null(ready);
		pid_t parent = last_child();
		struct one_run one = {.workers = ready, .what = "loop"}, other = one;
		run_exit(ready);
		expect_children(before, 2, ready, pids);
		/* The worker parent's word of it comes. */
		usleep(5000);
		assert_int_equal(kill(parent, SIGSTOP), 0);
		size_t had_count = children(had, 16);
		begin_run(&one);
		usleep(700);
		begin_run(&other);
		usleep(10000);
		workers_stop(ready);
		expect_stopped(&one);
		expect_stopped(&other);
		expect_no_others(had, had_count);
		workers_destroy(ready);
		expect_children(before, 0, workers, pids);
	}
}

/* More orders than its socket holds: who has as many stand ready held the lock for 30 s. */
static void stopping_does_not_wait_for_orders_to_be_taken(void **state)
{
	(void)state;
	struct rlimit limit, more;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	more = (struct rlimit){.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
	if (limit.rlim_max < 4096)
		skip();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
	struct timespec begin, end;
	struct error err = ERROR_INIT;
	pid_t pids[16];
	size_t before = children(pids, 16);
	struct one_run step = {.workers = workers_create(child, 1000, &err), .what = "loop"};
	assert_non_null(step.workers);
	pid_t parent = last_child();
	begin_run(&step);
	/* The step has its worker; others are forked one by one, and the first of them is there. */
	for (int i = 0; i < 50000 && children(pids, 16) < before + 3; i++)
		usleep(100);
	assert_int_equal(kill(parent, SIGSTOP), 0);
	usleep(200000);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	workers_stop(step.workers);
	expect_stopped(&step);
	workers_destroy(step.workers);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec < 15);
	expect_children(before, 0, workers, pids);
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void *stop_soon(void *env)
{
	const struct timespec moment = {.tv_nsec = 200000000};
	nanosleep(&moment, NULL);
	workers_stop(env);
	return NULL;
}

static void stopping_kills_and_starts_no_more(void **state)
{
	(void)state;
	cleanup_worker_outcome struct worker_outcome outcome = {0}, late = {0};
	pthread_t thread;
	pthread_create(&thread, NULL, stop_soon, workers);
	run_task((struct worker_task){0}, "loop", &outcome);
	pthread_join(thread, NULL);
	assert_int_equal(outcome.end, WORKER_STOPPED);
	assert_true(outcome.took_ms < 5000);
	run_task((struct worker_task){0}, "exit", &late);
	assert_int_equal(late.end, WORKER_STOPPED);
	worker_outcome_clear(&late);
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
	    cmocka_unit_test(missing_executables_are_named),
	    cmocka_unit_test(a_killed_worker_parent_is_replaced),
	    cmocka_unit_test(some_stand_ready),
	    cmocka_unit_test(those_that_stand_ready_are_not_reaped_by_others),
	    cmocka_unit_test(stopping_does_not_wait_for_a_worker_parent_that_hangs),
	    cmocka_unit_test(stopping_has_no_more_stand_ready),
	    cmocka_unit_test(stopping_does_not_wait_for_orders_to_be_taken),
	    cmocka_unit_test(stopping_kills_and_starts_no_more),
	};
	child = argc > 1 ? argv[1] : "";
	/* As in the server: none of its threads is ended by a worker that does not read. */
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGPIPE);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	setenv("SECRET", "not for workers", 1);
	return cmocka_run_group_tests(tests, make_workers, destroy_workers);
}
