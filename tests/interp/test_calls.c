/* interp/call.c and the call handlers: recursion of every frame shape ends in a trap, wherever the
 * frame stack ends, and the store is usable afterwards. */
#include "tests/interp/fixture.h"

/* Frame shapes: signature, locals and the body of a function that calls itself. %s is the call. */
struct shape {
	const char *name;
	const char *signature;
	const char *locals;
	const char *args;  /* pushes the arguments of the call */
	const char *after; /* what is done with its results */
};

static const struct shape shapes[] = {
    {"nothing", "_", "", "", ""},
    {"one parameter", "i_i", "", "local.get 0 i32.const 1 i32.add", ""},
    {"many parameters", "iIfFiIfFiIfF_I", "",
     "local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6 "
     "local.get 7 local.get 8 local.get 9 local.get 10 local.get 11",
     ""},
    {"many results", "_iIfFiIfF", "", "", ""},
    {"many locals", "i_i", "iIfFiIfFiIfFiIfFiIfFiIfFiIfFiIfFiIfFiIfF", "local.get 0",
     "local.set 1 local.get 1"},
    {"operands below", "_i", "", "i32.const 1 i32.const 2 i32.const 3", "i32.add i32.add i32.add"},
    {"references", "rc_r", "rc", "local.get 0 local.get 1", ""},
};
#define SHAPES (sizeof shapes / sizeof *shapes)

/* Function 0 and 1 call themselves, by index and through a table; "fine" still works afterwards. */
static void build(struct wasm *w, const struct shape *shape)
{
	uint32_t type = wasm_type(w, shape->signature);
	wasm_func(w, shape->signature, shape->locals, "%s call 0 %s", shape->args, shape->after);
	wasm_func(w, shape->signature, shape->locals, "%s i32.const 1 call_indirect %u %s", shape->args,
	          type, shape->after);
	uint32_t fine = wasm_func(w, "ii_i", "", "local.get 0 local.get 1 i32.add");
	wasm_table(w, 'c', 2, 2);
	wasm_elem(w, 0, (uint32_t[]){0, 1}, 2);
	wasm_export(w, "direct", EXTERN_FUNC, 0);
	wasm_export(w, "indirect", EXTERN_FUNC, 1);
	wasm_export(w, "fine", EXTERN_FUNC, fine);
}

static void check_shape(const struct shape *shape, const struct mode *mode, size_t stack_size)
{
	static const char *const ways[] = {"direct", "indirect"};
	struct guest g = {.options.stack_size = stack_size};
	guest_open(&g, mode);
	struct wasm w = {0};
	build(&w, shape);
	guest_start(&g, &w);
	for (int i = 0; i < 4; i++) {
		union value args[16], results[16];
		memset(args, 0, sizeof args);
		enum trap trap = guest_call(&g, ways[i % 2], args, results);
		if (trap != TRAP_STACK_EXHAUSTED)
			fail_msg("%s, %s, %s: %s", shape->name, mode->name, ways[i % 2], trap_words(trap));
		assert_string_equal(g.err.message, "call stack exhausted");
		const struct trap_report *report = store_trap(g.store);
		assert_int_equal(report->frame_count, TRAP_FRAMES_MAX);
		for (uint32_t f = 0; f < report->frame_count; f++) {
			assert_int_equal(report->frames[f].func, i % 2);
			assert_ptr_equal(report->frames[f].inst, g.inst);
		}
		/* The frames are as deep as the frame stack allows, and no deeper: it begins in the middle
		 * of a page and ends where one ends. */
		uint64_t frames = report->frame_count + (uint64_t)report->frames_left_out;
		size_t bytes = stack_size != 0 ? stack_size : INTERP_STACK_DEFAULT;
		assert_true(frames <= (bytes + 2048) / 16 + 1);
		assert_true(frames >= bytes / (100 * 8));
		assert_int_equal(guest_i32(&g, "fine", 40, 2), 42);
	}
	guest_close(&g);
}

static void test_recursion(void **state)
{
	(void)state;
	/* Some sizes, so that the stack's end falls on another place of the frame each time. */
	static const size_t sizes[] = {0, 65536, 69632, 1 << 22};
	for (size_t s = 0; s < SHAPES; s++)
		for (int m = 0; m < MODES; m++)
			for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
				check_shape(&shapes[s], &modes[m], sizes[i]);
}

/* A function with as many locals as there may be: one frame is larger than the whole stack. */
static void test_frame_larger_than_stack(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {.options.stack_size = 4096};
		guest_open(&g, &modes[m]);
		struct wasm w = {0};
		struct bytes body = {0};
		bytes_u(&body, 1);
		bytes_u(&body, 50000);
		bytes_byte(&body, type_code('I'));
		assemble(&body, "i64.const 1 local.set 49999 local.get 49999 end");
		uint32_t f = wasm_func_body(&w, wasm_type(&w, "_I"), &body);
		wasm_export(&w, "large", EXTERN_FUNC, f);
		uint32_t fine = wasm_func(&w, "ii_i", "", "i32.const 5");
		wasm_export(&w, "fine", EXTERN_FUNC, fine);
		guest_start(&g, &w);
		union value result;
		assert_int_equal(guest_call(&g, "large", NULL, &result), TRAP_STACK_EXHAUSTED);
		assert_int_equal(guest_i32(&g, "fine", 0, 0), 5);
		guest_close(&g);
	}
}

/* ---- through the host and back ---- */

struct bouncer {
	struct guest *guest;
	unsigned depth;
	unsigned deepest;
};

static uint32_t bounce(struct host_call *call, uint32_t left)
{
	struct bouncer *b = call->env;
	b->depth++;
	if (b->depth > b->deepest)
		b->deepest = b->depth;
	struct error err = ERROR_INIT;
	union value arg = {.i32 = left - 1}, result = {.i32 = 0};
	struct func *func = instance_export_func(call->caller, "bounce");
	if (left > 0 && !func_call(call->store, func, &arg, &result, &err))
		host_fail(call, "%s", err.message);
	b->depth--;
	return result.i32 + 1;
}

static void test_host_recursion(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {0};
		struct bouncer b = {.guest = &g};
		guest_open(&g, &modes[m]);
		guest_give_func(&g, "bounce", "(i)i", (void (*)(void))bounce, &b);
		struct wasm w = {0};
		wasm_import_func(&w, "env", "bounce", "i_i");
		uint32_t f = wasm_func(&w, "i_i", "II", "local.get 0 call 0");
		wasm_export(&w, "bounce", EXTERN_FUNC, f);
		uint32_t fine = wasm_func(&w, "ii_i", "", "i32.const 5");
		wasm_export(&w, "fine", EXTERN_FUNC, fine);
		guest_start(&g, &w);
		assert_int_equal(guest_i32(&g, "bounce", 20, 0), 21);
		assert_int_equal(b.deepest, 21);
		/* Without end: the native stack's share ends before the native stack does. */
		union value arg = {.i32 = UINT32_MAX}, result;
		enum trap trap = guest_call(&g, "bounce", &arg, &result);
		assert_true(trap == TRAP_STACK_EXHAUSTED || trap == TRAP_HOST);
		assert_non_null(strstr(g.err.message, "call stack exhausted"));
		assert_true(b.deepest > 50);
		assert_int_equal(b.depth, 0);
		assert_int_equal(guest_i32(&g, "fine", 0, 0), 5);
		assert_int_equal(guest_i32(&g, "bounce", 20, 0), 21);
		guest_close(&g);
	}
}

/* Two instances that call each other through a shared table. */
static void test_recursion_across_instances(void **state)
{
	(void)state;
	for (int m = 0; m < MODES; m++) {
		struct guest g = {0};
		guest_open(&g, &modes[m]);
		const struct table_type type = {.element = VAL_FUNCREF,
		                                .limits = {.min = 2, .max = 2, .has_max = true}};
		struct table *table = table_create(g.store, &type, &g.err);
		assert_non_null(table);
		guest_give(&g, "table", (struct extern_val){.kind = EXTERN_TABLE, .as.table = table});
		struct bytes bytes[2];
		struct module *loaded[2];
		for (int i = 0; i < 2; i++) {
			struct wasm w = {0};
			uint32_t t = wasm_type(&w, "i_i");
			wasm_import_table(&w, "env", "table", 'c', 2, 2);
			uint32_t f =
			    wasm_func(&w, "i_i", "",
			              "local.get 0 i32.eqz if i32 i32.const %d else "
			              "local.get 0 i32.const 1 i32.sub i32.const %d call_indirect %u end",
			              i, 1 - i, t);
			wasm_elem(&w, i, &f, 1);
			wasm_export(&w, "f", EXTERN_FUNC, f);
			g.inst = guest_add(&g, &w, &bytes[i], &loaded[i]);
			assert_non_null(g.inst);
		}
		assert_int_equal(guest_i32(&g, "f", 0, 0), 1);
		assert_int_equal(guest_i32(&g, "f", 7, 0), 0);
		assert_int_equal(guest_i32(&g, "f", 100, 0), 1);
		assert_trap(&g, "f", UINT32_MAX, 0, TRAP_STACK_EXHAUSTED);
		assert_int_equal(guest_i32(&g, "f", 100, 0), 1);
		guest_close(&g);
		for (int i = 0; i < 2; i++) {
			module_destroy(loaded[i]);
			bytes_free(&bytes[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_recursion),
	    cmocka_unit_test(test_frame_larger_than_stack),
	    cmocka_unit_test(test_host_recursion),
	    cmocka_unit_test(test_recursion_across_instances),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
