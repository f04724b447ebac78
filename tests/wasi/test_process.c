/* Arguments, environment, clocks, random bytes, and the ends of a run. */
#include "tests/wasi/guest_module.h"

static void arguments_are_laid_out(void **state)
{
	struct guest_run *run = *state;
	assert_int_equal(CALL(run, args_sizes_get, 0, 4), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, 0), 2);
	assert_int_equal(get_u32(run, 4), sizeof("guest\0one"));
	assert_int_equal(CALL(run, args_get, 16, 64), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, 16), 64);
	assert_int_equal(get_u32(run, 20), 70);
	assert_memory_equal(run->memory + 64, "guest\0one", sizeof("guest\0one"));
}

static void environment_is_laid_out(void **state)
{
	struct guest_run *run = *state;
	assert_int_equal(CALL(run, environ_sizes_get, 0, 4), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, 0), 1);
	assert_int_equal(get_u32(run, 4), 4);
	assert_int_equal(CALL(run, environ_get, 16, 64), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, 16), 64);
	assert_string_equal((char *)run->memory + 64, "A=b");
}

static void clocks_are_told_apart(void **state)
{
	struct guest_run *run = *state;
	assert_int_equal(CALL(run, clock_time_get, CLOCK_ID_REALTIME, 0, 0), WASI_ESUCCESS);
	assert_int_equal(get_u64(run, 0), 1000);
	assert_int_equal(CALL(run, clock_time_get, CLOCK_ID_MONOTONIC, 0, 0), WASI_ESUCCESS);
	assert_true(get_u64(run, 0) > 0); /* zero would stop a Go program */
	assert_int_equal(CALL(run, clock_time_get, 4, 0, 0), WASI_EINVAL);
	assert_int_equal(CALL(run, clock_res_get, CLOCK_ID_REALTIME, 0), WASI_ESUCCESS);
	assert_true(get_u64(run, 0) > 0);
	assert_int_equal(CALL(run, clock_res_get, 77, 0), WASI_EINVAL);
}

static void seeded_random_is_the_same_everywhere(void **state)
{
	struct guest_run *run = *state;
	/* SplitMix64 of seed 1: 0x910a2dec89025cc1, 0xbeeb8da1658eec67 */
	static const uint8_t expected[] = {0xc1, 0x5c, 0x02, 0x89, 0xec, 0x2d,
	                                   0x0a, 0x91, 0x67, 0xec, 0x8e};
	assert_int_equal(CALL(run, random_get, 10, sizeof expected), WASI_ESUCCESS);
	assert_memory_equal(run->memory + 10, expected, sizeof expected);
	assert_int_equal(run->memory[9], 0);
	assert_int_equal(run->memory[10 + sizeof expected], 0);
}

static void exit_status_is_kept_whole(void **state)
{
	struct guest_run *run = *state;
	assert_false(wasi_has_exited(run->wasi));
	assert_int_equal(CALL(run, proc_exit, 0xdeadbeef), CALL_ENDED);
	assert_int_equal(run->err.kind, ERROR_EXIT);
	assert_true(wasi_has_exited(run->wasi));
	assert_int_equal(wasi_exit_status(run->wasi), 0xdeadbeef);
	assert_int_equal(store_exit_status(run->store), 0xdeadbeef);
}

static void raised_signals_do_their_default(void **state)
{
	struct guest_run *run = *state;
	assert_int_equal(CALL(run, proc_raise, 0), WASI_ESUCCESS);
	assert_int_equal(CALL(run, proc_raise, 16), WASI_ESUCCESS); /* CHLD is ignored */
	assert_int_equal(CALL(run, proc_raise, 18), WASI_ENOTSUP);  /* STOP */
	assert_int_equal(CALL(run, proc_raise, 31), WASI_EINVAL);
	assert_false(wasi_has_exited(run->wasi));
	assert_int_equal(CALL(run, proc_raise, 6), CALL_ENDED); /* ABRT */
	assert_int_equal(run->err.kind, ERROR_EXIT);
	assert_int_equal(wasi_exit_status(run->wasi), 134);
}

static void yielding_returns(void **state)
{
	struct guest_run *run = *state;
	assert_int_equal(guest_call(run, "sched_yield", NULL), WASI_ESUCCESS);
}

#define FULL(test) cmocka_unit_test_setup_teardown(test, guest_setup_full, guest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FULL(arguments_are_laid_out),    FULL(environment_is_laid_out),
	    FULL(clocks_are_told_apart),     FULL(seeded_random_is_the_same_everywhere),
	    FULL(exit_status_is_kept_whole), FULL(raised_signals_do_their_default),
	    FULL(yielding_returns),
	};
	return cmocka_run_group_tests_name("wasi/process", tests, NULL, NULL);
}
