/* interp/frames.c, and how code.c finds the function of a frame. */
#include "tests/interp/image_fixture.h"

#include <unistd.h>

enum { BYSTANDERS = 50000, DEPTH = 1000 };
enum { BY_TRAP, BY_THROW };

/* Two functions that call each other down to 0, then trap, or throw to one above both. */
static uint32_t build_two_of_many(struct wasm *w, uint32_t bystanders)
{
	wasm_tag(w, "_");
	for (uint32_t i = 0; i < bystanders; i++)
		wasm_func(w, "_", "", "nop");
	for (uint32_t other = bystanders + 2; other-- > bystanders;)
		wasm_func(w, "ii_", "",
		          "local.get 1 i32.eqz if local.get 0 i32.eqz if unreachable end throw 0 end "
		          "local.get 0 local.get 1 i32.const 1 i32.sub call %u",
		          other);
	uint32_t top = wasm_func(w, "ii_i", "",
	                         "block try_table catch 0 0 local.get 0 local.get 1 call %u end end "
	                         "i32.const 7",
	                         bystanders);
	wasm_export(w, "top", EXTERN_FUNC, top);
	return bystanders;
}

/* Looks at functions that a call takes beyond those of lowering. */
static uint64_t looks_of(struct guest *g, uint32_t way)
{
	struct code *code = g->inst->code;
	code->looks = 0;
	if (way == BY_TRAP)
		assert_trap(g, "top", way, DEPTH, TRAP_UNREACHABLE);
	else
		assert_int_equal(guest_i32(g, "top", way, DEPTH), 7);
	assert_true(code->looks > 0);
	return code->looks;
}

/* Each frame was once looked for among all of the module's functions: so a stack of two of 50,000
 * that ran out took two seconds to tell its trap, and ten throws through such a stack four. */
static void test_a_frame_is_found_without_looking_at_all_functions(void **state)
{
	(void)state;
	/* Both walks: one for the exception, and before it one for the collection that it causes. */
	const uint64_t enough = 2 * (DEPTH + 4) * 17;
	_Static_assert(BYSTANDERS + 3 < 1 << 17, "so many halves");
	for (int whole = 0; whole < 2; whole++) {
		struct guest g = {.options = {.collect_always = true}};
		guest_open(&g, &modes[0]);
		struct wasm w = {0};
		build_two_of_many(&w, BYSTANDERS);
		guest_start(&g, &w);
		if (whole)
			assert_true(store_lower_all(g.store, g.module, &g.err));
		assert_true(looks_of(&g, BY_TRAP) <= enough);
		assert_true(looks_of(&g, BY_THROW) <= enough);
		guest_close(&g);
	}
}

enum { TRIES = 200000, THROWS = 500000 };

/* Each turn of a loop throws in the first of many try_tables, out of one that catches another tag;
 * and once behind them all, where none but the outermost catches. */
static void build_many_tries(struct wasm *w)
{
	static const char one[] = "block try_table catch 0 0 nop end end ";
	static const char head[] =
	    "block loop "
	    "block try_table catch 0 0 block try_table catch 1 0 throw 0 end end end unreachable end "
	    "local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end "
	    "block try_table catch 0 0 ";
	static const char tail[] = "throw 0 end unreachable end i32.const 7 return end unreachable";
	char *text = malloc(sizeof head + sizeof tail + TRIES * strlen(one));
	assert_non_null(text);
	char *at = stpcpy(text, head);
	for (uint32_t i = 0; i < TRIES; i++)
		at = stpcpy(at, one);
	stpcpy(at, tail);
	wasm_tag(w, "_");
	wasm_tag(w, "_");
	wasm_export(w, "many", EXTERN_FUNC, wasm_func(w, "i_i", "", "%s", text));
	free(text);
}

/* All ranges of the function were once looked at for each throw: so many took minutes, a hundred
 * thousand million looks, which is longer than a sanitized build has. */
static void test_a_range_is_found_without_looking_at_all(void **state)
{
	(void)state;
	struct guest g = {0};
	guest_open(&g, &modes[0]);
	struct wasm w = {0};
	build_many_tries(&w);
	guest_start(&g, &w);
	assert_int_equal(guest_i32(&g, "many", 1, 0), 7);
	struct code *code = g.inst->code;
	code->looks = 0;
	assert_int_equal(guest_i32(&g, "many", THROWS, 0), 7);
	assert_true(code->looks >= THROWS);
	_Static_assert(TRIES + 3 < 1 << 18, "so many halves");
	/* Besides: the function, the range that catches another tag, its outer one. */
	assert_true(code->looks <= (THROWS + 1) * (18 + 8));
	guest_close(&g);
}

/* The innermost frame first, whose caller is the other one. */
static void check_backtrace(struct guest *g, uint32_t first)
{
	assert_trap(g, "top", BY_TRAP, 9, TRAP_UNREACHABLE);
	const struct trap_report *report = store_trap(g->store);
	assert_int_equal(report->frame_count, 11);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(report->frames[i].func, first + (9 - i) % 2);
	assert_int_equal(report->frames[10].func, first + 2);
	assert_int_equal(guest_i32(g, "top", BY_THROW, 9), 7);
}

/* Functions are found in an image, behind what is in it, and in one that was made of both. */
static void test_functions_of_an_image_and_behind_it(void **state)
{
	(void)state;
	struct guest guests[3] = {0};
	struct image *images[3] = {NULL};
	guest_open(&guests[0], &modes[0]);
	struct wasm w = {0};
	uint32_t first = build_two_of_many(&w, 10);
	guest_start(&guests[0], &w);
	const struct image_source source = source_of(&guests[0]);
	for (int i = 0; i < 3; i++) {
		struct guest *g = &guests[i];
		struct code *code = g->inst->code;
		assert_ptr_equal(code->image, images[i]);
		/* The first run knows the outermost and one of the two. */
		if (i == 0)
			assert_trap(g, "top", BY_TRAP, 0, TRAP_UNREACHABLE);
		else
			check_backtrace(g, first);
		assert_int_equal(code->order_count, i == 0 ? 2 : i == 1 ? 1 : 0);
		if (i == 2)
			break;
		int fd = new_file();
		bool needs_sync = false;
		assert_true(image_write(fd, g->store, g->module, &source, &needs_sync, &g->err));
		images[i + 1] = start_from(&guests[i + 1], &guests[0], fd, &modes[0]);
		close(fd);
	}
	for (int i = 3; i-- > 0;) {
		guest_close(&guests[i]);
		image_close(images[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_frame_is_found_without_looking_at_all_functions),
	    cmocka_unit_test(test_a_range_is_found_without_looking_at_all),
	    cmocka_unit_test(test_functions_of_an_image_and_behind_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
