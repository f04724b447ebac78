/* Calls: the arguments go to where the callee finds its frame. */
#include "interp/lower.h"

/* What a call calls: a table index or a function reference that stands on top, or nothing. */
static struct src take_callee(struct lowering *l, enum insn_id id)
{
	struct src src = {.kind = SRC_SLOT};
	switch (id) {
	case INSN_call_indirect:
	case INSN_call_ref:
	case INSN_return_call_indirect:
	case INSN_return_call_ref: {
		struct sym sym = pop_sym(l);
		src = find(l, &sym);
		if (src.kind == SRC_CONST)
			src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &sym)};
		else if (src.kind == SRC_ACC)
			take_from_acc(l, &sym);
		return src;
	}
	default:
		return src;
	}
}

static struct cell *emit_call(struct lowering *l, const struct step *step, const struct src *callee)
{
	bool from_acc = callee->kind == SRC_ACC;
	bool imported = step->index < l->m->imported_func_count;
	struct cell *cell;
	switch (step->id) {
	case INSN_call:
		cell = emit(l, imported ? OP_call_import : OP_call);
		break;
	case INSN_return_call:
		cell = emit(l, imported ? OP_return_call_import : OP_return_call);
		break;
	case INSN_call_indirect:
		cell = emit(l, from_acc ? OP_call_indirect_a : OP_call_indirect_s);
		cell->d = step->index2;
		break;
	case INSN_return_call_indirect:
		cell = emit(l, from_acc ? OP_return_call_indirect_a : OP_return_call_indirect_s);
		cell->d = step->index2;
		break;
	case INSN_call_ref:
		cell = emit(l, from_acc ? OP_call_ref_a : OP_call_ref_s);
		break;
	default:
		cell = emit(l, from_acc ? OP_return_call_ref_a : OP_return_call_ref_s);
		break;
	}
	cell->b = callee->slot;
	cell->c = step->index;
	if (step->id == INSN_call || step->id == INSN_return_call) {
		if (!imported) {
			cell->c = step->index - l->m->imported_func_count;
			cell->d = type_header(step->func);
		}
	}
	return cell;
}

void lower_call(struct lowering *l, const struct step *step)
{
	const struct functype *type = step->func;
	struct src callee = take_callee(l, step->id);
	settle_top(l, type->param_count);
	for (uint32_t i = 0; i < type->param_count; i++)
		pop_sym(l);
	uint16_t frame = next_slot(l);
	bool is_indirect = step->id == INSN_call_indirect && callee.kind == SRC_ACC;
	bool is_own = step->id == INSN_call && step->index >= l->m->imported_func_count;
	struct cell arguments;
	bool is_fused =
	    (is_indirect || is_own) && fuse_arguments(l, type, frame, is_indirect, &arguments);
	/* The arguments belong to the callee's frame. */
	note_safepoint(l);
	struct cell *cell = emit_call(l, step, &callee);
	cell->a = frame;
	if (is_fused) {
		cell->handler = arguments.handler;
		cell->b = arguments.b;
		if (is_own)
			cell->d = arguments.d;
	}
	if (step->id == INSN_return_call || step->id == INSN_return_call_indirect ||
	    step->id == INSN_return_call_ref) {
		struct cell *row = emit(l, OP_halt); /* data; the op means nothing */
		row->a = (uint16_t)l->header;
		row->b = (uint16_t)type->param_slots;
		return;
	}
	forget_all(l);
	push_types(l, type->results, type->result_count);
	/* A single integer result is in acc as well. */
	if (type->result_count == 1 && class_of(type->results[0]) == CLASS_INT)
		l->held[CLASS_INT] = (struct held){.slot = frame, .cell = l->cell_count - 1};
}
