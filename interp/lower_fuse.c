/* Fusions: operations that are one cell together. Each takes back what the last cells computed, so
 * it asks first that no jump comes between them. */
#include "interp/lower.h"

#include <string.h>

bool is_last(const struct lowering *l, const struct sym *sym)
{
	return !l->unfolded && sym->kind == SYM_TEMP && l->last.cell != UINT32_MAX &&
	       l->last.cell == l->cell_count - 1 && l->cells[l->last.cell].a == sym->slot;
}

struct cell take_back(struct lowering *l)
{
	memcpy(l->held, l->last.before, sizeof l->held);
	l->last.cell = UINT32_MAX;
	return l->cells[--l->cell_count];
}

/* ---- addresses ---- */

bool take_address_sum(struct lowering *l, const struct sym *sym, struct address_sum *sum)
{
	if (sym->kind == SYM_SUM) {
		*sum = (struct address_sum){
		    .form = SUM_p, .b = l->local_slots[sym->local], .c = (uint32_t)sym->value};
		return true;
	}
	if (!is_last(l, sym) || l->last.insn != INSN_i32_add)
		return false;
	unsigned variant = l->last.variant;
	struct cell cell = take_back(l);
	switch (variant) {
	case VARIANT_ss:
		*sum = (struct address_sum){.form = SUM_q, .b = cell.b, .c = cell.c};
		break;
	case VARIANT_sk:
		*sum = (struct address_sum){.form = SUM_p, .b = cell.b, .c = cell.c};
		break;
	case VARIANT_as:
		*sum = (struct address_sum){.form = SUM_v, .b = cell.b};
		break;
	default:
		*sum = (struct address_sum){.form = SUM_u, .c = cell.c};
		break;
	}
	return true;
}

/* ---- the end of a loop ---- */

void fuse_step(struct lowering *l, unsigned variant, bool is_wide, enum op step)
{
	if (l->unfolded || l->out_of_memory || (variant != VARIANT_ak && variant != VARIANT_as) ||
	    l->cell_count < l->barrier + 2)
		return;
	const struct cell *add = &l->cells[l->cell_count - 2];
	const struct cell *jump = &l->cells[l->cell_count - 1];
	int64_t number = is_wide ? (int64_t)add->k : (int32_t)add->c;
	if (add->handler != (int32_t)(is_wide ? OP_i64_add_sk_w : OP_i32_add_sk_w) ||
	    add->a != add->b || number != (int16_t)number)
		return;
	struct cell fused = {
	    .handler = (int32_t)step + (variant == VARIANT_ak),
	    .a = (uint16_t)number,
	    .b = add->b,
	    .d = variant == VARIANT_ak ? jump->d : jump->a,
	};
	l->cell_count--;
	l->cells[l->cell_count - 1] = fused;
	if (l->want_offsets)
		l->offsets[l->cell_count - 1] = l->at;
}

/* ---- moves ---- */

void emit_move(struct lowering *l, uint16_t to, uint16_t from)
{
	struct cell *before =
	    l->cell_count > l->barrier && !l->unfolded ? &l->cells[l->cell_count - 1] : &l->scrap;
	switch (before->handler) {
	case OP_move_s:
		before->handler = OP_move2_s;
		before->c = to;
		before->d = from;
		break;
	case OP_move2_s:
		before->handler = OP_move3_s;
		before->c |= before->d << 16;
		before->d = to | (uint32_t)from << 16;
		break;
	default: {
		struct cell *cell = emit(l, OP_move_s);
		cell->a = to;
		cell->b = from;
		break;
	}
	}
	l->last.cell = UINT32_MAX;
}
