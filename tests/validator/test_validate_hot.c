/* validator/validate_hot.c against the general path: whatever the bytes are, both must come to the
 * same end, with the same words at the same place. */
#include "tests/validator/load.h"
#include "validator/body.h"

/* The general path is taken when somebody listens. */
static bool ignore(void *ctx, const struct step *step, struct error *err)
{
	(void)ctx, (void)step, (void)err;
	return true;
}

static void compare(const struct module *m, uint32_t func, struct body_scratch *scratch,
                    const char *what, uint32_t at, unsigned byte)
{
	const struct body_sink sink = {.step = ignore};
	struct error hot = ERROR_INIT, general = ERROR_INIT;
	bool hot_fine = body_validate(m, func, scratch, &hot);
	bool general_fine = body_walk(m, func, scratch, &sink, &general);
	if (hot_fine != general_fine || hot.kind != general.kind || hot.offset != general.offset ||
	    strcmp(hot.message, general.message) != 0)
		fail_msg("%s, byte %u = 0x%02x: hot path: \"%s\" at %llu, general path: \"%s\" at %llu",
		         what, at, byte, hot.message, (unsigned long long)hot.offset, general.message,
		         (unsigned long long)general.offset);
}

/* Every value in every byte of the body, and the body cut off everywhere. */
static void compare_mutants(struct wasm *w, const char *what)
{
	/* The hot path stays away from the module's last bytes. */
	static const char padding[64];
	wasm_custom(w, "padding", padding, sizeof padding);
	struct bytes bytes = wasm_finish(w);
	struct error err = ERROR_INIT;
	struct module *m = module_load(bytes.data, bytes.size, NULL, &err);
	if (m == NULL)
		fail_msg("%s: %s", what, err.message);
	struct body_scratch *scratch = body_scratch_create();
	assert_non_null(scratch);
	struct func_decl *func = &m->funcs[0];
	for (uint32_t i = 0; i < func->body_size; i++) {
		uint8_t *byte = &bytes.data[func->body_offset + i];
		const uint8_t kept = *byte;
		for (unsigned value = 0; value < 256; value++) {
			*byte = (uint8_t)value;
			compare(m, 0, scratch, what, i, value);
		}
		*byte = kept;
	}
	const uint32_t size = func->body_size;
	for (func->body_size = 1; func->body_size < size; func->body_size++)
		compare(m, 0, scratch, what, func->body_size, bytes.data[func->body_offset]);
	body_scratch_destroy(scratch);
	module_destroy(m);
	bytes_free(&bytes);
}

static void surround(struct wasm *w)
{
	wasm_func(w, "_i", "", "i32.const 1");
	wasm_func(w, "iIfF_", "", "nop");
	wasm_func(w, "_II", "", "i64.const 1 i64.const 2");
	wasm_memory(w, 1, 1);
	wasm_table(w, 'c', 1, 1);
	wasm_global(w, 'i', true, "i32.const 0");
	wasm_global(w, 'F', false, "f64.const 0");
	wasm_global(w, 'c', true, "ref.null func");
}

static void test_mutants(void **state)
{
	(void)state;
	static const struct {
		const char *signature, *locals, *text;
	} cases[] = {
	    {"_", "", "nop"},
	    {"iI_i", "fFc",
	     "local.get 0 local.set 0 local.get 0 local.tee 0 local.get 1 i32.wrap_i64 "
	     "i32.add local.get 2 drop local.get 3 drop local.get 4 drop"},
	    {"_i", "", "i32.const 0 i32.load offset=4 i32.const 5 i32.add"},
	    {"_", "", "i32.const 0 i64.const -70000000000 i64.store offset=300 align=4"},
	    {"_I", "", "i32.const -200 i64.load32_u offset=70000 i64.const 1 i64.shl"},
	    {"_f", "", "f32.const 1 f32.const 2 f32.add f32.neg"},
	    {"_i", "", "f64.const 1 f64.const 2 f64.lt"},
	    {"_i", "", "global.get 0 global.set 0 global.get 1 drop global.get 0 i32.extend8_s"},
	    {"_", "", "global.get 2 global.set 2"},
	    {"_", "", "f64.const 1 global.get 1 drop drop"},
	    {"_", "", "call 1 i64.const 1 f32.const 1 f64.const 1 call 2"},
	    {"_I", "", "call 3 i64.sub"},
	    {"i_i", "", "block i32 i32.const 1 local.get 0 br_if 0 drop i32.const 2 end"},
	    {"i_i", "", "loop i32 local.get 0 br_if 0 i32.const 3 end"},
	    {"i_", "", "block loop local.get 0 br_if 1 br 0 end end"},
	    {"i_i", "", "local.get 0 if i32 i32.const 1 else i32.const 2 end"},
	    {"i_", "", "local.get 0 if nop else nop end local.get 0 if nop end"},
	    {"i_", "", "block block block local.get 0 br_table 0 1 2 3 end end end"},
	    {"i_i", "", "block i32 i32.const 7 local.get 0 br_table 0 1 end"},
	    {"i_i", "", "local.get 0 if i32.const 5 return end i32.const 6"},
	    {"i_F", "", "f64.const 1 f64.const 2 local.get 0 select"},
	    {"i_", "c", "local.get 1 local.set 1 local.get 1 local.tee 1 drop"},
	    {"i_i", "",
	     "i32.const 1 unreachable i32.add block i32 i32.const 1 br 0 i32.add end i32.add"},
	    {"_i", "", "i32.const 0 call_indirect 0"},
	    {"_i", "v", "local.get 0 local.set 0 f32.const 1 i32.trunc_sat_f32_s"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct wasm w = {0};
		wasm_func(&w, cases[i].signature, cases[i].locals, "%s", cases[i].text);
		surround(&w);
		compare_mutants(&w, cases[i].text);
	}
}

/* As linkers write them that leave room for a relocation. */
static void test_padded_numbers(void **state)
{
	(void)state;
	static const uint8_t code[] = {0x10, 0x81, 0x80, 0x80, 0x80, 0x00,       /* call 1 */
	                               0x28, 0x02, 0x84, 0x80, 0x80, 0x80, 0x00, /* i32.load offset=4 */
	                               0x41, 0x85, 0x80, 0x80, 0x80, 0x00,       /* i32.const 5 */
	                               0x6a,                                     /* i32.add */
	                               0x41, 0xff, 0xff, 0xff, 0xff, 0x7f,       /* i32.const -1 */
	                               0x6a, 0x0b};
	struct bytes body = {0};
	struct wasm w = {0};
	wasm_locals(&body, "");
	bytes_put(&body, code, sizeof code);
	wasm_func_body(&w, wasm_type(&w, "_i"), &body);
	surround(&w);
	compare_mutants(&w, "padded numbers");
}

static void test_without_memory(void **state)
{
	(void)state;
	struct wasm w = {0};
	wasm_func(&w, "_", "", "block end unreachable nop nop nop");
	compare_mutants(&w, "no memory, nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mutants),
	    cmocka_unit_test(test_padded_numbers),
	    cmocka_unit_test(test_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
