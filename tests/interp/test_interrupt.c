/* interp/interrupt.c and interp/lower_meter.c: what ends a run from outside, and by count. */
#include "tests/interp/fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

/* ---- fuel ---- */

#define FUEL 1000

/* Runs an export of no parameters with so much fuel; the trap. */
static enum trap run_with(struct guest *g, const struct mode *mode, uint64_t fuel, struct wasm *w,
                          const char *name)
{
	*g = (struct guest){.options.fuel = fuel};
	guest_open(g, mode);
	guest_start(g, w);
	return guest_call(g, name, NULL, NULL);
}

static void test_fuel_ends_what_does_not_end(void **state)
{
	(void)state;
	static const char *const bodies[] = {
	    "loop br 0 end",
	    "loop i32.const 1 br_if 0 end",
	    "loop block i32.const 0 br_table 1 1 end end",
	    "loop loop br 1 end end",
	    "call 0",
	    "return_call 0",
	    "i32.const 0 call_indirect 0",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		for (int m = 0; m < MODES; m++) {
			struct wasm w = {0};
			wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "_", "", "%s", bodies[i]));
			wasm_table(&w, 'c', 1, 1);
			wasm_elem(&w, 0, (const uint32_t[]){0}, 1);
			struct guest g;
			assert_int_equal(run_with(&g, &modes[m], FUEL, &w, "f"), TRAP_FUEL);
			assert_string_equal(g.err.message, "out of fuel: the limit of 1000 is used up");
			assert_int_equal(store_trap(g.store)->frames[0].func, 0);
			assert_int_equal(store_fuel_left(g.store), 0);
			/* And nothing more can be run. */
			assert_int_equal(guest_call(&g, "f", NULL, NULL), TRAP_FUEL);
			guest_close(&g);
		}
	}
}

/* A unit is an instruction: a function's own once, a loop's on each round. */
static void test_fuel_is_counted(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct wasm w = {0};
		wasm_export(&w, "f", EXTERN_FUNC,
		            wasm_func(&w, "_i", "i",
		                      "loop local.get 0 i32.const 1 i32.add local.tee 0 i32.const 10 "
		                      "i32.lt_u br_if 0 end local.get 0"));
		wasm_export(&w, "g", EXTERN_FUNC, wasm_func(&w, "_i", "", "call 0 call 0 i32.add"));
		struct guest g = {.options.fuel = FUEL};
		guest_open(&g, &modes[m]);
		guest_start(&g, &w);
		assert_int_equal(guest_i32(&g, "f", 0, 0), 10);
		/* loop, local.get and end outside of the loop; 10 rounds of 8 with its end. */
		const uint64_t once = 3 + 10 * 8;
		assert_int_equal(FUEL - store_fuel_left(g.store), once);
		assert_int_equal(guest_i32(&g, "g", 0, 0), 20);
		assert_int_equal(FUEL - store_fuel_left(g.store), once + 2 * once + 4);
		guest_close(&g);
	}
}

/* Where in the module the last call ended. */
static uint64_t place_of_trap(const struct guest *g)
{
	assert_true(store_trap(g->store)->frame_count > 0);
	return store_trap(g->store)->frames[0].offset;
}

/* Units, results, and where it traps: at its load, or without fuel at the loop. */
static void test_a_loop_that_begins_with_a_load_pays_on_each_round(void **state)
{
	(void)state;
	static const char *const bodies[] = {
	    /* The byte is kept in a local, and it is looked at once. */
	    "loop local.get 0 i32.load8_u offset=2 local.tee 1 local.get 2 i32.add local.set 2 "
	    "local.get 0 i32.const 1 i32.add local.set 0 local.get 1 br_if 0 end local.get 2",
	    "loop local.get 0 i32.load8_u offset=2 local.get 2 i32.add local.set 2 "
	    "local.get 0 i32.const 1 i32.add local.tee 0 i32.const 4 i32.ne br_if 0 end local.get 2",
	};
	const uint64_t units = 3 + 4 * 13;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		for (int m = 0; m < MODES; m++) {
			const uint64_t fuels[] = {0, 2 * units, units - 1};
			const union value start = {.i32 = 0}, beyond = {.i32 = 65534};
			union value result;
			uint64_t offset = 0;
			for (size_t f = 0; f < sizeof fuels / sizeof *fuels; f++) {
				struct wasm w = {0};
				wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "i_i", "ii", "%s", bodies[i]));
				wasm_memory(&w, 1, 1);
				wasm_data(&w, 0, "..abc", 6);
				struct guest g = {.options.fuel = fuels[f]};
				guest_open(&g, &modes[m]);
				guest_start(&g, &w);
				enum trap trap = guest_call(&g, "f", &start, &result);
				assert_int_equal(trap, fuels[f] == units - 1 ? TRAP_FUEL : TRAP_NONE);
				if (trap == TRAP_NONE) {
					assert_int_equal(result.i32, 'a' + 'b' + 'c');
					assert_int_equal(store_fuel_left(g.store), fuels[f] / 2);
					trap = guest_call(&g, "f", &beyond, &result);
					assert_int_equal(trap, TRAP_MEMORY_OUT_OF_BOUNDS);
					if (f == 0)
						offset = place_of_trap(&g);
					assert_int_equal(place_of_trap(&g), offset);
				} else {
					assert_int_equal(g.module->bytes[place_of_trap(&g)], insns[INSN_loop].code);
				}
				guest_close(&g);
			}
		}
	}
}

/* Ways back to a loop, by the cells that they become: each pays for the next round as well, unless
 * it is unfolded. Locals: 0 counts rounds, 1 to 3 are i32, 4 and 5 i64, 6 walks over a list. */
static const char *const ways_back[] = {
    "local.get 0 local.set 1 i32.const 0 local.get 0 i32.store br 0",
    "local.get 0 local.set 1 br 0",
    "local.get 1 i32.const 7 i32.add local.set 2 br 0",
    "local.get 4 i64.const 7 i64.add local.set 5 br 0",
    "local.get 1 i32.const 7 i32.add local.set 1 local.get 0 local.set 2 br 0",
    "local.get 4 i64.const -7 i64.add local.set 4 local.get 0 local.set 2 br 0",
    "local.get 3 br_if 0",
    "local.get 0 i32.const 6 i32.xor br_if 0",
    "local.get 2 i32.eqz br_if 0",
    "local.get 0 i32.const 8 i32.and i32.eqz br_if 0",
    "local.get 5 i64.eqz br_if 0",
    "local.get 5 local.get 5 i64.mul i64.eqz br_if 0",
    "local.get 6 i32.load local.tee 6 br_if 0",
    "local.get 6 i32.load local.tee 6 i32.eqz br_if 0",
    "local.get 0 f64.convert_i32_u f64.const 5 f64.lt br_if 0",
    "local.get 0 br_table 0 0 0 0 0 1",
};
#define WAYS_BACK (sizeof ways_back / sizeof *ways_back)

/* And the comparisons of integers, 10 of each type: of a local, of what is computed from it, and of
 * one that steps, with a local or a number. */
#define COMPARED ((unsigned)(2 * 10 * 3 * 2))

static void put_way_back(char *out, size_t size, unsigned way)
{
	if (way < WAYS_BACK) {
		snprintf(out, size, "%s", ways_back[way]);
		return;
	}
	way -= WAYS_BACK;
	bool is_wide = way / 60 == 1;
	unsigned insn = (is_wide ? INSN_i64_eq : INSN_i32_eq) + way % 60 / 6;
	const char *t = is_wide ? "i64" : "i32";
	unsigned local = is_wide ? 4 : 1;
	char x[60], y[20];
	snprintf(x, sizeof x, "%s.const 3 %s.xor", t, t);
	if (way % 3 == 2)
		snprintf(x, sizeof x, "%s.const 1 %s.add local.tee %u", t, t, local);
	snprintf(y, sizeof y, "%s.const 5", t);
	if (way % 6 < 3)
		snprintf(y, sizeof y, "local.get %u", local + 1);
	snprintf(out, size, "local.get %u %s %s %s br_if 0", local, way % 3 == 0 ? "" : x, y,
	         insns[insn].mnemonic);
}

static enum trap go_round(struct guest *g, const struct mode *mode, const char *body, uint64_t fuel,
                          union value *result)
{
	struct wasm w = {0};
	wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "_i", "iiiiIIi", "%s", body));
	wasm_memory(&w, 1, 1);
	/* A list of three. */
	static const uint32_t nodes[] = {16, 0, 24, 0, 0, 0};
	wasm_data(&w, 8, nodes, sizeof nodes);
	*g = (struct guest){.options.fuel = fuel};
	guest_open(g, mode);
	guest_start(g, &w);
	return guest_call(g, "f", NULL, result);
}

static void test_each_way_back_to_a_loop_pays(void **state)
{
	(void)state;
	for (unsigned way = 0; way < WAYS_BACK + COMPARED; way++) {
		char back[200], body[700];
		put_way_back(back, sizeof back, way);
		snprintf(body, sizeof body,
		         "i32.const 3 local.set 1 i32.const 6 local.set 2 i32.const 1 local.set 3 "
		         "i64.const 3 local.set 4 i64.const 6 local.set 5 i32.const 8 local.set 6 "
		         "block loop local.get 0 i32.const 1 i32.add local.tee 0 i32.const 9 i32.ge_u "
		         "br_if 1 %s end end local.get 0 local.get 1 local.get 2 i32.xor i32.const 5 "
		         "i32.mul i32.add local.get 4 local.get 5 i64.add i32.wrap_i64 i32.const 77 "
		         "i32.mul i32.add local.get 6 i32.const 999 i32.mul i32.add",
		         back);
		uint64_t used = 0, place = 0;
		union value want = {0};
		for (int m = 0; m < MODES; m++) {
			struct guest g;
			union value result = {0};
			assert_int_equal(go_round(&g, &modes[m], body, FUEL, &result), TRAP_NONE);
			if (m == 0) {
				used = FUEL - store_fuel_left(g.store);
				want = result;
			}
			if (FUEL - store_fuel_left(g.store) != used || result.i32 != want.i32)
				fail_msg("%s: %s differs from %s", back, modes[m].name, modes[0].name);
			guest_close(&g);

			/* One unit less, and the last round is not begun. */
			assert_int_equal(go_round(&g, &modes[m], body, used - 1, &result), TRAP_FUEL);
			assert_int_equal(store_fuel_left(g.store), 0);
			if (m == 0)
				place = place_of_trap(&g);
			assert_int_equal(place_of_trap(&g), place);
			assert_int_equal(g.module->bytes[place], insns[INSN_loop].code);
			guest_close(&g);
		}
	}
}

/* Where the cell that pays is one with another: with the declared locals, or with the only return.
 * However that is, what is not paid is the function, and told so. */
static void test_fuel_is_counted_by_small_functions(void **state)
{
	(void)state;
	static const struct {
		const char *locals, *body;
		unsigned units;
	} rows[] = {
	    {"", "i32.const 7", 2},
	    {"", "local.get 0", 2},
	    {"", "local.get 0 local.get 0 i32.add", 4},
	    {"", "local.get 0 i32.const 1 i32.or", 4},
	    {"", "f64.const 1 f64.const 2 f64.add i32.trunc_f64_s", 5},
	    {"", "i32.const 5 local.get 0 br_if 0 drop i32.const 6", 6},
	    {"", "block local.get 0 br_if 0 end local.get 0", 6},
	    {"i", "local.get 1", 2},
	    {"iI", "local.get 1", 2},
	    {"iIf", "local.get 1", 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int m = 0; m < MODES; m++) {
			struct wasm w = {0};
			wasm_export(&w, "f", EXTERN_FUNC,
			            wasm_func(&w, "i_i", rows[i].locals, "%s", rows[i].body));
			struct guest g = {.options.fuel = rows[i].units};
			guest_open(&g, &modes[m]);
			guest_start(&g, &w);
			guest_i32(&g, "f", 1, 0);
			assert_int_equal(store_fuel_left(g.store), 0);
			assert_int_equal(guest_call(&g, "f", (const union value[]){{0}}, (union value[]){{0}}),
			                 TRAP_FUEL);
			assert_int_equal(place_of_trap(&g), g.module->funcs[0].body_offset);
			guest_close(&g);
		}
	}
}

/* Functions with one return were paid for at that: they stored and trapped at no cost. */
static void test_fuel_is_paid_before_what_is_seen(void **state)
{
	(void)state;
	static const struct {
		const char *locals, *body;
		unsigned units;
	} rows[] = {
	    {"", "i32.const 0 i32.const 7 i32.store local.get 0 i32.const 0 i32.div_u", 7},
	    {"i", "i32.const 0 i32.const 7 i32.store local.get 0 i32.const 0 i32.div_u", 7},
	    {"", "f64.const 1 f64.const 0 f64.div i32.trunc_f64_s", 5},
	    {"", "i32.const 0 i32.const 7 i32.const 65536 memory.fill i32.const -1 i32.load", 7},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int m = 0; m < MODES; m++) {
			struct wasm w = {0};
			wasm_export(&w, "f", EXTERN_FUNC,
			            wasm_func(&w, "i_i", rows[i].locals, "%s", rows[i].body));
			wasm_export(&w, "load", EXTERN_FUNC, wasm_func(&w, "_i", "", "i32.const 0 i32.load"));
			wasm_memory(&w, 1, 1);
			struct guest g = {.options.fuel = FUEL};
			guest_open(&g, &modes[m]);
			guest_start(&g, &w);
			const union value args[] = {{.i32 = 1}};
			union value result;
			assert_int_not_equal(guest_call(&g, "f", args, &result), TRAP_NONE);
			assert_int_equal(FUEL - store_fuel_left(g.store), rows[i].units);
			guest_close(&g);

			/* With one unit too few nothing is stored: the memory is looked at by its host. */
			struct wasm again = {0};
			wasm_export(&again, "f", EXTERN_FUNC,
			            wasm_func(&again, "i_i", rows[i].locals, "%s", rows[i].body));
			wasm_export(&again, "memory", EXTERN_MEMORY, wasm_memory(&again, 1, 1));
			g = (struct guest){.options.fuel = rows[i].units - 1};
			guest_open(&g, &modes[m]);
			guest_start(&g, &again);
			assert_int_equal(guest_call(&g, "f", args, &result), TRAP_FUEL);
			assert_int_equal(*memory_base(instance_export_memory(g.inst, "memory")), 0);
			guest_close(&g);
		}
	}
}

static void test_fuel_is_counted_in_the_start_function(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct wasm w = {0};
		wasm_start(&w, wasm_func(&w, "_", "", "loop br 0 end"));
		struct guest g = {.options.fuel = FUEL};
		guest_open(&g, &modes[m]);
		guest_try(&g, &w);
		assert_null(g.inst);
		assert_int_equal(store_trap(g.store)->trap, TRAP_FUEL);
		guest_close(&g);
	}
}

/* A host function, which runs a guest of another store, and asks both what is left. */
struct between_stores {
	struct guest outer, inner;
	uint64_t outer_left[2], inner_left;
};

static void run_the_other(struct host_call *call)
{
	struct between_stores *between = call->env;
	between->outer_left[0] = store_fuel_left(between->outer.store);
	assert_int_equal(guest_call(&between->inner, "f", NULL, NULL), TRAP_NONE);
	between->outer_left[1] = store_fuel_left(between->outer.store);
	between->inner_left = store_fuel_left(between->inner.store);
}

static void test_each_store_counts_its_own_fuel(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct between_stores between = {.outer.options.fuel = 100, .inner.options.fuel = 30};
		guest_open(&between.outer, &modes[m]);
		guest_open(&between.inner, &modes[m]);
		guest_give_func(&between.outer, "other", "()", (void (*)(void))run_the_other, &between);
		struct wasm outer = {0}, inner = {0};
		uint32_t other = wasm_import_func(&outer, "env", "other", "_");
		wasm_export(&outer, "f", EXTERN_FUNC, wasm_func(&outer, "_", "", "call %u nop nop", other));
		wasm_export(&inner, "f", EXTERN_FUNC, wasm_func(&inner, "_", "", "nop nop nop"));
		guest_start(&between.outer, &outer);
		guest_start(&between.inner, &inner);
		for (unsigned round = 1; round <= 3; round++) {
			assert_int_equal(guest_call(&between.outer, "f", NULL, NULL), TRAP_NONE);
			assert_int_equal(between.outer_left[0], 100 - 4 * round);
			assert_int_equal(between.outer_left[1], 100 - 4 * round);
			assert_int_equal(between.inner_left, 30 - 4 * round);
			assert_int_equal(store_fuel_left(between.outer.store), 100 - 4 * round);
			assert_int_equal(store_fuel_left(between.inner.store), 30 - 4 * round);
		}
		guest_close(&between.inner);
		guest_close(&between.outer);
	}
}

static void test_no_limit_counts_nothing(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "_", "", "nop"));
	struct guest g;
	assert_int_equal(run_with(&g, &modes[0], 0, &w, "f"), TRAP_NONE);
	assert_int_equal(store_fuel_left(g.store), 0);
	guest_close(&g);
}

/* ---- interruption ---- */

static struct store *to_interrupt;

static void on_alarm(int signal)
{
	(void)signal;
	store_interrupt(to_interrupt);
}

static void interrupt_soon(struct store *store)
{
	to_interrupt = store;
	struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

static const char *const endless[] = {
    "loop br 0 end",
    "loop call 1 br 0 end",
    "loop i32.const 0 i32.const 0 i32.const 60000 memory.fill br 0 end",
    "return_call 0",
};

static void build_endless(struct wasm *w, const char *body)
{
	wasm_memory(w, 1, 1);
	wasm_export(w, "f", EXTERN_FUNC, wasm_func(w, "_", "", "%s", body));
	wasm_func(w, "_", "", "nop");
	wasm_export(w, "g", EXTERN_FUNC, wasm_func(w, "_", "", "nop"));
}

static void test_interrupted_by_a_signal(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
		for (int m = 0; m < MODES; m++) {
			struct wasm w = {0};
			build_endless(&w, endless[i]);
			struct guest g = {0};
			guest_open(&g, &modes[m]);
			guest_start(&g, &w);
			interrupt_soon(g.store);
			assert_int_equal(guest_call(&g, "f", NULL, NULL), TRAP_INTERRUPTED);
			const struct trap_report *report = store_trap(g.store);
			assert_true(report->frame_count <= 1);
			if (report->frame_count == 1)
				assert_true(report->frames[0].func <= 1);
			/* For good, and for what was never run too. */
			assert_int_equal(guest_call(&g, "g", NULL, NULL), TRAP_INTERRUPTED);
			guest_close(&g);
		}
	}
}

static void test_the_start_function_is_interrupted(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct wasm w = {0};
		wasm_start(&w, wasm_func(&w, "_", "", "loop br 0 end"));
		struct guest g = {0};
		guest_open(&g, &modes[m]);
		interrupt_soon(g.store);
		guest_try(&g, &w);
		assert_null(g.inst);
		assert_int_equal(store_trap(g.store)->trap, TRAP_INTERRUPTED);
		guest_close(&g);
	}
}

static void *interrupt_now(void *store)
{
	store_interrupt(store);
	return NULL;
}

/* The host function's own thread waits for the one that interrupts: the call that is under way
 * comes to its end, the guest's code behind it does not. */
static void wait_for_interruption(struct host_call *call)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, interrupt_now, call->store), 0);
	pthread_join(thread, NULL);
	++*(unsigned *)call->env;
}

static void test_interrupted_by_a_thread(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct wasm w = {0};
		wasm_import_func(&w, "env", "wait", "_");
		wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "_", "", "call 0 call 0"));
		struct guest g = {0};
		unsigned calls = 0;
		guest_open(&g, &modes[m]);
		guest_give_func(&g, "wait", "()", (void (*)(void))wait_for_interruption, &calls);
		guest_start(&g, &w);
		assert_int_equal(guest_call(&g, "f", NULL, NULL), TRAP_INTERRUPTED);
		assert_int_equal(calls, 1);
		guest_close(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fuel_ends_what_does_not_end),
	    cmocka_unit_test(test_fuel_is_counted),
	    cmocka_unit_test(test_a_loop_that_begins_with_a_load_pays_on_each_round),
	    cmocka_unit_test(test_each_way_back_to_a_loop_pays),
	    cmocka_unit_test(test_fuel_is_counted_by_small_functions),
	    cmocka_unit_test(test_fuel_is_paid_before_what_is_seen),
	    cmocka_unit_test(test_fuel_is_counted_in_the_start_function),
	    cmocka_unit_test(test_each_store_counts_its_own_fuel),
	    cmocka_unit_test(test_no_limit_counts_nothing),
	    cmocka_unit_test(test_interrupted_by_a_signal),
	    cmocka_unit_test(test_the_start_function_is_interrupted),
	    cmocka_unit_test(test_interrupted_by_a_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
