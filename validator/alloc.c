#include "validator/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t allocations;
static _Atomic uint64_t fail_from = UINT64_MAX;
static _Atomic uint64_t fail_count = UINT64_MAX;

static bool must_fail(void)
{
	uint64_t limit = atomic_load_explicit(&fail_from, memory_order_relaxed);
	if (limit == UINT64_MAX)
		return false;
	uint64_t n = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
	return n >= limit && n - limit < atomic_load_explicit(&fail_count, memory_order_relaxed);
}

static void fail(uint64_t n, uint64_t count)
{
	atomic_store(&allocations, 0);
	atomic_store(&fail_count, count);
	/* Counting is on as long as a limit is set, even one that is never reached. */
	atomic_store(&fail_from, n);
}

void mem_fail_from(uint64_t n)
{
	fail(n, UINT64_MAX);
}

void mem_fail_at(uint64_t n)
{
	fail(n, 1);
}

uint64_t mem_count(void)
{
	return atomic_load(&allocations);
}

void *mem_alloc(size_t size)
{
	return must_fail() ? NULL : malloc(size);
}

void *mem_zeroed(size_t count, size_t size)
{
	return must_fail() ? NULL : calloc(count, size);
}

void *mem_resize(void *block, size_t size)
{
	return must_fail() ? NULL : realloc(block, size);
}

void mem_free(void *block)
{
	free(block);
}

/* Small at first, for small modules touch few pages; each block is twice as large as the last, but
 * for those that hold one large thing alone. */
#define BLOCK_FIRST ((size_t)3 << 10)
#define BLOCK_LAST ((size_t)12 << 10)
#define ALIGNMENT _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *blocks; /* the one being filled first */
	size_t next;          /* size of the next block */
};

struct arena *arena_create(void)
{
	struct arena *arena = mem_zeroed(1, sizeof *arena);
	if (arena != NULL)
		arena->next = BLOCK_FIRST;
	return arena;
}

void arena_destroy(struct arena *arena)
{
	if (arena == NULL)
		return;
	for (struct block *block = arena->blocks; block != NULL;) {
		struct block *next = block->next;
		mem_free(block);
		block = next;
	}
	mem_free(arena);
}

void *arena_zeroed(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	struct block *block = arena->blocks;
	if (block == NULL || block->size - block->used < bytes) {
		bool large = bytes > arena->next / 4;
		size_t room = large ? bytes : arena->next;
		struct block *fresh = mem_alloc(sizeof *fresh + room);
		if (fresh == NULL)
			return NULL;
		*fresh = (struct block){.size = room};
		/* A large block is full at once: keep filling the one that was there. */
		if (large && block != NULL) {
			fresh->next = block->next;
			block->next = fresh;
		} else {
			fresh->next = block;
			arena->blocks = fresh;
		}
		if (!large && arena->next < BLOCK_LAST)
			arena->next *= 2;
		block = fresh;
	}
	void *at = block->bytes + block->used;
	block->used += bytes;
	return memset(at, 0, bytes);
}
