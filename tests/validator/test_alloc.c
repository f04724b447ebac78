/* validator/alloc.c: the arena, and allocations that fail on demand. */
#include "tests/validator/load.h"

#include "validator/alloc.h"

#include <stddef.h>

static int never_fail(void **state)
{
	(void)state;
	mem_fail_from(UINT64_MAX);
	return 0;
}

static void test_fail_from(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 4; n++) {
		mem_fail_from(n);
		for (uint64_t i = 0; i < 6; i++) {
			void *block = i % 2 == 0 ? mem_alloc(16) : mem_zeroed(2, 8);
			assert_int_equal(block != NULL, i < n);
			mem_free(block);
		}
		assert_int_equal(mem_count(), 6);
	}
	mem_fail_from(1);
	void *block = mem_alloc(16);
	assert_non_null(block);
	/* A block that cannot grow stays as it is. */
	assert_null(mem_resize(block, 32));
	memset(block, 1, 16);
	mem_free(block);
	mem_fail_from(UINT64_MAX);
	block = mem_alloc(16);
	assert_non_null(block);
	mem_free(block);
}

static void test_products_that_overflow(void **state)
{
	(void)state;
	/* Volatile, or the compiler would warn of what is tested here. */
	volatile size_t huge = SIZE_MAX / 2;
	assert_null(mem_zeroed(huge, 4));
	struct arena *arena = arena_create();
	assert_null(arena_zeroed(arena, huge, 4));
	assert_null(arena_zeroed(arena, SIZE_MAX, 1));
	assert_non_null(arena_zeroed(arena, 0, 8));
	assert_non_null(arena_zeroed(arena, 8, 0));
	arena_destroy(arena);
	arena_destroy(NULL);
}

/* Blocks of all sizes are zeroed, aligned and apart from each other. */
static void test_arena(void **state)
{
	(void)state;
	enum { BLOCKS = 400 };
	struct arena *arena = arena_create();
	assert_non_null(arena);
	unsigned char *blocks[BLOCKS];
	size_t sizes[BLOCKS];
	for (size_t i = 0; i < BLOCKS; i++) {
		sizes[i] = i * 7919 % (i % 10 == 0 ? 40000 : 300);
		blocks[i] = arena_zeroed(arena, sizes[i], 1);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(blocks[i][j], 0);
		memset(blocks[i], (int)(i % 255 + 1), sizes[i]);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(blocks[i][j], i % 255 + 1);
	arena_destroy(arena);
}

/* How many blocks are made for `count` pieces of 64 bytes behind one of `first`. */
static uint64_t blocks_behind(size_t first, int count)
{
	mem_fail_from(UINT64_MAX - 1);
	struct arena *arena = arena_create();
	assert_non_null(arena_zeroed(arena, first, 1));
	uint64_t before = mem_count();
	for (int i = 0; i < count; i++)
		assert_non_null(arena_zeroed(arena, 64, 1));
	uint64_t blocks = mem_count() - before;
	arena_destroy(arena);
	return blocks;
}

/* The sizes of blocks went on from twice a large first piece, however odd or large it was. */
static void test_blocks_behind_a_large_first_piece(void **state)
{
	(void)state;
	static const size_t firsts[] = {1500, 5000, 100000};
	for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
		/* 3 KiB, then 6, then 12 again and again. */
		assert_int_equal(blocks_behind(firsts[i], 48), 1);
		assert_int_equal(blocks_behind(firsts[i], 48 + 96), 2);
		assert_int_equal(blocks_behind(firsts[i], 48 + 96 + 192), 3);
		assert_int_equal(blocks_behind(firsts[i], 48 + 96 + 2 * 192 + 1), 5);
	}
	/* In the first block is room for what is small. */
	assert_int_equal(blocks_behind(64, 47), 0);
	assert_int_equal(blocks_behind(64, 48), 1);
}

static void test_arena_without_memory(void **state)
{
	(void)state;
	mem_fail_from(0);
	assert_null(arena_create());
	mem_fail_from(1);
	struct arena *arena = arena_create();
	assert_non_null(arena);
	assert_null(arena_zeroed(arena, 10, 10));
	mem_fail_from(UINT64_MAX);
	assert_non_null(arena_zeroed(arena, 10, 10));
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_fail_from, never_fail),
	    cmocka_unit_test_teardown(test_products_that_overflow, never_fail),
	    cmocka_unit_test_teardown(test_arena, never_fail),
	    cmocka_unit_test_teardown(test_blocks_behind_a_large_first_piece, never_fail),
	    cmocka_unit_test_teardown(test_arena_without_memory, never_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
