/* interp/trap.c: every trap's words, and backtraces with the right functions, offsets and names. */
#include "tests/interp/fixture.h"

#include "validator/alloc.h"

static void test_words(void **state)
{
	(void)state;
#define X(trap, words) assert_string_equal(trap_words(trap), words);
	TRAPS(X)
#undef X
}

/* A body that traps: what it is, the trap, and the instruction that must be named as the place. */
static const struct {
	const char *text;
	enum trap trap;
	enum insn_id at;
} cases[] = {
    {"unreachable", TRAP_UNREACHABLE, INSN_unreachable},
    {"i32.const 1 i32.const 0 i32.div_s drop", TRAP_DIVIDE_BY_ZERO, INSN_i32_div_s},
    {"i32.const 1 local.get 0 i32.rem_u drop", TRAP_DIVIDE_BY_ZERO, INSN_i32_rem_u},
    {"i64.const 1 i64.const 0 i64.div_u drop", TRAP_DIVIDE_BY_ZERO, INSN_i64_div_u},
    {"i32.const 0x80000000 i32.const -1 i32.div_s drop", TRAP_INTEGER_OVERFLOW, INSN_i32_div_s},
    {"f32.const 1e20 i32.trunc_f32_s drop", TRAP_INTEGER_OVERFLOW, INSN_i32_trunc_f32_s},
    {"f64.const bits:0x7ff8000000000000 i64.trunc_f64_u drop", TRAP_INVALID_CONVERSION,
     INSN_i64_trunc_f64_u},
    {"i32.const 65536 i32.load8_u drop", TRAP_MEMORY_OUT_OF_BOUNDS, INSN_i32_load8_u},
    {"i32.const -1 i64.load drop", TRAP_MEMORY_OUT_OF_BOUNDS, INSN_i64_load},
    {"local.get 0 i64.load offset=0xffffffff drop", TRAP_MEMORY_OUT_OF_BOUNDS, INSN_i64_load},
    {"i32.const 65533 i32.const 7 i32.store", TRAP_MEMORY_OUT_OF_BOUNDS, INSN_i32_store},
    {"local.get 0 f64.const 7 f64.store offset=65529", TRAP_MEMORY_OUT_OF_BOUNDS, INSN_f64_store},
    {"i32.const 65530 i32.const 0 i32.const 7 memory.fill", TRAP_MEMORY_OUT_OF_BOUNDS,
     INSN_memory_fill},
    {"i32.const 4 table.get 0 drop", TRAP_TABLE_OUT_OF_BOUNDS, INSN_table_get},
    {"i32.const 4 ref.null func table.set 0", TRAP_TABLE_OUT_OF_BOUNDS, INSN_table_set},
    {"i32.const 4 call_indirect 0", TRAP_UNDEFINED_ELEMENT, INSN_call_indirect},
    {"i32.const 0 call_indirect 0", TRAP_UNINITIALIZED_ELEMENT, INSN_call_indirect},
    {"i32.const 1 call_indirect 0", TRAP_INDIRECT_CALL_TYPE, INSN_call_indirect},
};
#define CASES (sizeof cases / sizeof *cases)

/* The offset of the first byte of `at` in a body of flat code that was assembled before it. */
static size_t find_insn(const struct bytes *code, enum insn_id at)
{
	struct bytes insn = {0};
	put_insn(&insn, at);
	for (size_t i = code->size; i-- > 0;) {
		if (i + insn.size <= code->size && memcmp(code->data + i, insn.data, insn.size) == 0) {
			bytes_free(&insn);
			return i;
		}
	}
	fail_msg("%s is not there", insns[at].mnemonic);
	return 0;
}

static void check_case(size_t i, const struct mode *mode)
{
	/* inner traps, outer calls it behind a few instructions, and main calls outer. */
	struct wasm w = {0};
	uint32_t type = wasm_type(&w, "i_");
	assert_int_equal(wasm_type(&w, "_"), 1);
	(void)type;
	uint32_t other = wasm_func(&w, "_i", "", "i32.const 1");
	struct bytes body = {0}, code = {0};
	char text[200];
	/* call_indirect's type index is that of "_", and takes nothing. */
	snprintf(text, sizeof text, "%s", cases[i].text);
	char *index = strstr(text, "call_indirect 0");
	if (index != NULL)
		index[strlen("call_indirect ")] = '1';
	wasm_locals(&body, "I");
	assemble(&code, "nop %s", text);
	size_t at = body.size + find_insn(&code, cases[i].at);
	bytes_put(&body, code.data, code.size);
	put_insn(&body, INSN_end);
	bytes_free(&code);
	uint32_t inner = wasm_func_body(&w, 0, &body);
	uint32_t outer =
	    wasm_func(&w, "i_", "", "local.get 0 i32.eqz drop local.get 0 call %u nop", inner);
	uint32_t main_func = wasm_func(&w, "_", "", "i32.const 0 call %u", outer);
	wasm_memory(&w, 1, 1);
	wasm_table(&w, 'c', 4, 4);
	wasm_elem(&w, 1, &other, 1);
	wasm_export(&w, "main", EXTERN_FUNC, main_func);
	static const char names[] = "\1\x11\2"
	                            "\1\5inner"
	                            "\2\x07the out";
	wasm_custom(&w, "name", names, sizeof names - 1);

	struct guest g = {0};
	guest_open(&g, mode);
	guest_start(&g, &w);
	enum trap trap = guest_call(&g, "main", NULL, NULL);
	if (trap != cases[i].trap)
		fail_msg("%s, %s: %s", cases[i].text, mode->name, trap_words(trap));
	assert_int_equal(g.err.kind, ERROR_TRAP);
	assert_non_null(strstr(g.err.message, trap_words(trap)));
	const struct trap_report *report = store_trap(g.store);
	assert_int_equal(report->frame_count, 3);
	assert_int_equal(report->frames_left_out, 0);
	assert_int_equal(report->frames[0].func, inner);
	assert_int_equal(report->frames[1].func, outer);
	assert_int_equal(report->frames[2].func, main_func);
	uint64_t want = g.module->funcs[inner].body_offset + at;
	if (report->frames[0].offset != want)
		fail_msg("%s, %s: offset 0x%llx, expected 0x%llx", cases[i].text, mode->name,
		         (unsigned long long)report->frames[0].offset, (unsigned long long)want);
	/* The callers stand at their calls. */
	for (int f = 1; f < 3; f++)
		assert_int_equal(g.bytes.data[report->frames[f].offset], insns[INSN_call].code);

	char *printed;
	size_t size;
	FILE *out = open_memstream(&printed, &size);
	trap_report_print(report, out);
	fclose(out);
	snprintf(text, sizeof text, "  #0 inner (function %u) at offset 0x%llx\n", inner,
	         (unsigned long long)want);
	assert_memory_equal(printed, text, strlen(text));
	assert_non_null(strstr(printed, "  #1 the out (function 2) at offset 0x"));
	assert_non_null(strstr(printed, "  #2 main (function 3) at offset 0x"));
	free(printed);
	guest_close(&g);
}

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++)
		for (int m = 0; m < MODES; m++)
			check_case(i, &modes[m]);
}

/* A trap in a run that a host function began, and then one in the run around it. */
struct nested {
	enum trap inner;
	uint32_t frames;
	uint32_t funcs[2];
};

static void call_inner(struct host_call *call)
{
	struct nested *n = call->env;
	struct error err = ERROR_INIT;
	assert_false(
	    func_call(call->store, instance_export_func(call->caller, "inner"), NULL, NULL, &err));
	const struct trap_report *report = store_trap(call->store);
	n->inner = report->trap;
	n->frames = report->frame_count;
	for (int i = 0; i < 2; i++)
		n->funcs[i] = report->frames[i].func;
}

static void test_nested_runs(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {0};
		struct nested n = {0};
		guest_open(&g, &modes[m]);
		guest_give_func(&g, "call", "()", (void (*)(void))call_inner, &n);
		struct wasm w = {0};
		wasm_import_func(&w, "env", "call", "_");
		uint32_t inner = wasm_func(&w, "_", "", "i32.const -4 i32.load drop");
		uint32_t outer = wasm_func(&w, "i_i", "", "call 0 i32.const 9 local.get 0 i32.div_u");
		wasm_memory(&w, 1, 1);
		wasm_export(&w, "inner", EXTERN_FUNC, inner);
		wasm_export(&w, "outer", EXTERN_FUNC, outer);
		guest_start(&g, &w);
		/* The outer run goes on behind the call of the inner one that trapped. */
		assert_int_equal(guest_i32(&g, "outer", 3, 0), 3);
		assert_int_equal(n.inner, TRAP_MEMORY_OUT_OF_BOUNDS);
		/* The backtrace goes on through the host function into the run around it. */
		assert_int_equal(n.frames, 2);
		assert_int_equal(n.funcs[0], inner);
		assert_int_equal(n.funcs[1], outer);
		assert_trap(&g, "outer", 0, 0, TRAP_DIVIDE_BY_ZERO);
		const struct trap_report *report = store_trap(g.store);
		assert_int_equal(report->frame_count, 1);
		assert_int_equal(report->frames[0].func, outer);
		guest_close(&g);
	}
}

/* Frames beyond TRAP_FRAMES_MAX are counted, not kept. */
static void test_frames_left_out(void **state)
{
	(void)state;
	struct guest g = {0};
	guest_open(&g, &modes[0]);
	struct wasm w = {0};
	uint32_t f = wasm_func(&w, "i_", "",
	                       "local.get 0 i32.eqz if unreachable end "
	                       "local.get 0 i32.const 1 i32.sub call 0");
	wasm_export(&w, "f", EXTERN_FUNC, f);
	guest_start(&g, &w);
	for (uint32_t depth = TRAP_FRAMES_MAX - 3; depth < TRAP_FRAMES_MAX + 3; depth++) {
		assert_trap(&g, "f", depth, 0, TRAP_UNREACHABLE);
		const struct trap_report *report = store_trap(g.store);
		assert_int_equal(report->frame_count + report->frames_left_out, depth + 1);
		assert_true(report->frame_count <= TRAP_FRAMES_MAX);
	}
	char *printed;
	size_t size;
	FILE *out = open_memstream(&printed, &size);
	trap_report_print(store_trap(g.store), out);
	fclose(out);
	assert_non_null(strstr(printed, "and 3 more frames"));
	free(printed);
	guest_close(&g);
}

/* Else a trap at the bottom of a deep recursion, which lowers again to find its places, took as
 * many times as long as it keeps frames. */
static void test_recursion_is_lowered_once(void **state)
{
	(void)state;
	struct guest g = {0};
	guest_open(&g, &modes[0]);
	struct wasm w = {0};
	/* even and odd call each other, at other places each time. */
	for (uint32_t other = 2; other-- > 0;)
		wasm_func(&w, "i_", "",
		          "local.get 0 i32.eqz if unreachable end "
		          "local.get 0 i32.const 4 i32.rem_u i32.const 2 i32.lt_u if "
		          "local.get 0 i32.const 1 i32.sub call %u else "
		          "local.get 0 i32.const 1 i32.sub call %u end",
		          other, other);
	wasm_export(&w, "even", EXTERN_FUNC, 0);
	guest_start(&g, &w);
	assert_trap(&g, "even", TRAP_FRAMES_MAX, 0, TRAP_UNREACHABLE);
	uint64_t allocations[2];
	const uint32_t depths[2] = {1, TRAP_FRAMES_MAX - 1};
	for (int i = 0; i < 2; i++) {
		mem_fail_from(UINT64_MAX - 1);
		assert_trap(&g, "even", depths[i], 0, TRAP_UNREACHABLE);
		allocations[i] = mem_count();
		mem_fail_from(UINT64_MAX);
		assert_int_equal(store_trap(g.store)->frame_count, depths[i] + 1);
	}
	assert_true(allocations[0] > 0);
	assert_int_equal(allocations[0], allocations[1]);
	/* Behind the innermost, frame i calls from depth i. */
	const struct trap_frame *frames = store_trap(g.store)->frames;
	for (uint32_t i = 1; i < TRAP_FRAMES_MAX; i++) {
		assert_int_equal(frames[i].func, (TRAP_FRAMES_MAX - 1 - i) % 2);
		if (i > 4)
			assert_int_equal(frames[i].offset, frames[i - 4].offset);
		if (i > 2)
			assert_int_not_equal(frames[i].offset, frames[i - 2].offset);
	}
	guest_close(&g);
}

/* Two loads are one cell, which told of the second whichever faulted. */
static void test_which_of_two_loads_faults(void **state)
{
	static const char *const bodies[] = {
	    "local.get 0 i32.load local.get 1 i32.load i32.mul drop",
	    "local.get 0 i64.load offset=3 local.get 1 i64.load offset=8 i64.add drop",
	    "local.get 0 i32.const 7 i32.add f64.load local.get 1 f64.load f64.mul drop",
	    "local.get 0 i32.const 8 i32.add f32.load local.get 1 f32.load f32.sub drop",
	    "local.get 0 v128.load local.get 1 v128.load f32x4.mul drop",
	    "local.get 0 v128.load8x8_u offset=2 local.get 1 i32.const 7 i32.add "
	    "v128.load8x8_u i16x8.add drop",
	    "local.get 2 local.get 0 v128.load local.get 1 v128.load "
	    "i32x4.dot_i16x8_s i32x4.add drop",
	    "local.get 0 i32.const 3 i32.add v128.load local.get 1 v128.load offset=66000 f64x2.mul "
	    "local.get 2 f64x2.add drop",
	    "local.get 2 local.get 0 v128.load local.get 1 v128.load f64x2.mul f64x2.sub drop",
	};
	enum { X, Y, BOTH, LAST, CALLS };
	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		uint64_t offsets[CALLS][MODES];
		for (int m = 0; m < MODES; m++) {
			const uint32_t far = UINT32_C(0xfffe0000);
			const uint32_t calls[CALLS][2] = {{far, 0}, {0, far}, {far, far}, {65535 - 8, far}};
			struct guest g = {0};
			guest_open(&g, &modes[m]);
			struct wasm w = {0};
			wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "ii_", "v", "%s", bodies[i]));
			wasm_memory(&w, 1, 1);
			guest_start(&g, &w);
			for (int c = 0; c < CALLS; c++) {
				assert_trap(&g, "f", calls[c][0], calls[c][1], TRAP_MEMORY_OUT_OF_BOUNDS);
				offsets[c][m] = store_trap(g.store)->frames[0].offset;
				assert_int_equal(offsets[c][m], offsets[c][0]);
			}
			guest_close(&g);
		}
		assert_true(offsets[X][0] < offsets[Y][0]);
		assert_int_equal(offsets[BOTH][0], offsets[X][0]);
		/* Some of the first one's bytes are beyond the end, or none. */
		assert_int_equal(offsets[LAST][0], offsets[i == 0 ? Y : X][0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_nested_runs),
	    cmocka_unit_test(test_frames_left_out),
	    cmocka_unit_test(test_recursion_is_lowered_once),
	    cmocka_unit_test(test_which_of_two_loads_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
