/* References, structs and arrays. Operands of what allocates stand in slots, where the collector
 * finds them; loads and stores of fields take theirs from wherever they are. */
#include "interp/lower.h"

/* An operation on a row of operands that may collect garbage and leaves a reference. */
static struct cell *emit_making(struct lowering *l, enum op op, uint32_t operands, valtype made)
{
	settle_top(l, operands);
	note_safepoint(l);
	uint16_t slot = pop_row(l, operands);
	struct cell *cell = emit_plain_result(l, op, CLASS_INT);
	cell->b = slot;
	type_top(l, made);
	forget_all(l);
	return cell;
}

static valtype made_type(uint32_t type)
{
	return ref_to(type, false);
}

/* The operand in a slot or the accumulator; true: the latter. */
static bool take_operand(struct lowering *l, struct sym *sym, uint16_t *slot)
{
	struct src src = find(l, sym);
	*slot = src.slot;
	if (src.kind == SRC_CONST)
		*slot = in_slot(l, sym);
	if (src.kind != SRC_ACC)
		return false;
	take_from_acc(l, sym);
	return true;
}

/* A check of the reference on top, which stays there. */
static void emit_check(struct lowering *l, enum op from_slot, enum op from_acc, uint32_t c)
{
	struct sym sym = pop_sym(l);
	struct src src = find(l, &sym);
	if (src.kind == SRC_CONST) {
		src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &sym)};
		sym.kind = SYM_TEMP;
	}
	struct cell *cell = emit(l, src.kind == SRC_ACC ? from_acc : from_slot);
	cell->b = src.slot;
	cell->c = c;
	unpop_sym(l, &sym);
}

/* ---- fields ---- */

static uint32_t field_slot(const struct type_def *def, uint32_t field)
{
	uint32_t slot = 0;
	for (uint32_t i = 0; i < field; i++)
		slot += valtype_slots(def->fields[i].type);
	return slot;
}

/* The first variant (s_r) of the family that reads such a field. */
static enum op get_family(const struct field *field, bool is_signed, enum acc_class *class)
{
	*class = class_of(field->type);
	if (field->packed_bits == 8)
		return is_signed ? OP_field_s8_s_r : OP_field_u8_s_r;
	if (field->packed_bits == 16)
		return is_signed ? OP_field_s16_s_r : OP_field_u16_s_r;
	switch (valtype_kind(field->type)) {
	case VAL_KIND_I32:
		return OP_field_i32_s_r;
	case VAL_KIND_F32:
		return OP_field_f32_s_r;
	case VAL_KIND_F64:
		return OP_field_f64_s_r;
	case VAL_KIND_V128:
		return OP_field_v128_s_r;
	default:
		return OP_field_i64_s_r;
	}
}

static void lower_struct_get(struct lowering *l, const struct step *step)
{
	const struct type_def *def = &l->m->defs[step->index];
	const struct field *field = &def->fields[step->index2];
	enum acc_class class;
	enum op op = get_family(field, step->id == INSN_struct_get_s, &class);
	struct sym sym = pop_sym(l);
	uint16_t slot;
	bool from_acc = take_operand(l, &sym, &slot);
	struct cell *cell = emit_result(l, (enum op)(op + (from_acc ? 3 : 1)), class, INSN_COUNT, 0);
	cell->b = slot;
	cell->c = field_slot(def, step->index2);
	type_top(l, field->type);
}

static void lower_struct_set(struct lowering *l, const struct step *step)
{
	const struct type_def *def = &l->m->defs[step->index];
	const struct field *field = &def->fields[step->index2];
	struct sym value = pop_sym(l);
	struct sym object = pop_sym(l);
	uint16_t value_slot = in_slot(l, &value);
	uint16_t object_slot = in_slot(l, &object);
	struct cell *cell = emit(l, field->packed_bits == 8     ? OP_field_set_8
	                            : field->packed_bits == 16  ? OP_field_set_16
	                            : value.class == CLASS_F32  ? OP_field_set_32
	                            : value.class == CLASS_V128 ? OP_field_set_128
	                                                        : OP_field_set_64);
	cell->a = value_slot;
	cell->b = object_slot;
	cell->c = field_slot(def, step->index2);
}

static enum op element_op(const struct field *field, bool is_signed, enum acc_class *class)
{
	*class = class_of(field->type);
	if (field->packed_bits == 8)
		return is_signed ? OP_array_get_s8 : OP_array_get_u8;
	if (field->packed_bits == 16)
		return is_signed ? OP_array_get_s16 : OP_array_get_u16;
	switch (valtype_kind(field->type)) {
	case VAL_KIND_I32:
		return OP_array_get_i32;
	case VAL_KIND_F32:
		return OP_array_get_f32;
	case VAL_KIND_F64:
		return OP_array_get_f64;
	case VAL_KIND_V128:
		return OP_array_get_v128;
	default:
		return OP_array_get_i64;
	}
}

static void lower_array_get(struct lowering *l, const struct step *step)
{
	const struct field *field = &l->m->defs[step->index].fields[0];
	enum acc_class class;
	enum op op = element_op(field, step->id == INSN_array_get_s, &class);
	struct sym index = pop_sym(l);
	struct sym array = pop_sym(l);
	uint16_t index_slot = in_slot(l, &index);
	uint16_t array_slot = in_slot(l, &array);
	struct cell *cell = emit_plain_result(l, op, class);
	cell->b = array_slot;
	cell->c = index_slot;
	type_top(l, field->type);
}

static void lower_array_set(struct lowering *l, const struct step *step)
{
	const struct field *field = &l->m->defs[step->index].fields[0];
	struct sym value = pop_sym(l);
	struct sym index = pop_sym(l);
	struct sym array = pop_sym(l);
	uint16_t value_slot = in_slot(l, &value);
	uint16_t index_slot = in_slot(l, &index);
	uint16_t array_slot = in_slot(l, &array);
	unsigned size = element_size(field);
	struct cell *cell = emit(l, size == 1   ? OP_array_set_8
	                            : size == 2 ? OP_array_set_16
	                            : size == 4 ? OP_array_set_32
	                            : size == 8 ? OP_array_set_64
	                                        : OP_array_set_128);
	cell->a = value_slot;
	cell->b = array_slot;
	cell->c = index_slot;
}

static bool lower_aggregate(struct lowering *l, const struct step *step)
{
	const struct type_def *def = &l->m->defs[step->index];
	struct cell *cell;
	switch (step->id) {
	case INSN_struct_new:
		emit_making(l, OP_struct_new, def->field_count, made_type(step->index))->c = step->index;
		return true;
	case INSN_struct_new_default:
		emit_making(l, OP_struct_new_default, 0, made_type(step->index))->c = step->index;
		return true;
	case INSN_struct_get:
	case INSN_struct_get_s:
	case INSN_struct_get_u:
		lower_struct_get(l, step);
		return true;
	case INSN_struct_set:
		lower_struct_set(l, step);
		return true;
	case INSN_array_new:
		emit_making(l, OP_array_new, 2, made_type(step->index))->c = step->index;
		return true;
	case INSN_array_new_default:
		emit_making(l, OP_array_new_default, 1, made_type(step->index))->c = step->index;
		return true;
	case INSN_array_new_fixed:
		cell = emit_making(l, OP_array_new_fixed, step->index2, made_type(step->index));
		break;
	case INSN_array_new_data:
		cell = emit_making(l, OP_array_new_data, 2, made_type(step->index));
		break;
	case INSN_array_new_elem:
		cell = emit_making(l, OP_array_new_elem, 2, made_type(step->index));
		break;
	case INSN_array_get:
	case INSN_array_get_s:
	case INSN_array_get_u:
		lower_array_get(l, step);
		return true;
	case INSN_array_set:
		lower_array_set(l, step);
		return true;
	case INSN_array_fill:
		lower_bulk(l, OP_array_fill, 4, step->index, 0);
		return true;
	case INSN_array_copy:
		lower_bulk(l, OP_array_copy, 5, step->index, step->index2);
		return true;
	case INSN_array_init_data:
		lower_bulk(l, OP_array_init_data, 4, step->index, step->index2);
		return true;
	case INSN_array_init_elem:
		lower_bulk(l, OP_array_init_elem, 4, step->index, step->index2);
		return true;
	default:
		return false;
	}
	cell->c = step->index;
	cell->d = step->index2;
	return true;
}

/* ---- references ---- */

void lower_cast_test(struct lowering *l, const struct step *step)
{
	struct sym sym = pop_sym(l);
	uint16_t slot = in_slot(l, &sym);
	if (sym.kind == SYM_CONST)
		sym.kind = SYM_TEMP;
	unpop_sym(l, &sym);
	struct cell *cell = emit(l, OP_ref_test);
	cell->b = slot;
	cell->c = step->type2;
	forget_all(l);
}

bool lower_reference(struct lowering *l, const struct step *step)
{
	switch (step->id) {
	case INSN_ref_null:
		push_const(l, CLASS_INT, 0);
		type_top(l, step->type);
		return true;
	case INSN_ref_func:
		lower_grow(l, OP_ref_func, 0, step->index);
		return true;
	case INSN_ref_eq:
		lower_binary(l, INSN_i64_eq);
		return true;
	case INSN_ref_as_non_null:
		emit_check(l, OP_null_check_s, OP_null_check_a, TRAP_NULL_REFERENCE);
		return true;
	case INSN_ref_test:
	case INSN_ref_test_null: {
		lower_cast_test(l, step);
		pop_sym(l);
		/* The answer is in acc; only a move knows how to put it into the stack's slot. */
		emit(l, OP_move_a)->a = next_slot(l);
		push_temp(l, CLASS_INT);
		return true;
	}
	case INSN_ref_cast:
	case INSN_ref_cast_null: {
		struct sym sym = pop_sym(l);
		uint16_t slot = in_slot(l, &sym);
		if (sym.kind == SYM_CONST)
			sym.kind = SYM_TEMP;
		struct cell *cell = emit(l, OP_ref_cast);
		cell->b = slot;
		cell->c = step->type2;
		forget_all(l);
		unpop_sym(l, &sym);
		type_top(l, step->type2);
		return true;
	}
	case INSN_any_convert_extern:
	case INSN_extern_convert_any:
		lower_unary(l, step->id);
		type_top(l, step->id == INSN_any_convert_extern ? VAL_REF | VAL_NULLABLE | (valtype)HEAP_ANY
		                                                : VAL_EXTERNREF);
		return true;
	default:
		return lower_aggregate(l, step);
	}
}
