/* Struct and array operations that are more than a load or a store (spec: 4.6.4). */
#include "interp/heap.h"
#include "interp/lower.h"
#include "validator/reader.h"

#include <string.h>

static const struct field *element_of(const struct instance *inst, uint32_t type)
{
	return &inst->module->defs[type].fields[0];
}

/* ---- making ---- */

static uint32_t field_slots(const struct type_def *def)
{
	uint32_t slots = 0;
	for (uint32_t i = 0; i < def->field_count; i++)
		slots += valtype_slots(def->fields[i].type);
	return slots;
}

/* Puts a value from a slot into an element; on little-endian machines its first bytes are it. */
static void put_element(unsigned char *to, const union slot *from, unsigned size)
{
	memcpy(to, from, size);
}

static void copy_fields(struct object *object, const struct type_def *def, const union slot *from)
{
	union slot *to = object->slots;
	for (uint32_t i = 0; i < def->field_count; i++) {
		const struct field *field = &def->fields[i];
		unsigned slots = valtype_slots(field->type);
		memcpy(to, from, slots * sizeof *to);
		if (field->packed_bits != 0)
			to->i64 &= (UINT64_C(1) << field->packed_bits) - 1;
		to += slots;
		from += slots;
	}
}

struct object *gc_make_struct(struct instance *inst, uint32_t type, const union slot *fields)
{
	const struct type_def *def = &inst->module->defs[type];
	struct object *object = heap_allocate(inst->store, inst->type_ids[type], 0,
	                                      (uint64_t)field_slots(def) * sizeof(union slot));
	if (object != NULL && fields != NULL)
		copy_fields(object, def, fields);
	return object;
}

struct object *gc_make_array(struct instance *inst, uint32_t type, uint32_t length,
                             const union slot *elements, bool repeat_first)
{
	const struct field *field = element_of(inst, type);
	unsigned size = element_size(field);
	struct object *object =
	    heap_allocate(inst->store, inst->type_ids[type], length, (uint64_t)length * size);
	if (object == NULL || elements == NULL)
		return object;
	unsigned char *to = (unsigned char *)object->slots;
	unsigned step = repeat_first ? 0 : valtype_slots(field->type);
	for (uint32_t i = 0; i < length; i++)
		put_element(to + (size_t)i * size, elements + (size_t)i * step, size);
	return object;
}

static enum trap keep(union slot *slot, const struct object *object)
{
	if (object == NULL)
		return TRAP_HEAP_EXHAUSTED;
	slot->i64 = (uint64_t)(uintptr_t)object;
	return TRAP_NONE;
}

enum trap gc_struct_new(struct instance *inst, const struct cell *pc, union slot *fp)
{
	set_safepoint(inst, pc, fp);
	return keep(&fp[pc->a], gc_make_struct(inst, pc->c, &fp[pc->b]));
}

enum trap gc_struct_new_default(struct instance *inst, const struct cell *pc, union slot *fp)
{
	set_safepoint(inst, pc, fp);
	return keep(&fp[pc->a], gc_make_struct(inst, pc->c, NULL));
}

enum trap gc_array_new(struct instance *inst, const struct cell *pc, union slot *fp)
{
	set_safepoint(inst, pc, fp);
	const union slot *value = &fp[pc->b];
	uint32_t length = value[valtype_slots(element_of(inst, pc->c)->type)].i32;
	return keep(&fp[pc->a], gc_make_array(inst, pc->c, length, value, true));
}

enum trap gc_array_new_default(struct instance *inst, const struct cell *pc, union slot *fp)
{
	set_safepoint(inst, pc, fp);
	return keep(&fp[pc->a], gc_make_array(inst, pc->c, fp[pc->b].i32, NULL, false));
}

enum trap gc_array_new_fixed(struct instance *inst, const struct cell *pc, union slot *fp)
{
	set_safepoint(inst, pc, fp);
	return keep(&fp[pc->a], gc_make_array(inst, pc->c, pc->d, &fp[pc->b], false));
}

/* ---- from segments ---- */

static bool within(uint64_t at, uint64_t count, uint64_t size)
{
	return at <= size && count <= size - at;
}

/* The bytes of `count` elements from byte `source` of a data segment; NULL: out of its bounds. */
static const uint8_t *data_bytes(const struct instance *inst, uint32_t segment, uint32_t source,
                                 uint64_t bytes)
{
	const struct data_segment *data = &inst->module->datas[segment];
	uint64_t size = inst->dropped_datas[segment] ? 0 : data->size;
	if (!within(source, bytes, size))
		return NULL;
	return inst->module->bytes + data->data_offset + source;
}

static enum trap fill_from_elem(struct instance *inst, struct object *object, uint32_t at,
                                uint32_t segment, uint32_t source, uint32_t count)
{
	uint64_t size = inst->dropped_elems[segment] ? 0 : inst->module->elems[segment].count;
	if (!within(source, count, size))
		return TRAP_TABLE_OUT_OF_BOUNDS;
	elem_values(inst, segment, source, count, &object->slots[at].i64);
	return TRAP_NONE;
}

enum trap gc_array_new_data(struct instance *inst, const struct cell *pc, union slot *fp)
{
	set_safepoint(inst, pc, fp);
	uint32_t source = fp[pc->b].i32, count = fp[pc->b + 1].i32;
	uint64_t bytes = (uint64_t)count * element_size(element_of(inst, pc->c));
	const uint8_t *from = data_bytes(inst, pc->d, source, bytes);
	if (from == NULL)
		return TRAP_MEMORY_OUT_OF_BOUNDS;
	struct object *object = gc_make_array(inst, pc->c, count, NULL, false);
	if (object != NULL && bytes > 0)
		memcpy(object->slots, from, bytes);
	return keep(&fp[pc->a], object);
}

enum trap gc_array_new_elem(struct instance *inst, const struct cell *pc, union slot *fp)
{
	set_safepoint(inst, pc, fp);
	uint32_t source = fp[pc->b].i32, count = fp[pc->b + 1].i32;
	/* Before the allocation: a wrong count must not become a large one. */
	uint64_t size = inst->dropped_elems[pc->d] ? 0 : inst->module->elems[pc->d].count;
	if (!within(source, count, size))
		return TRAP_TABLE_OUT_OF_BOUNDS;
	struct object *object = gc_make_array(inst, pc->c, count, NULL, false);
	if (object == NULL)
		return TRAP_HEAP_EXHAUSTED;
	enum trap trap = fill_from_elem(inst, object, 0, pc->d, source, count);
	return trap != TRAP_NONE ? trap : keep(&fp[pc->a], object);
}

/* ---- changing ---- */

static struct object *object_at(const union slot *slot)
{
	return (struct object *)(uintptr_t)slot->i64;
}

enum trap gc_array_fill(struct instance *inst, const struct cell *pc, union slot *fp)
{
	const union slot *row = &fp[pc->b];
	const struct field *field = element_of(inst, pc->c);
	unsigned size = element_size(field);
	struct object *array = object_at(&row[0]);
	uint32_t at = row[1].i32;
	uint32_t count = row[2 + valtype_slots(field->type)].i32;
	if (array == NULL)
		return TRAP_NULL_ARRAY;
	if (!within(at, count, array->length))
		return TRAP_ARRAY_OUT_OF_BOUNDS;
	unsigned char *to = (unsigned char *)array->slots + (size_t)at * size;
	for (uint32_t i = 0; i < count; i++)
		put_element(to + (size_t)i * size, &row[2], size);
	return TRAP_NONE;
}

enum trap gc_array_copy(struct instance *inst, const struct cell *pc, union slot *fp)
{
	const union slot *row = &fp[pc->b];
	unsigned size = element_size(element_of(inst, pc->c));
	struct object *to = object_at(&row[0]);
	struct object *from = object_at(&row[2]);
	uint32_t at = row[1].i32, source = row[3].i32, count = row[4].i32;
	if (to == NULL || from == NULL)
		return TRAP_NULL_ARRAY;
	if (!within(at, count, to->length) || !within(source, count, from->length))
		return TRAP_ARRAY_OUT_OF_BOUNDS;
	memmove((unsigned char *)to->slots + (size_t)at * size,
	        (unsigned char *)from->slots + (size_t)source * size, (size_t)count * size);
	return TRAP_NONE;
}

enum trap gc_array_init_data(struct instance *inst, const struct cell *pc, union slot *fp)
{
	const union slot *row = &fp[pc->b];
	unsigned size = element_size(element_of(inst, pc->c));
	struct object *array = object_at(&row[0]);
	uint32_t at = row[1].i32, source = row[2].i32, count = row[3].i32;
	if (array == NULL)
		return TRAP_NULL_ARRAY;
	if (!within(at, count, array->length))
		return TRAP_ARRAY_OUT_OF_BOUNDS;
	uint64_t bytes = (uint64_t)count * size;
	const uint8_t *from = data_bytes(inst, pc->d, source, bytes);
	if (from == NULL)
		return TRAP_MEMORY_OUT_OF_BOUNDS;
	if (bytes > 0)
		memcpy((unsigned char *)array->slots + (size_t)at * size, from, bytes);
	return TRAP_NONE;
}

enum trap gc_array_init_elem(struct instance *inst, const struct cell *pc, union slot *fp)
{
	const union slot *row = &fp[pc->b];
	struct object *array = object_at(&row[0]);
	uint32_t at = row[1].i32, source = row[2].i32, count = row[3].i32;
	if (array == NULL)
		return TRAP_NULL_ARRAY;
	if (!within(at, count, array->length))
		return TRAP_ARRAY_OUT_OF_BOUNDS;
	return fill_from_elem(inst, array, at, pc->d, source, count);
}
