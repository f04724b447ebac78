/* Handlers of references, structs and arrays, for exec.c alone. */

#define NULL_CHECK(name, reference)                                                                \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		TRAP_IF((reference) == 0, (enum trap)pc->c)                                                \
		NEXT;                                                                                      \
	}
NULL_CHECK(null_check_s, fp[pc->b].i64)
NULL_CHECK(null_check_a, acc)

/* A null matches when the type is nullable. */
#define MATCHES(word) ((word) == 0 ? (pc->c & VAL_NULLABLE) != 0 : ref_matches(inst, word, pc->c))

HANDLER(ref_test)
{
	uint64_t word = fp[pc->b].i64;
	acc = MATCHES(word);
	FORGET_OTHERS();
	NEXT;
}

HANDLER(ref_cast)
{
	uint64_t word = fp[pc->b].i64;
	bool matches = MATCHES(word);
	TRAP_IF(!matches, TRAP_CAST)
	FORGET_ALL();
	NEXT;
}

/* ---- structs ---- */

#define OBJECT(slot) ((struct object *)(uintptr_t)fp[slot].i64)

/* Packed fields hold their bits with zeros above. */
#define FIELD_SET(name, member, value)                                                             \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		struct object *object = OBJECT(pc->b);                                                     \
		TRAP_IF(object == NULL, TRAP_NULL_STRUCT)                                                  \
		object->slots[pc->c].member = value;                                                       \
		NEXT;                                                                                      \
	}
FIELD_SET(field_set_8, i64, (uint8_t)fp[pc->a].i32)
FIELD_SET(field_set_16, i64, (uint16_t)fp[pc->a].i32)
FIELD_SET(field_set_32, i32, fp[pc->a].i32)
FIELD_SET(field_set_64, i64, fp[pc->a].i64)

HANDLER(field_set_128)
{
	struct object *object = OBJECT(pc->b);
	TRAP_IF(object == NULL, TRAP_NULL_STRUCT)
	v_write(&object->slots[pc->c], SLOT_v128(pc->a));
	NEXT;
}

/* ---- arrays ---- */

#define ARRAY_GET(name, M, U, e)                                                                   \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		const struct object *array = OBJECT(pc->b);                                                \
		uint32_t index = fp[pc->c].i32;                                                            \
		TRAP_IF(array == NULL, TRAP_NULL_ARRAY)                                                    \
		TRAP_IF(index >= array->length, TRAP_ARRAY_OUT_OF_BOUNDS)                                  \
		M v;                                                                                       \
		__builtin_memcpy(&v, (const char *)array->slots + index * sizeof v, sizeof v);             \
		SET_##U(e);                                                                                \
		KEEP_##U(pc->a);                                                                           \
		NEXT;                                                                                      \
	}
ARRAY_GET(array_get_s8, int8_t, i32, (uint32_t)(int32_t)v)
ARRAY_GET(array_get_u8, uint8_t, i32, v)
ARRAY_GET(array_get_s16, int16_t, i32, (uint32_t)(int32_t)v)
ARRAY_GET(array_get_u16, uint16_t, i32, v)
ARRAY_GET(array_get_i32, uint32_t, i32, v)
ARRAY_GET(array_get_i64, uint64_t, i64, v)
ARRAY_GET(array_get_f32, float, f32, v)
ARRAY_GET(array_get_f64, double, f64, v)
ARRAY_GET(array_get_v128, v128, v128, v)

#define ARRAY_SET(name, M, value)                                                                  \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		struct object *array = OBJECT(pc->b);                                                      \
		uint32_t index = fp[pc->c].i32;                                                            \
		TRAP_IF(array == NULL, TRAP_NULL_ARRAY)                                                    \
		TRAP_IF(index >= array->length, TRAP_ARRAY_OUT_OF_BOUNDS)                                  \
		M v = value;                                                                               \
		__builtin_memcpy((char *)array->slots + index * sizeof v, &v, sizeof v);                   \
		NEXT;                                                                                      \
	}
ARRAY_SET(array_set_8, uint8_t, (uint8_t)fp[pc->a].i64)
ARRAY_SET(array_set_16, uint16_t, (uint16_t)fp[pc->a].i64)
ARRAY_SET(array_set_32, uint32_t, (uint32_t)fp[pc->a].i64)
ARRAY_SET(array_set_64, uint64_t, fp[pc->a].i64)
ARRAY_SET(array_set_128, v128, SLOT_v128(pc->a))

/* ---- what gc.c does ---- */

BULK(struct_new, gc_struct_new(inst, pc, fp))
BULK(struct_new_default, gc_struct_new_default(inst, pc, fp))
BULK(array_new, gc_array_new(inst, pc, fp))
BULK(array_new_default, gc_array_new_default(inst, pc, fp))
BULK(array_new_fixed, gc_array_new_fixed(inst, pc, fp))
BULK(array_new_data, gc_array_new_data(inst, pc, fp))
BULK(array_new_elem, gc_array_new_elem(inst, pc, fp))
BULK(array_fill, gc_array_fill(inst, pc, fp))
BULK(array_copy, gc_array_copy(inst, pc, fp))
BULK(array_init_data, gc_array_init_data(inst, pc, fp))
BULK(array_init_elem, gc_array_init_elem(inst, pc, fp))
