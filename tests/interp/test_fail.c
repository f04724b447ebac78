/* Allocation-failure stepping: load, instantiate and run with the n-th allocation failing, alone or
 * with all behind it, for every n, ends in a clean error or goes on without it; under ASan nothing
 * may leak. */
#include "interp/image.h"
#include "tests/interp/fixture.h"

#include "validator/alloc.h"

#include <errno.h>
#include <sys/mman.h>

static uint32_t host(struct host_call *call, uint32_t a)
{
	(void)call;
	return a + 1;
}

static bool resolve(void *env, struct store *store, const struct import *import,
                    struct extern_val *out, struct error *err)
{
	(void)env;
	(void)import;
	out->kind = EXTERN_FUNC;
	out->as.func = host_func_create(store, "(i)i", (void (*)(void))host, NULL, err);
	return out->as.func != NULL;
}

/* Each module exports f (i32) -> i32, which all its other functions serve. */

/* Memories, tables, globals, segments, the host, a start function. */
static void build_plain(struct wasm *w)
{
	wasm_import_func(w, "env", "host", "i_i");
	uint32_t add = wasm_func(w, "iI_iI", "fF", "local.get 0 local.get 1 i64.const 1 i64.add");
	uint32_t f =
	    wasm_func(w, "i_i", "iI",
	              "local.get 0 i64.const 4 call %u local.set 2 call 0 "
	              "block i32 i32.const 5 local.get 0 br_table 0 0 1 end i32.add "
	              "ref.null func i32.const 30 table.grow 0 drop i32.const 1 memory.grow drop "
	              "i32.const 0 i32.const 3 i32.const 4 memory.init 1 "
	              "i32.const 0 i32.load i32.add",
	              add);
	uint32_t deep = wasm_func(w, "_", "", "call %u", f + 1);
	wasm_memory(w, 1, 3);
	wasm_table(w, 'c', 10, WASM_NO_MAX);
	wasm_global(w, 'I', true, "i64.const 1 i64.const 2 i64.add");
	wasm_elem(w, 2, (uint32_t[]){add, f, deep}, 3);
	wasm_data(w, 0, "data", 4);
	wasm_data(w, -1, "passive", 7);
	wasm_export(w, "f", EXTERN_FUNC, f);
	wasm_export(w, "deep", EXTERN_FUNC, deep);
	wasm_start(w, wasm_func(w, "_", "", "i32.const 1 call %u drop", f));
	w->has_data_count = true;
}

/* Objects in constants, locals, tables and globals; arrays of every origin. */
static void build_gc(struct wasm *w)
{
	enum { PAIR, BYTES, REFS, SUB };
	static const uint8_t types[] = {
	    0x50, 0,    0x5f, 2,    0x7f, 1,    0x6e, 1, /* PAIR: (mut i32) (mut anyref) */
	    0x5e, 0x78, 1,                               /* BYTES: (mut i8) */
	    0x5e, 0x6e, 1,                               /* REFS: (mut anyref) */
	    0x50, 1,    PAIR, 0x5f, 3,    0x7f, 1,    0x6e,
	    1,    0x7b, 1, /* SUB of PAIR: and (mut v128) */
	};
	wasm_first_types(w, types, sizeof types, 4);
	uint32_t grow = wasm_func(w, "ai_a", "", "local.get 1 local.get 0 struct.new %d", PAIR);
	/* Reserves a large object, which has a block of its own. */
	uint32_t large =
	    wasm_func(w, "i_i", "", "i32.const 7 local.get 0 array.new %d array.len", BYTES);
	uint32_t f =
	    wasm_func(w, "i_i", "aai",
	              "i32.const 20 local.set 3 "
	              "loop local.get 1 local.get 3 call %u local.set 1 "
	              "local.get 3 i32.const 1 i32.sub local.tee 3 br_if 0 end "
	              "i32.const 0 i32.const 7 array.new_data %d 0 local.set 2 "
	              "local.get 1 local.get 2 i32.const 5 ref.i31 array.new_fixed %d 3 global.set 0 "
	              "local.get 1 i32.const 100 table.grow 0 drop "
	              "local.get 2 ref.cast %d i32.const 2 array.get_u %d "
	              "local.get 1 ref.cast %d struct.get %d 0 i32.add "
	              "i32.const 100000 call %u i32.add "
	              "global.get 1 ref.cast %d struct.get %d 0 i32.add "
	              "i32.const 9 ref.null any v128.const 1 2 struct.new %d ref.test %d i32.add",
	              grow, BYTES, REFS, BYTES, BYTES, PAIR, PAIR, large, PAIR, PAIR, SUB, PAIR);
	wasm_table(w, 'a', 4, WASM_NO_MAX);
	wasm_global(w, 'a', true, "ref.null any");
	wasm_global(w, 'a', false, "i32.const 11 i32.const 3 ref.i31 struct.new %d", PAIR);
	wasm_data(w, -1, "passive", 7);
	wasm_export(w, "f", EXTERN_FUNC, f);
	w->has_data_count = true;
}

static void build_simd(struct wasm *w)
{
	uint32_t mix = wasm_func(w, "vv_v", "v",
	                         "local.get 0 local.get 1 i16x8.mul local.tee 2 local.get 1 "
	                         "i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 "
	                         "local.get 2 f32x4.add");
	uint32_t f = wasm_func(w, "i_i", "v",
	                       "local.get 0 i32x4.splat local.set 1 "
	                       "i32.const 16 local.get 1 v128.const 7 9 call %u v128.store offset=32 "
	                       "i32.const 4 v128.load8x8_s global.get 0 i64x2.add global.set 0 "
	                       "i32.const 48 local.get 1 v128.load16_lane 3 i32x4.extract_lane 1 "
	                       "global.get 0 i8x16.bitmask i32.add",
	                       mix);
	wasm_memory(w, 1, 1);
	wasm_global(w, 'v', true, "v128.const 1 -1");
	wasm_data(w, 0, "sixteen bytes, or a few more", 28);
	wasm_export(w, "f", EXTERN_FUNC, f);
}

/* Thrown through calls, caught by tag and by all, thrown again, and never caught. */
static void build_exceptions(struct wasm *w)
{
	uint32_t tag = wasm_tag(w, "iI_");
	uint32_t pair = wasm_type(w, "_iI");
	uint32_t thrower = wasm_func(w, "i_", "I", "local.get 0 i64.const 4 throw %u", tag);
	uint32_t between = wasm_func(w, "i_", "v", "local.get 0 call %u", thrower);
	uint32_t again = wasm_func(w, "i_", "",
	                           "block exnref try_table catch_all_ref 0 local.get 0 call %u end "
	                           "return end throw_ref",
	                           between);
	uint32_t f =
	    wasm_func(w, "i_i", "I",
	              "block %u try_table catch %u 0 local.get 0 call %u end "
	              "i32.const 0 i64.const 0 end local.set 1 local.get 1 i32.wrap_i64 i32.add "
	              "block try_table catch_all 0 i32.const 0 call %u end end",
	              pair, tag, again, again);
	wasm_export(w, "f", EXTERN_FUNC, f);
	wasm_export(w, "deep", EXTERN_FUNC, wasm_func(w, "_", "", "i32.const 3 call %u", again));
}

static const struct guest_module {
	const char *name;
	void (*build)(struct wasm *w);
	unsigned least; /* allocations that fail a run, at the least */
} guest_modules[] = {
    {"plain", build_plain, 30},
    {"garbage collection", build_gc, 30},
    {"vectors", build_simd, 20},
    {"exceptions", build_exceptions, 20},
};
#define GUEST_MODULES (sizeof guest_modules / sizeof *guest_modules)

struct run_result {
	struct error err;
	enum trap trap; /* of an ERROR_TRAP */
	uint32_t result;
};

/* From an image of itself, the module is loaded again; NULL: not possible. */
static struct image *take_image(const struct bytes *bytes, const struct store_options *options,
                                struct module **module, struct error *err)
{
	struct image *image = image_prepare(*module, options, err);
	struct module *again =
	    image == NULL ? NULL
	                  : module_load_again(bytes->data, bytes->size, NULL, image_parts(image), err);
	module_destroy(*module);
	*module = again;
	return image;
}

static bool by_images; /* what the runs of a test do besides */

static struct run_result run(const struct bytes *bytes, const struct mode *mode)
{
	struct run_result r = {.err = ERROR_INIT};
	const struct store_options options = {.unfolded = mode->unfolded,
	                                      .checked_memory = mode->checked_memory};
	struct module *module = module_load(bytes->data, bytes->size, NULL, &r.err);
	struct image *image = NULL;
	if (by_images && module != NULL)
		image = take_image(bytes, &options, &module, &r.err);
	struct store *store = module == NULL ? NULL : store_create(&options, &r.err);
	if (store != NULL && image != NULL)
		store_use_image(store, module, image);
	struct instance *inst =
	    store == NULL ? NULL : instance_create(store, module, resolve, NULL, &r.err);
	if (inst != NULL) {
		union value arg = {.i32 = 1}, result;
		if (func_call(store, instance_export_func(inst, "f"), &arg, &result, &r.err))
			r.result = result.i32;
		else if (r.err.kind == ERROR_TRAP)
			r.trap = store_trap(store)->trap;
		/* A backtrace is made from what is there: the trap itself needs no memory. */
		struct error trap = ERROR_INIT;
		struct func *deep = instance_export_func(inst, "deep");
		if (r.err.kind == ERROR_NONE && deep != NULL) {
			assert_false(func_call(store, deep, NULL, NULL, &trap));
			assert_true(trap.kind == ERROR_TRAP || trap.kind == ERROR_NO_MEMORY);
		}
	}
	store_destroy(store);
	module_destroy(module);
	image_close(image);
	return r;
}

/* ---- stepping ---- */

/* The program is linked so that the engine's calls of these come here: address space and its
 * protection can run out, too. (mmap64: what mmap is where offsets have 64 bits.) */
void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_mprotect(void *at, size_t size, int protection);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_mprotect(void *at, size_t size, int protection);

static uint64_t mappings, mappings_fail_from = UINT64_MAX, mappings_fail_count = UINT64_MAX;

static bool mapping_must_fail(void)
{
	uint64_t n = mappings++;
	return n >= mappings_fail_from && n - mappings_fail_from < mappings_fail_count;
}

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (!mapping_must_fail())
		return __real_mmap64(at, size, protection, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

int __wrap_mprotect(void *at, size_t size, int protection)
{
	if (!mapping_must_fail())
		return __real_mprotect(at, size, protection);
	errno = ENOMEM;
	return -1;
}

static void mappings_fail(uint64_t n)
{
	mappings = 0;
	mappings_fail_from = n;
	mappings_fail_count = UINT64_MAX;
}

static void mappings_fail_at(uint64_t n)
{
	mappings_fail(n);
	mappings_fail_count = 1;
}

static int never_fail(void **state)
{
	(void)state;
	by_images = false;
	mem_fail_from(UINT64_MAX);
	mappings_fail(UINT64_MAX);
	return 0;
}

/* What may end a run whose memory ran out: words that say so, or the heap's own trap. */
static bool is_clean(const struct run_result *r)
{
	switch (r->err.kind) {
	case ERROR_NO_MEMORY:
		return strstr(r->err.message, "out of memory") != NULL;
	case ERROR_SYSTEM:
		return strstr(r->err.message, "Cannot allocate memory") != NULL;
	case ERROR_TRAP:
		return r->trap == TRAP_HEAP_EXHAUSTED;
	default:
		return false;
	}
}

/* Steps through what `start` makes fail, counted by `count`. */
static void step(const struct guest_module *guest, const struct mode *mode, const char *what,
                 void (*start)(uint64_t n), uint64_t (*count)(void), unsigned least)
{
	struct wasm w = {0};
	guest->build(&w);
	struct bytes bytes = wasm_finish(&w);
	start(UINT64_MAX - 1);
	struct run_result fine = run(&bytes, mode);
	uint64_t steps = count();
	if (fine.err.kind != ERROR_NONE)
		fail_msg("%s, %s: %s", guest->name, mode->name, fine.err.message);
	unsigned failed = 0;
	for (uint64_t n = 0; n < steps; n++) {
		start(n);
		struct run_result r = run(&bytes, mode);
		/* None of the results tells whether a memory or a table grew. */
		if (r.err.kind == ERROR_NONE) {
			assert_int_equal(r.result, fine.result);
			continue;
		}
		failed++;
		if (!is_clean(&r))
			fail_msg("%s, %s, %s %llu: %s: %s", guest->name, mode->name, what,
			         (unsigned long long)n, error_kind_word(r.err.kind), r.err.message);
	}
	/* Most are needed; those of a backtrace are not. */
	if (failed < least)
		fail_msg("%s, %s: of %llu %ss %u can end a run, which is too few", guest->name, mode->name,
		         (unsigned long long)steps, what, failed);
	start(steps);
	assert_int_equal(run(&bytes, mode).result, fine.result);
	start(UINT64_MAX);
	bytes_free(&bytes);
}

static void step_each(const char *what, void (*start)(uint64_t n), uint64_t (*count)(void),
                      unsigned least)
{
	struct guest keep = {0};
	guest_open(&keep, &modes[0]); /* for its fault handlers */
	guest_close(&keep);
	for (size_t i = 0; i < GUEST_MODULES; i++)
		for (int m = 0; m < MODES; m++)
			step(&guest_modules[i], &modes[m], what, start, count,
			     least != 0 ? least : guest_modules[i].least);
}

static void test_every_allocation(void **state)
{
	(void)state;
	step_each("allocation", mem_fail_from, mem_count, 0);
}

static void test_every_allocation_of_images(void **state)
{
	by_images = true;
	test_every_allocation(state);
}

/* What goes on after one failure, as a table or a buffer that was not made, must know that it did.
 */
static void test_every_allocation_alone(void **state)
{
	(void)state;
	step_each("single allocation", mem_fail_at, mem_count, 0);
}

static void test_every_allocation_of_images_alone(void **state)
{
	by_images = true;
	test_every_allocation_alone(state);
}

static uint64_t mapping_count(void)
{
	return mappings;
}

/* The stacks, their guard, the code, and the memory where there is one. */
static void test_every_mapping(void **state)
{
	(void)state;
	step_each("mapping", mappings_fail, mapping_count, 3);
}

/* What is not to be had for the stacks and the memory together is asked for once more, for each. */
static void test_every_mapping_alone(void **state)
{
	(void)state;
	step_each("single mapping", mappings_fail_at, mapping_count, 2);
}

static void test_every_mapping_of_images(void **state)
{
	by_images = true;
	test_every_mapping(state);
}

static void test_every_mapping_of_images_alone(void **state)
{
	by_images = true;
	test_every_mapping_alone(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_every_allocation, never_fail),
	    cmocka_unit_test_teardown(test_every_allocation_alone, never_fail),
	    cmocka_unit_test_teardown(test_every_mapping, never_fail),
	    cmocka_unit_test_teardown(test_every_allocation_of_images, never_fail),
	    cmocka_unit_test_teardown(test_every_mapping_of_images, never_fail),
	    cmocka_unit_test_teardown(test_every_mapping_alone, never_fail),
	    cmocka_unit_test_teardown(test_every_allocation_of_images_alone, never_fail),
	    cmocka_unit_test_teardown(test_every_mapping_of_images_alone, never_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
