/* The garbage-collected heap: within the memory limit, and collected in the middle of calls. What
 * its instructions do is the official suite's. */
#include "tests/interp/address_space.h"
#include "tests/interp/fixture.h"

#include <sys/resource.h>

#define PAGE UINT64_C(65536)
#define LIMIT (64 * PAGE)

enum {
	NODE, /* (struct (field (mut i32)) (field (mut anyref))) */
	FORK, /* (struct (field (mut anyref)) (field (mut anyref))) */
	REFS, /* (array (mut anyref)) */
};

static void add_types(struct wasm *w)
{
	static const uint8_t code[] = {0x5f, 2, 0x7f, 1, 0x6e, 1,    0x5f, 2,
	                               0x6e, 1, 0x6e, 1, 0x5e, 0x6e, 1};
	wasm_first_types(w, code, sizeof code, 3);
}

/* ---- the limit ---- */

/* Global 0 counts the nodes of the list that hangs on global 1. */
static void add_lists(struct wasm *w)
{
	add_types(w);
	wasm_memory(w, 1, WASM_NO_MAX);
	wasm_global(w, 'i', true, "i32.const 0");
	wasm_global(w, 'a', true, "ref.null any");
	wasm_export(w, "nodes", EXTERN_GLOBAL, 0);
	wasm_export(w, "grow", EXTERN_FUNC, wasm_func(w, "i_i", "", "local.get 0 memory.grow"));
	wasm_export(w, "keep", EXTERN_FUNC,
	            wasm_func(w, "_", "",
	                      "loop i32.const 1 global.get 1 struct.new %d global.set 1 "
	                      "global.get 0 i32.const 1 i32.add global.set 0 br 0 end",
	                      NODE));
	wasm_export(w, "drop", EXTERN_FUNC,
	            wasm_func(w, "_", "", "ref.null any global.set 1 i32.const 0 global.set 0"));
	wasm_export(w, "waste", EXTERN_FUNC,
	            wasm_func(w, "i_i", "a",
	                      "loop i32.const 1 ref.null any struct.new %d local.set 1 "
	                      "local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end "
	                      "local.get 1 ref.cast %d struct.get %d 0",
	                      NODE, NODE, NODE));
}

/* Keeps nodes until there is no room; how many that were. */
static uint32_t fill(struct guest *g)
{
	assert_int_equal(guest_call(g, "keep", NULL, NULL), TRAP_HEAP_EXHAUSTED);
	assert_string_equal(g->err.message, "garbage-collected heap exhausted");
	assert_true(store_memory_limit_reached(g->store));
	struct extern_val nodes;
	assert_true(instance_export(g->inst, "nodes", 5, &nodes));
	return global_value(nodes.as.global).i32;
}

static void the_heap_is_within_the_memory_limit(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {.options.memory_limit = LIMIT};
		struct wasm w = {0};
		guest_open(&g, &modes[m]);
		add_lists(&w);
		guest_start(&g, &w);
		assert_false(store_memory_limit_reached(g.store));
		uint32_t whole = fill(&g);
		/* A node takes 32 bytes, and blocks a little more. */
		assert_in_range(whole, (LIMIT - PAGE) / 40, (LIMIT - PAGE) / 32);
		/* What the heap has, no memory gets, until it is garbage. */
		assert_int_equal(guest_i32(&g, "grow", 32, 0), UINT32_MAX);
		assert_int_equal(guest_call(&g, "drop", NULL, NULL), TRAP_NONE);
		assert_int_equal(guest_i32(&g, "waste", 300000, 0), 1);
		assert_int_equal(guest_i32(&g, "grow", 31, 0), 1);
		/* What a memory has, the heap does not get. */
		assert_in_range(fill(&g), whole / 2 - whole / 50, whole / 2 + whole / 50);
		guest_close(&g);
	}
}

static void garbage_makes_room(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {.options.memory_limit = LIMIT};
		struct wasm w = {0};
		guest_open(&g, &modes[m]);
		add_lists(&w);
		guest_start(&g, &w);
		/* Eight times what the limit leaves. */
		assert_int_equal(guest_i32(&g, "waste", 8 * LIMIT / 32, 0), 1);
		assert_false(store_memory_limit_reached(g.store));
		guest_close(&g);
	}
}

/* Arrays of 1 GiB, of which nothing is touched: without a memory limit four have no room. */
static void the_heap_has_a_limit_by_default(void **state)
{
	static const uint8_t bytes[] = {0x5e, 0x78, 1}; /* (array (mut i8)) */
	static const struct store_options defaults = {0};
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {.options = defaults};
		struct wasm w = {0};
		guest_open(&g, &modes[m]);
		wasm_first_types(&w, bytes, sizeof bytes, 1);
		wasm_table(&w, 'a', 8, 8);
		wasm_export(&w, "drop", EXTERN_FUNC,
		            wasm_func(&w, "_", "", "i32.const 0 ref.null any table.set 0"));
		wasm_export(
		    &w, "keep", EXTERN_FUNC,
		    wasm_func(&w, "i_i", "",
		              "local.get 0 i32.const 0x40000000 array.new_default 0 table.set 0 "
		              "local.get 0 table.get 0 ref.cast 0 i32.const 0x3fffffff array.get_u 0"));
		guest_start(&g, &w);
		for (uint64_t i = 0; i < INTERP_HEAP_LIMIT_DEFAULT / 0x40000000 - 1; i++)
			assert_int_equal(guest_i32(&g, "keep", (uint32_t)i, 0), 0);
		assert_false(store_memory_limit_reached(g.store));
		union value arg = {.i32 = 7}, result;
		assert_int_equal(guest_call(&g, "keep", &arg, &result), TRAP_HEAP_EXHAUSTED);
		assert_true(store_memory_limit_reached(g.store));
		assert_int_equal(guest_call(&g, "drop", NULL, NULL), TRAP_NONE);
		assert_int_equal(guest_i32(&g, "keep", 7, 0), 0);
		guest_close(&g);
	}
}

/* ---- collections in the middle of calls ---- */

#define TREE "local.get 0 call %1$u "
#define THROWN "local.get 0 call %2$u "

/* Where one half of a tree is while calls make the other. Each text leaves both. */
static const struct holder {
	const char *name;
	const char *locals;
	const char *text; /* %1$u makes a tree, %2$u throws one, %3$u is the host, %4$u the type REFS */
} holders[] = {
    {"operand", "", TREE TREE},
    {"local", "a", TREE "local.set 1 " TREE "local.get 1 "},
    {"caught value", "", "block anyref try_table catch 0 0 " THROWN "end unreachable end " TREE},
    {"exception", "x",
     "block exnref try_table catch_all_ref 0 " THROWN "end unreachable end local.set 1 " TREE
     "block anyref try_table catch 0 0 local.get 1 throw_ref end unreachable end "},
    {"array", "a",
     TREE "ref.null any array.new_fixed %4$u 2 local.set 1 " TREE
          "local.get 1 ref.cast %4$u i32.const 0 array.get %4$u "},
    {"operand below the host", "", TREE "local.get 0 call %3$u drop " TREE},
};
#define HOLDERS (sizeof holders / sizeof *holders)

/* Another tree, made and weighed: C code's frames lie between those of the guest. */
static uint32_t back(struct host_call *call, uint32_t depth)
{
	struct guest *g = call->env;
	union value arg = {.i32 = depth}, result;
	struct error err = ERROR_INIT;
	if (!func_call(g->store, instance_export_func(g->inst, "weigh"), &arg, &result, &err))
		host_fail(call, "%s", err.message);
	return result.i32;
}

/* weigh(depth): makes a tree and counts its forks, which are 2^depth - 1. */
static void add_trees(struct wasm *w, const struct holder *holder)
{
	add_types(w);
	uint32_t host = wasm_import_func(w, "env", "back", "i_i");
	uint32_t tree = host + 1, thrower = host + 2, count = host + 3;
	wasm_tag(w, "a_");
	char halves[512];
	snprintf(halves, sizeof halves, holder->text, tree, thrower, host, REFS);
	wasm_func(w, "i_a", holder->locals,
	          "local.get 0 i32.eqz if ref.null any return end "
	          "local.get 0 i32.const 1 i32.sub local.set 0 %s struct.new %d",
	          halves, FORK);
	wasm_func(w, "i_", "", "local.get 0 call %u throw 0", tree);
	wasm_func(w, "a_i", "",
	          "local.get 0 ref.is_null if i32 i32.const 0 else i32.const 1 "
	          "local.get 0 ref.cast %1$d struct.get %1$d 0 call %2$u i32.add "
	          "local.get 0 ref.cast %1$d struct.get %1$d 1 call %2$u i32.add end",
	          FORK, count);
	wasm_export(w, "weigh", EXTERN_FUNC,
	            wasm_func(w, "i_i", "", "local.get 0 call %u call %u", tree, count));
}

static void a_collection_at_every_allocation(void **state)
{
	(void)state;
	enum { DEPTH = 6 };
	for (size_t h = 0; h < HOLDERS; h++) {
		for (int m = 0; m < MODES; m++) {
			struct guest g = {.options.collect_always = true};
			struct wasm w = {0};
			guest_open(&g, &modes[m]);
			guest_give_func(&g, "back", "(i)i", (void (*)(void))back, &g);
			add_trees(&w, &holders[h]);
			guest_start(&g, &w);
			uint32_t forks = guest_i32(&g, "weigh", DEPTH, 0);
			if (forks != (1u << DEPTH) - 1)
				fail_msg("%s, %s: %u forks", holders[h].name, modes[m].name, forks);
			guest_close(&g);
		}
	}
}

/* Its globals, which it did not get, were looked for references all the same. */
static void an_instance_that_was_not_made_holds_nothing(void **state)
{
	(void)state;
	struct guest g = {.options = {.collect_always = true, .stack_size = (size_t)64 << 20}};
	struct wasm failing = {0}, w = {0};
	struct bytes bytes;
	struct module *module;
	struct rlimit old, low;
	wasm_global(&failing, 'i', true, "i32.const 1");
	guest_open(&g, &modes[0]);
	guest_give_func(&g, "back", "(i)i", (void (*)(void))back, &g);
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	low =
	    (struct rlimit){.rlim_cur = address_space() + ((rlim_t)32 << 20), .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
	struct instance *inst = guest_add(&g, &failing, &bytes, &module);
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	assert_null(inst);
	assert_int_equal(g.err.kind, ERROR_SYSTEM);
	error_clear(&g.err);

	add_trees(&w, &holders[0]);
	guest_start(&g, &w);
	assert_int_equal(guest_i32(&g, "weigh", 3, 0), 7);
	guest_close(&g);
	module_destroy(module);
	bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_heap_is_within_the_memory_limit),
	    cmocka_unit_test(garbage_makes_room),
	    cmocka_unit_test(the_heap_has_a_limit_by_default),
	    cmocka_unit_test(a_collection_at_every_allocation),
	    cmocka_unit_test(an_instance_that_was_not_made_holds_nothing),
	};
	return cmocka_run_group_tests_name("interp/gc", tests, NULL, NULL);
}
