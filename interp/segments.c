/* Element segments: their items are read from the module's bytes whenever they are needed
 * (spec: 4.2.11, table.init). */
#include "interp/runtime.h"
#include "validator/reader.h"

/* The value of the next item; the reader was validated up to the segment's end. */
static bool next_item(struct instance *inst, const struct elem_segment *elem, struct reader *r,
                      uint64_t *out, struct error *err)
{
	if (elem->is_funcs) {
		uint32_t index;
		if (!read_u32(r, &index, err))
			return false;
		*out = (uint64_t)(uintptr_t)instance_func(inst, index);
		return true;
	}
	struct const_expr expr = {.offset = reader_offset(r),
	                          .size = (uint32_t)(inst->module->size - reader_offset(r))};
	union slot value;
	if (!const_eval(inst, &expr, elem->type, &value, err))
		return false;
	r->pos += expr.size;
	*out = value.i64;
	return true;
}

enum trap table_init(struct instance *inst, uint32_t segment, uint32_t table_index, uint64_t at,
                     uint64_t source, uint64_t count)
{
	const struct module *m = inst->module;
	const struct elem_segment *elem = &m->elems[segment];
	struct table *table = inst->tables[table_index];
	uint64_t size = inst->dropped_elems[segment] ? 0 : elem->count;
	if (at > table->size || count > table->size - at || source > size || count > size - source)
		return TRAP_TABLE_OUT_OF_BOUNDS;
	struct reader r = {
		.base = m->bytes, .pos = m->bytes + elem->items_offset, .end = m->bytes + m->size};
	for (uint64_t i = 0; i < source + count; i++) {
		uint64_t value;
		if (!next_item(inst, elem, &r, &value, inst->store->host_error))
			return TRAP_HOST;
		if (i >= source)
			table->elements[at + i - source] = value;
	}
	return TRAP_NONE;
}
