/* Linear memories (spec: 4.2.9). A 32-bit memory is a reservation of address space for every address
 * plus every constant offset, of which only the memory's present size may be touched:
 *
 *     base                base + size                          base + 2^32 + 2^32 + 16
 *      | readable, writable | PROT_NONE: a fault is the trap ……………… |
 *
 * So an access needs no check, growth is one mprotect, and the base never moves. */
#include "interp/runtime.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define RESERVED ((UINT64_C(1) << 33) + (UINT64_C(1) << 16))

static bool charge(struct memory *memory, uint64_t bytes)
{
	struct store *store = memory->store;
	uint64_t limit = store->options.memory_limit;
	uint64_t total;
	if (__builtin_add_overflow(store->memory_bytes, bytes, &total) ||
	    (limit != 0 && total > limit))
		return false;
	store->memory_bytes = total;
	return true;
}

bool memory_init_storage(struct memory *memory, struct error *err)
{
	uint64_t size = memory->type.limits.min << memory->type.page_size_log2;
	if (!charge(memory, size))
		return error_set(err, ERROR_LIMIT,
		                 "the module's memory starts with %llu bytes, more than the memory limit "
		                 "of %llu bytes leaves",
		                 (unsigned long long)size,
		                 (unsigned long long)memory->store->options.memory_limit);
	void *base = mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
	                  0);
	if (base == MAP_FAILED)
		return error_set_errno(err, errno,
		                       "cannot reserve 8 GiB of address space for a memory (is the "
		                       "address space limited, as by ulimit -v?)");
	memory->base = base;
	memory->reserved = RESERVED;
	if (size > 0 && mprotect(base, size, PROT_READ | PROT_WRITE) != 0)
		return error_set_errno(err, errno, "cannot make %llu bytes of memory usable",
		                       (unsigned long long)size);
	memory->size = size;
	return true;
}

void memory_clear(struct memory *memory)
{
	if (memory->base != NULL)
		munmap(memory->base, memory->reserved);
	memory->base = NULL;
}

struct memory *memory_create(struct store *store, const struct memory_type *type,
                             struct error *err)
{
	struct memory *memory = arena_zeroed(store->arena, 1, sizeof *memory);
	if (memory == NULL) {
		error_set(err, ERROR_NO_MEMORY, "out of memory");
		return NULL;
	}
	memory->store = store;
	memory->type = *type;
	memory->next = store->memories;
	store->memories = memory;
	return memory_init_storage(memory, err) ? memory : NULL;
}

uint64_t memory_grow(struct memory *memory, uint64_t pages)
{
	unsigned shift = memory->type.page_size_log2;
	uint64_t old = memory->size >> shift;
	uint64_t most = UINT64_C(1) << (32 - shift);
	if (memory->type.limits.has_max && memory->type.limits.max < most)
		most = memory->type.limits.max;
	if (pages > most - old)
		return UINT64_MAX;
	uint64_t more = pages << shift;
	if (more == 0)
		return old;
	if (!charge(memory, more))
		return UINT64_MAX;
	if (mprotect(memory->base + memory->size, more, PROT_READ | PROT_WRITE) != 0) {
		memory->store->memory_bytes -= more;
		return UINT64_MAX;
	}
	memory->size += more;
	return old;
}

uint8_t *memory_base(const struct memory *memory)
{
	return memory->base;
}

uint64_t memory_size(const struct memory *memory)
{
	return memory->size;
}

/* Do `count` bytes (or elements) from `at` lie in `size`? */
static bool within(uint64_t at, uint64_t count, uint64_t size)
{
	return at <= size && count <= size - at;
}

enum trap memory_fill(struct memory *memory, uint64_t at, uint8_t value, uint64_t count)
{
	if (!within(at, count, memory->size))
		return TRAP_MEMORY_OUT_OF_BOUNDS;
	memset(memory->base + at, value, count);
	return TRAP_NONE;
}

enum trap memory_copy(struct memory *to, struct memory *from, uint64_t at, uint64_t source,
                      uint64_t count)
{
	if (!within(at, count, to->size) || !within(source, count, from->size))
		return TRAP_MEMORY_OUT_OF_BOUNDS;
	memmove(to->base + at, from->base + source, count);
	return TRAP_NONE;
}

enum trap memory_write(struct memory *memory, uint64_t at, const uint8_t *bytes, uint64_t size,
                       uint64_t source, uint64_t count)
{
	if (!within(at, count, memory->size) || !within(source, count, size))
		return TRAP_MEMORY_OUT_OF_BOUNDS;
	if (count > 0)
		memcpy(memory->base + at, bytes + source, count);
	return TRAP_NONE;
}
