/* Tables (spec: 4.2.8): arrays of references, 0 for null. */
#include "interp/runtime.h"

#include <string.h>

static bool is_within_limit(const struct table *table, uint64_t size)
{
	const struct store *store = table->store;
	return size - table->size <= store->options.table_limit - store->table_elements;
}

/* False when memory is out. */
static bool make_room(struct table *table, uint64_t size)
{
	struct store *store = table->store;
	uint64_t more = size - table->size;
	if (size > SIZE_MAX / 2 / sizeof *table->elements)
		return false;
	if (size > table->room) {
		uint64_t room = table->room * 2 > size ? table->room * 2 : size;
		uint64_t *elements = mem_resize(table->elements, room * sizeof *elements);
		if (elements == NULL)
			return false;
		table->elements = elements;
		table->room = room;
	}
	store->table_elements += more;
	return true;
}

struct table *table_create(struct store *store, const struct table_type *type, struct error *err)
{
	struct table *table = arena_zeroed(store->arena, 1, sizeof *table);
	if (table == NULL) {
		error_set(err, ERROR_NO_MEMORY, "out of memory");
		return NULL;
	}
	table->store = store;
	table->type = *type;
	table->next = store->tables;
	store->tables = table;
	uint64_t size = type->limits.min;
	if (!is_within_limit(table, size)) {
		error_set(err, ERROR_LIMIT,
		          "a table of %llu elements is more than the table limit of %llu leaves",
		          (unsigned long long)size, (unsigned long long)store->options.table_limit);
		return NULL;
	}
	if (!make_room(table, size)) {
		error_set(err, ERROR_NO_MEMORY, "out of memory: a table of %llu elements",
		          (unsigned long long)size);
		return NULL;
	}
	if (size > 0)
		memset(table->elements, 0, size * sizeof *table->elements);
	table->size = size;
	return table;
}

void table_clear(struct table *table)
{
	mem_free(table->elements);
}

uint64_t table_grow(struct table *table, uint64_t init, uint64_t count)
{
	uint64_t old = table->size;
	uint64_t most = table->type.limits.is_64 ? UINT64_MAX : UINT32_MAX;
	if (table->type.limits.has_max && table->type.limits.max < most)
		most = table->type.limits.max;
	if (count > most - old || !is_within_limit(table, old + count) ||
	    !make_room(table, old + count))
		return UINT64_MAX;
	for (uint64_t i = 0; i < count; i++)
		table->elements[old + i] = init;
	table->size = old + count;
	return old;
}

static bool within(uint64_t at, uint64_t count, uint64_t size)
{
	return at <= size && count <= size - at;
}

enum trap table_fill(struct table *table, uint64_t at, uint64_t value, uint64_t count)
{
	if (!within(at, count, table->size))
		return TRAP_TABLE_OUT_OF_BOUNDS;
	for (uint64_t i = 0; i < count; i++)
		table->elements[at + i] = value;
	return TRAP_NONE;
}

enum trap table_copy(struct table *to, struct table *from, uint64_t at, uint64_t source,
                     uint64_t count)
{
	if (!within(at, count, to->size) || !within(source, count, from->size))
		return TRAP_TABLE_OUT_OF_BOUNDS;
	if (count > 0)
		memmove(to->elements + at, from->elements + source, count * sizeof *to->elements);
	return TRAP_NONE;
}
