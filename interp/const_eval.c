/* Constant expressions (spec: 4.7.1), evaluated by following the validator's walk. */
#include "interp/heap.h"
#include "validator/body.h"

#define STACK_MAX 1024

struct evaluation {
	struct instance *inst;
	union slot stack[STACK_MAX];
	uint8_t kinds[STACK_MAX];   /* enum ref_kind: a collection may happen in between */
	uint32_t count;
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

static void convert(struct evaluation *e, bool to_any)
{
	uint64_t *word = &e->stack[e->count - 1].i64;
	uint64_t mine = to_any ? ANY_BIT : HOST_BIT;
	uint64_t other = to_any ? HOST_BIT : ANY_BIT;
	if (*word != 0)
		*word = *word & mine ? *word & ~mine : *word | other;
	e->kinds[e->count - 1] = to_any ? REF_OBJECT : REF_EXTERN;
}

static bool make(struct evaluation *e, const struct step *s, struct error *err)
{
	const struct type_def *def = &e->inst->module->defs[s->index];
	struct object *object;
	uint32_t operands = 1;
	const union slot *top = &e->stack[e->count];
	switch (s->id) {
	case INSN_struct_new:
		operands = def->field_count;
		object = gc_make_struct(e->inst, s->index, top - operands);
		break;
	case INSN_struct_new_default:
		operands = 0;
		object = gc_make_struct(e->inst, s->index, NULL);
		break;
	case INSN_array_new:
		operands = 2;
		object = gc_make_array(e->inst, s->index, top[-1].i32, &top[-2], true);
		break;
	case INSN_array_new_default:
		object = gc_make_array(e->inst, s->index, top[-1].i32, NULL, false);
		break;
	default:
		operands = s->index2;
		object = gc_make_array(e->inst, s->index, operands, top - operands, false);
		break;
	}
	if (object == NULL)
		return error_set_at(err, ERROR_LIMIT, s->offset, "%s", trap_words(TRAP_HEAP_EXHAUSTED));
	e->count -= operands;
	if (e->count == STACK_MAX)
		return error_set_at(err, ERROR_LIMIT, s->offset,
		                    "a constant expression holds more than %d values", STACK_MAX);
	e->kinds[e->count] = REF_OBJECT;
	e->stack[e->count++].i64 = (uint64_t)(uintptr_t)object;
	return true;
}

static bool step(void *ctx, const struct step *s, struct error *err)
{
	struct evaluation *e = ctx;
	uint64_t value;
	enum ref_kind kind = REF_NONE;
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
		kind = ref_kind_of(e->inst->module->defs, s->type);
		break;
	case INSN_ref_i31:
		e->stack[e->count - 1].i64 = (e->stack[e->count - 1].i64 & 0x7fffffff) << 1 | I31_BIT;
		return true;
	case INSN_any_convert_extern:
	case INSN_extern_convert_any:
		convert(e, s->id == INSN_any_convert_extern);
		return true;
	case INSN_struct_new:
	case INSN_struct_new_default:
	case INSN_array_new:
	case INSN_array_new_default:
	case INSN_array_new_fixed:
		return make(e, s, err);
	default:
		return binary(e, s->id);
	}
	if (e->count == STACK_MAX)
		return error_set_at(err, ERROR_LIMIT, s->offset,
		                    "a constant expression holds more than %d values", STACK_MAX);
	e->kinds[e->count] = (uint8_t)kind;
	e->stack[e->count++].i64 = value;
	return true;
}

bool const_eval(struct instance *inst, struct const_expr *expr, valtype type, union slot *out,
                struct error *err)
{
	struct evaluation e;
	e.inst = inst;
	e.count = 0;
	struct store *store = inst->store;
	struct heap_guard guard = {
		.outer = store->guards, .slots = e.stack, .kinds = e.kinds, .count = &e.count};
	struct body_sink sink = {.ctx = &e, .step = step};
	struct body_scratch *scratch = body_scratch_create();
	if (scratch == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	/* C code allocates now: the frames that are under way are found through the links. */
	const struct cell *safe_pc = store->safe_pc;
	store->guards = &guard;
	store->safe_pc = NULL;
	bool fine = const_expr_walk(inst->module, expr->offset, expr->offset + expr->size, type,
	                            inst->module->global_count, scratch, &sink, expr, err);
	store->safe_pc = safe_pc;
	store->guards = guard.outer;
	body_scratch_destroy(scratch);
	if (fine)
		*out = e.stack[0];
	return fine;
}
