/* v128 where the official suite does not go: through calls, blocks, branches, select, globals and
 * objects, beside values that take one slot; each folded, unfolded and with checked memory. */
#include "interp/interp.h"
#include "tests/lib/wasm_builder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define VALUES_MAX 6

struct mode {
	const char *name;
	struct store_options options;
};

static const struct mode modes[] = {
    {"folded", {0}},
    {"unfolded", {.unfolded = true}},
    {"checked", {.checked_memory = true}},
};

/* A v128 of two halves; an i32 or i64 is the first alone. */
struct halves {
	uint64_t low, high;
};

struct row {
	const char *name;
	const char *signature;
	const char *locals;
	const char *text;
	struct halves args[VALUES_MAX];
	struct halves results[VALUES_MAX];
};

#define A 0x0706050403020100, 0x0f0e0d0c0b0a0908
#define B 0x1716151413121110, 0x1f1e1d1c1b1a1918
#define BIG_A "v128.const 0x0706050403020100 0x0f0e0d0c0b0a0908 "
#define BIG_B "v128.const 0x1716151413121110 0x1f1e1d1c1b1a1918 "
/* i64x2.add of both */
#define SUM 0x1e1c1a1816141210, 0x2e2c2a2826242220

/* Functions 0 to 2 are always there. */
#define SWAP "call 0 "  /* (v i v) -> (v i v), the other way round */
#define THIRD "call 1 " /* (i v I v f) -> v: the second v128 */
#define ADD "call 2 "   /* (v v) -> v: their sum as i64x2 */

static const struct row rows[] = {
    {"arguments and results",
     "viv_viv",
     "",
     "local.get 0 local.get 1 local.get 2 " SWAP,
     {{A}, {7, 0}, {B}},
     {{B}, {7, 0}, {A}}},
    {"a v128 behind others",
     "iv_v",
     "",
     "i32.const 1 local.get 1 i64.const 2 " BIG_B "f32.const 3 " THIRD,
     {{5, 0}, {A}},
     {{B}}},
    {"results as operands",
     "vv_v",
     "",
     "local.get 0 local.get 1 " ADD "local.get 0 local.get 1 " ADD "i64x2.sub",
     {{A}, {B}},
     {{0, 0}}},
    {"call_indirect",
     "vv_v",
     "",
     "local.get 0 local.get 1 i32.const 0 call_indirect 2",
     {{A}, {B}},
     {{SUM}}},
    {"a result that is an argument",
     "vv_vv",
     "",
     "local.get 1 local.get 0",
     {{A}, {B}},
     {{B}, {A}}},
    {"results past the params",
     "v_vvv",
     "",
     "local.get 0 " BIG_B "local.get 0",
     {{A}},
     {{A}, {B}, {A}}},
    {"a constant returned", "_v", "", BIG_A, {{0, 0}}, {{A}}},
    {"a declared local is zero", "_v", "iv", "local.get 1", {{0, 0}}, {{0, 0}}},
    {"block results",
     "v_v",
     "i",
     "block 3 local.get 0 i32.const 9 " BIG_B "br 0 end "
     "local.set 0 local.set 1 local.get 0 i64x2.add",
     {{A}},
     {{SUM}}},
    {"block results are kept apart",
     "v_viv",
     "",
     "block 3 local.get 0 i32.const 9 " BIG_B
     "local.get 0 i64x2.extract_lane 1 i64.eqz br_if 0 end",
     {{A}},
     {{A}, {9, 0}, {B}}},
    {"br_if moves values down",
     "iv_v",
     "",
     "block v128 i32.const 1 " BIG_B "local.get 1 local.get 0 br_if 0 "
     "i64x2.add local.set 1 drop local.get 1 end",
     {{1, 0}, {A}},
     {{A}}},
    {"br_if not taken",
     "iv_v",
     "",
     "block v128 i32.const 1 " BIG_B "local.get 1 local.get 0 br_if 0 "
     "i64x2.add local.set 1 drop local.get 1 end",
     {{0, 0}, {A}},
     {{SUM}}},
    {"br_table to the first",
     "iv_v",
     "",
     "block v128 block v128 " BIG_B "local.get 1 local.get 0 br_table 0 1 "
     "end " BIG_B "i64x2.add end",
     {{0, 0}, {A}},
     {{SUM}}},
    {"br_table to the second",
     "iv_v",
     "",
     "block v128 block v128 " BIG_B "local.get 1 local.get 0 br_table 0 1 "
     "end " BIG_B "i64x2.add end",
     {{1, 0}, {A}},
     {{A}}},
    {"br_table to the function",
     "iv_v",
     "",
     "i32.const 3 " BIG_B "local.get 0 br_table 0 0",
     {{1, 0}, {A}},
     {{B}}},
    {"a loop with a v128 param",
     "iv_v",
     "",
     "local.get 1 loop 4 " BIG_A "i64x2.add local.get 0 i32.const 1 "
     "i32.sub local.tee 0 br_if 0 end",
     {{2, 0}, {A}},
     {{0x15120f0c09060300, 0x2d2a2724211e1b18}}},
    {"if and else",
     "iv_v",
     "",
     "local.get 0 if v128 local.get 1 else " BIG_B "end",
     {{0, 0}, {A}},
     {{B}}},
    {"select of locals",
     "ivv_v",
     "",
     "local.get 1 local.get 2 local.get 0 select",
     {{1, 0}, {A}, {B}},
     {{A}}},
    {"select of constants", "i_v", "", BIG_A BIG_B "local.get 0 select v128", {{0, 0}}, {{B}}},
    {"select by what was computed",
     "ivv_v",
     "",
     "local.get 1 local.get 2 i64x2.add local.get 2 "
     "local.get 0 i32.const 1 i32.add select",
     {{4, 0}, {A}, {B}},
     {{SUM}}},
    {"the same local twice", "v_v", "", "local.get 0 local.get 0 i64x2.sub", {{A}}, {{0, 0}}},
    {"a local changed while it waits",
     "vv_v",
     "",
     "local.get 0 local.get 1 local.set 0 local.get 0 i64x2.sub",
     {{B}, {A}},
     {{0x1010101010101010, 0x1010101010101010}}},
    {"computed into a local by a cell with data",
     "vv_v",
     "v",
     "local.get 0 local.get 1 "
     "i8x16.shuffle 0 1 2 3 4 5 6 7 24 25 26 27 28 29 30 31 local.set 2 local.get 2 " BIG_A
     "v128.xor "
     "local.tee 2 local.get 2 v128.or",
     {{A}, {B}},
     {{0, 0x1010101010101010}}},
    {"constants on either side",
     "v_v",
     "",
     BIG_B "local.get 0 i64x2.add " BIG_A "i64x2.sub " BIG_B "i64x2.eq",
     {{A}},
     {{UINT64_MAX, UINT64_MAX}}},
    {"two constants",
     "_v",
     "",
     BIG_B BIG_A "i64x2.sub " BIG_A BIG_B "i64x2.add v128.xor",
     {{0, 0}},
     {{0x0e0c0a0806040200, 0x3e3c3a3836343230}}},
    {"three operands",
     "vv_v",
     "",
     "local.get 0 local.get 1 i64x2.add " BIG_B BIG_A BIG_A "v128.xor v128.bitselect",
     {{A}, {B}},
     {{B}}},
    {"shift by what was computed",
     "vi_v",
     "",
     "local.get 0 local.get 1 i32.const 1 i32.add i8x16.shl",
     {{A}, {3, 0}},
     {{0x7060504030201000, 0xf0e0d0c0b0a09080}}},
    {"shift of what was computed",
     "vi_v",
     "",
     "local.get 0 v128.not local.get 1 i64x2.shr_s",
     {{0, 1}, {65, 0}},
     {{UINT64_MAX, UINT64_MAX}}},
    {"lanes from and to accumulators",
     "vi_v",
     "",
     "local.get 0 v128.not local.get 1 i32.const 1 i32.add "
     "i16x8.replace_lane 7 v128.not",
     {{A}, {4, 0}},
     {{0x0706050403020100, 0xfffa0d0c0b0a0908}}},
    {"float lanes",
     "v_v",
     "",
     "local.get 0 local.get 0 f64x2.extract_lane 1 f64x2.replace_lane 0",
     {{A}},
     {{0x0f0e0d0c0b0a0908, 0x0f0e0d0c0b0a0908}}},
    {"globals",
     "vv_vi",
     "",
     "local.get 0 global.set 1 i32.const 8 global.set 2 global.get 1 local.get 1 i64x2.add "
     "global.set 1 global.get 1 global.get 2",
     {{A}, {B}},
     {{SUM}, {8, 0}}},
    {"a constant into a global",
     "_vi",
     "",
     BIG_A "global.set 1 global.get 1 global.get 2",
     {{0, 0}},
     {{A}, {77, 0}}},
    {"an imported global",
     "v_vv",
     "",
     "global.get 0 local.get 0 global.set 0 global.get 0",
     {{A}},
     {{B}, {A}}},
    {"globals of one another", "_vv", "", "global.get 3 global.get 4", {{0, 0}}, {{A}, {A}}},
    {"memory",
     "iv_v",
     "",
     "local.get 0 local.get 1 v128.store offset=3 local.get 0 i32.const 1 i32.add "
     "v128.load offset=2",
     {{100, 0}, {A}},
     {{A}}},
    {"memory at a constant",
     "v_v",
     "",
     "i32.const 65520 local.get 0 v128.store i32.const 65519 v128.load offset=1",
     {{A}},
     {{A}}},
    {"a constant stored",
     "i_v",
     "",
     "local.get 0 " BIG_B "v128.store local.get 0 v128.load",
     {{8, 0}},
     {{B}}},
    {"one lane through memory",
     "iv_v",
     "",
     "local.get 0 local.get 1 v128.store32_lane 2 local.get 0 " BIG_B "v128.load32_lane 3",
     {{32, 0}, {A}},
     {{0x1716151413121110, 0x0b0a09081b1a1918}}},
    {"one lane at a computed address",
     "iv_v",
     "",
     "local.get 0 i32.const 4 i32.mul local.get 1 v128.not "
     "v128.store16_lane offset=1 7 local.get 0 i32.const 4 i32.mul local.get 1 v128.not "
     "v128.load16_lane offset=1 0",
     {{32, 0}, {A}},
     {{0xf8f9fafbfcfdf0f1, 0xf0f1f2f3f4f5f6f7}}},
};

/* ---- the module ---- */

static void add_common(struct wasm *w)
{
	assert_int_equal(wasm_import_global(w, "host", "v", 'v', true), 0);
	/* The texts above name types by their places here. */
	static const char *const types[] = {"viv_viv", "ivIvf_v", "vv_v", "_viv", "v_v"};
	for (uint32_t i = 0; i < sizeof types / sizeof *types; i++)
		assert_int_equal(wasm_type(w, types[i]), i);
	uint32_t swap = wasm_func(w, "viv_viv", "", "local.get 2 local.get 1 local.get 0");
	wasm_func(w, "ivIvf_v", "", "local.get 3");
	uint32_t add = wasm_func(w, "vv_v", "", "local.get 0 local.get 1 i64x2.add");
	assert_int_equal(swap, 0);
	assert_int_equal(add, 2);
	assert_int_equal(wasm_global(w, 'v', true, BIG_B), 1);
	assert_int_equal(wasm_global(w, 'i', true, "i32.const 77"), 2);
	assert_int_equal(wasm_global(w, 'v', false, BIG_A), 3);
	assert_int_equal(wasm_global(w, 'v', false, "global.get 3"), 4);
	wasm_export(w, "g", EXTERN_GLOBAL, 3);
	wasm_memory(w, 1, 1);
	wasm_table(w, 'c', 1, 1);
	wasm_elem(w, 0, &add, 1);
}

static bool resolve(void *env, struct store *store, const struct import *import,
                    struct extern_val *out, struct error *err)
{
	(void)env, (void)store, (void)import, (void)err;
	out->kind = import->kind;
	if (import->kind == EXTERN_GLOBAL)
		out->as.global = env;
	else
		out->as.func = env;
	return true;
}

static union value value_of(struct halves halves)
{
	union value value;
	memset(&value, 0, sizeof value);
	memcpy(value.v128, &halves, sizeof halves);
	return value;
}

static void assert_value(const struct row *row, const char *mode, unsigned n, char letter,
                         const union value *got, struct halves want)
{
	struct halves have = {0};
	memcpy(&have, got->v128, sizeof have);
	if (letter == 'i')
		have.low = got->i32;
	if (have.low != want.low || (letter == 'v' && have.high != want.high))
		fail_msg("%s, %s: result %u is 0x%016llx_%016llx, not 0x%016llx_%016llx", row->name, mode,
		         n, (unsigned long long)have.high, (unsigned long long)have.low,
		         (unsigned long long)want.high, (unsigned long long)want.low);
}

static struct global *host_global(struct store *store, struct error *err)
{
	const struct global_type type = {.type = VAL_V128, .is_mutable = true};
	return global_create(store, &type, value_of((struct halves){B}), err);
}

static void run_row(const struct row *row, const struct mode *mode)
{
	struct wasm w = {0};
	struct error err = ERROR_INIT;
	add_common(&w);
	wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, row->signature, row->locals, "%s", row->text));
	struct bytes bytes = wasm_finish(&w);
	struct module *module = module_load(bytes.data, bytes.size, NULL, &err);
	struct store *store = store_create(&mode->options, &err);
	struct global *global = store == NULL ? NULL : host_global(store, &err);
	struct instance *inst = module == NULL || global == NULL
	                            ? NULL
	                            : instance_create(store, module, resolve, global, &err);
	if (inst == NULL)
		fail_msg("%s: %s", row->name, err.message);

	union value args[VALUES_MAX], results[VALUES_MAX];
	for (unsigned i = 0; i < VALUES_MAX; i++)
		args[i] = value_of(row->args[i]);
	if (!func_call(store, instance_export_func(inst, "f"), args, results, &err))
		fail_msg("%s, %s: %s", row->name, mode->name, err.message);
	const char *letters = strchr(row->signature, '_') + 1;
	for (unsigned i = 0; letters[i] != '\0'; i++)
		assert_value(row, mode->name, i, letters[i], &results[i], row->results[i]);
	store_destroy(store);
	module_destroy(module);
	bytes_free(&bytes);
}

static void each_row_in_each_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t j = 0; j < sizeof modes / sizeof *modes; j++)
			run_row(&rows[i], &modes[j]);
}

/* ---- the host's side ---- */

static void globals_that_the_host_sees(void **state)
{
	struct wasm w = {0};
	struct error err = ERROR_INIT;
	(void)state;
	add_common(&w);
	wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "v_", "", "local.get 0 global.set 0"));
	struct bytes bytes = wasm_finish(&w);
	struct module *module = module_load(bytes.data, bytes.size, NULL, &err);
	struct store *store = store_create(NULL, &err);
	struct global *global = host_global(store, &err);
	struct instance *inst = instance_create(store, module, resolve, global, &err);
	if (inst == NULL)
		fail_msg("%s", err.message);
	struct extern_val mine;
	assert_true(instance_export(inst, "g", 1, &mine));
	union value got = global_value(mine.as.global);
	assert_memory_equal(got.v128, (&(struct halves){A}), 16);
	got = global_value(global);
	assert_memory_equal(got.v128, (&(struct halves){B}), 16);
	union value arg = value_of((struct halves){A});
	assert_true(func_call(store, instance_export_func(inst, "f"), &arg, NULL, &err));
	got = global_value(global);
	assert_memory_equal(got.v128, (&(struct halves){A}), 16);
	store_destroy(store);
	module_destroy(module);
	bytes_free(&bytes);
}

/* From one instance into another, with arguments of one and of two slots. */
static void through_an_import(void **state)
{
	(void)state;
	for (size_t j = 0; j < sizeof modes / sizeof *modes; j++) {
		struct wasm w = {0};
		struct error err = ERROR_INIT;
		uint32_t third = wasm_func(&w, "ivIvf_vi", "", "local.get 3 local.get 0");
		wasm_export(&w, "third", EXTERN_FUNC, third);
		struct bytes callee = wasm_finish(&w);
		wasm_import_func(&w, "callee", "third", "ivIvf_vi");
		uint32_t f = wasm_func(&w, "v_vi", "",
		                       "i32.const 4 " BIG_A "i64.const 5 local.get 0 f32.const 1 "
		                       "call 0");
		wasm_export(&w, "f", EXTERN_FUNC, f);
		struct bytes caller = wasm_finish(&w);
		struct module *modules[] = {module_load(callee.data, callee.size, NULL, &err),
		                            module_load(caller.data, caller.size, NULL, &err)};
		struct store *store = store_create(&modes[j].options, &err);
		struct instance *first = instance_create(store, modules[0], NULL, NULL, &err);
		assert_non_null(first);
		struct instance *second =
		    instance_create(store, modules[1], resolve, instance_export_func(first, "third"), &err);
		if (second == NULL)
			fail_msg("%s", err.message);
		union value arg = value_of((struct halves){B}), results[2];
		assert_true(func_call(store, instance_export_func(second, "f"), &arg, results, &err));
		assert_memory_equal(results[0].v128, (&(struct halves){B}), 16);
		assert_int_equal(results[1].i32, 4);
		store_destroy(store);
		module_destroy(modules[0]);
		module_destroy(modules[1]);
		bytes_free(&callee);
		bytes_free(&caller);
	}
}

static void a_host_function_cannot_take_one(void **state)
{
	struct error err = ERROR_INIT;
	struct store *store = store_create(NULL, &err);
	(void)state;
	assert_null(host_func_create(store, "(iv)", NULL, NULL, &err));
	assert_non_null(strstr(err.message, "v128"));
	store_destroy(store);
}

/* cmocka takes SIGSEGV for itself at the start of each test; this is what a store had installed. */
static struct sigaction trap_action;

/* An access that ends with the memory, and one that ends a byte behind it. */
static void accesses_at_the_end(void **state)
{
	static const struct {
		const char *text;
		uint32_t last; /* the last address that is in bounds */
	} accesses[] = {
	    {"local.get 0 v128.load drop", 65520},
	    {"local.get 0 " BIG_A "v128.store", 65520},
	    {"local.get 0 v128.load8x8_s drop", 65528},
	    {"local.get 0 v128.load32_zero drop", 65532},
	    {"local.get 0 v128.load64_splat drop", 65528},
	    {"local.get 0 " BIG_A "v128.load16_lane 7 drop", 65534},
	    {"local.get 0 " BIG_A "v128.store64_lane 1", 65528},
	    {"local.get 0 i32.const 1 i32.add " BIG_A "v128.store8_lane 15", 65534},
	};
	(void)state;
	sigaction(SIGSEGV, &trap_action, NULL);
	for (size_t i = 0; i < sizeof accesses / sizeof *accesses; i++) {
		for (size_t j = 0; j < sizeof modes / sizeof *modes; j++) {
			struct wasm w = {0};
			struct error err = ERROR_INIT;
			wasm_memory(&w, 1, 1);
			wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "i_", "", "%s", accesses[i].text));
			struct bytes bytes = wasm_finish(&w);
			struct module *module = module_load(bytes.data, bytes.size, NULL, &err);
			struct store *store = store_create(&modes[j].options, &err);
			struct instance *inst = instance_create(store, module, NULL, NULL, &err);
			if (inst == NULL)
				fail_msg("%s", err.message);
			struct func *f = instance_export_func(inst, "f");
			union value arg = {.i32 = accesses[i].last};
			if (!func_call(store, f, &arg, NULL, &err))
				fail_msg("%s, %s: %s", accesses[i].text, modes[j].name, err.message);
			arg.i32++;
			assert_false(func_call(store, f, &arg, NULL, &err));
			assert_int_equal(store_trap(store)->trap, TRAP_MEMORY_OUT_OF_BOUNDS);
			store_destroy(store);
			module_destroy(module);
			bytes_free(&bytes);
		}
	}
}

/* ---- objects ---- */

#define STRUCT 0 /* (struct (field (mut i32)) (field (mut v128)) (field (mut i32))) */
#define ARRAY 1  /* (array (mut v128)) */

static void add_object_types(struct wasm *w)
{
	static const uint8_t code[] = {0x5f, 3, 0x7f, 1, 0x7b, 1, 0x7f, 1, 0x5e, 0x7b, 1};
	wasm_first_types(w, code, sizeof code, 2);
}

static void put_two(struct bytes *b, enum insn_id id, uint32_t first, uint32_t second)
{
	put_insn_u(b, id, first);
	bytes_u(b, second);
}

/* (v v) -> (v v i): both go through fields and elements, where one overwrites its neighbour if a
 * slot is counted wrong. */
static struct bytes object_body(void)
{
	struct bytes b = {0};
	bytes_u(&b, 2);
	for (unsigned type = STRUCT; type <= ARRAY; type++) {
		bytes_u(&b, 1);
		bytes_byte(&b, 0x63);
		bytes_u(&b, type);
	}
	assemble(&b, "i32.const 3 local.get 0 i32.const 4");
	put_insn_u(&b, INSN_struct_new, STRUCT);
	assemble(&b, "local.set 2 " BIG_B "i32.const 3");
	put_insn_u(&b, INSN_array_new, ARRAY);
	assemble(&b, "local.set 3 local.get 3 i32.const 1 local.get 1");
	put_insn_u(&b, INSN_array_set, ARRAY);
	/* Field 1 = field 1 + element 0. */
	assemble(&b, "local.get 2 local.get 2");
	put_two(&b, INSN_struct_get, STRUCT, 1);
	assemble(&b, "local.get 3 i32.const 0");
	put_insn_u(&b, INSN_array_get, ARRAY);
	assemble(&b, "i64x2.add");
	put_two(&b, INSN_struct_set, STRUCT, 1);
	assemble(&b, "local.get 2");
	put_two(&b, INSN_struct_get, STRUCT, 1);
	assemble(&b, "local.get 3 i32.const 1");
	put_insn_u(&b, INSN_array_get, ARRAY);
	assemble(&b, "local.get 2");
	put_two(&b, INSN_struct_get, STRUCT, 0);
	assemble(&b, "local.get 2");
	put_two(&b, INSN_struct_get, STRUCT, 2);
	assemble(&b, "i32.const 4 i32.shl i32.or end");
	return b;
}

static void fields_and_elements(void **state)
{
	(void)state;
	for (size_t j = 0; j < sizeof modes / sizeof *modes; j++) {
		struct wasm w = {0};
		struct error err = ERROR_INIT;
		add_object_types(&w);
		bytes_put(&w.contents[SECTION_TYPE], "\x60\x02\x7b\x7b\x03\x7b\x7b\x7f", 8);
		w.counts[SECTION_TYPE]++;
		struct bytes body = object_body();
		wasm_export(&w, "f", EXTERN_FUNC, wasm_func_body(&w, 2, &body));
		struct bytes bytes = wasm_finish(&w);
		struct module *module = module_load(bytes.data, bytes.size, NULL, &err);
		struct store *store = store_create(&modes[j].options, &err);
		struct instance *inst =
		    module == NULL ? NULL : instance_create(store, module, NULL, NULL, &err);
		if (inst == NULL)
			fail_msg("%s", err.message);
		union value args[] = {value_of((struct halves){A}), value_of((struct halves){A})};
		union value results[3];
		assert_true(func_call(store, instance_export_func(inst, "f"), args, results, &err));
		assert_memory_equal(results[0].v128, (&(struct halves){SUM}), 16);
		assert_memory_equal(results[1].v128, (&(struct halves){A}), 16);
		assert_int_equal(results[2].i32, 0x43);
		store_destroy(store);
		module_destroy(module);
		bytes_free(&bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_row_in_each_mode), cmocka_unit_test(globals_that_the_host_sees),
	    cmocka_unit_test(through_an_import),     cmocka_unit_test(a_host_function_cannot_take_one),
	    cmocka_unit_test(accesses_at_the_end),   cmocka_unit_test(fields_and_elements),
	};
	struct error err = ERROR_INIT;
	store_destroy(store_create(NULL, &err));
	sigaction(SIGSEGV, NULL, &trap_action);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
