/* validator/limit.h: a module at each limit is taken, one beyond it is refused with the limit's
 * figure. A row without a builder here does not compile. */
#include "tests/validator/load.h"

#include "validator/limit.h"

#include <inttypes.h>
#include <sys/mman.h>

/* Each builds a module with `n` of what its row counts; false when this build refuses the feature.
 */
typedef bool builder(struct wasm *w, uint64_t n);

static bool fill(struct wasm *w, enum section_id section, const void *element, size_t size,
                 uint64_t n)
{
	w->counts[section] = (uint32_t)n;
	for (uint64_t i = 0; i < n; i++)
		bytes_put(&w->contents[section], element, size);
	return true;
}
#define FILL(w, section, bytes, n) fill(w, section, bytes, sizeof(bytes) - 1, n)

static bool is_on(enum feature feature)
{
	return (FEATURES_IMPLEMENTED & FEATURES_DEFAULT) >> feature & 1;
}

static bool build_TYPES(struct wasm *w, uint64_t n)
{
	return FILL(w, SECTION_TYPE, "\x60\0\0", n);
}

static bool build_FIELDS(struct wasm *w, uint64_t n)
{
	struct bytes *b = &w->contents[SECTION_TYPE];
	w->counts[SECTION_TYPE] = 1;
	bytes_byte(b, 0x5f);
	bytes_u(b, n);
	for (uint64_t i = 0; i < n; i++)
		bytes_put(b, "\x7f\0", 2);
	return is_on(FEATURE_GC);
}

/* A chain: n supertypes stand above the last type. */
static bool build_SUBTYPE_DEPTH(struct wasm *w, uint64_t n)
{
	struct bytes *b = &w->contents[SECTION_TYPE];
	w->counts[SECTION_TYPE] = (uint32_t)n + 1;
	bytes_put(b, "\x50\0\x5f\0", 4);
	for (uint64_t i = 0; i < n; i++) {
		bytes_put(b, "\x50\1", 2);
		bytes_u(b, i);
		bytes_put(b, "\x5f\0", 2);
	}
	return is_on(FEATURE_GC);
}

static bool build_FUNCTIONS(struct wasm *w, uint64_t n)
{
	wasm_type(w, "_");
	return FILL(w, SECTION_FUNCTION, "\0", n) && FILL(w, SECTION_CODE, "\2\0\x0b", n);
}

static bool build_IMPORTS(struct wasm *w, uint64_t n)
{
	return FILL(w, SECTION_IMPORT, "\0\0\3\x7f\0", n);
}

static bool build_EXPORTS(struct wasm *w, uint64_t n)
{
	wasm_func(w, "_", "", "nop");
	for (uint64_t i = 0; i < n; i++) {
		char name[24];
		snprintf(name, sizeof name, "%" PRIu64, i);
		wasm_export(w, name, EXTERN_FUNC, 0);
	}
	return true;
}

static bool build_GLOBALS(struct wasm *w, uint64_t n)
{
	return FILL(w, SECTION_GLOBAL, "\x7f\0\x41\0\x0b", n);
}

static bool build_TAGS(struct wasm *w, uint64_t n)
{
	wasm_type(w, "_");
	return FILL(w, SECTION_TAG, "\0\0", n) && is_on(FEATURE_EXCEPTIONS);
}

static bool build_TABLES(struct wasm *w, uint64_t n)
{
	return FILL(w, SECTION_TABLE, "\x70\0\0", n);
}

static bool build_MEMORIES(struct wasm *w, uint64_t n)
{
	return FILL(w, SECTION_MEMORY, "\0\0", n) && is_on(FEATURE_MULTI_MEMORY);
}

static bool build_DATA_SEGMENTS(struct wasm *w, uint64_t n)
{
	return FILL(w, SECTION_DATA, "\1\0", n);
}

static bool build_ELEM_SEGMENTS(struct wasm *w, uint64_t n)
{
	return FILL(w, SECTION_ELEMENT, "\1\0\0", n);
}

static bool build_ELEM_ITEMS(struct wasm *w, uint64_t n)
{
	wasm_func(w, "_", "", "nop");
	struct bytes *b = &w->contents[SECTION_ELEMENT];
	w->counts[SECTION_ELEMENT] = 1;
	bytes_put(b, "\1\0", 2);
	bytes_u(b, n);
	for (uint64_t i = 0; i < n; i++)
		bytes_byte(b, 0);
	return true;
}

static void put_type(struct wasm *w, uint64_t params, uint64_t results)
{
	struct bytes *b = &w->contents[SECTION_TYPE];
	w->counts[SECTION_TYPE] = 1;
	bytes_byte(b, 0x60);
	bytes_u(b, params);
	for (uint64_t i = 0; i < params; i++)
		bytes_byte(b, type_code('i'));
	bytes_u(b, results);
	for (uint64_t i = 0; i < results; i++)
		bytes_byte(b, type_code('i'));
}

static bool build_PARAMS(struct wasm *w, uint64_t n)
{
	put_type(w, n, 0);
	return true;
}

static bool build_RESULTS(struct wasm *w, uint64_t n)
{
	put_type(w, 0, n);
	return true;
}

static struct bytes body_with_locals(uint64_t locals)
{
	struct bytes body = {0};
	bytes_u(&body, 1);
	bytes_u(&body, locals);
	bytes_byte(&body, type_code('i'));
	return body;
}

static bool put_body(struct wasm *w, struct bytes *body)
{
	put_insn(body, INSN_end);
	wasm_func_body(w, wasm_type(w, "_"), body);
	return true;
}

static bool build_LOCALS(struct wasm *w, uint64_t n)
{
	struct bytes body = body_with_locals(n);
	return put_body(w, &body);
}

static bool build_BODY_BYTES(struct wasm *w, uint64_t n)
{
	struct bytes body = {0};
	bytes_u(&body, 0);
	while (body.size < n - 1)
		put_insn(&body, INSN_nop);
	return put_body(w, &body);
}

/* The function itself is the outermost block. */
static bool build_NESTING(struct wasm *w, uint64_t n)
{
	struct bytes body = {0};
	bytes_u(&body, 0);
	for (uint64_t i = 1; i < n; i++)
		assemble(&body, "block");
	for (uint64_t i = 1; i < n; i++)
		put_insn(&body, INSN_end);
	return put_body(w, &body);
}

/* Half of the slots are locals; an operand takes two slots, since it may be a v128. */
static bool build_FRAME_SLOTS(struct wasm *w, uint64_t n)
{
	uint64_t locals = n / 4 * 2, operands = (n - locals + 1) / 2;
	struct bytes body = body_with_locals(locals);
	for (uint64_t i = 0; i < operands; i++)
		put_insn_s(&body, INSN_i32_const, 0);
	for (uint64_t i = 0; i < operands; i++)
		put_insn(&body, INSN_drop);
	return put_body(w, &body);
}

static bool build_BR_TABLE_TARGETS(struct wasm *w, uint64_t n)
{
	struct bytes body = {0};
	bytes_u(&body, 0);
	assemble(&body, "i32.const 0");
	put_insn_u(&body, INSN_br_table, n);
	for (uint64_t i = 0; i <= n; i++)
		bytes_u(&body, 0);
	return put_body(w, &body);
}

static bool build_NAME_BYTES(struct wasm *w, uint64_t n)
{
	char *name = malloc(n + 1);
	assert_non_null(name);
	memset(name, 'n', n);
	name[n] = '\0';
	wasm_func(w, "_", "", "nop");
	wasm_export(w, name, EXTERN_FUNC, 0);
	free(name);
	return true;
}

/* Tested apart: no buffer is filled with so much. */
static bool build_MODULE_BYTES(struct wasm *w, uint64_t n)
{
	(void)w;
	(void)n;
	return false;
}

static const struct {
	const char *name;
	uint64_t value;
	builder *build;
} limits[] = {
#define X(id, name, value, highest, what) {#id, (value), build_##id},
    LIMITS(X)
#undef X
};

static void try_limit(const char *name, uint64_t value, builder *build)
{
	struct wasm w = {0};
	bool on = build(&w, value);
	struct error err = finish_and_load(&w);
	if (!on)
		return;
	if (err.kind != ERROR_NONE)
		fail_msg("%s: %" PRIu64 " are refused: %s", name, value, err.message);
	build(&w, value + 1);
	err = finish_and_load(&w);
	char figure[24];
	snprintf(figure, sizeof figure, "%" PRIu64, value);
	if (err.kind != ERROR_LIMIT || strstr(err.message, figure) == NULL)
		fail_msg("%s: one more than %s gives %s: \"%s\"", name, figure, error_kind_word(err.kind),
		         err.message);
	assert_int_not_equal(err.offset, ERROR_NO_OFFSET);
}

static void test_each_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		try_limit(limits[i].name, limits[i].value, limits[i].build);
}

/* One custom section of zeros over the whole: nothing of it is read, so nothing of it is there. */
static void test_module_bytes(void **state)
{
	const size_t most = load_limits_default.of[LOAD_LIMIT_MODULE_BYTES];
	(void)state;
	size_t room = most + 1;
	uint8_t *bytes = mmap(NULL, room, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	for (size_t size = most; size <= room; size++) {
		struct bytes head = {0};
		bytes_put(&head, "\0asm\1\0\0\0\0", 9);
		bytes_u(&head, size - 14);
		assert_int_equal(head.size, 14);
		memcpy(bytes, head.data, head.size);
		bytes_free(&head);
		struct error err = ERROR_INIT;
		struct module *module = module_load(bytes, size, NULL, &err);
		if (size <= most) {
			assert_non_null(module);
			assert_int_equal(module->custom_count, 1);
		} else {
			assert_null(module);
			assert_error(&err, ERROR_LIMIT, "1073741824");
		}
		module_destroy(module);
	}
	munmap(bytes, room);
}

/* Imports and definitions of a kind share their limit. */
static void test_imports_count_too(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_import_global(&w, "m", "g", 'i', false);
	FILL(&w, SECTION_GLOBAL, "\x7f\0\x41\0\x0b", load_limits_default.of[LOAD_LIMIT_GLOBALS]);
	struct error err = finish_and_load(&w);
	assert_error(&err, ERROR_LIMIT, "globals");
}

/* Imports alone were once not counted: 2,048 memories and more overran an encoding of interp/. */
static void test_imported_memories_are_limited(void **state)
{
	(void)state;
	const uint64_t most = load_limits_default.of[LOAD_LIMIT_MEMORIES];
	for (uint64_t n = most; n <= most + 1; n++) {
		struct wasm w = {0};
		FILL(&w, SECTION_IMPORT, "\1m\1a\2\0\0", n);
		struct error err = finish_and_load(&w);
		assert_int_equal(err.kind, n == most ? ERROR_NONE : ERROR_LIMIT);
	}
	struct wasm w = {0};
	FILL(&w, SECTION_IMPORT, "\1m\1a\1\x70\0\0", load_limits_default.of[LOAD_LIMIT_TABLES] + 1);
	struct error err = finish_and_load(&w);
	assert_error(&err, ERROR_LIMIT, "limit tables");
}

/* The same module is taken or refused as the caller's limits say. */
static void test_limits_are_the_callers(void **state)
{
	(void)state;
	struct wasm w = {0};
	struct bytes bytes;
	wasm_func(&w, "_", "", "block block nop end end");
	bytes = wasm_finish(&w);
	struct load_limits limits = load_limits_default;
	for (limits.of[LOAD_LIMIT_NESTING] = 1; limits.of[LOAD_LIMIT_NESTING] < 6;
	     limits.of[LOAD_LIMIT_NESTING]++) {
		struct error err = ERROR_INIT;
		struct module *module =
		    module_load(bytes.data, bytes.size, &(struct module_options){.limits = &limits}, &err);
		/* Three blocks with the function's own. */
		if (limits.of[LOAD_LIMIT_NESTING] >= 3)
			assert_non_null(module);
		else
			assert_error(&err, ERROR_LIMIT, "limit nesting");
		module_destroy(module);
	}
	bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_limit),
	    cmocka_unit_test(test_module_bytes),
	    cmocka_unit_test(test_imports_count_too),
	    cmocka_unit_test(test_imported_memories_are_limited),
	    cmocka_unit_test(test_limits_are_the_callers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
