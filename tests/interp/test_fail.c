/* Allocation-failure stepping: load, instantiate and run with the n-th allocation failing, for
 * every n, ends in a clean error or goes on without it; under ASan nothing may leak. */
#include "tests/interp/fixture.h"

#include "validator/alloc.h"

static uint32_t host(struct host_call *call, uint32_t a)
{
	(void)call;
	return a + 1;
}

static bool resolve(void *env, struct store *store, const struct import *import,
                    struct extern_val *out, struct error *err)
{
	(void)env;
	(void)import;
	out->kind = EXTERN_FUNC;
	out->as.func = host_func_create(store, "(i)i", (void (*)(void))host, NULL, err);
	return out->as.func != NULL;
}

/* A module with a bit of everything. */
static struct bytes build(void)
{
	struct wasm w = {0};
	wasm_import_func(&w, "env", "host", "i_i");
	uint32_t add = wasm_func(&w, "iI_iI", "fF", "local.get 0 local.get 1 i64.const 1 i64.add");
	uint32_t f =
	    wasm_func(&w, "i_i", "iI",
	              "local.get 0 i64.const 4 call %u local.set 2 call 0 "
	              "block i32 i32.const 5 local.get 0 br_table 0 0 1 end i32.add "
	              "ref.null func i32.const 30 table.grow 0 drop i32.const 1 memory.grow drop "
	              "i32.const 0 i32.const 3 i32.const 4 memory.init 1 "
	              "i32.const 0 i32.load i32.add",
	              add);
	uint32_t deep = wasm_func(&w, "_", "", "call %u", f + 1);
	wasm_memory(&w, 1, 3);
	wasm_table(&w, 'c', 10, WASM_NO_MAX);
	wasm_global(&w, 'I', true, "i64.const 1 i64.const 2 i64.add");
	wasm_elem(&w, 2, (uint32_t[]){add, f, deep}, 3);
	wasm_data(&w, 0, "data", 4);
	wasm_data(&w, -1, "passive", 7);
	wasm_export(&w, "f", EXTERN_FUNC, f);
	wasm_export(&w, "deep", EXTERN_FUNC, deep);
	wasm_start(&w, wasm_func(&w, "_", "", "i32.const 1 call %u drop", f));
	w.has_data_count = true;
	return wasm_finish(&w);
}

struct run_result {
	struct error err;
	uint32_t result;
};

static struct run_result run(const struct bytes *bytes, const struct mode *mode)
{
	struct run_result r = {.err = ERROR_INIT};
	const struct store_options options = {.unfolded = mode->unfolded,
	                                      .checked_memory = mode->checked_memory};
	struct module *module = module_load(bytes->data, bytes->size, NULL, &r.err);
	struct store *store = module == NULL ? NULL : store_create(&options, &r.err);
	struct instance *inst =
	    store == NULL ? NULL : instance_create(store, module, resolve, NULL, &r.err);
	if (inst != NULL) {
		union value arg = {.i32 = 1}, result;
		if (func_call(store, instance_export_func(inst, "f"), &arg, &result, &r.err))
			r.result = result.i32;
		/* A backtrace is made from what is there: the trap itself needs no memory. */
		struct error trap = ERROR_INIT;
		if (r.err.kind == ERROR_NONE) {
			assert_false(func_call(store, instance_export_func(inst, "deep"), NULL, NULL, &trap));
			assert_true(trap.kind == ERROR_TRAP || trap.kind == ERROR_NO_MEMORY);
		}
	}
	store_destroy(store);
	module_destroy(module);
	return r;
}

static int never_fail(void **state)
{
	(void)state;
	mem_fail_from(UINT64_MAX);
	return 0;
}

static void test_every_allocation(void **state)
{
	(void)state;
	struct bytes bytes = build();
	for (int m = 0; m < MODES; m++) {
		struct guest keep = {0};
		guest_open(&keep, &modes[m]); /* for its fault handlers */
		guest_close(&keep);
		mem_fail_from(UINT64_MAX - 1);
		struct run_result fine = run(&bytes, &modes[m]);
		uint64_t allocations = mem_count();
		if (fine.err.kind != ERROR_NONE)
			fail_msg("%s", fine.err.message);
		assert_true(allocations > 30);
		unsigned failed = 0;
		for (uint64_t n = 0; n < allocations; n++) {
			mem_fail_from(n);
			struct run_result r = run(&bytes, &modes[m]);
			/* A failing table.grow is an answer that the guest sees, not an error. */
			if (r.err.kind == ERROR_NONE)
				continue;
			failed++;
			if (r.err.kind != ERROR_NO_MEMORY || strstr(r.err.message, "out of memory") == NULL)
				fail_msg("%s, allocation %llu: %s: %s", modes[m].name, (unsigned long long)n,
				         error_kind_word(r.err.kind), r.err.message);
		}
		/* Most are needed; those of a backtrace are not. */
		assert_true(failed > 30);
		mem_fail_from(allocations);
		assert_int_equal(run(&bytes, &modes[m]).result, fine.result);
		mem_fail_from(UINT64_MAX);
	}
	bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_every_allocation, never_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
