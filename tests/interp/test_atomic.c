/* Atomics and waiting, where one thread alone is there to wait. */
#include "tests/interp/running.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { WAIT_NOT_EQUAL = 1, WAIT_TIMED_OUT = 2 };

#define MS INT64_C(1000000)

static const struct memory_type shared = {{.min = 1, .max = 1, .has_max = true, .is_shared = true},
                                          16};
static const struct memory_type unshared = {{.min = 1}, 16};

static struct running start(struct memory_type type, const struct store_options *options)
{
	struct wasm w = {0};
	wasm_memory_of_type(&w, type);
	wasm_export(&w, "wait32", EXTERN_FUNC,
	            wasm_func(&w, "iiI_i", "",
	                      "local.get 0 local.get 1 local.get 2 memory.atomic.wait32 offset=4"));
	wasm_export(
	    &w, "wait64", EXTERN_FUNC,
	    wasm_func(&w, "iII_i", "", "local.get 0 local.get 1 local.get 2 memory.atomic.wait64"));
	wasm_export(&w, "notify", EXTERN_FUNC,
	            wasm_func(&w, "ii_i", "", "local.get 0 local.get 1 memory.atomic.notify"));
	wasm_export(&w, "exchange8", EXTERN_FUNC,
	            wasm_func(&w, "iii_i", "",
	                      "local.get 0 local.get 1 local.get 2 i32.atomic.rmw8.cmpxchg_u"));
	wasm_export(&w, "add", EXTERN_FUNC,
	            wasm_func(&w, "iI_I", "",
	                      "local.get 0 local.get 1 i64.atomic.rmw.add drop atomic.fence "
	                      "local.get 0 i64.atomic.load"));
	struct running run = running_start(&w, options);
	if (run.inst == NULL)
		fail_msg("%s", run.err.message);
	return run;
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void a_wait_ends_by_its_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < RUNNING_MODES; i++) {
		struct running run = start(shared, &running_modes[i]);
		uint64_t result = 0;
		int64_t before = now();
		assert_int_equal(running_call(&run, "wait32", &result, 0, 0, 30 * MS), TRAP_NONE);
		assert_int_equal(result, WAIT_TIMED_OUT);
		assert_int_equal(running_call(&run, "wait64", &result, 8, 0, 0), TRAP_NONE);
		assert_int_equal(result, WAIT_TIMED_OUT);
		assert_true(now() - before >= 30 * MS);
		assert_true(now() - before < 10000 * MS);
		running_stop(&run);
	}
}

static void a_wait_for_another_value_ends_at_once(void **state)
{
	(void)state;
	struct running run = start(shared, NULL);
	uint64_t result = 0;
	assert_int_equal(running_call(&run, "add", &result, 8, UINT64_C(1) << 32 | 5), TRAP_NONE);
	assert_int_equal(running_call(&run, "wait32", &result, 4, 4, INT64_MAX), TRAP_NONE);
	assert_int_equal(result, WAIT_NOT_EQUAL);
	assert_int_equal(running_call(&run, "wait64", &result, 8, 5, (uint64_t)-1), TRAP_NONE);
	assert_int_equal(result, WAIT_NOT_EQUAL);
	/* 32 bits are compared, not 64. */
	assert_int_equal(running_call(&run, "wait32", &result, 4, 5, 1), TRAP_NONE);
	assert_int_equal(result, WAIT_TIMED_OUT);
	running_stop(&run);
}

static void a_wait_that_nothing_can_end_is_a_trap(void **state)
{
	(void)state;
	struct running run = start(shared, NULL);
	uint64_t result = 0;
	assert_int_equal(running_call(&run, "wait32", &result, 0, 0, (uint64_t)-1), TRAP_ENDLESS_WAIT);
	running_stop(&run);
}

static void waiting_is_for_shared_memories(void **state)
{
	(void)state;
	struct running run = start(unshared, NULL);
	uint64_t result = 1;
	assert_int_equal(running_call(&run, "wait32", &result, 0, 0, 0), TRAP_NOT_SHARED);
	assert_int_equal(running_call(&run, "wait64", &result, 0, 0, 0), TRAP_NOT_SHARED);
	assert_int_equal(running_call(&run, "notify", &result, 0, 1), TRAP_NONE);
	assert_int_equal(result, 0);
	running_stop(&run);
}

static void addresses_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint64_t address;
		enum trap trap;
	} cases[] = {
	    {"wait32", 2, TRAP_UNALIGNED_ATOMIC},  {"wait32", 65532, TRAP_MEMORY_OUT_OF_BOUNDS},
	    {"wait64", 4, TRAP_UNALIGNED_ATOMIC},  {"wait64", 65536, TRAP_MEMORY_OUT_OF_BOUNDS},
	    {"notify", 1, TRAP_UNALIGNED_ATOMIC},  {"notify", 65536, TRAP_MEMORY_OUT_OF_BOUNDS},
	    {"add", 65532, TRAP_UNALIGNED_ATOMIC}, {"add", 65536, TRAP_MEMORY_OUT_OF_BOUNDS},
	    {"exchange8", 65535, TRAP_NONE},       {"exchange8", 65536, TRAP_MEMORY_OUT_OF_BOUNDS},
	};
	for (size_t mode = 0; mode < RUNNING_MODES; mode++) {
		struct running run = start(shared, &running_modes[mode]);
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			uint64_t result;
			enum trap trap = running_call(&run, cases[i].name, &result, cases[i].address, 0, 0);
			if (trap != cases[i].trap)
				fail_msg("%s at %llu: \"%s\", not \"%s\"", cases[i].name,
				         (unsigned long long)cases[i].address, trap_words(trap),
				         trap_words(cases[i].trap));
		}
		running_stop(&run);
	}
}

static void a_narrow_exchange_compares_the_whole_expected_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < RUNNING_MODES; i++) {
		struct running run = start(unshared, &running_modes[i]);
		uint64_t result = 1;
		assert_int_equal(running_call(&run, "exchange8", &result, 9, 0, 0x1234), TRAP_NONE);
		assert_int_equal(result, 0);
		assert_int_equal(running_call(&run, "exchange8", &result, 9, 0x1234, 1), TRAP_NONE);
		assert_int_equal(result, 0x34);
		assert_int_equal(running_call(&run, "exchange8", &result, 9, 0x34, 1), TRAP_NONE);
		assert_int_equal(result, 0x34);
		assert_int_equal(running_call(&run, "add", &result, 8, 0), TRAP_NONE);
		assert_int_equal(result, 0x100);
		running_stop(&run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wait_ends_by_its_time),
	    cmocka_unit_test(a_wait_for_another_value_ends_at_once),
	    cmocka_unit_test(a_wait_that_nothing_can_end_is_a_trap),
	    cmocka_unit_test(waiting_is_for_shared_memories),
	    cmocka_unit_test(addresses_are_checked),
	    cmocka_unit_test(a_narrow_exchange_compares_the_whole_expected_value),
	};
	return cmocka_run_group_tests_name("interp/atomic", tests, NULL, NULL);
}
