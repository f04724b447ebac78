/* Constant expressions (spec: 4.7.1), evaluated by following the validator's walk. */
#include "interp/heap.h"
#include "validator/body.h"
#include "validator/reader.h"

#include <string.h>

#define STACK_MAX 1024

struct evaluation {
	struct instance *inst;
	union slot stack[STACK_MAX]; /* a v128 takes two */
	uint8_t kinds[STACK_MAX];    /* enum ref_kind: a collection may happen in between */
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
	uint32_t operands = 1; /* slots that they take */
	uint32_t element = def->field_count == 0 ? 0 : valtype_slots(def->fields[0].type);
	const union slot *top = &e->stack[e->count];
	switch (s->id) {
	case INSN_struct_new:
		operands = 0;
		for (uint32_t i = 0; i < def->field_count; i++)
			operands += valtype_slots(def->fields[i].type);
		object = gc_make_struct(e->inst, s->index, top - operands);
		break;
	case INSN_struct_new_default:
		operands = 0;
		object = gc_make_struct(e->inst, s->index, NULL);
		break;
	case INSN_array_new:
		operands = element + 1;
		object = gc_make_array(e->inst, s->index, top[-1].i32, top - operands, true);
		break;
	case INSN_array_new_default:
		object = gc_make_array(e->inst, s->index, top[-1].i32, NULL, false);
		break;
	default:
		operands = s->index2 * element;
		object = gc_make_array(e->inst, s->index, s->index2, top - operands, false);
		break;
	}
	if (object == NULL && store_memory_limit_reached(e->inst->store))
		return error_set_at(err, ERROR_LIMIT, s->offset, "%s: the memory limit leaves no room",
		                    trap_words(TRAP_HEAP_EXHAUSTED));
	if (object == NULL)
		return error_set_at(err, ERROR_NO_MEMORY, s->offset, "out of memory");
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
	uint64_t word;
	const void *value = &s->value;
	unsigned slots = 1;
	enum ref_kind kind = REF_NONE;
	switch (s->id) {
	case INSN_end:
		return true;
	case INSN_i32_const:
	case INSN_i64_const:
	case INSN_f32_const:
	case INSN_f64_const:
		break;
	case INSN_v128_const:
		value = s->bytes;
		slots = 2;
		break;
	case INSN_ref_null:
		word = 0;
		value = &word;
		break;
	case INSN_ref_func:
		word = (uint64_t)(uintptr_t)instance_func(e->inst, s->index);
		value = &word;
		break;
	case INSN_global_get:
		value = e->inst->global_refs[s->index]->value;
		slots = valtype_slots(s->type);
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
	if (slots > STACK_MAX - e->count)
		return error_set_at(err, ERROR_LIMIT, s->offset,
		                    "a constant expression holds more than %d values", STACK_MAX);
	memset(&e->kinds[e->count], REF_NONE, slots);
	e->kinds[e->count] = (uint8_t)kind;
	memcpy(&e->stack[e->count], value, slots * sizeof *e->stack);
	e->count += slots;
	return true;
}

bool const_eval_plain(const struct module *m, struct const_expr *expr, union slot *out)
{
	struct error unused = ERROR_INIT;
	struct reader r = {.base = m->bytes,
	                   .pos = m->bytes + expr->offset,
	                   .end = m->bytes + expr->offset + expr->size};
	uint8_t opcode = 0, end = 0;
	int32_t value32;
	int64_t value64;
	if (!read_byte(&r, &opcode, &unused))
		return false;
	if (opcode == insns[INSN_i32_const].code && read_s32(&r, &value32, &unused))
		out->i64 = (uint32_t)value32;
	else if (opcode == insns[INSN_i64_const].code && read_s64(&r, &value64, &unused))
		out->i64 = (uint64_t)value64;
	else
		return false;
	if (!read_byte(&r, &end, &unused) || end != insns[INSN_end].code)
		return false;
	expr->size = reader_offset(&r) - expr->offset;
	return true;
}

/* Apart, for the stack that it takes. */
static __attribute__((noinline)) bool walk(struct instance *inst, struct const_expr *expr,
                                           valtype type, union slot *out, struct error *err)
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
		memcpy(out, e.stack, valtype_slots(type) * sizeof *out);
	return fine;
}

bool const_eval(struct instance *inst, struct const_expr *expr, valtype type, union slot *out,
                struct error *err)
{
	return const_eval_plain(inst->module, expr, out) || walk(inst, expr, type, out, err);
}
