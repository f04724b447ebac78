/* The engine's allocations. They go through here so that a test can make the n-th one fail, for
 * every n, and prove that load and run end in a clean error. */
#ifndef VALIDATOR_ALLOC_H
#define VALIDATOR_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/* As malloc, calloc, realloc, free; NULL when memory is out. mem_zeroed() refuses products that
 * overflow. */
void *mem_alloc(size_t size);
void *mem_zeroed(size_t count, size_t size);
void *mem_resize(void *block, size_t size);
void mem_free(void *block);

/* Tests: the n-th allocation from now on fails, and all behind it; UINT64_MAX: none does. */
void mem_fail_from(uint64_t n);
/* The same, and none behind it: what went on in spite of it finds memory again. */
void mem_fail_at(uint64_t n);
/* Allocations since the last of these. */
uint64_t mem_count(void);

/* An arena: blocks of memory that are given back all at once. */
struct arena;

struct arena *arena_create(void);        /* NULL when memory is out */
void arena_destroy(struct arena *arena); /* NULL is fine */
/* count * size zeroed bytes, aligned for any type; NULL when memory is out or the product
 * overflows. Never NULL for count 0. */
void *arena_zeroed(struct arena *arena, size_t count, size_t size);

#endif
