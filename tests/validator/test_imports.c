/* validator/decode.c: imports that share a module name (compact-imports), and what limits them. */
#include "tests/validator/load.h"

enum { OWN_TYPES = 0x7f, ONE_TYPE = 0x7e };

static struct bytes finish(struct bytes *imports, uint32_t entries)
{
	struct wasm w = {0};
	wasm_type(&w, "i_");
	bytes_put(&w.contents[SECTION_IMPORT], imports->data, imports->size);
	w.counts[SECTION_IMPORT] = entries;
	bytes_free(imports);
	return wasm_finish(&w);
}

/* "m" and an empty item name, the form, and the number of imports under it. */
static void put_group(struct bytes *b, unsigned form)
{
	bytes_name(b, "m");
	bytes_name(b, "");
	bytes_byte(b, form);
}

static struct module *load(const struct bytes *bytes, struct error *err)
{
	struct module_options options = {.features = FEATURES_DEFAULT | FEATURE_BIT(COMPACT_IMPORTS)};
	return module_load(bytes->data, bytes->size, &options, err);
}

static void assert_import(const struct module *m, uint32_t i, const char *module, const char *name,
                          enum extern_kind kind, uint32_t index)
{
	const struct import *import = &m->imports[i];
	if (!name_is(import->module, module) || !name_is(import->name, name))
		fail_msg("import %u is \"%.*s\" \"%.*s\"", i, (int)import->module.len, import->module.data,
		         (int)import->name.len, import->name.data);
	assert_int_equal(import->kind, kind);
	assert_int_equal(import->index, index);
}

static void both_forms_stand_beside_single_imports(void **state)
{
	(void)state;
	struct bytes b = {0};
	put_group(&b, OWN_TYPES);
	bytes_u(&b, 2);
	bytes_name(&b, "f");
	bytes_put(&b, (uint8_t[]){0, 0}, 2); /* function of type 0 */
	bytes_name(&b, "g");
	bytes_put(&b, (uint8_t[]){3, 0x7f, 0}, 3); /* constant global of i32 */
	bytes_name(&b, "single");
	bytes_name(&b, "");
	bytes_put(&b, (uint8_t[]){0, 0}, 2);
	put_group(&b, ONE_TYPE);
	bytes_put(&b, (uint8_t[]){3, 0x7e, 0}, 3); /* constant globals of i64 */
	bytes_u(&b, 40);
	char name[8];
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "g%d", i);
		bytes_name(&b, name);
	}
	put_group(&b, OWN_TYPES);
	bytes_u(&b, 0);

	struct error err = ERROR_INIT;
	struct bytes bytes = finish(&b, 4);
	struct module *m = load(&bytes, &err);
	if (m == NULL)
		fail_msg("%s", err.message);
	assert_int_equal(m->import_count, 43);
	assert_int_equal(m->func_count, 2);
	assert_int_equal(m->global_count, 41);
	assert_import(m, 0, "m", "f", EXTERN_FUNC, 0);
	assert_import(m, 1, "m", "g", EXTERN_GLOBAL, 0);
	assert_import(m, 2, "single", "", EXTERN_FUNC, 1);
	for (uint32_t i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "g%u", i);
		assert_import(m, 3 + i, "m", name, EXTERN_GLOBAL, 1 + i);
		assert_int_equal(m->globals[1 + i].type.type, VAL_I64);
	}
	assert_int_equal(m->globals[0].type.type, VAL_I32);
	module_destroy(m);
	bytes_free(&bytes);
}

static void counting_imports_for_entries_is_taken_too(void **state)
{
	(void)state;
	/* Two imports in one entry. */
	for (uint32_t count = 0; count <= 3; count++) {
		struct bytes b = {0};
		struct error err = ERROR_INIT;
		put_group(&b, ONE_TYPE);
		bytes_put(&b, (uint8_t[]){0, 0}, 2);
		bytes_u(&b, 2);
		bytes_name(&b, "f");
		bytes_name(&b, "g");
		struct bytes bytes = finish(&b, count);
		struct module *m = load(&bytes, &err);
		bool is_right = count == 1 || count == 2;
		assert_int_equal(m != NULL, is_right);
		assert_int_equal(err.kind, is_right ? ERROR_NONE : ERROR_MALFORMED);
		if (m != NULL)
			assert_int_equal(m->import_count, 2);
		module_destroy(m);
		bytes_free(&bytes);
	}
}

static void a_group_is_refused(void **state)
{
	(void)state;
	static const struct {
		const uint8_t group[8]; /* behind the names */
		size_t size;
		enum error_kind kind;
		const char *words;
	} cases[] = {
	    {{OWN_TYPES, 9}, 2, ERROR_MALFORMED, "length out of bounds"},
	    {{OWN_TYPES, 1, 1, 'x', 9, 0}, 6, ERROR_MALFORMED, "malformed import kind 0x09"},
	    {{OWN_TYPES, 1, 1, 'x', 0x7f, 0}, 6, ERROR_MALFORMED, "malformed import kind 0x7f"},
	    {{OWN_TYPES, 1, 1, 'x', 0, 7}, 6, ERROR_INVALID, "unknown type 7"},
	    {{ONE_TYPE, 0, 7, 0}, 4, ERROR_INVALID, "unknown type 7"},
	    {{ONE_TYPE, 0, 0, 1, 5}, 5, ERROR_MALFORMED, "unexpected end"},
	    {{0x7d, 0, 0, 0}, 4, ERROR_MALFORMED, "malformed import kind 0x7d"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bytes b = {0};
		struct error err = ERROR_INIT;
		bytes_name(&b, "m");
		bytes_name(&b, "");
		bytes_put(&b, cases[i].group, cases[i].size);
		struct bytes bytes = finish(&b, 1);
		assert_null(load(&bytes, &err));
		if (err.kind != cases[i].kind || strstr(err.message, cases[i].words) == NULL)
			fail_msg("case %zu: %s", i, err.message);
		bytes_free(&bytes);
	}
}

static void without_the_feature_a_group_is_refused_by_its_name(void **state)
{
	(void)state;
	struct bytes b = {0};
	put_group(&b, OWN_TYPES);
	bytes_u(&b, 0);
	struct bytes bytes = finish(&b, 1);
	struct error err = load_result(bytes.data, bytes.size);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_string_equal(err.feature, "compact-imports");
	assert_non_null(strstr(err.message, "--enable compact-imports"));
	bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_forms_stand_beside_single_imports),
	    cmocka_unit_test(counting_imports_for_entries_is_taken_too),
	    cmocka_unit_test(a_group_is_refused),
	    cmocka_unit_test(without_the_feature_a_group_is_refused_by_its_name),
	};
	return cmocka_run_group_tests_name("validator/imports", tests, NULL, NULL);
}
