/* Exceptions: throw, try_table, and the older try with its catches. */
#include "interp/lower.h"

#include <string.h>

void lower_throw(struct lowering *l, const struct step *step)
{
	uint32_t count = step->id == INSN_throw ? step->func->param_count : 1;
	settle_top(l, count);
	note_safepoint(l);
	uint16_t slot = pop_row(l, count);
	struct cell *cell = emit(l, step->id == INSN_throw ? OP_throw : OP_throw_ref);
	cell->b = slot;
	cell->c = step->index;
}

/* Puts a clause behind the others of its range. */
static void add_clause(struct lowering *l, uint32_t range, struct try_clause clause)
{
	if (!make_room(l, &l->clauses, &l->clause_room, l->clause_count + 1, sizeof *l->clauses))
		return;
	struct try_range *to = &l->ranges[range];
	clause.next = NO_CLAUSE;
	if (to->first_clause == NO_CLAUSE)
		to->first_clause = l->clause_count;
	else
		l->clauses[to->last_clause].next = l->clause_count;
	to->last_clause = l->clause_count;
	l->clauses[l->clause_count++] = clause;
}

/* A new range, which starts here; NO_RANGE: out of memory. */
static uint32_t add_range(struct lowering *l)
{
	if (!make_room(l, &l->ranges, &l->range_room, l->range_count + 1, sizeof *l->ranges))
		return NO_RANGE;
	cells_end_here(l);
	l->ranges[l->range_count] =
	    (struct try_range){.start = l->cell_count, .first_clause = NO_CLAUSE};
	return l->range_count++;
}

/* Where a clause's values land, the way on from there: a branch to its label. */
static void lower_clause(struct lowering *l, uint32_t range, const struct catch_clause *catch)
{
	struct label *label = label_at(l, catch->label);
	const valtype *types;
	uint32_t count;
	label_arity(label, &types, &count);
	add_clause(l, range,
	           (struct try_clause){
	               .is_all = catch->is_all,
	               .with_ref = catch->with_ref,
	               .tag = catch->tag,
	               .landing = l->cell_count,
	               .slot = label_slot(l, label),
	           });
	here_is_a_label(l);
	if (!label->is_function) {
		aim_cell(l, label, emit_jump(l));
		return;
	}
	/* The values are the function's results: they stand on an otherwise empty stack for a moment.
	 */
	uint32_t kept_count = l->sym_count;
	struct sym *kept = mem_alloc((kept_count + (size_t)1) * sizeof *kept);
	if (kept == NULL) {
		l->out_of_memory = true;
		return;
	}
	if (kept_count > 0)
		memcpy(kept, l->syms, kept_count * sizeof *kept);
	l->sym_count = 0;
	push_types(l, types, count);
	emit_return(l, false);
	if (!l->out_of_memory && kept_count > 0)
		memcpy(l->syms, kept, kept_count * sizeof *kept);
	l->sym_count = kept_count;
	mem_free(kept);
}

void lower_try_table(struct lowering *l, const struct step *step)
{
	l->needs_try = true;
	settle_locals(l);
	settle_top(l, step->block.param_count);
	uint32_t range = add_range(l);
	if (range == NO_RANGE)
		return;
	/* Labels of the clauses count from outside, so they come first; the body goes around them. */
	uint32_t around = emit_jump(l);
	for (uint32_t i = 0; i < step->catch_count; i++)
		lower_clause(l, range, &step->catches[i]);
	aim_here(l, around);
	here_is_a_label(l);
	push_label(l, step->id, &step->block);
	if (l->out_of_memory)
		return;
	l->ranges[range].start = l->cell_count;
	l->labels[l->label_count - 1].range = range;
}

/* ---- the older try ---- */

static void lower_try(struct lowering *l, const struct step *step)
{
	l->needs_try = true;
	settle_locals(l);
	settle_top(l, step->block.param_count);
	push_label(l, step->id, &step->block);
	uint32_t range = add_range(l);
	if (l->out_of_memory)
		return;
	struct label *label = label_at(l, 0);
	label->range = label->catches_of = range;
}

/* From here on the block does not catch. */
static void end_range(struct lowering *l, struct label *label)
{
	if (label->range != NO_RANGE)
		l->ranges[label->range].end = l->cell_count;
	cells_end_here(l);
	label->range = NO_RANGE;
}

/* The stack of a catch: the exception itself, for rethrow, then its values. */
static void lower_catch(struct lowering *l, const struct step *step)
{
	struct label *label = label_at(l, 0);
	if (step->falls_through) {
		move_values(l, label, label->type.result_count, true);
		uint32_t jump = emit_jump(l);
		aim_cell(l, label, jump);
	}
	end_range(l, label);
	here_is_a_label(l);
	truncate_to(l, label->height);
	label->opener = step->id;
	label->exception = next_slot(l);
	add_clause(l, label->catches_of,
	           (struct try_clause){
	               .is_all = step->id == INSN_catch_all,
	               .ref_first = true,
	               .tag = step->index,
	               .landing = l->cell_count,
	               .slot = label->exception,
	           });
	push_typed(l, VAL_REF | (valtype)HEAP_EXN);
	if (step->id == INSN_catch)
		push_types(l, step->func->params, step->func->param_count);
}

static void lower_delegate(struct lowering *l, const struct step *step)
{
	struct label *label = label_at(l, 0);
	struct try_range *range = &l->ranges[label->range];
	range->is_delegate = true;
	range->delegate_to = NO_RANGE;
	/* The label counts from outside; what does not catch there leaves it to what is around it. */
	for (uint32_t depth = step->index + 1; depth < l->label_count; depth++) {
		if (label_at(l, depth)->range != NO_RANGE) {
			range->delegate_to = label_at(l, depth)->range;
			break;
		}
	}
	end_range(l, label);
	lower_end(l, step);
}

void lower_legacy(struct lowering *l, const struct step *step)
{
	switch (step->id) {
	case INSN_try:
		lower_try(l, step);
		break;
	case INSN_catch:
	case INSN_catch_all:
		lower_catch(l, step);
		break;
	case INSN_delegate:
		lower_delegate(l, step);
		break;
	default:
		emit(l, OP_throw_ref)->b = label_at(l, step->index)->exception;
		break;
	}
}
