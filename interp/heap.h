/* Inside interp/: the garbage-collected heap of a store: structs, arrays and exceptions.
 *
 * Words of references, by their static type's hierarchy (0 is null in all):
 *
 *     any   an object's address; bit 0 set: an i31 in bits 1..31; bit 62 set: a host's externref
 *     extern  the host's word, below 2^62; bit 63 set: an any word
 *     exn   an object's address
 *     func  a struct func *, never on this heap
 *
 * Objects do not move. A collection marks from roots that are known exactly: globals, tables,
 * element segments, exceptions, and the slots of all frames by the maps that lowering makes
 * (lower.h). It can happen at every allocation, so whoever allocates keeps his references in slots
 * that the present cell's map names (safepoint below), or in a heap_guard. */
#ifndef INTERP_HEAP_H
#define INTERP_HEAP_H

#include "interp/runtime.h"

/* Object layout: header, then the payload: a struct's fields in slots of 8 bytes (v128: two), in
 * order; an array's elements at their natural size; an exception's tag and its arguments in slots.
 */
struct object {
	uint32_t type;   /* id in the store's type space, or OBJECT_EXCEPTION */
	uint32_t length; /* of an array; of an exception: slots of its arguments */
	union slot slots[];
};

#define OBJECT_EXCEPTION UINT32_MAX

#define I31_BIT UINT64_C(1)
#define HOST_BIT (UINT64_C(1) << 62)
#define ANY_BIT (UINT64_C(1) << 63)

/* How the collector reads a slot. */
enum ref_kind { REF_NONE, REF_OBJECT, REF_EXTERN };

/* Also for value types of a module: the defs are those that its indices name. */
enum ref_kind ref_kind_of(const struct type_def *defs, valtype type);

struct heap *heap_create(struct store *store); /* NULL: out of memory */
void heap_destroy(struct heap *heap);

/* An object with `size` zeroed bytes behind its header. NULL: the limit
 * (store_options.memory_limit, or INTERP_HEAP_LIMIT_DEFAULT) leaves no room, also after a
 * collection. */
struct object *heap_allocate(struct store *store, uint32_t type, uint32_t length, uint64_t size);

/* The present cell, for collections. Everything that allocates or calls from a handler sets it. */
static inline void set_safepoint(struct instance *inst, const struct cell *pc, union slot *fp)
{
	inst->store->safe_pc = pc;
	inst->store->safe_fp = fp;
}

/* Bytes of one element of an array with this element type. */
static inline unsigned element_size(const struct field *field)
{
	if (field->packed_bits != 0)
		return field->packed_bits / 8;
	switch (valtype_kind(field->type)) {
	case VAL_KIND_I32:
	case VAL_KIND_F32:
		return 4;
	case VAL_KIND_V128:
		return 16;
	default:
		return 8;
	}
}

/* Does a non-null any, extern, exn or func word match the target type of the module? */
bool ref_matches(struct instance *inst, uint64_t word, valtype target);

/* gc.c: what handlers call; operands stand in the row of slots from cell b on, results go to slot
 * a. */
enum trap gc_struct_new(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_struct_new_default(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_new(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_new_default(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_new_fixed(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_new_data(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_new_elem(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_fill(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_copy(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_init_data(struct instance *inst, const struct cell *pc, union slot *fp);
enum trap gc_array_init_elem(struct instance *inst, const struct cell *pc, union slot *fp);

/* The same from values in slots, for constant expressions. */
struct object *gc_make_struct(struct instance *inst, uint32_t type, const union slot *fields);
struct object *gc_make_array(struct instance *inst, uint32_t type, uint32_t length,
                             const union slot *elements, bool repeat_first);

#endif
