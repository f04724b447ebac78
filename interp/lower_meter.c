/* Fuel: which cell pays for which instructions (cell.h: meter). */
#include "interp/lower.h"

#include <string.h>

/* From here on another cell pays, each time that control comes by it; what it pays is known at the
 * end of the loop or the function, which label 0 is. */
void start_meter(struct lowering *l)
{
	if (!l->metered || l->out_of_memory)
		return;
	l->labels[l->label_count - 1].meter = l->meter;
	if (!fuse_meter(l))
		emit(l, OP_meter);
	l->meter = l->cell_count - 1;
}

/* The jump that pays as well; OP_COUNT: there is none. */
static enum op paying(enum op jump)
{
	switch (jump) {
#define V(name)
#define V_METER(name)                                                                              \
	case OP_##name:                                                                                \
		return OP_##name##_meter;
#include "interp/variants.h"
#undef V
	default:
		return OP_COUNT;
	}
}

/* The loop's meter is left for the first round, and for ways back that have no such jump. */
void pay_on_jump(struct lowering *l, uint32_t cell)
{
	if (!l->metered || l->unfolded || l->out_of_memory)
		return;
	enum op op = paying((enum op)l->cells[cell].handler);
	if (op != OP_COUNT)
		l->cells[cell].handler = (int32_t)op;
}

/* Neither traps nor changes what is seen outside of the frame, so that nobody can tell whether it
 * was paid for before or after: parametric and variable instructions but global.set and those of
 * tables, constants and numeric ones but divisions and the truncations that trap. */
bool is_unseen(enum insn_id id)
{
	switch (id) {
	case INSN_nop:
	case INSN_end:
	case INSN_return:
	case INSN_drop:
	case INSN_select:
	case INSN_select_t:
	case INSN_local_get:
	case INSN_local_set:
	case INSN_local_tee:
	case INSN_global_get:
		return true;
	case INSN_i32_div_s:
	case INSN_i32_div_u:
	case INSN_i32_rem_s:
	case INSN_i32_rem_u:
	case INSN_i64_div_s:
	case INSN_i64_div_u:
	case INSN_i64_rem_s:
	case INSN_i64_rem_u:
	case INSN_i32_trunc_f32_s:
	case INSN_i32_trunc_f32_u:
	case INSN_i32_trunc_f64_s:
	case INSN_i32_trunc_f64_u:
	case INSN_i64_trunc_f32_s:
	case INSN_i64_trunc_f32_u:
	case INSN_i64_trunc_f64_s:
	case INSN_i64_trunc_f64_u:
		return false;
	default:
		return insns[id].prefix == 0 && insns[id].code >= insns[INSN_i32_const].code &&
		       insns[id].code <= insns[INSN_i64_extend32_s].code;
	}
}

/* The function's only return, which is its last cell, pays in place of its first cell, where
 * nothing between the two goes elsewhere, traps or is seen (is_unseen): small functions are called
 * often. A larger one would go on too long without fuel. */
#define PAID_ON_RETURN_MAX 64

void pay_on_return(struct lowering *l)
{
	static const enum op ops[][2] = {{OP_return_none, OP_return_none_meter},
	                                 {OP_return_s, OP_return_s_meter},
	                                 {OP_return_a, OP_return_a_meter},
	                                 {OP_return_d, OP_return_d_meter},
	                                 {OP_return_add, OP_return_add_meter}};
	if (!l->metered || !l->is_straight || l->out_of_memory ||
	    l->cells[l->meter].handler != OP_meter || l->cells[l->meter].c > PAID_ON_RETURN_MAX)
		return;
	struct cell *last = &l->cells[l->cell_count - 1];
	for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++) {
		if (last->handler != (int32_t)ops[i][0])
			continue;
		last->handler = (int32_t)ops[i][1];
		last->d = l->cells[l->meter].c;
		uint32_t behind = l->cell_count - l->meter - 1;
		memmove(&l->cells[l->meter], &l->cells[l->meter + 1], behind * sizeof *l->cells);
		if (l->want_payments)
			l->offsets[l->cell_count - 1] = l->offsets[l->meter];
		if (l->want_offsets)
			memmove(&l->offsets[l->meter], &l->offsets[l->meter + 1], behind * sizeof *l->offsets);
		l->cell_count--;
		return;
	}
}
