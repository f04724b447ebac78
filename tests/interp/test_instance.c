/* interp/instance.c: imports that do not match, and what remains of an instantiation that fails. */
#include "tests/interp/fixture.h"

static void nothing(struct host_call *call)
{
	(void)call;
}

static const struct limits one_to_two = {.min = 1, .max = 2, .has_max = true};

/* What "env" has: a function ()->(), a table, a memory of 1 to 2, an immutable i32 global. */
static void give_all(struct guest *g)
{
	guest_give_func(g, "func", "()", (void (*)(void))nothing, NULL);
	const struct table_type table = {.element = VAL_FUNCREF, .limits = one_to_two};
	const struct memory_type memory = {.limits = one_to_two, .page_size_log2 = 16};
	const struct global_type global = {.type = VAL_I32};
	guest_give(g, "table",
	           (struct extern_val){.kind = EXTERN_TABLE,
	                               .as.table = table_create(g->store, &table, &g->err)});
	guest_give(g, "memory",
	           (struct extern_val){.kind = EXTERN_MEMORY,
	                               .as.memory = memory_create(g->store, &memory, &g->err)});
	guest_give(g, "global",
	           (struct extern_val){.kind = EXTERN_GLOBAL,
	                               .as.global = global_create(g->store, &global,
	                                                          (union value){.i32 = 7}, &g->err)});
	assert_int_equal(g->err.kind, ERROR_NONE);
}

static void check_import(void (*import)(struct wasm *w), const char *words)
{
	struct guest g = {0};
	guest_open(&g, &modes[0]);
	give_all(&g);
	struct wasm w = {0};
	import(&w);
	guest_try(&g, &w);
	if (words == NULL) {
		if (g.inst == NULL)
			fail_msg("%s", g.err.message);
	} else {
		assert_null(g.inst);
		assert_int_equal(g.err.kind, ERROR_LINK);
		if (strstr(g.err.message, words) == NULL)
			fail_msg("expected \"%s\" in \"%s\"", words, g.err.message);
	}
	guest_close(&g);
}

#define IMPORT(name, call)                                                                         \
	static void name(struct wasm *w)                                                               \
	{                                                                                              \
		call;                                                                                      \
	}
IMPORT(fine_func, wasm_import_func(w, "env", "func", "_"))
IMPORT(fine_table, wasm_import_table(w, "env", "table", 'c', 0, 2))
IMPORT(fine_memory, wasm_import_memory(w, "env", "memory", 1, WASM_NO_MAX))
IMPORT(fine_global, wasm_import_global(w, "env", "global", 'i', false))
IMPORT(no_func, wasm_import_func(w, "other", "missing", "_"))
IMPORT(kind, wasm_import_func(w, "env", "memory", "_"))
IMPORT(func_type_differs, wasm_import_func(w, "env", "func", "i_F"))
IMPORT(table_element, wasm_import_table(w, "env", "table", 'r', 0, 2))
IMPORT(table_max, wasm_import_table(w, "env", "table", 'c', 1, 1))
IMPORT(memory_min, wasm_import_memory(w, "env", "memory", 2, 2))
IMPORT(memory_max, wasm_import_memory(w, "env", "memory", 1, 1))
IMPORT(global_type_differs, wasm_import_global(w, "env", "global", 'I', false))
IMPORT(global_mutable, wasm_import_global(w, "env", "global", 'i', true))

static void test_imports(void **state)
{
	(void)state;
	check_import(fine_func, NULL);
	check_import(fine_table, NULL);
	check_import(fine_memory, NULL);
	check_import(fine_global, NULL);
	check_import(no_func, "unknown import: function \"other\" \"missing\"");
	check_import(kind,
	             "incompatible import type for \"env\" \"memory\": want function, got memory");
	check_import(func_type_differs, "want (i32) -> (f64), got () -> ()");
	check_import(table_element, "incompatible import type for \"env\" \"table\"");
	check_import(table_max, "incompatible import type for \"env\" \"table\"");
	check_import(memory_min, "want a memory of at least 2 pages, got one of 1 pages");
	check_import(memory_max, "incompatible import type for \"env\" \"memory\"");
	check_import(global_type_differs, "want immutable global i64, got immutable global i32");
	check_import(global_mutable, "want mutable global i32, got immutable global i32");
}

/* Without a resolver nothing can be imported. */
static void test_no_resolver(void **state)
{
	(void)state;
	struct wasm w = {0};
	fine_func(&w);
	struct bytes bytes = wasm_finish(&w);
	struct error err = ERROR_INIT;
	struct module *module = module_load(bytes.data, bytes.size, NULL, &err);
	struct store *store = store_create(NULL, &err);
	assert_null(instance_create(store, module, NULL, NULL, &err));
	assert_int_equal(err.kind, ERROR_LINK);
	store_destroy(store);
	module_destroy(module);
	bytes_free(&bytes);
}

/* Segments before the one that does not fit have done their work, and it can be seen (spec: 4.7.2).
 */
static void test_partial_initialisation(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {0};
		guest_open(&g, &modes[m]);
		give_all(&g);
		struct wasm w = {0};
		wasm_import_memory(&w, "env", "memory", 1, WASM_NO_MAX);
		wasm_import_table(&w, "env", "table", 'c', 1, WASM_NO_MAX);
		uint32_t f = wasm_func(&w, "_i", "", "i32.const 11");
		wasm_elem(&w, 0, &f, 1);
		wasm_data(&w, 10, "first", 5);
		wasm_data(&w, 65533, "late", 4);
		wasm_data(&w, 20, "never", 5);
		guest_try(&g, &w);
		assert_null(g.inst);
		assert_int_equal(g.err.kind, ERROR_TRAP);
		assert_string_equal(g.err.message, "out of bounds memory access (data segment 1)");
		assert_int_equal(store_trap(g.store)->trap, TRAP_MEMORY_OUT_OF_BOUNDS);
		const uint8_t *memory = memory_base(g.imports[2].value.as.memory);
		assert_memory_equal(memory + 10, "first", 5);
		assert_int_equal(memory[20], 0);
		assert_int_equal(memory[65533], 0);

		/* The function that the failed instance put into the table can be called by another one. */
		error_clear(&g.err);
		struct bytes bytes;
		struct module *module;
		uint32_t type = wasm_type(&w, "_i");
		wasm_import_table(&w, "env", "table", 'c', 1, WASM_NO_MAX);
		wasm_export(&w, "call", EXTERN_FUNC,
		            wasm_func(&w, "_i", "", "i32.const 0 call_indirect %u", type));
		g.inst = guest_add(&g, &w, &bytes, &module);
		assert_non_null(g.inst);
		assert_int_equal(guest_i32(&g, "call", 0, 0), 11);
		guest_close(&g);
		module_destroy(module);
		bytes_free(&bytes);
	}
}

static void test_start_traps(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {0};
		guest_open(&g, &modes[m]);
		give_all(&g);
		struct wasm w = {0};
		wasm_import_memory(&w, "env", "memory", 1, WASM_NO_MAX);
		uint32_t f = wasm_func(&w, "_", "", "i32.const 0 i32.const 77 i32.store8 unreachable");
		wasm_start(&w, f);
		guest_try(&g, &w);
		assert_null(g.inst);
		assert_int_equal(g.err.kind, ERROR_TRAP);
		const struct trap_report *report = store_trap(g.store);
		assert_int_equal(report->trap, TRAP_UNREACHABLE);
		assert_int_equal(report->frame_count, 1);
		assert_int_equal(report->frames[0].func, f);
		assert_int_equal(memory_base(g.imports[2].value.as.memory)[0], 77);
		guest_close(&g);
	}
}

static void test_table_limits(void **state)
{
	(void)state;
	struct guest g = {.options.table_limit = 100};
	guest_open(&g, &modes[0]);
	struct wasm w = {0};
	wasm_table(&w, 'c', 60, WASM_NO_MAX);
	wasm_table(&w, 'r', 10, 20);
	wasm_export(&w, "grow 0", EXTERN_FUNC,
	            wasm_func(&w, "i_i", "", "ref.null func local.get 0 table.grow 0"));
	wasm_export(&w, "grow 1", EXTERN_FUNC,
	            wasm_func(&w, "i_i", "", "ref.null extern local.get 0 table.grow 1"));
	wasm_export(
	    &w, "size", EXTERN_FUNC,
	    wasm_func(&w, "_i", "", "table.size 0 i32.const 1000 i32.mul table.size 1 i32.add"));
	guest_start(&g, &w);
	assert_int_equal(guest_i32(&g, "grow 0", 31, 0), UINT32_MAX);
	assert_int_equal(guest_i32(&g, "grow 0", UINT32_MAX, 0), UINT32_MAX);
	assert_int_equal(guest_i32(&g, "grow 1", 11, 0), UINT32_MAX);
	assert_int_equal(guest_i32(&g, "size", 0, 0), 60010);
	assert_int_equal(guest_i32(&g, "grow 1", 10, 0), 10);
	assert_int_equal(guest_i32(&g, "grow 0", 20, 0), 60);
	assert_int_equal(guest_i32(&g, "grow 0", 1, 0), UINT32_MAX);
	assert_int_equal(guest_i32(&g, "size", 0, 0), 80020);
	guest_close(&g);

	struct guest h = {.options.table_limit = 100};
	guest_open(&h, &modes[0]);
	wasm_table(&w, 'c', 101, WASM_NO_MAX);
	guest_try(&h, &w);
	assert_null(h.inst);
	assert_int_equal(h.err.kind, ERROR_LIMIT);
	assert_non_null(strstr(h.err.message, "100"));
	guest_close(&h);
}

/* Functions are lowered at their first call, but nothing is run of a module with an invalid one. */
static void an_invalid_function_that_nobody_calls_is_refused_at_load(void **state)
{
	(void)state;
	static const char *const bodies[] = {
	    "i32.add drop", "i32.const 1", "local.get 0 drop",
	    "call 9",       "br 1",        "unreachable i32.const 1 i64.eqz drop"};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct wasm w = {0};
		struct error err = ERROR_INIT;
		uint32_t start = wasm_func(&w, "_", "", "i32.const 1 global.set 0");
		wasm_global(&w, 'i', true, "i32.const 0");
		wasm_func(&w, "_", "", "nop");
		uint32_t never = wasm_func(&w, "_", "", "%s", bodies[i]);
		wasm_start(&w, start);
		struct bytes bytes = wasm_finish(&w);
		assert_null(module_load(bytes.data, bytes.size, NULL, &err));
		if (err.kind != ERROR_INVALID || err.func != never)
			fail_msg("%s: %s in function %u", bodies[i], error_kind_word(err.kind), err.func);
		bytes_free(&bytes);
	}
}

/* The store takes the first module's types over; what comes behind finds them, or is added. */
static void types_of_later_modules_and_hosts_are_those_of_the_first(void **state)
{
	(void)state;
	static const char *const firsts[] = {"i_I", "iF_i", "_"};
	for (uint32_t equal = 0; equal < 2; equal++) {
		struct guest g = {0};
		struct wasm w = {0};
		guest_open(&g, &modes[0]);
		/* A structure, and once more, so that two types are equal and the store finds its own. */
		static const uint8_t structures[] = {0x5f, 1, 0x7f, 0, 0x5f, 1, 0x7f, 0};
		wasm_first_types(&w, structures, 4 * (1 + equal), 1 + equal);
		for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
			wasm_export(&w, firsts[i], EXTERN_FUNC, wasm_func(&w, firsts[i], "", "unreachable"));
		guest_start(&g, &w);

		/* As many other types as make the store's table grow, the first module's among them. */
		for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
			guest_give(&g, firsts[i],
			           (struct extern_val){.kind = EXTERN_FUNC,
			                               .as.func = instance_export_func(g.inst, firsts[i])});
		guest_give_func(&g, "host", "(iF)i", (void (*)(void))nothing, NULL);
		guest_give_func(&g, "strange host", "(IIIIIII)", (void (*)(void))nothing, NULL);
		for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
			wasm_import_func(&w, "env", firsts[i], firsts[i]);
		wasm_import_func(&w, "env", "host", "iF_i");
		wasm_import_func(&w, "env", "strange host", "IIIIIII_");
		for (uint32_t i = 0; i < 100; i++) {
			char signature[16] = "";
			for (uint32_t bit = 0; bit < 7; bit++)
				signature[bit] = i >> bit & 1 ? 'f' : 'i';
			strcpy(signature + 7, "_f");
			wasm_type(&w, signature);
		}
		wasm_table(&w, 'c', 1, WASM_NO_MAX);
		wasm_elem(&w, 0, (uint32_t[]){1}, 1);
		struct bytes bytes;
		struct module *module;
		assert_non_null(guest_add(&g, &w, &bytes, &module));
		for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
			assert_int_equal(func_type(g.imports[i].value.as.func)->param_count,
			                 strcspn(firsts[i], "_"));

		/* And one that does not fit is told as ever. */
		struct bytes wrong_bytes;
		struct module *wrong;
		wasm_import_func(&w, "env", "i_I", "i_F");
		assert_null(guest_add(&g, &w, &wrong_bytes, &wrong));
		assert_non_null(strstr(g.err.message, "want (i32) -> (f64), got (i32) -> (i64)"));
		guest_close(&g);
		module_destroy(module);
		module_destroy(wrong);
		bytes_free(&bytes);
		bytes_free(&wrong_bytes);
	}
}

/* A module that exports a function "seven". */
static struct module *make_seven(struct bytes *bytes)
{
	struct wasm w = {0};
	struct error err = ERROR_INIT;
	wasm_export(&w, "seven", EXTERN_FUNC, wasm_func(&w, "_i", "", "i32.const 7"));
	*bytes = wasm_finish(&w);
	struct module *module = module_load(bytes->data, bytes->size, NULL, &err);
	assert_non_null(module);
	return module;
}

/* A size beyond the address space was rounded to a small one, and the frames ran over its end. */
static void a_stack_beyond_address_space_is_refused(void **state)
{
	static const size_t sizes[] = {INTERP_STACK_MAX + 1, SIZE_MAX / 2, SIZE_MAX - 8192,
	                               SIZE_MAX - 4096, SIZE_MAX};
	(void)state;
	struct bytes bytes;
	struct error err = ERROR_INIT;
	struct module *module = make_seven(&bytes);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct store *store = store_create(&(struct store_options){.stack_size = sizes[i]}, &err);
		assert_non_null(store);
		struct instance *inst = instance_create(store, module, NULL, NULL, &err);
		if (inst != NULL) {
			union value result;
			assert_false(
			    func_call(store, instance_export_func(inst, "seven"), NULL, &result, &err));
		}
		assert_int_equal(err.kind, ERROR_LIMIT);
		assert_non_null(strstr(err.message, "a stack of "));
		error_clear(&err);
		store_destroy(store);
	}
	module_destroy(module);
	bytes_free(&bytes);
}

/* So many have a mapping of their own, whose end they fill. */
static void functions_of_several_mebibytes_are_made_one_by_one(void **state)
{
	enum { FUNCTIONS = 200000 };
	(void)state;
	struct wasm w = {0};
	const uint32_t type = wasm_type(&w, "_i");
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		struct bytes own = {0};
		wasm_locals(&own, "");
		assemble(&own, "i32.const %u end", i);
		wasm_func_body(&w, type, &own);
	}
	wasm_export(&w, "first", EXTERN_FUNC, 0);
	wasm_export(&w, "middle", EXTERN_FUNC, FUNCTIONS / 2);
	wasm_export(&w, "last", EXTERN_FUNC, FUNCTIONS - 1);
	struct bytes bytes = wasm_finish(&w);
	struct error err = ERROR_INIT;
	struct module *module = module_load(bytes.data, bytes.size, NULL, &err);
	assert_non_null(module);
	for (int round = 0; round < 2; round++) {
		struct store *store = store_create(NULL, &err);
		struct instance *inst = instance_create(store, module, NULL, NULL, &err);
		assert_non_null(inst);
		static const char *const names[] = {"last", "first", "middle"};
		static const uint32_t want[] = {FUNCTIONS - 1, 0, FUNCTIONS / 2};
		for (int i = 0; i < 3; i++) {
			union value result = {0};
			struct func *func = instance_export_func(inst, names[i]);
			assert_ptr_equal(func, instance_export_func(inst, names[i]));
			assert_true(func_call(store, func, NULL, &result, &err));
			assert_int_equal(result.i32, want[i]);
		}
		store_destroy(store);
	}
	module_destroy(module);
	bytes_free(&bytes);
}

/* It was a negative number of instructions, and the run out of fuel at once. */
static void fuel_beyond_what_is_counted_is_as_much(void **state)
{
	(void)state;
	struct bytes bytes;
	struct error err = ERROR_INIT;
	struct module *module = make_seven(&bytes);
	struct store *store = store_create(&(struct store_options){.fuel = UINT64_MAX}, &err);
	struct instance *inst = instance_create(store, module, NULL, NULL, &err);
	union value result = {0};
	assert_true(func_call(store, instance_export_func(inst, "seven"), NULL, &result, &err));
	assert_int_equal(result.i32, 7);
	assert_true(store_fuel_left(store) < INT64_MAX && store_fuel_left(store) > INT64_MAX - 10);
	store_destroy(store);
	module_destroy(module);
	bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_imports),
	    cmocka_unit_test(test_no_resolver),
	    cmocka_unit_test(test_partial_initialisation),
	    cmocka_unit_test(test_start_traps),
	    cmocka_unit_test(test_table_limits),
	    cmocka_unit_test(an_invalid_function_that_nobody_calls_is_refused_at_load),
	    cmocka_unit_test(a_stack_beyond_address_space_is_refused),
	    cmocka_unit_test(fuel_beyond_what_is_counted_is_as_much),
	    cmocka_unit_test(functions_of_several_mebibytes_are_made_one_by_one),
	    cmocka_unit_test(types_of_later_modules_and_hosts_are_those_of_the_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
