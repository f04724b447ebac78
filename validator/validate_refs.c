/* Typing of references, structs and arrays, and exceptions (spec: 3.4). */
#include "validator/validate.h"

#include <stdlib.h>

static valtype concrete(const struct body *b, uint32_t index, bool is_nullable)
{
	return ref_to(b->m->defs[index].canon, is_nullable);
}

bool read_type(struct body *b, enum type_form form, uint32_t *out)
{
	static const char *const names[] = {
	    [FORM_FUNC] = "function", [FORM_STRUCT] = "struct", [FORM_ARRAY] = "array"};
	if (!read_index(b, b->m->type_count, "type", out))
		return false;
	return b->m->defs[*out].form == form ||
	       error_set_at(b->err, ERROR_INVALID, b->at, "type mismatch: type %u is no %s type", *out,
	                    names[form]);
}

/* The reference on the stack, whatever it is; ⊥ in dead code. */
static bool pop_ref(struct body *b, valtype *out)
{
	if (!pop_any(b, out))
		return false;
	return *out == VAL_BOTTOM || valtype_is_ref(*out) ||
	       mismatch(b, VAL_REF | VAL_NULLABLE | (valtype)HEAP_ANY, out);
}

static valtype non_null(valtype type)
{
	return type == VAL_BOTTOM ? VAL_REF_BOTTOM : type & ~VAL_NULLABLE;
}

/* The top of the hierarchy that the type belongs to, nullable. */
static valtype top_of(const struct body *b, valtype type)
{
	valtype heap = type & HEAP_MASK;
	if (heap_is_index(heap))
		heap = b->m->defs[heap].form == FORM_FUNC ? (valtype)HEAP_FUNC : (valtype)HEAP_ANY;
	switch (heap) {
	case HEAP_FUNC:
	case HEAP_NOFUNC:
		return VAL_FUNCREF;
	case HEAP_EXTERN:
	case HEAP_NOEXTERN:
		return VAL_EXTERNREF;
	case HEAP_EXN:
	case HEAP_NOEXN:
		return VAL_REF | VAL_NULLABLE | (valtype)HEAP_EXN;
	default:
		return VAL_REF | VAL_NULLABLE | (valtype)HEAP_ANY;
	}
}

/* ---- tests and casts ---- */

static bool validate_test(struct body *b, struct step *step)
{
	bool is_null = step->id == INSN_ref_test_null || step->id == INSN_ref_cast_null;
	if (!decode_heaptype(&b->r, b->m, &step->type2, b->err))
		return false;
	if (!is_null)
		step->type2 = non_null(step->type2);
	if (!pop(b, top_of(b, step->type2)))
		return false;
	bool is_test = step->id == INSN_ref_test || step->id == INSN_ref_test_null;
	return push(b, is_test ? VAL_I32 : step->type2);
}

static bool validate_convert(struct body *b, struct step *step)
{
	bool to_any = step->id == INSN_any_convert_extern;
	valtype from = to_any ? VAL_EXTERNREF : VAL_REF | VAL_NULLABLE | (valtype)HEAP_ANY;
	valtype to = (valtype)(to_any ? HEAP_ANY : HEAP_EXTERN);
	valtype found;
	if (!pop_any(b, &found))
		return false;
	if (!matches(b, found, from))
		return mismatch(b, from, &found);
	bool is_nullable = found != VAL_BOTTOM && (found & VAL_NULLABLE);
	return push(b, VAL_REF | (is_nullable ? VAL_NULLABLE : 0) | to);
}

bool validate_reference(struct body *b, struct step *step)
{
	const valtype eq = VAL_REF | VAL_NULLABLE | (valtype)HEAP_EQ;
	switch (step->id) {
	case INSN_ref_null:
		return decode_heaptype(&b->r, b->m, &step->type, b->err) && push(b, step->type);
	case INSN_ref_is_null:
		return pop_ref(b, &step->type) && push(b, VAL_I32);
	case INSN_ref_func:
		if (!read_index(b, b->m->func_count, "function", &step->index))
			return false;
		if (!b->is_const && !b->m->funcs[step->index].is_declared)
			return error_set_at(b->err, ERROR_INVALID, b->at,
			                    "undeclared function reference: function %u", step->index);
		return push(b, concrete(b, b->m->funcs[step->index].type_index, false));
	case INSN_ref_eq:
		return pop(b, eq) && pop(b, eq) && push(b, VAL_I32);
	case INSN_ref_as_non_null:
		return pop_ref(b, &step->type) && push(b, non_null(step->type));
	case INSN_any_convert_extern:
	case INSN_extern_convert_any:
		return validate_convert(b, step);
	case INSN_ref_i31:
		return pop(b, VAL_I32) && push(b, VAL_REF | (valtype)HEAP_I31);
	case INSN_i31_get_s:
	case INSN_i31_get_u:
		return pop(b, VAL_REF | VAL_NULLABLE | (valtype)HEAP_I31) && push(b, VAL_I32);
	default:
		return validate_test(b, step);
	}
}

/* ---- branches on references ---- */

static bool validate_br_on_cast(struct body *b, struct step *step)
{
	uint32_t start = reader_offset(&b->r);
	uint8_t flags;
	const struct control *target;
	const valtype *types;
	uint32_t count;
	if (!read_byte(&b->r, &flags, b->err))
		return false;
	if (flags > 3)
		return error_set_at(b->err, ERROR_MALFORMED, start, "malformed cast flags 0x%02x", flags);
	if (!read_u32(&b->r, &step->index, b->err) || !find_label(b, step->index, &target) ||
	    !decode_heaptype(&b->r, b->m, &step->type, b->err) ||
	    !decode_heaptype(&b->r, b->m, &step->type2, b->err))
		return false;
	if (!(flags & 1))
		step->type = non_null(step->type);
	if (!(flags & 2))
		step->type2 = non_null(step->type2);
	if (!matches(b, step->type2, step->type))
		return mismatch(b, step->type, &step->type2);

	/* What is left when the cast fails: null only if the target does not take it. */
	valtype rest = step->type2 & VAL_NULLABLE ? non_null(step->type) : step->type;
	bool on_fail = step->id == INSN_br_on_cast_fail;
	valtype taken = on_fail ? rest : step->type2;
	valtype left = on_fail ? step->type2 : rest;
	types = target->label_types;
	count = target->label_count;
	if (count == 0)
		return invalid(b, "type mismatch: the label takes no reference");
	if (!pop(b, step->type))
		return false;
	if (!matches(b, taken, types[count - 1]))
		return mismatch(b, types[count - 1], &taken);
	return pop_all(b, types, count - 1) && push_all(b, types, count - 1) && push(b, left);
}

bool validate_branch_on(struct body *b, struct step *step)
{
	const struct control *target;
	const valtype *types;
	uint32_t count;
	if (step->id == INSN_br_on_cast || step->id == INSN_br_on_cast_fail)
		return validate_br_on_cast(b, step);
	if (!read_u32(&b->r, &step->index, b->err) || !find_label(b, step->index, &target))
		return false;
	types = target->label_types;
	count = target->label_count;
	if (!pop_ref(b, &step->type))
		return false;
	if (step->id == INSN_br_on_null)
		return pop_all(b, types, count) && push_all(b, types, count) &&
		       push(b, non_null(step->type));
	if (count == 0)
		return invalid(b, "type mismatch: the label takes no reference");
	valtype taken = non_null(step->type);
	if (!matches(b, taken, types[count - 1]))
		return mismatch(b, types[count - 1], &taken);
	return pop_all(b, types, count - 1) && push_all(b, types, count - 1);
}

/* ---- structs and arrays ---- */

static bool all_defaultable(const struct type_def *def)
{
	for (uint32_t i = 0; i < def->field_count; i++)
		if (!valtype_is_defaultable(def->fields[i].type))
			return false;
	return true;
}

/* A plain access of a packed field, or the other way round. */
static bool check_packing(struct body *b, const struct step *step, const struct field *field)
{
	bool plain = step->id == INSN_struct_get || step->id == INSN_array_get;
	if (plain == (field->packed_bits == 0))
		return true;
	return invalid(b, plain ? "type mismatch: a packed field is read with a sign, get_s or get_u"
	                        : "type mismatch: get_s and get_u read packed fields only");
}

static bool validate_struct(struct body *b, struct step *step)
{
	if (!read_type(b, FORM_STRUCT, &step->index))
		return false;
	const struct type_def *def = &b->m->defs[step->index];
	if (step->id == INSN_struct_new) {
		for (uint32_t i = def->field_count; i-- > 0;)
			if (!pop(b, def->fields[i].type))
				return false;
		return push(b, concrete(b, step->index, false));
	}
	if (step->id == INSN_struct_new_default) {
		if (!all_defaultable(def))
			return invalid(b, "type mismatch: a field has no default value");
		return push(b, concrete(b, step->index, false));
	}
	if (!read_u32(&b->r, &step->index2, b->err))
		return false;
	if (step->index2 >= def->field_count)
		return error_set_at(b->err, ERROR_INVALID, b->at, "unknown field %u", step->index2);
	const struct field *field = &def->fields[step->index2];
	step->type = field->type;
	if (step->id == INSN_struct_set) {
		if (!field->is_mutable)
			return invalid(b, "immutable field");
		return pop(b, field->type) && pop(b, concrete(b, step->index, true));
	}
	return check_packing(b, step, field) && pop(b, concrete(b, step->index, true)) &&
	       push(b, field->type);
}

static bool read_segment(struct body *b, struct step *step, const struct field *field)
{
	if (step->id == INSN_array_new_data || step->id == INSN_array_init_data) {
		if (!read_u32(&b->r, &step->index2, b->err))
			return false;
		if (!b->m->has_data_count)
			return error_set_at(b->err, ERROR_MALFORMED, b->at, "data count section required");
		if (step->index2 >= b->m->data_count)
			return error_set_at(b->err, ERROR_INVALID, b->at, "unknown data segment %u",
			                    step->index2);
		return !valtype_is_ref(field->type) ||
		       invalid(b,
		               "array type is not numeric or vector: its elements cannot come from data");
	}
	if (!read_index(b, b->m->elem_count, "elem segment", &step->index2))
		return false;
	valtype type = b->m->elems[step->index2].type;
	return matches(b, type, field->type) || mismatch(b, field->type, &type);
}

static bool pop_i32s(struct body *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!pop(b, VAL_I32))
			return false;
	return true;
}

static bool validate_array_copy(struct body *b, struct step *step)
{
	if (!read_type(b, FORM_ARRAY, &step->index) || !read_type(b, FORM_ARRAY, &step->index2))
		return false;
	const struct field *to = &b->m->defs[step->index].fields[0];
	const struct field *from = &b->m->defs[step->index2].fields[0];
	if (!to->is_mutable)
		return invalid(b, "immutable array");
	if (to->packed_bits != from->packed_bits || !matches(b, from->type, to->type))
		return invalid(b, "array types do not match: type mismatch of their elements");
	return pop_i32s(b, 2) && pop(b, concrete(b, step->index2, true)) && pop_i32s(b, 1) &&
	       pop(b, concrete(b, step->index, true));
}

static bool validate_array(struct body *b, struct step *step)
{
	if (step->id == INSN_array_copy)
		return validate_array_copy(b, step);
	if (step->id == INSN_array_len)
		return pop(b, VAL_REF | VAL_NULLABLE | (valtype)HEAP_ARRAY) && push(b, VAL_I32);
	if (!read_type(b, FORM_ARRAY, &step->index))
		return false;
	const struct field *field = &b->m->defs[step->index].fields[0];
	const valtype made = concrete(b, step->index, false);
	const valtype given = concrete(b, step->index, true);
	step->type = field->type;
	switch (step->id) {
	case INSN_array_new:
		return pop(b, VAL_I32) && pop(b, field->type) && push(b, made);
	case INSN_array_new_default:
		if (!valtype_is_defaultable(field->type))
			return invalid(b, "type mismatch: the elements have no default value");
		return pop(b, VAL_I32) && push(b, made);
	case INSN_array_new_fixed:
		if (!read_u32(&b->r, &step->index2, b->err))
			return false;
		if (!check_limit(b->m, LOAD_LIMIT_FIELDS, step->index2, b->at,
		                 "elements of an array.new_fixed", b->err))
			return false;
		for (uint32_t i = 0; i < step->index2; i++)
			if (!pop(b, field->type))
				return false;
		return push(b, made);
	case INSN_array_new_data:
	case INSN_array_new_elem:
		return read_segment(b, step, field) && pop_i32s(b, 2) && push(b, made);
	case INSN_array_get:
	case INSN_array_get_s:
	case INSN_array_get_u:
		return check_packing(b, step, field) && pop_i32s(b, 1) && pop(b, given) &&
		       push(b, field->type);
	default:
		break;
	}
	if (!field->is_mutable)
		return invalid(b, "immutable array");
	switch (step->id) {
	case INSN_array_set:
		return pop(b, field->type) && pop_i32s(b, 1) && pop(b, given);
	case INSN_array_fill:
		return pop_i32s(b, 1) && pop(b, field->type) && pop_i32s(b, 1) && pop(b, given);
	default:
		return read_segment(b, step, field) && pop_i32s(b, 3) && pop(b, given);
	}
}

bool validate_aggregate(struct body *b, struct step *step)
{
	switch (step->id) {
	case INSN_struct_new:
	case INSN_struct_new_default:
	case INSN_struct_get:
	case INSN_struct_get_s:
	case INSN_struct_get_u:
	case INSN_struct_set:
		return validate_struct(b, step);
	default:
		return validate_array(b, step);
	}
}

/* ---- exceptions ---- */

bool validate_throw(struct body *b, struct step *step)
{
	if (step->id == INSN_throw_ref) {
		if (!pop(b, VAL_REF | VAL_NULLABLE | (valtype)HEAP_EXN))
			return false;
	} else {
		if (!read_index(b, b->m->tag_count, "tag", &step->index))
			return false;
		step->func = b->m->tags[step->index].type;
		if (!pop_all(b, step->func->params, step->func->param_count))
			return false;
	}
	set_unreachable(b);
	return true;
}

static bool check_catch(struct body *b, const struct catch_clause *clause)
{
	const struct control *target;
	const valtype *types;
	uint32_t count;
	if (!find_label(b, clause->label, &target))
		return false;
	types = target->label_types;
	count = target->label_count;
	const struct functype *tag = clause->is_all ? NULL : b->m->tags[clause->tag].type;
	uint32_t values = tag == NULL ? 0 : tag->param_count;
	if (count != values + clause->with_ref)
		return invalid(b, "type mismatch: the label of a catch clause takes another number of "
		                  "values");
	for (uint32_t i = 0; i < values; i++)
		if (!matches(b, tag->params[i], types[i]))
			return mismatch(b, types[i], &tag->params[i]);
	valtype exception = VAL_REF | (valtype)HEAP_EXN;
	if (clause->with_ref && !matches(b, exception, types[count - 1]))
		return mismatch(b, types[count - 1], &exception);
	return true;
}

bool validate_catches(struct body *b, struct step *step)
{
	uint32_t count;
	if (!decode_count(&b->r, b->m, LOAD_LIMIT_BR_TABLE_TARGETS, 0, "catch clauses", &count,
	                  b->err) ||
	    !walk_grow((void **)&b->s->catches, &b->s->catch_room, count, sizeof(struct catch_clause),
	               b->err))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct catch_clause *clause = &b->s->catches[i];
		uint32_t start = reader_offset(&b->r);
		uint8_t kind;
		if (!read_byte(&b->r, &kind, b->err))
			return false;
		if (kind > 3)
			return error_set_at(b->err, ERROR_MALFORMED, start, "malformed catch clause 0x%02x",
			                    kind);
		*clause = (struct catch_clause){.is_all = kind >= 2, .with_ref = kind & 1};
		if (!clause->is_all && !read_index(b, b->m->tag_count, "tag", &clause->tag))
			return false;
		if (!read_u32(&b->r, &clause->label, b->err) || !check_catch(b, clause))
			return false;
	}
	step->catches = b->s->catches;
	step->catch_count = count;
	return true;
}
