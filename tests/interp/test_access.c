/* Loads and stores: each one at every place around a memory's end, also of a memory that grew. */
#include "tests/interp/fixture.h"

#define PAGE UINT32_C(65536)

static bool is_access(unsigned i, bool *is_store)
{
	const struct insn *insn = &insns[i];
	const struct signature *sig = &signatures[insn->signature];
	if (insn->immediate != IMM_MEMARG || insn->signature == SIG_HAND_ ||
	    !((FEATURES_IMPLEMENTED & FEATURES_DEFAULT) >> insn->feature & 1))
		return false;
	*is_store = sig->result_count == 0;
	/* Vectors have tests of their own. */
	return (*is_store ? sig->params[1] : sig->results[0]) != SIG_V128;
}

static uint32_t width(unsigned i)
{
	return 1u << insns[i].align;
}

static const char *const types[] = {
    [SIG_I32] = "i32", [SIG_I64] = "i64", [SIG_F32] = "f32", [SIG_F64] = "f64"};

/* Four functions for each access: the address from a parameter, from the accumulator, constant, and
 * with an offset that takes the address over the end. Named by instruction and way. */
static void add_functions(struct wasm *w, unsigned i, bool is_store)
{
	const struct signature *sig = &signatures[insns[i].signature];
	const char *type = types[is_store ? sig->params[1] : sig->results[0]];
	char value[40] = "", end[40];
	if (is_store)
		snprintf(value, sizeof value, "%s.const -1", type);
	snprintf(end, sizeof end, is_store ? "i32.const 1" : "drop i32.const 1");
	char name[80];
	snprintf(name, sizeof name, "%s slot", insns[i].mnemonic);
	wasm_export(w, name, EXTERN_FUNC,
	            wasm_func(w, "i_i", "", "local.get 0 %s %s %s", value, insns[i].mnemonic, end));
	snprintf(name, sizeof name, "%s acc", insns[i].mnemonic);
	wasm_export(w, name, EXTERN_FUNC,
	            wasm_func(w, "i_i", "", "local.get 0 i32.const 0 i32.add %s %s %s", value,
	                      insns[i].mnemonic, end));
	snprintf(name, sizeof name, "%s offset", insns[i].mnemonic);
	wasm_export(w, name, EXTERN_FUNC,
	            wasm_func(w, "i_i", "", "local.get 0 %s %s offset=%u %s", value, insns[i].mnemonic,
	                      PAGE - 16, end));
	for (uint32_t delta = 0; delta <= 16; delta++) {
		snprintf(name, sizeof name, "%s const %u", insns[i].mnemonic, delta);
		wasm_export(w, name, EXTERN_FUNC,
		            wasm_func(w, "_i", "", "i32.const %u %s %s %s", PAGE - 16 + delta, value,
		                      insns[i].mnemonic, end));
	}
}

static void check_access(struct guest *g, unsigned i, bool is_store)
{
	struct memory *memory = instance_export_memory(g->inst, "memory");
	char name[80];
	for (uint32_t delta = 0; delta <= 16; delta++) {
		bool fine = delta + width(i) <= 16;
		static const char *const ways[] = {"slot", "acc", "offset", "const"};
		for (int way = 0; way < 4; way++) {
			union value arg = {.i32 = way == 2 ? delta : PAGE - 16 + delta}, result;
			if (way == 3)
				snprintf(name, sizeof name, "%s const %u", insns[i].mnemonic, delta);
			else
				snprintf(name, sizeof name, "%s %s", insns[i].mnemonic, ways[way]);
			memset(memory_base(memory) + PAGE - 16, 0, 16);
			enum trap trap = guest_call(g, name, &arg, &result);
			if (trap != (fine ? TRAP_NONE : TRAP_MEMORY_OUT_OF_BOUNDS))
				fail_msg("%s, %u bytes before the end: %s", name, 16 - delta, trap_words(trap));
			/* A store that traps writes nothing at all (spec: 4.6.10). */
			if (is_store && !fine)
				for (uint32_t j = 0; j < 16; j++)
					assert_int_equal(memory_base(memory)[PAGE - 16 + j], 0);
		}
	}
	/* Addresses far away, and sums beyond 32 bits. */
	static const uint32_t far[] = {0x10010, 0x7fffffff, 0x80000000, 0xfffffff0, UINT32_MAX};
	for (size_t j = 0; j < sizeof far / sizeof *far; j++) {
		snprintf(name, sizeof name, "%s slot", insns[i].mnemonic);
		assert_trap(g, name, far[j], 0, TRAP_MEMORY_OUT_OF_BOUNDS);
		snprintf(name, sizeof name, "%s offset", insns[i].mnemonic);
		assert_trap(g, name, far[j], 0, TRAP_MEMORY_OUT_OF_BOUNDS);
	}
}

static void test_ends(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {0};
		guest_open(&g, &modes[m]);
		struct wasm w = {0};
		bool is_store;
		for (unsigned i = 0; i < INSN_COUNT; i++)
			if (is_access(i, &is_store))
				add_functions(&w, i, is_store);
		wasm_memory(&w, 1, 1);
		wasm_export(&w, "memory", EXTERN_MEMORY, 0);
		guest_start(&g, &w);
		unsigned seen = 0;
		for (unsigned i = 0; i < INSN_COUNT; i++) {
			if (is_access(i, &is_store)) {
				check_access(&g, i, is_store);
				seen++;
			}
		}
		assert_true(seen >= 23);
		guest_close(&g);
	}
}

/* A memory without pages: nothing may be touched (CVE-2022-39392 of another runtime). */
static void test_no_pages(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {0};
		guest_open(&g, &modes[m]);
		struct wasm w = {0};
		wasm_memory(&w, 0, WASM_NO_MAX);
		wasm_export(&w, "load", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 i32.load8_u"));
		wasm_export(&w, "fill", EXTERN_FUNC,
		            wasm_func(&w, "ii_i", "",
		                      "local.get 0 i32.const 7 local.get 1 memory.fill i32.const 1"));
		wasm_export(&w, "grow", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 memory.grow"));
		wasm_export(&w, "size", EXTERN_FUNC, wasm_func(&w, "_i", "", "memory.size"));
		guest_start(&g, &w);
		assert_trap(&g, "load", 0, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
		assert_int_equal(guest_i32(&g, "fill", 0, 0), 1);
		assert_trap(&g, "fill", 0, 1, TRAP_MEMORY_OUT_OF_BOUNDS);
		assert_trap(&g, "fill", 1, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
		assert_int_equal(guest_i32(&g, "grow", 1, 0), 0);
		assert_int_equal(guest_i32(&g, "load", PAGE - 1, 0), 0);
		assert_trap(&g, "load", PAGE, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
		assert_int_equal(guest_i32(&g, "fill", PAGE - 1, 1), 1);
		assert_int_equal(guest_i32(&g, "load", PAGE - 1, 0), 7);
		assert_int_equal(guest_i32(&g, "size", 0, 0), 1);
		guest_close(&g);
	}
}

static void test_growth(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {.options.memory_limit = 5 * PAGE};
		guest_open(&g, &modes[m]);
		struct wasm w = {0};
		wasm_memory(&w, 1, 10);
		wasm_export(&w, "memory", EXTERN_MEMORY, 0);
		wasm_export(&w, "grow", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 memory.grow"));
		wasm_export(&w, "load", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 i32.load8_u"));
		guest_start(&g, &w);
		struct memory *memory = instance_export_memory(g.inst, "memory");
		const uint8_t *base = memory_base(memory);
		assert_int_equal(guest_i32(&g, "grow", 0, 0), 1);
		assert_int_equal(guest_i32(&g, "grow", 2, 0), 1);
		assert_int_equal(guest_i32(&g, "load", 3 * PAGE - 1, 0), 0);
		/* Over the store's limit, over the type's maximum, over all: the size stays. */
		assert_int_equal(guest_i32(&g, "grow", 3, 0), UINT32_MAX);
		assert_int_equal(guest_i32(&g, "grow", 8, 0), UINT32_MAX);
		assert_int_equal(guest_i32(&g, "grow", UINT32_MAX, 0), UINT32_MAX);
		assert_int_equal(memory_size(memory), 3 * PAGE);
		assert_trap(&g, "load", 3 * PAGE, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
		assert_int_equal(guest_i32(&g, "grow", 2, 0), 3);
		assert_int_equal(guest_i32(&g, "grow", 1, 0), UINT32_MAX);
		assert_int_equal(memory_size(memory), 5 * PAGE);
		assert_ptr_equal(memory_base(memory), base);
		guest_close(&g);
	}
}

/* The limit counts all memories of the store, also at their start. */
static void test_limit_at_start(void **state)
{
	(void)state;
	struct guest g = {.options.memory_limit = 3 * PAGE};
	guest_open(&g, &modes[0]);
	const struct memory_type type = {.limits = {.min = 2, .max = UINT64_MAX}, .page_size_log2 = 16};
	struct memory *first = memory_create(g.store, &type, &g.err);
	assert_non_null(first);
	assert_int_equal(memory_size(first), 2 * PAGE);
	struct wasm w = {0};
	wasm_memory(&w, 2, 2);
	guest_try(&g, &w);
	assert_null(g.inst);
	assert_int_equal(g.err.kind, ERROR_LIMIT);
	assert_non_null(strstr(g.err.message, "196608"));
	guest_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_no_pages),
	    cmocka_unit_test(test_growth),
	    cmocka_unit_test(test_limit_at_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
