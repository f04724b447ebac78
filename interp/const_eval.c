/* Constant expressions (spec: 4.7.1), evaluated by following the validator's walk. */
#include "interp/runtime.h"
#include "validator/body.h"

#define STACK_MAX 64

struct evaluation {
	struct instance *inst;
	union slot stack[STACK_MAX];
	unsigned count;
};

static bool binary(struct evaluation *e, enum insn_id id)
{
	uint64_t y = e->stack[--e->count].i64;
	union slot *x = &e->stack[e->count - 1];
	switch (id) {
	case INSN_i32_add:
		x->i64 = (uint32_t)(x->i64 + y);
		return true;
	case INSN_i32_sub:
		x->i64 = (uint32_t)(x->i64 - y);
		return true;
	case INSN_i32_mul:
		x->i64 = (uint32_t)(x->i64 * y);
		return true;
	case INSN_i64_add:
		x->i64 += y;
		return true;
	case INSN_i64_sub:
		x->i64 -= y;
		return true;
	default:
		x->i64 *= y;
		return true;
	}
}

static bool step(void *ctx, const struct step *s, struct error *err)
{
	struct evaluation *e = ctx;
	uint64_t value;
	switch (s->id) {
	case INSN_end:
		return true;
	case INSN_i32_const:
	case INSN_i64_const:
	case INSN_f32_const:
	case INSN_f64_const:
		value = s->value;
		break;
	case INSN_ref_null:
		value = 0;
		break;
	case INSN_ref_func:
		value = (uint64_t)(uintptr_t)instance_func(e->inst, s->index);
		break;
	case INSN_global_get:
		value = e->inst->global_refs[s->index]->value->i64;
		break;
	default:
		return binary(e, s->id);
	}
	if (e->count == STACK_MAX)
		return error_set_at(err, ERROR_LIMIT, s->offset,
		                    "a constant expression holds more than %d values", STACK_MAX);
	e->stack[e->count++].i64 = value;
	return true;
}

bool const_eval(struct instance *inst, struct const_expr *expr, valtype type, union slot *out,
                struct error *err)
{
	struct evaluation e = {.inst = inst};
	struct body_sink sink = {.ctx = &e, .step = step};
	struct body_scratch *scratch = body_scratch_create();
	if (scratch == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	bool fine = const_expr_walk(inst->module, expr->offset, expr->offset + expr->size, type,
	                            inst->module->global_count, scratch, &sink, expr, err);
	body_scratch_destroy(scratch);
	if (fine)
		*out = e.stack[0];
	return fine;
}
