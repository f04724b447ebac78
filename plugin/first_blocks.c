/* The first blocks that a process allocates come from here; of `tiphys` on musl alone
 * (meson.build).
 *
 * musl makes a mapping of its own for each size of blocks, which costs a system call and two page
 * faults before the first block of that size can be used: a fifth of a short run. These come one
 * behind the other from memory that the executable has anyway. None is used twice; when they are
 * used up, or for large blocks, musl takes over, so a long run loses FIRST_BYTES and nothing else.
 *
 *     | size | block … | size | block … |                    all zero until they are given out */
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FIRST_BYTES = 96 << 10, LARGE = 24 << 10, ALIGNMENT = alignof(max_align_t) };

/* Behind all other variables, so that those lie together: each page of them that a run writes to is
 * a page fault. Named sections of C would stand in the file. */
__asm__(".pushsection .first_blocks,\"aw\",%nobits\n"
        ".balign 16\n"
        "first_blocks: .zero 98304\n"
        ".size first_blocks, 98304\n"
        ".type first_blocks, %object\n"
        ".popsection");
extern unsigned char first[FIRST_BYTES] __asm__("first_blocks");
_Static_assert(FIRST_BYTES == 98304 && ALIGNMENT == 16, "as above");
static atomic_size_t used;

/* The linker puts __wrap_X in the place of X, and X in that of __real_X (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static bool is_first(const void *block)
{
	return (uintptr_t)block - (uintptr_t)first < FIRST_BYTES;
}

static size_t *size_of(void *block)
{
	return (size_t *)((unsigned char *)block - ALIGNMENT);
}

/* Zeroed. NULL: there is no room. */
static void *take(size_t size)
{
	if (size > LARGE)
		return NULL;
	size_t whole = ALIGNMENT + (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	size_t at = atomic_load_explicit(&used, memory_order_relaxed);
	do {
		if (whole > FIRST_BYTES - at)
			return NULL;
	} while (!atomic_compare_exchange_weak_explicit(&used, &at, at + whole, memory_order_relaxed,
	                                                memory_order_relaxed));
	void *block = first + at + ALIGNMENT;
	*size_of(block) = size;
	return block;
}

void *__wrap_malloc(size_t size)
{
	void *block = take(size);
	return block != NULL ? block : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	size_t bytes;
	void *block = __builtin_mul_overflow(count, size, &bytes) ? NULL : take(bytes);
	return block != NULL ? block : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	if (block == NULL)
		return __wrap_malloc(size);
	if (!is_first(block))
		return __real_realloc(block, size);
	size_t had = *size_of(block);
	if (size <= had)
		return block;
	void *bigger = __wrap_malloc(size);
	if (bigger != NULL)
		memcpy(bigger, block, had);
	return bigger;
}

void __wrap_free(void *block)
{
	if (!is_first(block))
		__real_free(block);
}
