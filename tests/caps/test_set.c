/* Arguments and environment; clocks and random bytes; waiting. */
#include "tests/caps/fixture.h"

static int set_setup(void **state)
{
	*state = caps_create();
	return *state ? 0 : -1;
}

static int set_teardown(void **state)
{
	caps_destroy(*state);
	return 0;
}

static void strings_keep_their_order(void **state)
{
	struct caps *caps = *state;
	char text[32];
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "arg %d", i);
		assert_int_equal(caps_grant_arg(caps, text), 0);
	}
	struct caps_strings args = caps_args(caps);
	assert_int_equal(args.count, 100);
	assert_string_equal(args.items[0], "arg 0");
	assert_string_equal(args.items[99], "arg 99");
	assert_int_equal(caps_env(caps).count, 0);
}

static void variables_have_one_value(void **state)
{
	struct caps *caps = *state;
	assert_int_equal(caps_grant_env(caps, "A", "1"), 0);
	assert_int_equal(caps_grant_env(caps, "AB", ""), 0);
	assert_int_equal(caps_grant_env(caps, "A", "2=3"), 0);
	assert_int_equal(caps_grant_env(caps, "", "x"), -EINVAL);
	assert_int_equal(caps_grant_env(caps, "A=B", "x"), -EINVAL);
	struct caps_strings env = caps_env(caps);
	assert_int_equal(env.count, 2);
	assert_string_equal(env.items[0], "A=2=3");
	assert_string_equal(env.items[1], "AB=");
}

/* Nothing of the host's environment reaches the guest. */
static void hosts_environment_stays_out(void **state)
{
	struct caps *caps = *state;
	assert_int_equal(setenv("TIPHYS_TEST_SECRET", "x", 1), 0);
	assert_int_equal(caps_grant_env(caps, "A", "1"), 0);
	assert_int_equal(caps_env(caps).count, 1);
}

static void real_clock_goes_on(void **state)
{
	struct caps *caps = *state;
	int64_t a, b, ns;
	assert_int_equal(caps_grant_clock(caps, CAPS_CLOCK_REAL, 0), 0);
	assert_int_equal(caps_clock_time(caps, CLOCK_MONOTONIC, &a), 0);
	assert_int_equal(caps_wait(caps, NULL, 0, 3000000), 0);
	assert_int_equal(caps_clock_time(caps, CLOCK_MONOTONIC, &b), 0);
	assert_true(b - a >= 3000000);
	/* It starts with the set: how long the host is up is not told. */
	assert_true(a >= 1000000000 && a < 60 * 1000000000ll);
	assert_int_equal(caps_clock_time(caps, CLOCK_REALTIME, &ns), 0);
	assert_true(ns / 1000000000 - time(NULL) <= 1 && time(NULL) - ns / 1000000000 <= 1);
	assert_int_equal(caps_clock_time(caps, CLOCK_THREAD_CPUTIME_ID, &ns), 0);
	assert_true(ns >= 0);
	assert_int_equal(caps_clock_time(caps, CLOCK_BOOTTIME, &ns), -EINVAL);
	assert_int_equal(caps_clock_resolution(caps, CLOCK_REALTIME, &ns), 0);
	assert_true(ns > 0);
}

static void coarse_clock_is_rounded(void **state)
{
	struct caps *caps = *state;
	int64_t ns;
	assert_int_equal(caps_grant_clock(caps, CAPS_CLOCK_COARSE, 0), 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(caps_clock_time(caps, i % 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &ns), 0);
		assert_int_equal(ns % CAPS_CLOCK_COARSE_NS, 0);
	}
	assert_int_equal(caps_clock_resolution(caps, CLOCK_REALTIME, &ns), 0);
	assert_int_equal(ns, CAPS_CLOCK_COARSE_NS);
}

static void fixed_clock_moves_by_sleeping(void **state)
{
	struct caps *caps = *state;
	int64_t before, ns;
	struct timespec start, end;
	assert_int_equal(caps_grant_clock(caps, CAPS_CLOCK_FIXED, -1), -EINVAL);
	assert_int_equal(caps_grant_clock(caps, CAPS_CLOCK_FIXED, 42), 0);
	assert_int_equal(caps_clock_time(caps, CLOCK_REALTIME, &ns), 0);
	assert_int_equal(ns, 42);
	assert_int_equal(caps_clock_time(caps, CLOCK_MONOTONIC, &before), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(caps_wait(caps, NULL, 0, 3600 * 1000000000ll), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 60);
	assert_int_equal(caps_clock_time(caps, CLOCK_REALTIME, &ns), 0);
	assert_int_equal(ns, 42 + 3600 * 1000000000ll);
	assert_int_equal(caps_clock_time(caps, CLOCK_MONOTONIC, &ns), 0);
	assert_int_equal(ns - before, 3600 * 1000000000ll);
	assert_int_equal(caps_wait(caps, NULL, 0, INT64_MAX), 0);
	assert_int_equal(caps_clock_time(caps, CLOCK_REALTIME, &ns), 0);
	assert_true(ns > 0);
}

static void random_is_random_unless_seeded(void **state)
{
	struct caps *caps = *state;
	uint8_t a[64], b[64];
	assert_int_equal(caps_grant_random(caps), 0);
	assert_int_equal(caps_random(caps, a, sizeof a), 0);
	assert_int_equal(caps_random(caps, b, sizeof b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(caps_grant_random_seeded(caps, 5), 0);
	assert_int_equal(caps_random(caps, a, sizeof a), 0);
	assert_int_equal(caps_random(caps, b, sizeof b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(caps_grant_random_seeded(caps, 5), 0);
	assert_int_equal(caps_random(caps, b, sizeof b), 0);
	assert_memory_equal(a, b, sizeof a);
}

static void waiting_for_a_pipe(void **state)
{
	struct caps *caps = *state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(caps_grant_stdin_fd(caps, ends[0]), 0);
	assert_int_equal(caps_grant_clock(caps, CAPS_CLOCK_REAL, 0), 0);
	struct caps_poll item = {.fd = 0};
	assert_int_equal(caps_wait(caps, &item, 1, 2000000), 0);
	assert_false(item.is_ready);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	assert_int_equal(caps_wait(caps, &item, 1, -1), 1);
	assert_true(item.is_ready);
	assert_int_equal(item.available, 3);
	close(ends[1]);
	char bytes[3];
	struct iovec iov = iov_of(bytes, 3);
	assert_int_equal(caps_fd_read(caps, 0, &iov, 1), 3);
	assert_int_equal(caps_wait(caps, &item, 1, -1), 1);
	assert_true(item.hang_up);
	close(ends[0]);
}

static void waiting_for_a_missing_descriptor(void **state)
{
	struct caps *caps = *state;
	struct caps_poll items[2] = {{.fd = 9}, {.fd = 1, .for_write = true}};
	assert_int_equal(caps_grant_output_capture(caps, CAPS_STDOUT, 1), 0);
	assert_int_equal(caps_wait(caps, items, 2, -1), 2);
	assert_int_equal(items[0].error, -EBADF);
	assert_true(items[1].is_ready);
	assert_int_equal(caps_wait(caps, items, 1, 1000), -EACCES); /* no clock */
}

#define SET(test) cmocka_unit_test_setup_teardown(test, set_setup, set_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SET(strings_keep_their_order),         SET(variables_have_one_value),
	    SET(hosts_environment_stays_out),      SET(real_clock_goes_on),
	    SET(coarse_clock_is_rounded),          SET(fixed_clock_moves_by_sleeping),
	    SET(random_is_random_unless_seeded),   SET(waiting_for_a_pipe),
	    SET(waiting_for_a_missing_descriptor),
	};
	return cmocka_run_group_tests_name("caps/set", tests, NULL, NULL);
}
