/* Linear memories (spec: 4.2.9): reservations of address space, of which the present size may be
 * touched. Growth is one mprotect, and the base never moves.
 *
 * A guarded memory, as every 32-bit one is that has pages of 64 KiB, takes every address plus every
 * constant offset, so that an access needs no check:
 *
 *     base                base + size                          base + 2^32 + 2^32 + 2^16
 *      | readable, writable | PROT_NONE: a fault is the trap ……………… |
 *
 * A 64-bit memory, one with small pages, and every memory where address space is short or
 * store_options.checked_memory is set, has room to grow in only; code that accesses it checks each
 * address against the size (cell.h: address_…). */
#include "interp/runtime.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define GUARDED_ROOM (UINT64_C(1) << 32)

/* A multiple of every host's page size. */
#define GRANULE (UINT64_C(1) << 16)

static uint64_t whole_granules(uint64_t bytes)
{
	return bytes > UINT64_MAX - GRANULE ? UINT64_MAX - GRANULE + 1
	                                    : (bytes + GRANULE - 1) / GRANULE * GRANULE;
}

static bool charge(struct memory *memory, uint64_t bytes)
{
	struct store *store = memory->store;
	uint64_t limit = store->options.memory_limit;
	uint64_t total;
	if (__builtin_add_overflow(store->memory_bytes, bytes, &total) ||
	    (limit != 0 && total > limit)) {
		store->memory_limit_reached = true;
		return false;
	}
	store->memory_bytes = total;
	return true;
}

static bool reserve(struct memory *memory, uint64_t bytes)
{
	void *base = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return false;
	memory->base = base;
	memory->reserved = bytes;
	return true;
}

/* The bytes that a memory without guard may come to need: what its type allows, but no more than
 * the memory limit, or than INTERP_MEMORY64_ROOM when there is none. Growth beyond fails. */
static uint64_t room_wanted(const struct memory *memory, uint64_t size)
{
	const struct memory_type *type = &memory->type;
	unsigned shift = type->page_size_log2;
	uint64_t limit = memory->store->options.memory_limit;
	uint64_t pages = memory_pages_max(type);
	if (type->limits.has_max && type->limits.max < pages)
		pages = type->limits.max;
	uint64_t room = pages > UINT64_MAX >> shift ? UINT64_MAX : pages << shift;
	if (limit == 0)
		limit = INTERP_MEMORY64_ROOM;
	if (room > limit)
		room = limit;
	return room > size ? room : size;
}

/* Reserves `most` bytes or, where there is not so much address space, half of what there is, so
 * that the rest stays for code and stacks; `least` at least. */
static bool reserve_between(struct memory *memory, uint64_t most, uint64_t least)
{
	if (reserve(memory, most))
		return true;
	for (uint64_t bytes = whole_granules(most / 2); bytes > least;
	     bytes = whole_granules(bytes / 2)) {
		if (!reserve(memory, bytes))
			continue;
		memory_clear(memory);
		uint64_t half = whole_granules(bytes / 2);
		return reserve(memory, half > least ? half : least);
	}
	return reserve(memory, least);
}

bool memory_can_be_guarded(const struct memory_type *type, const struct store *store)
{
	return !type->limits.is_64 && type->page_size_log2 == 16 && !store->options.checked_memory;
}

/* Of the store's address space, or its own. */
static bool reserve_guarded(struct memory *memory)
{
	struct store *store = memory->store;
	if (store->memory_ready == NULL)
		return reserve(memory, MEMORY_GUARDED_RESERVATION);
	memory->base = store->memory_ready;
	memory->reserved = MEMORY_GUARDED_RESERVATION;
	memory->is_in_store = true;
	store->memory_ready = NULL;
	return true;
}

static bool reserve_any(struct memory *memory, uint64_t size)
{
	if (memory_can_be_guarded(&memory->type, memory->store) && reserve_guarded(memory)) {
		memory->is_guarded = true;
		memory->room = GUARDED_ROOM;
		return true;
	}
	uint64_t least = whole_granules(size > 0 ? size : 1);
	uint64_t most = whole_granules(room_wanted(memory, size));
	if (!reserve_between(memory, most > least ? most : least, least))
		return false;
	memory->room = memory->reserved;
	return true;
}

static bool make_usable(struct memory *memory, uint64_t size)
{
	uint64_t from = whole_granules(memory->size);
	uint64_t to = whole_granules(size);
	if (to > from && mprotect(memory->base + from, to - from, PROT_READ | PROT_WRITE) != 0)
		return false;
	memory->size = size;
	return true;
}

bool memory_init_storage(struct memory *memory, struct error *err)
{
	unsigned shift = memory->type.page_size_log2;
	uint64_t pages = memory->type.limits.min;
	uint64_t size = pages << shift;
	if (pages > UINT64_MAX >> shift || !charge(memory, size))
		return error_set(err, ERROR_LIMIT,
		                 "the module's memory starts with %llu pages of %llu bytes, more than the "
		                 "memory limit of %llu bytes leaves",
		                 (unsigned long long)pages, 1ull << shift,
		                 (unsigned long long)memory->store->options.memory_limit);
	if (!reserve_any(memory, size))
		return error_set_errno(err, errno,
		                       "cannot reserve %llu bytes of address space for a memory (is the "
		                       "address space limited, as by ulimit -v?)",
		                       (unsigned long long)size);
	return make_usable(memory, size) ||
	       error_set_errno(err, errno, "cannot make %llu bytes of memory usable",
	                       (unsigned long long)size);
}

void memory_clear(struct memory *memory)
{
	if (memory->base != NULL && !memory->is_in_store)
		munmap(memory->base, memory->reserved);
	memory->base = NULL;
	memory->reserved = 0;
}

struct memory *memory_create(struct store *store, const struct memory_type *type, struct error *err)
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
	const struct memory_type *type = &memory->type;
	unsigned shift = type->page_size_log2;
	uint64_t old = memory->size >> shift;
	uint64_t most = memory_pages_max(type);
	if (type->limits.has_max && type->limits.max < most)
		most = type->limits.max;
	if (pages > most - old || pages > (memory->room - memory->size) >> shift)
		return UINT64_MAX;
	uint64_t more = pages << shift;
	if (!charge(memory, more))
		return UINT64_MAX;
	if (!make_usable(memory, memory->size + more)) {
		memory->store->memory_bytes -= more;
		return UINT64_MAX;
	}
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
