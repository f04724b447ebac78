/* interp/host.c: host functions of every signature, how they end a run, and what they may touch. */
#include "tests/interp/fixture.h"

#include <math.h>

static uint32_t take_i(struct host_call *call, uint32_t a)
{
	(void)call;
	return a + 1;
}

static uint64_t take_I(struct host_call *call, uint64_t a)
{
	(void)call;
	return a + 1;
}

static float take_f(struct host_call *call, float a)
{
	(void)call;
	return a + 1;
}

static double take_F(struct host_call *call, double a)
{
	(void)call;
	return a + 1;
}

static uint64_t take_r(struct host_call *call, uint64_t a)
{
	(void)call;
	return a == 0 ? 77 : 0;
}

/* More arguments than registers, of mixed classes. */
static double take_many(struct host_call *call, uint32_t a, uint64_t b, float c, double d,
                        uint64_t e, uint32_t f, float g, double h, uint32_t i, uint64_t j, double k,
                        double l, double m, double n, float o, uint32_t p)
{
	(void)call;
	return a + 2.0 * (double)b + 3.0 * c + 4.0 * d + (double)e + f + g + h + i + (double)j + k + l +
	       m + n + o + p;
}

static void count(struct host_call *call)
{
	++*(unsigned *)call->env;
}

static void test_signatures(void **state)
{
	(void)state;
	for (int mode = 0; mode < MODES; mode++) {
		struct guest g = {0};
		unsigned counted = 0;
		guest_open(&g, &modes[mode]);
		guest_give_func(&g, "i", "(i)i", (void (*)(void))take_i, NULL);
		guest_give_func(&g, "I", "(I)I", (void (*)(void))take_I, NULL);
		guest_give_func(&g, "f", "(f)f", (void (*)(void))take_f, NULL);
		guest_give_func(&g, "F", "(F)F", (void (*)(void))take_F, NULL);
		guest_give_func(&g, "r", "(r)r", (void (*)(void))take_r, NULL);
		guest_give_func(&g, "many", "(iIfFrifFiIFFFFfi)F", (void (*)(void))take_many, NULL);
		guest_give_func(&g, "count", "()", (void (*)(void))count, &counted);
		struct wasm w = {0};
		static const char *const signatures[] = {
		    "i_i", "I_I", "f_f", "F_F", "r_r", "iIfFrifFiIFFFFfi_F", "_"};
		static const char *const names[] = {"i", "I", "f", "F", "r", "many", "count"};
		for (int i = 0; i < 7; i++)
			wasm_import_func(&w, "env", names[i], signatures[i]);
		/* Called by a guest's function, and exported as it is. */
		for (uint32_t i = 0; i < 7; i++) {
			struct bytes body = {0};
			wasm_locals(&body, "");
			for (uint32_t p = 0; p < strcspn(signatures[i], "_"); p++)
				put_insn_u(&body, INSN_local_get, p);
			assemble(&body, "call %u end", i);
			char name[16];
			snprintf(name, sizeof name, "via %s", names[i]);
			wasm_export(&w, name, EXTERN_FUNC,
			            wasm_func_body(&w, wasm_type(&w, signatures[i]), &body));
			wasm_export(&w, names[i], EXTERN_FUNC, i);
		}
		guest_start(&g, &w);
		static const char *const ways[] = {"", "via "};
		for (int way = 0; way < 2; way++) {
			char name[16];
			union value args[16], result;
#define CALL(letter, field, in, out)                                                               \
	memset(&result, 0xee, sizeof result);                                                          \
	args[0].field = (in);                                                                          \
	snprintf(name, sizeof name, "%s%s", ways[way], letter);                                        \
	assert_int_equal(guest_call(&g, name, args, &result), TRAP_NONE);                              \
	assert_true(result.field == (out));
			CALL("i", i32, UINT32_MAX, 0)
			CALL("i", i32, 0x7fffffff, 0x80000000)
			CALL("I", i64, UINT64_MAX, 0)
			CALL("I", i64, UINT32_MAX, UINT64_C(1) << 32)
			CALL("f", f32, 0.5f, 1.5f)
			CALL("F", f64, -0.25, 0.75)
			CALL("r", ref, 0, 77)
			CALL("r", ref, 5, 0)
#undef CALL
			for (int i = 0; i < 16; i++)
				args[i].i64 = (uint64_t)i + 1;
			static const char letters[] = "iIfFrifFiIFFFFfi";
			for (int i = 0; i < 16; i++) {
				if (letters[i] == 'f')
					args[i].f32 = (float)(i + 1);
				if (letters[i] == 'F')
					args[i].f64 = i + 1;
			}
			snprintf(name, sizeof name, "%smany", ways[way]);
			assert_int_equal(guest_call(&g, name, args, &result), TRAP_NONE);
			/* 1 + 2*2 + 3*3 + 4*4, then 5 to 16. */
			assert_true(result.f64 == 30 + 126);
			snprintf(name, sizeof name, "%scount", ways[way]);
			assert_int_equal(guest_call(&g, name, NULL, NULL), TRAP_NONE);
			assert_int_equal(counted, way + 1);
		}
		guest_close(&g);
	}
}

static void test_bad_signatures(void **state)
{
	(void)state;
	static const struct {
		const char *signature;
		const char *words;
	} bad[] = {
	    {"", "`(` expected"},
	    {"i", "`(` expected"},
	    {"(", "`)` expected"},
	    {"(ii", "`)` expected"},
	    {"(x)", "unknown type `x`"},
	    {"(i)ii", "at most one result"},
	    {"(i)x", "at most one result"},
	    {"(v)", "a v128 cannot be taken"},
	    {"(iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii)", "at most 32 parameters"},
	};
	struct error err = ERROR_INIT;
	struct store *store = store_create(NULL, &err);
	assert_non_null(store);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		error_clear(&err);
		assert_null(host_func_create(store, bad[i].signature, (void (*)(void))count, NULL, &err));
		if (strstr(err.message, bad[i].words) == NULL)
			fail_msg("%s: %s", bad[i].signature, err.message);
	}
	error_clear(&err);
	struct func *func = host_func_create(store, "(iIfFr)r", (void (*)(void))count, NULL, &err);
	assert_non_null(func);
	char text[100];
	assert_string_equal(functype_name(func_type(func), text, sizeof text),
	                    "(i32, i64, f32, f64, externref) -> (externref)");
	store_destroy(store);
}

/* ---- how a host function ends the run ---- */

static uint32_t end_run(struct host_call *call, uint32_t how)
{
	if (how == 1)
		host_fail(call, "no %s today", "cheese");
	if (how == 2)
		host_exit(call, 42);
	return 5;
}

static void test_ends(void **state)
{
	(void)state;
	for (int mode = 0; mode < MODES; mode++) {
		struct guest g = {0};
		guest_open(&g, &modes[mode]);
		guest_give_func(&g, "end", "(i)i", (void (*)(void))end_run, NULL);
		struct wasm w = {0};
		wasm_import_func(&w, "env", "end", "i_i");
		uint32_t after = wasm_global(&w, 'i', true, "i32.const 0");
		uint32_t f =
		    wasm_func(&w, "i_i", "", "local.get 0 call 0 i32.const 1 global.set %u", after);
		wasm_export(&w, "f", EXTERN_FUNC, f);
		wasm_export(&w, "end", EXTERN_FUNC, 0);
		wasm_export(&w, "after", EXTERN_GLOBAL, after);
		guest_start(&g, &w);
		struct extern_val global;
		assert_true(instance_export(g.inst, "after", 5, &global));

		static const char *const names[] = {"f", "end"};
		for (int i = 0; i < 2; i++) {
			assert_trap(&g, names[i], 1, 0, TRAP_HOST);
			assert_string_equal(g.err.message, "no cheese today");
			assert_trap(&g, names[i], 2, 0, TRAP_EXIT);
			assert_int_equal(g.err.kind, ERROR_EXIT);
			assert_int_equal(store_exit_status(g.store), 42);
			/* Nothing of the guest ran behind it. */
			assert_int_equal(global_value(global.as.global).i32, 0);
		}
		assert_int_equal(guest_i32(&g, "f", 0, 0), 5);
		assert_int_equal(global_value(global.as.global).i32, 1);
		guest_close(&g);
	}
}

/* ---- memory ---- */

static uint32_t sum_and_grow(struct host_call *call, uint32_t at, uint32_t size)
{
	uint64_t limit;
	const uint8_t *memory = host_memory(call, &limit);
	if (memory == NULL)
		return UINT32_MAX;
	assert_true(at <= limit && size <= limit - at);
	uint32_t sum = 0;
	for (uint32_t i = 0; i < size; i++)
		sum += memory[at + i];
	/* The guest grows its memory: the base stays, the size is the new one. */
	struct func *grow = instance_export_func(call->caller, "grow");
	union value arg = {.i32 = 1}, result;
	struct error err = ERROR_INIT;
	assert_true(func_call(call->store, grow, &arg, &result, &err));
	uint64_t grown;
	assert_ptr_equal(host_memory(call, &grown), memory);
	assert_int_equal(grown, limit + 65536);
	host_memory(call, &grown)[grown - 1] = 9;
	return sum;
}

static void test_memory(void **state)
{
	(void)state;
	for (int mode = 0; mode < MODES; mode++) {
		struct guest g = {0};
		guest_open(&g, &modes[mode]);
		guest_give_func(&g, "sum", "(ii)i", (void (*)(void))sum_and_grow, NULL);
		struct wasm w = {0};
		wasm_import_func(&w, "env", "sum", "ii_i");
		uint32_t grow = wasm_func(&w, "i_i", "", "local.get 0 memory.grow");
		/* After the call the grown page is there, with what the host put into it. */
		uint32_t f = wasm_func(
		    &w, "ii_i", "", "local.get 0 local.get 1 call 0 i32.const 131071 i32.load8_u i32.add");
		wasm_memory(&w, 1, 4);
		wasm_data(&w, 100, "\1\2\3", 3);
		wasm_export(&w, "grow", EXTERN_FUNC, grow);
		wasm_export(&w, "f", EXTERN_FUNC, f);
		guest_start(&g, &w);
		assert_int_equal(guest_i32(&g, "f", 99, 5), 6 + 9);
		guest_close(&g);
	}
}

static uint32_t has_memory(struct host_call *call)
{
	uint64_t size = 1;
	bool there = host_memory(call, &size) != NULL;
	assert_int_equal(there, size > 0);
	return there;
}

static void test_no_memory(void **state)
{
	(void)state;
	struct guest g = {0};
	guest_open(&g, &modes[0]);
	guest_give_func(&g, "has", "()i", (void (*)(void))has_memory, NULL);
	struct wasm w = {0};
	wasm_import_func(&w, "env", "has", "_i");
	wasm_export(&w, "direct", EXTERN_FUNC, 0);
	wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "_i", "", "call 0"));
	guest_start(&g, &w);
	assert_int_equal(guest_i32(&g, "f", 0, 0), 0);
	/* Called by the host itself there is no calling instance. */
	assert_int_equal(guest_i32(&g, "direct", 0, 0), 0);
	guest_close(&g);
}

static uint32_t instantiate_another(struct host_call *call)
{
	struct error err = ERROR_INIT;
	return instance_create(call->store, call->env, NULL, NULL, &err) != NULL ? 7 : 0;
}

/* The store's types move then: a sanitizer sees a result read by the type that was there before. */
static void call_of_a_host_that_brings_types(void **state)
{
	(void)state;
	struct guest g = {0};
	struct wasm w = {0}, many = {0};
	char signature[64];
	for (size_t i = 1; i < 40; i++) {
		memset(signature, 'I', i);
		strcpy(signature + i, "_");
		wasm_func(&many, signature, "", "nop");
	}
	struct bytes bytes = wasm_finish(&many);
	guest_open(&g, &modes[0]);
	struct module *other = module_load(bytes.data, bytes.size, NULL, &g.err);
	assert_non_null(other);
	guest_give_func(&g, "make", "()i", (void (*)(void))instantiate_another, other);
	wasm_import_func(&w, "env", "make", "_i");
	wasm_func(&w, "IIf_i", "", "i32.const 1");
	wasm_export(&w, "direct", EXTERN_FUNC, 0);
	wasm_export(&w, "f", EXTERN_FUNC, wasm_func(&w, "_i", "", "call 0"));
	guest_start(&g, &w);
	assert_int_equal(guest_i32(&g, "f", 0, 0), 7);
	assert_int_equal(guest_i32(&g, "direct", 0, 0), 7);
	guest_close(&g);
	module_destroy(other);
	bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_signatures), cmocka_unit_test(test_bad_signatures),
	    cmocka_unit_test(test_ends),       cmocka_unit_test(test_memory),
	    cmocka_unit_test(test_no_memory),  cmocka_unit_test(call_of_a_host_that_brings_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
