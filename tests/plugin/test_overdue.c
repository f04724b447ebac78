/* Connections that a request is expected on, by socket pairs. */
#include "tests/plugin/table.h"

#include "plugin/overdue.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Whether the other end is shut down within so many milliseconds. */
static bool ends(int fd, int milliseconds)
{
	struct pollfd end = {.fd = fd, .events = POLLRDHUP};
	return poll(&end, 1, milliseconds) == 1;
}

static void only_the_late_ones_are_shut_down(void **state)
{
	(void)state;
	enum { LATE, MET, AGAIN, LEFT, NEVER, LINES };
	struct error err = ERROR_INIT;
	struct overdue *overdue = overdue_create(1, "closed", "--limit", &err);
	struct overdue_line *lines[LINES];
	int pairs[LINES][2];
	double begin = now();
	assert_non_null(overdue);
	for (int i = 0; i < LINES; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
		lines[i] = overdue_enter(overdue, pairs[i][0]);
		assert_non_null(lines[i]);
		if (i != NEVER)
			overdue_expect(overdue, lines[i]);
	}
	overdue_met(overdue, lines[MET]);
	overdue_met(overdue, lines[AGAIN]);
	overdue_leave(overdue, lines[LEFT]);
	assert_true(ends(pairs[LATE][1], 10000));
	assert_true(now() - begin >= 1);
	double again = now();
	overdue_expect(overdue, lines[AGAIN]);
	assert_true(ends(pairs[AGAIN][1], 10000));
	assert_true(now() - again >= 1);
	assert_false(ends(pairs[MET][1], 0));
	assert_false(ends(pairs[LEFT][1], 0));
	assert_false(ends(pairs[NEVER][1], 0));
	/* One that was shut down may still be met, expected and left. */
	overdue_met(overdue, lines[LATE]);
	overdue_expect(overdue, lines[LATE]);
	for (int i = 0; i < LINES; i++) {
		if (i != LEFT)
			overdue_leave(overdue, lines[i]);
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	overdue_destroy(overdue);
}

/* What there is no memory for is let be. */
static void no_line(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct overdue *overdue = overdue_create(1, "closed", "--limit", &err);
	assert_non_null(overdue);
	overdue_met(overdue, NULL);
	overdue_expect(overdue, NULL);
	overdue_leave(overdue, NULL);
	overdue_destroy(overdue);
	overdue_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_late_ones_are_shut_down),
	    cmocka_unit_test(no_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
