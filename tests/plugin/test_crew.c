/* plugin/crew: who stands ready, who is replaced, and the end of all. */
#include "tests/plugin/table.h"

#include "tests/plugin/workers.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

static pid_t first_child(void)
{
	pid_t pids[16];
	return children(pids, 16) > 0 ? pids[0] : 0;
}

static pid_t last_child(void)
{
	pid_t pids[16];
	size_t count = children(pids, 16);
	assert_in_range(count, 1, 15);
	return pids[count - 1];
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
	    cmocka_unit_test(missing_executables_are_named),
	    cmocka_unit_test(a_killed_worker_parent_is_replaced),
	    cmocka_unit_test(some_stand_ready),
	    cmocka_unit_test(those_that_stand_ready_are_not_reaped_by_others),
	    cmocka_unit_test(stopping_does_not_wait_for_a_worker_parent_that_hangs),
	    cmocka_unit_test(stopping_has_no_more_stand_ready),
	    cmocka_unit_test(stopping_does_not_wait_for_orders_to_be_taken),
	    cmocka_unit_test(stopping_kills_and_starts_no_more),
	};
	workers_prepare(argc, argv);
	return cmocka_run_group_tests(tests, workers_make, workers_remove);
}
