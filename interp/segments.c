/* Element segments (spec: 4.2.11, table.init). Items that are function indices are read from the
 * module's bytes whenever they are needed; items that are expressions are evaluated once, at
 * instantiation. */
#include "interp/heap.h"
#include "validator/reader.h"

static struct reader items_of(const struct instance *inst, const struct elem_segment *elem)
{
	const struct module *m = inst->module;
	return (struct reader){
	    .base = m->bytes, .pos = m->bytes + elem->items_offset, .end = m->bytes + m->size};
}

static bool evaluate(struct instance *inst, uint32_t segment, struct error *err)
{
	const struct elem_segment *elem = &inst->module->elems[segment];
	uint64_t *values = arena_zeroed(inst->store->arena, elem->count, sizeof *values);
	if (values == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	/* At once: a collection on the way must find what is there. */
	inst->elem_values[segment] = values;
	struct reader r = items_of(inst, elem);
	for (uint32_t i = 0; i < elem->count; i++) {
		struct const_expr expr = {
		    .offset = reader_offset(&r),
		    .size = (uint32_t)(inst->module->size - reader_offset(&r)),
		};
		union slot value;
		if (!const_eval(inst, &expr, elem->type, &value, err))
			return false;
		r.pos += expr.size;
		values[i] = value.i64;
	}
	return true;
}

bool elem_evaluate(struct instance *inst, struct error *err)
{
	for (uint32_t i = 0; i < inst->module->elem_count; i++)
		if (!inst->module->elems[i].is_funcs && !evaluate(inst, i, err))
			return false;
	return true;
}

/* The items of a large module are most of what its instantiation computes, so they are read without
 * the checks of read_u32(): they were validated. */
static inline uint32_t next_func(struct reader *r)
{
	uint32_t index = 0;
	for (unsigned shift = 0; r->pos < r->end; shift += 7) {
		uint8_t byte = *r->pos++;
		index |= (uint32_t)(byte & 0x7f) << shift;
		if (byte < 0x80 || shift == 28)
			break;
	}
	return index;
}

void elem_values(struct instance *inst, uint32_t segment, uint32_t source, uint32_t count,
                 uint64_t *out)
{
	const struct elem_segment *elem = &inst->module->elems[segment];
	if (!elem->is_funcs) {
		for (uint32_t i = 0; i < count; i++)
			out[i] = inst->elem_values[segment][source + i];
		return;
	}
	struct reader r = items_of(inst, elem);
	for (uint32_t i = 0; i < source; i++)
		next_func(&r);
	for (uint32_t i = 0; i < count; i++)
		out[i] = (uint64_t)(uintptr_t)instance_func(inst, next_func(&r));
}

enum trap table_init(struct instance *inst, uint32_t segment, uint32_t table_index, uint64_t at,
                     uint64_t source, uint64_t count)
{
	struct table *table = inst->tables[table_index];
	uint64_t size = inst->dropped_elems[segment] ? 0 : inst->module->elems[segment].count;
	if (at > table->size || count > table->size - at || source > size || count > size - source)
		return TRAP_TABLE_OUT_OF_BOUNDS;
	if (count == 0)
		return TRAP_NONE; /* an empty table has no elements to point behind */
	elem_values(inst, segment, (uint32_t)source, (uint32_t)count, table->elements + at);
	return TRAP_NONE;
}
