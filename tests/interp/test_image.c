/* interp/image.c, image_write.c, image_prepare.c: what is read back is what was written. The
 * official suite runs on images too (spec-tests/, "images"). */
#include "tests/interp/image_fixture.h"

#include <pthread.h>
#include <unistd.h>

static void test_round_trip(void **state)
{
	(void)state;
	struct guest first = {0}, second = {0};
	int fd = image_of(&first);
	struct image *image = start_from(&second, &first, fd, &modes[0]);
	assert_true(image->header.sections[IMAGE_MEMORY].count >= DATA_SIZE);
	struct code *code = second.inst->code;
	assert_ptr_equal(code->image, image);
	/* What the first run called is there, … */
	const uint32_t had = code->count;
	assert_true(had > 1);
	assert_int_equal(guest_i32(&second, "twice", 21, 0), 42);
	assert_int_equal(guest_i32(&second, "count", 0, 0), 42);
	assert_int_equal(code->count, had);
	/* … and what it did not call is lowered now. */
	assert_int_equal(guest_i32(&second, "load", DATA_AT, 0), data_byte(0));
	assert_true(code->count > had);
	assert_int_equal(guest_i32(&second, "store", DATA_AT, 255), 0);
	assert_false(image_is_wanted(second.store, second.module));
	assert_true(image_is_wanted(first.store, first.module));
	guest_close(&second);
	image_close(image);

	/* Nothing of that run is in the image: neither its memory nor its globals. */
	image = start_from(&second, &first, fd, &modes[0]);
	check_guest(&second);
	guest_close(&second);
	image_close(image);
	guest_close(&first);
	close(fd);
}

/* Cells of another mode do not fit, but all else does. */
static void test_other_modes(void **state)
{
	(void)state;
	struct guest first = {0}, second = {0};
	int fd = image_of(&first);
	for (int i = 1; i < MODES; i++) {
		struct image *image = start_from(&second, &first, fd, &modes[i]);
		assert_null(second.inst->code->image);
		check_guest(&second);
		guest_close(&second);
		image_close(image);
	}
	guest_close(&first);
	close(fd);
}

/* Two stores at a time have a mapping each; one mapping serves one store. */
static void test_two_stores(void **state)
{
	(void)state;
	struct guest first = {0}, a = {0}, b = {0};
	int fd = image_of(&first);
	struct image *image_a = start_from(&a, &first, fd, &modes[0]);
	struct image *image_b = start_from(&b, &first, fd, &modes[0]);
	guest_i32(&a, "store", DATA_AT + 1, 200);
	assert_int_equal(guest_i32(&a, "load", DATA_AT + 1, 0), 200);
	check_guest(&b);
	guest_close(&b);

	guest_open(&b, &modes[0]);
	b.module =
	    module_load_again(first.bytes.data, first.bytes.size, NULL, image_parts(image_b), &b.err);
	assert_non_null(b.module);
	store_use_image(b.store, b.module, image_b);
	b.inst = instance_create(b.store, b.module, NULL, NULL, &b.err);
	assert_non_null(b.inst);
	assert_null(b.inst->code->image);
	check_guest(&b);
	guest_close(&b);
	guest_close(&a);
	image_close(image_a);
	image_close(image_b);
	guest_close(&first);
	close(fd);
}

/* The file of an image with all functions lowered, opened as `tiphys run` opens it: its mapping is
 * private, and a second store beside the first one lowers by itself. */
static void test_a_whole_image_from_a_file_serves_one_store_at_a_time(void **state)
{
	(void)state;
	struct guest first = {0}, a = {0}, b = {0};
	int fd = image_of(&first);
	assert_true(store_lower_all(first.store, first.module, &first.err));
	assert_int_equal(ftruncate(fd, 0), 0);
	write_image(&first, fd);
	struct image *image = start_from(&a, &first, fd, &modes[0]);
	assert_true(image->header.is_complete);
	assert_ptr_equal(a.inst->code->image, image);
	for (int round = 0; round < 2; round++) {
		guest_open(&b, &modes[0]);
		b.module =
		    module_load_again(first.bytes.data, first.bytes.size, NULL, image_parts(image), &b.err);
		assert_non_null(b.module);
		store_use_image(b.store, b.module, image);
		b.inst = instance_create(b.store, b.module, NULL, NULL, &b.err);
		assert_non_null(b.inst);
		if (round == 0) {
			assert_null(b.inst->code->image);
			assert_int_equal(b.inst->code->count, 1);
			check_guest(&a);
			guest_close(&a);
		} else {
			assert_ptr_equal(b.inst->code->image, image);
		}
		check_guest(&b);
		guest_close(&b);
	}
	image_close(image);
	guest_close(&first);
	close(fd);
}

/* A memory of no pages has nothing to read, from an image either (as CVE-2022-39392 had). */
static void test_memory_without_pages(void **state)
{
	(void)state;
	struct guest first = {0}, second = {0};
	guest_open(&first, &modes[0]);
	struct wasm w = {0};
	wasm_export(&w, "load", EXTERN_FUNC, wasm_func(&w, "i_i", "", "local.get 0 i32.load8_u"));
	wasm_memory(&w, 0, 1);
	guest_start(&first, &w);
	assert_trap(&first, "load", 0, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
	int fd = new_file();
	write_image(&first, fd);
	struct image *image = start_from(&second, &first, fd, &modes[0]);
	assert_non_null(second.inst->code->image);
	assert_trap(&second, "load", 0, 0, TRAP_MEMORY_OUT_OF_BOUNDS);
	guest_close(&second);
	image_close(image);
	guest_close(&first);
	close(fd);
}

/* Every function is in it: any number of stores can share it, one after the other and at once. */
static void test_prepared(void **state)
{
	(void)state;
	struct guest a = {0}, b = {0};
	guest_open(&a, &modes[0]);
	struct wasm w = {0};
	build(&w);
	struct image *image = prepare_image(&a, &w);
	for (int round = 0; round < 2; round++) {
		if (round > 0)
			guest_open(&a, &modes[0]);
		guest_open(&b, &modes[0]);
		struct guest *guests[] = {&a, &b};
		for (int i = 0; i < 2; i++) {
			instantiate(guests[i], a.module, image);
			assert_ptr_equal(guests[i]->inst->code->image, image);
		}
		assert_int_equal(guest_i32(&a, "store", DATA_AT + 1, 200), 0);
		check_guest(&b);
		check_guest(&a);
		store_destroy(a.store);
		a.store = NULL;
		guest_close(&b);
	}
	image_close(image);
	guest_close(&a);
}

static void *interrupt(void *store)
{
	usleep(20000);
	store_interrupt(store);
	return NULL;
}

/* The code that becomes unreadable is the image's, to its last cell and no further. */
static void test_interrupted(void **state)
{
	(void)state;
	struct guest g = {0};
	struct wasm w = {0};
	guest_open(&g, &modes[0]);
	wasm_export(&w, "spin", EXTERN_FUNC, wasm_func(&w, "_i", "", "loop br 0 end unreachable"));
	struct image *image = prepare_image(&g, &w);
	instantiate(&g, g.module, image);
	assert_ptr_equal(g.inst->code->image, image);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, interrupt, g.store), 0);
	union value result;
	assert_int_equal(guest_call(&g, "spin", NULL, &result), TRAP_INTERRUPTED);
	pthread_join(thread, NULL);
	/* Only the cells cannot be read. */
	const struct image_section *cells = &image->header.sections[IMAGE_CELLS];
	uint8_t sum = 0;
	for (uint64_t at = 0; at < cells->offset; at++)
		sum ^= *(volatile uint8_t *)(image->bytes + at);
	(void)sum;
	guest_close(&g);
	image_close(image);
}

/* A store that is interrupted leaves the image to others, at once and afterwards. */
static void test_interrupted_beside_others(void **state)
{
	(void)state;
	struct guest a = {0}, b = {0};
	guest_open(&a, &modes[0]);
	struct wasm w = {0};
	build(&w);
	struct image *image = prepare_image(&a, &w);
	/* The one that is interrupted has the image's own mapping, then another of it. */
	for (int round = 0; round < 2; round++) {
		struct guest *first = round == 0 ? &a : &b, *second = round == 0 ? &b : &a;
		if (round > 0)
			guest_open(&a, &modes[0]);
		guest_open(&b, &modes[0]);
		struct guest *guests[] = {first, second};
		for (int i = 0; i < 2; i++) {
			instantiate(guests[i], a.module, image);
			assert_ptr_equal(guests[i]->inst->code->image, image);
		}
		assert_ptr_not_equal(a.inst->code->cells, b.inst->code->cells);
		store_interrupt(a.store);
		assert_trap(&a, "load", DATA_AT, 0, TRAP_INTERRUPTED);
		check_guest(&b);
		/* One that comes only now has no cells that cannot be read either. */
		struct guest late = {0};
		guest_open(&late, &modes[0]);
		instantiate(&late, a.module, image);
		check_guest(&late);
		guest_close(&late);
		store_destroy(a.store);
		a.store = NULL;
		guest_close(&b);
	}
	image_close(image);
	guest_close(&a);
}

/* Code that is whole is mapped for reading alone, so its calls find their way beforehand. */
static void test_calls_of_a_whole_image_are_near(void **state)
{
	(void)state;
	struct guest g = {0};
	guest_open(&g, &modes[0]);
	struct wasm w = {0};
	wasm_export(&w, "f", EXTERN_FUNC,
	            wasm_func(&w, "ii_i", "",
	                      "v128.const 1 2 drop local.get 0 local.get 1 call 1 local.get 0 "
	                      "call 2 i32.add local.get 1 i32.const 3 i32.add call 2 i32.add "
	                      "i32.const 1 call 2 i32.add"));
	wasm_func(&w, "ii_i", "", "local.get 0 local.get 1 i32.sub");
	wasm_func(&w, "i_i", "", "local.get 0 i32.const 5 i32.mul");
	struct image *image = prepare_image(&g, &w);
	instantiate(&g, g.module, image);
	const struct code *code = g.inst->code;
	static const enum op fars[] = {OP_call, OP_call_move, OP_call_move2, OP_call_sum};
	static const enum op nears[] = {OP_call_near, OP_call_move_near, OP_call_move2_near,
	                                OP_call_sum_near};
	unsigned near = 0;
	for (uint32_t i = code->entries[0]; i < code->entries[1]; i++) {
		const char *handler = exec_base() + code->cells[i].handler;
		for (unsigned k = 0; k < 4; k++) {
			assert_ptr_not_equal(handler, exec_handlers()[fars[k]]);
			near += handler == exec_handlers()[nears[k]];
		}
	}
	assert_int_equal(near, 4);
	assert_int_equal(guest_i32(&g, "f", 9, 2), 7 + 45 + 25 + 5);
	guest_close(&g);
	image_close(image);
}

/* A small module needs no file beside its image; of a large one only the file has the bytes. */
static void a_small_module_stands_in_its_image(void **state)
{
	(void)state;
	struct guest first = {0}, second = {0};
	guest_open(&first, &modes[0]);
	struct wasm w = {0};
	wasm_export(&w, "twice", EXTERN_FUNC,
	            wasm_func(&w, "i_i", "", "local.get 0 i32.const 2 i32.mul"));
	wasm_export(&w, "thrice", EXTERN_FUNC,
	            wasm_func(&w, "i_i", "", "local.get 0 i32.const 3 i32.mul"));
	wasm_memory(&w, 1, 1);
	wasm_data(&w, 16, "data", 4);
	guest_start(&first, &w);
	assert_int_equal(guest_i32(&first, "twice", 21, 0), 42);
	int fd = new_file();
	write_image(&first, fd);
	struct image_source source = source_of(&first);
	const size_t size = first.bytes.size;
	struct image *image = image_open(dup(fd), &source, &first.err);
	assert_non_null(image);
	const uint8_t *bytes = image_module(image, size);
	assert_non_null(bytes);
	assert_memory_equal(bytes, first.bytes.data, size);
	assert_null(image_module(image, size - 1));
	guest_close(&first);

	guest_open(&second, &modes[0]);
	second.module = module_load_again(bytes, size, NULL, image_parts(image), &second.err);
	assert_non_null(second.module);
	instantiate(&second, second.module, image);
	assert_int_equal(guest_i32(&second, "twice", 21, 0), 42);
	/* Lowered from the bytes in the image, which has room for the cells all the same. */
	assert_int_equal(guest_i32(&second, "thrice", 21, 0), 63);
	guest_close(&second);
	image_close(image);
	close(fd);

	struct guest large = {0}, again = {0};
	fd = image_of(&large);
	image = start_from(&again, &large, fd, &modes[0]);
	assert_true(large.bytes.size > IMAGE_WITH_MODULE_MAX);
	assert_null(image_module(image, large.bytes.size));
	assert_null(image_module(image, 0));
	guest_close(&again);
	image_close(image);
	guest_close(&large);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_other_modes),
	    cmocka_unit_test(test_two_stores),
	    cmocka_unit_test(test_a_whole_image_from_a_file_serves_one_store_at_a_time),
	    cmocka_unit_test(test_memory_without_pages),
	    cmocka_unit_test(test_prepared),
	    cmocka_unit_test(test_interrupted_beside_others),
	    cmocka_unit_test(test_calls_of_a_whole_image_are_near),
	    cmocka_unit_test(test_interrupted),
	    cmocka_unit_test(a_small_module_stands_in_its_image),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
