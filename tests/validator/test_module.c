/* validator/module.c, decode.c, names.c: what a loaded module tells, and where errors are. */
#include "tests/validator/load.h"

struct loaded {
	struct bytes bytes;
	struct module *module;
};

static struct loaded load(struct wasm *w)
{
	struct loaded l = {.bytes = wasm_finish(w)};
	struct error err = ERROR_INIT;
	l.module = module_load(l.bytes.data, l.bytes.size, NULL, &err);
	if (l.module == NULL)
		fail_msg("%s", err.message);
	return l;
}

static void unload(struct loaded *l)
{
	module_destroy(l->module);
	bytes_free(&l->bytes);
}

static void assert_name(struct name name, const char *text)
{
	if (!name_is(name, text))
		fail_msg("expected \"%s\", got \"%.*s\"", text, (int)name.len, name.data);
}

static void test_sections(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_func(&w, "_i", "", "i32.const 7");
	wasm_memory(&w, 1, 2);
	wasm_custom(&w, "first", "abc", 3);
	wasm_custom(&w, "", NULL, 0);
	struct loaded l = load(&w);
	const struct module *m = l.module;
	static const uint8_t ids[] = {SECTION_TYPE, SECTION_FUNCTION, SECTION_MEMORY,
	                              SECTION_CODE, SECTION_CUSTOM,   SECTION_CUSTOM};
	assert_int_equal(m->section_count, sizeof ids);
	uint64_t end = 8;
	for (uint32_t i = 0; i < m->section_count; i++) {
		assert_int_equal(m->sections[i].id, ids[i]);
		/* Id and size, one byte each, stand before the contents. */
		assert_int_equal(m->sections[i].offset, end + 2);
		end = m->sections[i].offset + m->sections[i].size;
	}
	assert_int_equal(end, l.bytes.size);
	assert_int_equal(m->custom_count, 2);
	assert_name(m->customs[0].name, "first");
	assert_int_equal(m->customs[0].size, 3);
	assert_memory_equal(m->bytes + m->customs[0].offset, "abc", 3);
	assert_name(m->customs[1].name, "");
	assert_int_equal(m->customs[1].size, 0);
	assert_string_equal(section_id_name(SECTION_DATA_COUNT), "data count");
	assert_string_equal(section_id_name(77), "unknown");
	unload(&l);
}

static void test_exports_and_imports(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_import_func(&w, "env", "one", "iF_I");
	wasm_import_func(&w, "env", "two", "_");
	wasm_import_global(&w, "env", "g", 'f', true);
	uint32_t own = wasm_func(&w, "r_r", "", "local.get 0");
	assert_int_equal(own, 2);
	wasm_export(&w, "", EXTERN_FUNC, own);
	wasm_export(&w, "g", EXTERN_GLOBAL, 0);
	wasm_export(&w, "one again", EXTERN_FUNC, 0);
	struct loaded l = load(&w);
	const struct module *m = l.module;
	char text[64];
	assert_string_equal(functype_name(module_func_type(m, 0), text, sizeof text),
	                    "(i32, f64) -> (i64)");
	assert_string_equal(functype_name(module_func_type(m, 2), text, sizeof text),
	                    "(externref) -> (externref)");
	assert_name(module_func_import(m, 1)->name, "two");
	assert_null(module_func_import(m, 2));
	assert_int_equal(module_find_export(m, "", 0)->index, 2);
	assert_int_equal(module_find_export(m, "g", 1)->kind, EXTERN_GLOBAL);
	assert_null(module_find_export(m, "one", 3));
	assert_null(module_find_export(m, "one again ", 10));
	/* Without a name section: the export's name, then the import's, then none. */
	assert_name(module_func_name(m, 0), "one again");
	assert_name(module_func_name(m, 1), "two");
	assert_name(module_func_name(m, 2), "");
	unload(&l);
}

static void test_duplicate_export(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_func(&w, "_", "", "nop");
	wasm_export(&w, "name", EXTERN_FUNC, 0);
	wasm_export(&w, "other", EXTERN_FUNC, 0);
	wasm_export(&w, "name", EXTERN_FUNC, 0);
	struct error err = finish_and_load(&w);
	assert_error(&err, ERROR_INVALID, "duplicate export name \"name\"");

	wasm_export(&w, "\x1b[2J", EXTERN_FUNC, wasm_func(&w, "_", "", "nop"));
	wasm_export(&w, "\x1b[2J", EXTERN_FUNC, 0);
	err = finish_and_load(&w);
	assert_error(&err, ERROR_INVALID, "duplicate export name \"\\x1b[2J\"");
}

/* ---- the name section ---- */

static struct loaded with_names(const void *contents, size_t size)
{
	struct wasm w = {0};
	wasm_import_func(&w, "env", "imported", "_");
	uint32_t f = wasm_func(&w, "_", "", "nop");
	wasm_export(&w, "exported", EXTERN_FUNC, f);
	wasm_custom(&w, "name", contents, size);
	return load(&w);
}
#define WITH_NAMES(contents) with_names(contents, sizeof(contents) - 1)

static void test_name_section(void **state)
{
	(void)state;
	/* Subsection 0, the module's name, comes first; then the functions'. */
	struct loaded l = WITH_NAMES("\0\2\1m"
	                             "\1\x0c\2"
	                             "\0\4zero"
	                             "\1\3one");
	assert_name(module_func_name(l.module, 0), "zero");
	assert_name(module_func_name(l.module, 1), "one");
	unload(&l);
	/* Only some functions are named. */
	l = WITH_NAMES("\1\6\1"
	               "\1\3one");
	assert_name(module_func_name(l.module, 0), "imported");
	assert_name(module_func_name(l.module, 1), "one");
	unload(&l);
}

/* A broken name section counts as none: it never keeps a module from being loaded. */
static void test_broken_name_sections(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
	} broken[] = {
	    {"", 0},
	    {"\1", 1},
	    {"\1\x7f", 2},                     /* longer than the section */
	    {"\1\2\5\1", 4},                   /* more names than there are */
	    {"\1\5\1\1\x70one", 8},            /* a name that does not end */
	    {"\1\6\1\1\3\xff\xfe\xfd", 8},     /* no UTF-8 */
	    {"\1\x05\xff\xff\xff\xff\x7f", 7}, /* a bad number */
	};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct loaded l = with_names(broken[i].bytes, broken[i].size);
		assert_name(module_func_name(l.module, 0), "imported");
		assert_name(module_func_name(l.module, 1), "exported");
		unload(&l);
	}
}

/* ---- where errors are ---- */

/* The function index counts imports; the offset is that of the instruction's first byte. */
static void test_place_of_a_body_error(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_import_func(&w, "env", "f", "_");
	wasm_func(&w, "_", "", "nop");
	wasm_func(&w, "_", "i", "nop nop i64.const 300 local.set 0");
	struct bytes bytes = wasm_finish(&w);
	struct error err = load_result(bytes.data, bytes.size);
	assert_error(&err, ERROR_INVALID, "type mismatch: expected i32, found i64");
	assert_int_equal(err.func, 2);
	/* local.set, its index and the end are the module's last three bytes. */
	assert_int_equal(err.offset, bytes.size - 3);
	char text[200], where[80];
	snprintf(where, sizeof where, "invalid module: function 2, offset 0x%zx: ", bytes.size - 3);
	error_format(&err, text, sizeof text);
	assert_memory_equal(text, where, strlen(where));
	bytes_free(&bytes);
}

static void test_place_of_a_section_error(void **state)
{
	(void)state;
	static const uint8_t bytes[] = "\0asm\1\0\0\0"
	                               "\1\4\1\x60\1\x55";
	struct error err = load_result(bytes, 14);
	assert_error(&err, ERROR_MALFORMED, "malformed value type 0x55");
	assert_non_null(strstr(err.message, "type section"));
	assert_int_equal(err.offset, 13);
	assert_int_equal(err.func, ERROR_NO_FUNC);
}

static void test_preamble(void **state)
{
	(void)state;
	static const uint8_t module[] = "\0asm\1\0\0\0";
	for (size_t size = 0; size < 8; size++) {
		struct error err = load_result(module, size);
		assert_error(&err, ERROR_MALFORMED, "unexpected end");
		/* There is no section yet that could end. */
		assert_null(strstr(err.message, "section"));
	}
	struct error err = load_result(module, 8);
	assert_int_equal(err.kind, ERROR_NONE);
	err = load_result((const uint8_t *)"\0asm\x0d\0\1\0", 8);
	assert_error(&err, ERROR_MALFORMED,
	             "unknown binary version 13.1 (a component); core modules of version 1 are taken: "
	             "build it as one, for wasm32-wasip1");
	err = load_result((const uint8_t *)"\0asm\2\0\0\0", 8);
	assert_error(&err, ERROR_MALFORMED, "unknown binary version 2.0 (of a later WebAssembly?)");
	err = load_result((const uint8_t *)"MZ\0\0\0\0\0\0", 8);
	assert_error(&err, ERROR_MALFORMED, "magic header not detected");
}

/* Says which section it was, or what the byte is, also where the suite's words alone would do. */
static void test_what_is_malformed_is_named(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *message;
	} cases[] = {
#define CASE(bytes, message) {"\0asm\1\0\0\0" bytes, 8 + sizeof bytes - 1, message}
	    CASE("\1", "size of the type section: unexpected end"),
	    CASE("\1\6\1", "the type section has 6 bytes, of which the file has 1"),
	    CASE("\x80\1\0", "malformed section id 128"),
	    /* Of 1 byte too little, whose rest is no header. */
	    CASE("\1\4\1\x60\0\1\x7f", "type section: unexpected end of section or function"),
	    /* The same in a body. */
	    CASE("\1\4\1\x60\0\0\3\2\1\0\xa\5\1\3\0\x41\x80\x80\xb",
	         "unexpected end of section or function"),
	    /* A wrong header behind sections that are right. */
	    CASE("\1\4\1\x60\0\0\x70\0", "malformed section id 112"),
	    /* Lengths are compared when all sections are there. */
	    CASE("\1\4\1\x60\0\0\3\2\1\0\x70\0", "malformed section id 112"),
	    CASE("\1\4\1\xe0\0\0", "a form is one byte below 0x80"),
	    CASE("\1\4\1\x60\0\0\3\2\1\0\xa\5\1\3\0\xff\xb", "no instruction begins with 0xff"),
	    CASE("\1\4\1\x60\0\0\3\2\1\0\xa\6\1\4\0\xfc\x7f\xb", "no instruction is 0xfc 127"),
	    CASE("\7\1\1", "length out of bounds"),
	    CASE("\1\4\1\x60\0\0\3\2\1\0\7\5\2\1\x66\0\0", "a name is missing"),
	    /* An initial value that is missing: no operand was ever there. */
	    CASE("\6\4\1\x7f\0\xb", "requires [i32] but stack has []"),
	    CASE("\5\3\1\x8\1", "malformed limits flags 0x08: `a page size` belongs to the feature"),
#undef CASE
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct error err = load_result((const uint8_t *)cases[i].bytes, cases[i].size);
		if (strstr(err.message, cases[i].message) == NULL)
			fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].message, err.message);
	}
}

/* Every prefix of a module is refused or is a module itself: at no length anything else happens. */
static void test_every_prefix(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_import_func(&w, "env", "f", "iI_f");
	wasm_import_memory(&w, "env", "m", 1, 2);
	uint32_t f = wasm_func(&w, "i_i", "IfF",
	                       "local.get 0 if i32 i32.const 1 else i32.const 2 end i32.load offset=4");
	wasm_table(&w, 'c', 1, 4);
	wasm_global(&w, 'I', true, "i64.const -5");
	wasm_elem(&w, 0, &f, 1);
	wasm_data(&w, 8, "data", 4);
	wasm_export(&w, "f", EXTERN_FUNC, f);
	w.has_data_count = true;
	struct bytes bytes = wasm_finish(&w);
	for (size_t size = 0; size < bytes.size; size++) {
		struct error err = load_result(bytes.data, size);
		if (err.kind != ERROR_NONE)
			assert_in_range(err.offset, 0, size);
	}
	/* And every single changed byte is survived. */
	for (size_t i = 0; i < bytes.size; i++) {
		uint8_t was = bytes.data[i];
		for (unsigned change = 1; change < 256; change = change * 2 + 1) {
			bytes.data[i] = (uint8_t)(was ^ change);
			load_result(bytes.data, bytes.size);
		}
		bytes.data[i] = was;
	}
	struct error err = load_result(bytes.data, bytes.size);
	assert_int_equal(err.kind, ERROR_NONE);
	bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sections),
	    cmocka_unit_test(test_exports_and_imports),
	    cmocka_unit_test(test_duplicate_export),
	    cmocka_unit_test(test_name_section),
	    cmocka_unit_test(test_broken_name_sections),
	    cmocka_unit_test(test_place_of_a_body_error),
	    cmocka_unit_test(test_place_of_a_section_error),
	    cmocka_unit_test(test_preamble),
	    cmocka_unit_test(test_what_is_malformed_is_named),
	    cmocka_unit_test(test_every_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
