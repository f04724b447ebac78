/* Memories where the official suite does not reach: the edge of each kind, growth against limits,
 * and address space that is short. */
#include "tests/interp/address_space.h"
#include "tests/interp/running.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 65536u

static void assert_value(struct running *run, const char *name, uint64_t a, uint64_t b,
                         uint64_t want)
{
	uint64_t got = 0;
	enum trap trap = running_call(run, name, &got, a, b);
	if (trap != TRAP_NONE || got != want)
		fail_msg("%s(0x%llx, 0x%llx): trap \"%s\", 0x%llx, not 0x%llx", name, (unsigned long long)a,
		         (unsigned long long)b, trap_words(trap), (unsigned long long)got,
		         (unsigned long long)want);
}

static void assert_outside(struct running *run, const char *name, uint64_t a, uint64_t b)
{
	uint64_t got = 0;
	enum trap trap = running_call(run, name, &got, a, b);
	if (trap != TRAP_MEMORY_OUT_OF_BOUNDS)
		fail_msg("%s(0x%llx, 0x%llx): trap \"%s\"", name, (unsigned long long)a,
		         (unsigned long long)b, trap_words(trap));
}

/* Exports load, load_far (with an offset near 2^32), load8, store (its value computed last, so that
 * it is in the accumulator), size and grow of the memory, whose addresses have this letter. */
static void add_accesses(struct wasm *w, char a, uint32_t memory)
{
	char sig[8];
	snprintf(sig, sizeof sig, "%c_i", a);
	wasm_export(w, "load", EXTERN_FUNC,
	            wasm_func(w, sig, "", "local.get 0 i32.load memory=%u", memory));
	wasm_export(w, "load8", EXTERN_FUNC,
	            wasm_func(w, sig, "", "local.get 0 i32.load8_u memory=%u", memory));
	wasm_export(w, "load_far", EXTERN_FUNC,
	            wasm_func(w, sig, "", "local.get 0 i32.load offset=4294967292 memory=%u", memory));
	snprintf(sig, sizeof sig, "%ci_i", a);
	wasm_export(w, "store", EXTERN_FUNC,
	            wasm_func(w, sig, "",
	                      "local.get 0 local.get 1 i32.const 1 i32.add i32.store memory=%u "
	                      "local.get 0 i32.load memory=%u",
	                      memory, memory));
	snprintf(sig, sizeof sig, "_%c", a);
	wasm_export(w, "size", EXTERN_FUNC, wasm_func(w, sig, "", "memory.size %u", memory));
	snprintf(sig, sizeof sig, "%c_%c", a, a);
	wasm_export(w, "grow", EXTERN_FUNC,
	            wasm_func(w, sig, "", "local.get 0 memory.grow %u", memory));
}

static struct running start(struct wasm *w, const struct store_options *options)
{
	struct running run = running_start(w, options);
	if (run.inst == NULL)
		fail_msg("%s", run.err.message);
	return run;
}

static void a_32_bit_memory_ends_at_its_last_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < RUNNING_MODES; i++) {
		struct wasm w = {0};
		wasm_memory(&w, 1, 3);
		add_accesses(&w, 'i', 0);
		struct running run = start(&w, &running_modes[i]);
		assert_value(&run, "store", PAGE - 4, 41, 42);
		assert_outside(&run, "store", PAGE - 3, 41);
		assert_value(&run, "load8", PAGE - 1, 0, 0);
		assert_outside(&run, "load8", PAGE, 0);
		assert_outside(&run, "load", UINT32_MAX, 0);
		/* The sum of address and offset does not wrap around at 2^32. */
		assert_outside(&run, "load_far", 4, 0);
		assert_outside(&run, "load_far", UINT32_MAX, 0);

		assert_value(&run, "grow", 1, 0, 1);
		assert_value(&run, "store", 2 * PAGE - 4, 6, 7);
		assert_value(&run, "load", PAGE - 4, 0, 42);
		assert_outside(&run, "load", 2 * PAGE - 3, 0);
		assert_value(&run, "grow", 2, 0, UINT32_MAX);
		assert_value(&run, "grow", UINT32_MAX, 0, UINT32_MAX);
		assert_value(&run, "grow", 1, 0, 2);
		assert_value(&run, "size", 0, 0, 3);
		running_stop(&run);
	}
}

static void a_64_bit_address_does_not_wrap_around(void **state)
{
	(void)state;
	for (size_t i = 0; i < RUNNING_MODES; i++) {
		struct wasm w = {0};
		wasm_memory_of_type(&w,
		                    (struct memory_type){{.min = 1, .max = UINT64_MAX, .is_64 = true}, 16});
		add_accesses(&w, 'I', 0);
		wasm_export(&w, "load_constant", EXTERN_FUNC,
		            wasm_func(&w, "_i", "", "i64.const -8 i32.load8_u offset=16"));
		wasm_export(&w, "load_last", EXTERN_FUNC,
		            wasm_func(&w, "_i", "", "i64.const -1 i32.load8_u"));
		struct running run = start(&w, &running_modes[i]);
		assert_value(&run, "store", PAGE - 4, 41, 42);
		assert_outside(&run, "store", PAGE - 3, 41);
		assert_outside(&run, "load", UINT64_MAX, 0);
		assert_outside(&run, "load", UINT64_MAX - 3, 0);
		assert_outside(&run, "load", UINT64_C(1) << 32, 0);
		assert_outside(&run, "load_far", UINT64_MAX - UINT32_MAX, 0);
		assert_outside(&run, "load_far", UINT64_MAX - UINT32_MAX + 4, 0);
		assert_outside(&run, "load_constant", 0, 0);
		assert_outside(&run, "load_last", 0, 0);
		running_stop(&run);
	}
}

static void a_64_bit_memory_grows_to_its_room(void **state)
{
	(void)state;
	const uint64_t room = INTERP_MEMORY64_ROOM / PAGE;
	struct wasm w = {0};
	wasm_memory_of_type(&w, (struct memory_type){{.min = 1, .is_64 = true}, 16});
	add_accesses(&w, 'I', 0);
	struct running run = start(&w, NULL);
	assert_value(&run, "grow", room, 0, UINT64_MAX);
	assert_value(&run, "grow", UINT64_MAX, 0, UINT64_MAX);
	assert_value(&run, "grow", UINT64_C(1) << 48, 0, UINT64_MAX);
	assert_value(&run, "size", 0, 0, 1);
	assert_value(&run, "grow", 69999, 0, 1);
	/* Beyond what 32 bits can address. */
	assert_value(&run, "store", UINT64_C(70000) * PAGE - 4, 41, 42);
	assert_outside(&run, "load", UINT64_C(70000) * PAGE - 3, 0);
	running_stop(&run);
}

static void growth_ends_at_the_memory_limit(void **state)
{
	(void)state;
	static const struct memory_type types[] = {
	    {{.min = 1}, 16}, {{.min = 1, .is_64 = true}, 16}, {{.min = PAGE}, 0}};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		bool is_64 = types[i].limits.is_64;
		uint64_t page = types[i].page_size_log2 == 0 ? PAGE : 1;
		uint64_t none = is_64 ? UINT64_MAX : UINT32_MAX;
		struct wasm w = {0};
		wasm_memory_of_type(&w, types[i]);
		add_accesses(&w, is_64 ? 'I' : 'i', 0);
		struct running run =
		    start(&w, &(struct store_options){.memory_limit = UINT64_C(10) * PAGE});
		assert_value(&run, "grow", 10 * page, 0, none);
		assert_value(&run, "grow", 9 * page, 0, page);
		assert_value(&run, "grow", 1, 0, none);
		assert_value(&run, "store", 10 * PAGE - 4, 41, 42);
		assert_outside(&run, "load", 10 * PAGE, 0);
		running_stop(&run);
	}
}

static void a_memory_that_starts_too_large_is_refused(void **state)
{
	(void)state;
	static const struct memory_type types[] = {
	    {{.min = 11}, 16},
	    {{.min = UINT64_C(1) << 48, .is_64 = true}, 16},
	    {{.min = UINT64_MAX, .is_64 = true}, 0},
	};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct wasm w = {0};
		wasm_memory_of_type(&w, types[i]);
		struct running run =
		    running_start(&w, &(struct store_options){.memory_limit = UINT64_C(10) * PAGE});
		assert_null(run.inst);
		assert_int_equal(run.err.kind, ERROR_LIMIT);
		assert_non_null(strstr(run.err.message, "memory limit of 655360 bytes"));
		running_stop(&run);
	}
}

static void a_memory_of_bytes_ends_at_its_last_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < RUNNING_MODES; i++) {
		struct wasm w = {0};
		wasm_memory_of_type(&w, (struct memory_type){{.min = 3}, 0});
		add_accesses(&w, 'i', 0);
		struct running run = start(&w, &running_modes[i]);
		assert_value(&run, "load8", 2, 0, 0);
		assert_outside(&run, "load8", 3, 0);
		assert_outside(&run, "load", 0, 0);
		assert_value(&run, "grow", 1, 0, 3);
		assert_value(&run, "store", 0, 41, 42);
		assert_value(&run, "grow", 70000, 0, 4);
		assert_value(&run, "load8", 70003, 0, 0);
		assert_outside(&run, "load8", 70004, 0);
		assert_value(&run, "load", 0, 0, 42);
		running_stop(&run);
	}
}

static void memories_do_not_see_each_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < RUNNING_MODES; i++) {
		struct wasm w = {0};
		wasm_memory(&w, 0, 1);
		wasm_memory(&w, 1, 2);
		add_accesses(&w, 'i', 1);
		wasm_export(&w, "load_first", EXTERN_FUNC,
		            wasm_func(&w, "i_i", "", "local.get 0 i32.load"));
		wasm_export(&w, "grow_first", EXTERN_FUNC,
		            wasm_func(&w, "i_i", "", "local.get 0 memory.grow"));
		struct running run = start(&w, &running_modes[i]);
		assert_value(&run, "store", 8, 41, 42);
		assert_outside(&run, "load_first", 8, 0);
		assert_value(&run, "grow_first", 1, 0, 0);
		assert_value(&run, "load_first", 8, 0, 0);
		assert_outside(&run, "load", PAGE, 0);
		assert_value(&run, "grow", 1, 0, 1);
		assert_value(&run, "load", PAGE, 0, 0);
		assert_outside(&run, "load_first", PAGE, 0);
		running_stop(&run);
	}
}

/* Memories lie above and below memory 0, from which handlers reckon: lanes once did so by pointers
 * that left their object, as sanitizers tell. */
static void lanes_of_memories_on_both_sides_of_the_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < RUNNING_MODES; i++) {
		struct wasm w = {0};
		for (int memory = 0; memory < 4; memory++)
			wasm_memory(&w, 1, 1);
		for (int memory = 0; memory < 4; memory++) {
			char name[16];
			snprintf(name, sizeof name, "swap%d", memory);
			wasm_export(&w, name, EXTERN_FUNC,
			            wasm_func(&w, "iI_I", "",
			                      "local.get 0 local.get 1 i64x2.splat v128.store memory=%1$d "
			                      "local.get 0 local.get 1 i64x2.splat v128.store32_lane "
			                      "offset=4 memory=%1$d 0 "
			                      "local.get 0 v128.const 0 0 v128.load64_lane memory=%1$d 1 "
			                      "i64x2.extract_lane 1",
			                      memory));
		}
		struct running run = start(&w, &running_modes[i]);
		assert_value(&run, "swap0", 8, 0x100000002, 0x200000002);
		assert_value(&run, "swap1", 8, 0x300000004, 0x400000004);
		assert_value(&run, "swap2", 8, 0x500000006, 0x600000006);
		assert_value(&run, "swap3", 8, 0x700000008, 0x800000008);
		assert_value(&run, "swap0", 8, 0x900000000, 0);
		running_stop(&run);
	}
}

static void short_address_space_is_enough(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_memory(&w, 1, WASM_NO_MAX);
	add_accesses(&w, 'i', 0);
	struct running run = start(&w, NULL);

	struct rlimit old;
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	struct rlimit low = {.rlim_cur = address_space() + (UINT64_C(1) << 30),
	                     .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
	struct error err = ERROR_INIT;
	struct instance *second = instance_create(run.store, run.module, NULL, NULL, &err);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	if (second == NULL)
		fail_msg("%s", err.message);

	/* The same functions, with guard pages and without, each in its own memory. */
	struct instance *first = run.inst;
	assert_value(&run, "store", PAGE - 4, 41, 42);
	run.inst = second;
	assert_value(&run, "load", PAGE - 4, 0, 0);
	assert_value(&run, "store", PAGE - 4, 6, 7);
	assert_outside(&run, "load", PAGE - 3, 0);
	assert_outside(&run, "load_far", UINT32_MAX, 0);
	assert_value(&run, "grow", 1000, 0, 1);
	assert_value(&run, "load", 1001 * PAGE - 4, 0, 0);
	assert_outside(&run, "load", 1001 * PAGE - 3, 0);
	/* There is no room for all that the type allows, which is no error but a growth that fails. */
	assert_value(&run, "grow", 64535, 0, UINT32_MAX);
	run.inst = first;
	assert_value(&run, "load", PAGE - 4, 0, 42);
	assert_outside(&run, "load", PAGE - 3, 0);
	running_stop(&run);
}

/* The first memory's address space is the store's own: nothing of it may be left behind, and a
 * store without such a memory has none of it. */
static void address_space_of_the_first_memory_comes_and_goes_with_the_store(void **state)
{
	(void)state;
	const uint64_t guarded = UINT64_C(8) << 30;
	struct wasm none = {0}, one = {0};
	wasm_export(&none, "seven", EXTERN_FUNC, wasm_func(&none, "_i", "", "i32.const 7"));
	wasm_memory(&one, 1, WASM_NO_MAX);
	add_accesses(&one, 'i', 0);
	uint64_t before = address_space();
	struct running without = start(&none, NULL);
	assert_true(address_space() - before < guarded);
	assert_value(&without, "seven", 0, 0, 7);
	running_stop(&without);

	before = address_space();
	struct running run = start(&one, NULL);
	assert_true(address_space() - before > guarded);
	assert_true(address_space() - before < 2 * guarded);
	/* A second one in the store has its own, and both end where they end. */
	struct instance *first = run.inst;
	struct error err = ERROR_INIT;
	run.inst = instance_create(run.store, run.module, NULL, NULL, &err);
	assert_non_null(run.inst);
	assert_true(address_space() - before > 2 * guarded);
	assert_value(&run, "store", 0, 41, 42);
	assert_outside(&run, "load_far", UINT32_MAX, 0);
	run.inst = first;
	assert_value(&run, "load", 0, 0, 0);
	assert_outside(&run, "load", PAGE - 3, 0);
	assert_outside(&run, "load_far", UINT32_MAX, 0);
	running_stop(&run);
	assert_true(address_space() - before < guarded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_32_bit_memory_ends_at_its_last_byte),
	    cmocka_unit_test(a_64_bit_address_does_not_wrap_around),
	    cmocka_unit_test(a_64_bit_memory_grows_to_its_room),
	    cmocka_unit_test(growth_ends_at_the_memory_limit),
	    cmocka_unit_test(a_memory_that_starts_too_large_is_refused),
	    cmocka_unit_test(a_memory_of_bytes_ends_at_its_last_byte),
	    cmocka_unit_test(memories_do_not_see_each_other),
	    cmocka_unit_test(lanes_of_memories_on_both_sides_of_the_first),
	    cmocka_unit_test(short_address_space_is_enough),
	    cmocka_unit_test(address_space_of_the_first_memory_comes_and_goes_with_the_store),
	};
	return cmocka_run_group_tests_name("interp/memory", tests, NULL, NULL);
}
