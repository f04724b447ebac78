/* validator/validate.c: what the official suite has no case for. */
#include "tests/validator/load.h"

struct body_case {
	const char *signature;
	const char *text;
	const char *words; /* of the refusal; NULL: valid */
};

static void check(const struct body_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct error err = load_func(cases[i].signature, "", "%s", cases[i].text);
		if (cases[i].words == NULL && err.kind != ERROR_NONE)
			fail_msg("%s: %s", cases[i].text, err.message);
		if (cases[i].words != NULL)
			assert_error(&err, ERROR_INVALID, cases[i].words);
	}
}
#define CHECK(cases) check(cases, sizeof cases / sizeof *(cases))

/* After a branch the stack is polymorphic, but what is pushed has its type again. */
static void test_dead_code(void **state)
{
	(void)state;
	static const struct body_case cases[] = {
	    {"_i", "unreachable", NULL},
	    {"_i", "unreachable i32.add", NULL},
	    {"_i", "unreachable i64.const 1 i32.add", "expected i32, found i64"},
	    {"_i", "i32.const 0 return i64.eqz i32.const 1 i32.add", NULL},
	    {"_i", "i32.const 0 return i64.eqz i64.add", "expected i64, found i32"},
	    {"_", "unreachable drop drop drop", NULL},
	    {"_i", "unreachable select", NULL},
	    {"_I", "unreachable i64.const 1 i32.const 1 select", NULL},
	    {"_f", "unreachable i64.const 1 i32.const 1 select", "expected f32, found i64"},
	    {"_", "unreachable i32.const 1 f32.const 1 i32.const 0 select drop", "type mismatch"},
	    {"_i", "unreachable ref.is_null", NULL},
	    {"_i", "unreachable i32.const 1 ref.is_null", "type mismatch"},
	    /* A dead block's own end makes live code of what was dead before it: it stays dead. */
	    {"_i", "unreachable block end i32.add", NULL},
	    {"_i", "block unreachable end", "type mismatch"},
	    {"_i", "", "type mismatch"}, /* nothing was ever pushed: no array of operands to look at */
	    {"_i", "block i32 unreachable end", NULL},
	    {"_", "unreachable i32.const 1", "values remain"},
	    {"_", "i32.const 1 i64.const 2", "block requires [] but stack has [i32 i64]"},
	    {"_ii", "i64.const 1 i32.const 2", "requires [i32 i32] but stack has [i64 i32]"},
	    {"_ii", "i32.const 2",
	     "requires [i32 i32] but stack has [i32]: expected i32, found nothing"},
	    {"_i", "i32.const 1 if i32 unreachable else i32.const 2 end", NULL},
	    {"_i", "i32.const 1 if i32 unreachable else end", "type mismatch"},
	    /* Indices and labels are checked in dead code, too. */
	    {"_", "unreachable local.get 7 drop", "unknown local 7"},
	    {"_", "unreachable br 1", "unknown label 1"},
	    {"_", "unreachable call 9", "unknown function 9"},
	    {"_", "unreachable i32.load align=8 drop", "alignment"},
	};
	CHECK(cases);
}

/* What is known to be a reference, if not which, is no number. */
static void test_dead_references(void **state)
{
	(void)state;
	static const struct body_case cases[] = {
	    {"_i", "unreachable ref.as_non_null f64.gt", "expected f64, found (ref bot)"},
	    {"_i", "unreachable ref.as_non_null", "type mismatch"},
	    {"_c", "unreachable ref.as_non_null", NULL},
	    {"_r", "unreachable ref.as_non_null", NULL},
	    {"_", "unreachable ref.as_non_null drop", NULL},
	    {"_i", "unreachable ref.as_non_null ref.is_null", NULL},
	    {"_i", "unreachable ref.as_non_null ref.as_non_null i32.eqz", "type mismatch"},
	    {"_", "unreachable ref.as_non_null i32.const 0 select drop", "takes numbers only"},
	    {"_", "unreachable br_on_null 0 i32.eqz drop", "found (ref bot)"},
	    {"_", "unreachable br_on_null 0 drop", NULL},
	    {"_i", "block i32 unreachable br_on_non_null 0 end", "type mismatch"},
	    {"_c", "unreachable br_on_non_null 0 unreachable", NULL},
	};
	CHECK(cases);
}

static void test_br_table(void **state)
{
	(void)state;
	static const struct body_case cases[] = {
	    {"_i", "block i32 i32.const 1 i32.const 0 br_table 0 1 0 end", NULL},
	    {"_", "block i32 i32.const 1 i32.const 0 br_table 0 1 end drop", "different numbers"},
	    /* In dead code the arities must agree all the same, the types need not. */
	    {"_", "block i32 unreachable br_table 0 1 end drop", "different numbers"},
	    {"_I", "block i32 unreachable br_table 0 1 end unreachable", NULL},
	    {"_I", "block i32 unreachable i32.const 0 i32.const 0 br_table 0 1 end unreachable",
	     "type mismatch"},
	    {"_", "i32.const 0 br_table 0 0 0 0 5", "unknown label 5"},
	    {"_", "i32.const 0 br_table 0 5 0 0 0", "unknown label 5"},
	    {"_", "loop i32.const 0 br_table 0 1 end", NULL},
	    /* A loop's label takes its parameters, of which it has none. */
	    {"_i", "loop i32 i32.const 0 br_table 0 1 end", "different numbers"},
	};
	CHECK(cases);
}

static void test_values_across_blocks(void **state)
{
	(void)state;
	static const struct body_case cases[] = {
	    /* What stands outside of a block cannot be taken inside. */
	    {"_i", "i32.const 1 block i32 i32.const 2 i32.add end", "found nothing"},
	    {"_i", "i32.const 1 block drop end i32.const 2", "found nothing"},
	    {"i_i", "local.get 0 block 0 i32.const 2 i32.add end", NULL},
	    {"i_i", "local.get 0 loop 0 i32.const 2 i32.add end", NULL},
	    {"i_i", "local.get 0 local.get 0 if 0 i32.const 2 i32.add end", NULL},
	    {"_i", "i32.const 1 if i32 i32.const 2 end", "`if` without `else`"},
	    {"_", "else", "`else` without `if`"},
	    {"_", "block else end", "`else` without `if`"},
	    {"_", "block 9 end", "unknown type 9"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct error err = load_func(cases[i].signature, "", "%s", cases[i].text);
		if (cases[i].words == NULL && err.kind != ERROR_NONE)
			fail_msg("%s: %s", cases[i].text, err.message);
		if (cases[i].words != NULL && strstr(err.message, cases[i].words) == NULL)
			fail_msg("%s: %s: %s", cases[i].text, error_kind_word(err.kind), err.message);
	}
}

/* Thousands of nested blocks, each with values: neither slow nor deep on the native stack. */
static void test_deep_nesting(void **state)
{
	(void)state;
	enum { DEPTH = 20000 };
	struct bytes body = {0};
	wasm_locals(&body, "");
	for (int i = 0; i < DEPTH; i++)
		assemble(&body, i % 3 == 0 ? "block i32" : i % 3 == 1 ? "loop i32" : "i32.const 1 if i32");
	assemble(&body, "i32.const 1 br %d", DEPTH - 1);
	for (int i = DEPTH; i-- > 0;) {
		if (i % 3 == 2)
			assemble(&body, "else i32.const 2");
		put_insn(&body, INSN_end);
	}
	put_insn(&body, INSN_end);
	struct wasm w = {0};
	wasm_func_body(&w, wasm_type(&w, "_i"), &body);
	struct error err = finish_and_load(&w);
	assert_string_equal(err.message, "");
}

/* A count that the bytes cannot hold is refused before anything is allocated for it. */
static void test_huge_counts(void **state)
{
	(void)state;
	static const enum section_id sections[] = {
	    SECTION_TYPE,   SECTION_IMPORT, SECTION_FUNCTION, SECTION_TABLE, SECTION_MEMORY,
	    SECTION_GLOBAL, SECTION_EXPORT, SECTION_ELEMENT,  SECTION_CODE,  SECTION_DATA};
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		static const uint32_t counts[] = {1000, 0xffff, 0x7fffffff, 0xffffffff};
		for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
			struct wasm w = {0};
			w.counts[sections[i]] = counts[j];
			bytes_put(&w.contents[sections[i]], "\0\0\0", 3);
			/* More than a few KiB would mean that the count was believed. */
			struct bytes bytes = wasm_finish(&w);
			mem_fail_from(40);
			struct error err = load_result(bytes.data, bytes.size);
			mem_fail_from(UINT64_MAX);
			bytes_free(&bytes);
			assert_int_equal(err.kind, ERROR_MALFORMED);
			if (sections[i] != SECTION_CODE || counts[j] > 3)
				assert_non_null(strstr(err.message, "length"));
		}
	}
	static const struct {
		const char *bytes;
		size_t size;
	} bodies[] = {
	    {"\xff\xff\xff\xff\x0f\x7f\x0b", 7},                          /* groups of locals */
	    {"\0\x41\0\x0e\xff\xff\xff\xff\x0f\0\x0b", 11},               /* labels of br_table */
	    {"\0\x41\0\x41\0\x41\0\x1c\xff\xff\xff\xff\x0f\x7f\x0b", 15}, /* types of select */
	};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct wasm w = {0};
		struct bytes body = {0};
		bytes_put(&body, bodies[i].bytes, bodies[i].size);
		wasm_func_body(&w, wasm_type(&w, "_"), &body);
		struct error err = finish_and_load(&w);
		assert_true(err.kind == ERROR_MALFORMED || err.kind == ERROR_INVALID);
		assert_int_equal(err.func, 0);
	}
}

/* Groups of locals that add up beyond 32 bits are malformed, not a limit of ours. */
static void test_sum_of_locals(void **state)
{
	(void)state;
	struct wasm w = {0};
	struct bytes body = {0};
	bytes_put(&body, "\2\xff\xff\xff\xff\x0f\x7f\2\x7e\x0b", 10);
	wasm_func_body(&w, wasm_type(&w, "_"), &body);
	struct error err = finish_and_load(&w);
	assert_error(&err, ERROR_MALFORMED, "too many locals");
}

/* Functions that are nowhere declared cannot be referred to (spec: C.refs). */
static void test_undeclared_reference(void **state)
{
	(void)state;
	struct error err = load_func("_c", "", "ref.func 0");
	assert_error(&err, ERROR_INVALID, "undeclared function reference: function 0");
	struct wasm w = {0};
	uint32_t f = wasm_func(&w, "_c", "", "ref.func 0");
	wasm_declare(&w, &f, 1);
	err = finish_and_load(&w);
	assert_string_equal(err.message, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dead_code),     cmocka_unit_test(test_dead_references),
	    cmocka_unit_test(test_br_table),      cmocka_unit_test(test_values_across_blocks),
	    cmocka_unit_test(test_deep_nesting),  cmocka_unit_test(test_huge_counts),
	    cmocka_unit_test(test_sum_of_locals), cmocka_unit_test(test_undeclared_reference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
