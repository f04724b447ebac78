/* Typing of locals and globals, drop and select. */
#include "validator/validate.h"

static bool read_global(struct body *b, uint32_t *out)
{
	uint32_t known = b->is_const ? b->global_limit : b->m->global_count;
	if (!read_index(b, known, "global", out))
		return false;
	if (b->is_const && b->m->globals[*out].type.is_mutable)
		return invalid(b, "constant expression required: the global is mutable");
	return true;
}

bool validate_select(struct body *b, struct step *step)
{
	valtype a, c;
	if (!pop(b, VAL_I32) || !pop_any(b, &a) || !pop_any(b, &c))
		return false;
	if (valtype_is_ref(a) || valtype_is_ref(c))
		return invalid(b, "type mismatch: select without a type takes numbers only");
	if (a != c && a != VAL_BOTTOM && c != VAL_BOTTOM)
		return mismatch(b, c, &a);
	step->type = a == VAL_BOTTOM ? c : a;
	return push(b, step->type);
}

bool validate_select_typed(struct body *b, struct step *step)
{
	uint32_t count;
	if (!read_u32(&b->r, &count, b->err))
		return false;
	if (count != 1)
		return invalid(b, "invalid result arity: select takes one type");
	if (!decode_valtype(&b->r, b->m, &step->type, b->err))
		return false;
	return pop(b, VAL_I32) && pop(b, step->type) && pop(b, step->type) && push(b, step->type);
}

static bool note_set(struct body *b, const struct step *step)
{
	if (valtype_is_defaultable(step->type) || b->s->is_set[step->index])
		return true;
	if (!walk_grow((void **)&b->s->set_log, &b->s->set_log_room, b->set_count + (size_t)1,
	               sizeof(uint32_t), b->err))
		return false;
	b->s->is_set[step->index] = true;
	b->s->set_log[b->set_count++] = step->index;
	return true;
}

bool validate_variable(struct body *b, struct step *step)
{
	if (step->id == INSN_global_get || step->id == INSN_global_set) {
		if (!read_global(b, &step->index))
			return false;
		const struct global_type *type = &b->m->globals[step->index].type;
		step->type = type->type;
		if (step->id == INSN_global_get)
			return push(b, type->type);
		if (!type->is_mutable)
			return error_set_at(b->err, ERROR_INVALID, b->at,
			                    "immutable global: global %u cannot be set", step->index);
		return pop(b, type->type);
	}
	if (!read_index(b, b->local_count, "local", &step->index))
		return false;
	step->type = b->s->locals[step->index];
	switch (step->id) {
	case INSN_local_get:
		if (!valtype_is_defaultable(step->type) && !b->s->is_set[step->index])
			return error_set_at(b->err, ERROR_INVALID, b->at,
			                    "uninitialized local %u: its type has no default value",
			                    step->index);
		return push(b, step->type);
	case INSN_local_set:
		return pop(b, step->type) && note_set(b, step);
	default:
		return pop(b, step->type) && note_set(b, step) && push(b, step->type);
	}
}
