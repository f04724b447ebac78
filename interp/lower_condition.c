/* Conditions on their way into jumps: a comparison and the jump that it decides are one cell. */
#include "interp/lower.h"

#include <string.h>

/* Is the cell's constant a float that is no NaN, or an f64 that is as good as one? */
static bool fits_float(const struct cell *cell, enum acc_class class)
{
	if (class == CLASS_F32)
		return cell->k_f32 == cell->k_f32;
	double value = (double)(float)cell->k_f64;
	return memcmp(&value, &cell->k_f64, sizeof value) == 0;
}

static uint32_t float_bits(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

/* Can the comparison that the last cell makes be merged with a jump? */
static bool can_merge(const struct lowering *l, const struct sym *sym)
{
	if (!is_last(l, sym) || l->last.insn == INSN_COUNT)
		return false;
	const struct family *f = &families[l->last.insn];
	switch (l->last.insn) {
	case INSN_i32_eqz:
	case INSN_i64_eqz:
	case INSN_ref_is_null:
		return true;
	default:
		break;
	}
	bool has_const = l->last.variant == VARIANT_sk || l->last.variant == VARIANT_ak;
	if (f->kind == FAMILY_FCOMPARE)
		return !has_const || fits_float(&l->cells[l->last.cell], (enum acc_class)f->operand);
	return f->kind == FAMILY_COMPARE &&
	       (!has_const || fits_short(l->cells[l->last.cell].k, f->is_wide));
}

/* The condition is that what acc held is 0. When the cell before made that by a comparison of
 * floats, it is that the comparison does not hold. */
static void take_negated(struct lowering *l, struct condition *condition)
{
	if (l->cell_count <= l->barrier)
		return;
	const struct cell *cell = &l->cells[l->cell_count - 1];
	for (unsigned insn = INSN_f32_eq; insn <= INSN_f64_ge; insn++) {
		const struct family *f = &families[insn];
		unsigned place = (unsigned)cell->handler - f->base;
		unsigned variant = place / 2;
		bool has_const = variant == VARIANT_sk || variant == VARIANT_ak;
		/* Its store was taken back, so nobody else reads it. */
		if (place >= COMPARE_JUMPS || place % 2 != 0 || cell->a != condition->cell.b ||
		    (has_const && !fits_float(cell, (enum acc_class)f->operand)))
			continue;
		condition->insn = (enum insn_id)insn;
		condition->variant = variant;
		condition->cell = *cell;
		condition->is_negated = true;
		l->cell_count--;
		forget_class(l, CLASS_INT);
		return;
	}
}

struct condition condition_of(const struct sym *sym, struct src src, bool is_wide)
{
	return (struct condition){.insn = INSN_COUNT, .src = src, .sym = *sym, .is_wide = is_wide};
}

struct condition take_condition(struct lowering *l)
{
	struct condition condition = {.insn = INSN_COUNT, .sym = pop_value(l)};
	if (can_merge(l, &condition.sym)) {
		condition.insn = l->last.insn;
		condition.variant = l->last.variant;
		condition.cell = take_back(l);
		if (condition.insn == INSN_i32_eqz && condition.variant == 1)
			take_negated(l, &condition);
		return condition;
	}
	condition.src = find(l, &condition.sym);
	if (condition.src.kind == SRC_CONST)
		condition.src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &condition.sym)};
	else if (condition.src.kind == SRC_ACC)
		take_from_acc(l, &condition.sym);
	return condition;
}

/* Stepping until a local is 0, or while it is. */
static enum op zero_step(bool is_wide, bool while_nonzero)
{
	enum insn_id insn = is_wide         ? while_nonzero ? INSN_i64_ne : INSN_i64_eq
	                    : while_nonzero ? INSN_i32_ne
	                                    : INSN_i32_eq;
	return (enum op)(families[insn].base + COMPARE_STEPS);
}

uint32_t emit_conditional_jump(struct lowering *l, struct condition *condition, bool sense)
{
	const struct cell *was = &condition->cell;
	struct cell *cell;
	sense ^= condition->is_negated;
	switch (condition->insn) {
	case INSN_COUNT: {
		static const enum op ops[2][2][2] = {
		    /* 32 or 64 bits, taken when zero or not, from a slot or the accumulator */
		    {{OP_jump_z_s, OP_jump_z_a}, {OP_jump_nz_s, OP_jump_nz_a}},
		    {{OP_jump_z64_s, OP_jump_z64_a}, {OP_jump_nz64_s, OP_jump_nz64_a}},
		};
		cell = emit(l, ops[condition->is_wide][sense][condition->src.kind == SRC_ACC]);
		cell->b = condition->src.slot;
		if (condition->src.kind == SRC_ACC)
			fuse_step(l, VARIANT_ak, condition->is_wide, zero_step(condition->is_wide, sense));
		fuse_next_jump(l);
		break;
	}
	case INSN_i32_eqz:
		cell = emit(l, sense                ? condition->variant ? OP_jump_z_a : OP_jump_z_s
		               : condition->variant ? OP_jump_nz_a
		                                    : OP_jump_nz_s);
		cell->b = was->b;
		if (condition->variant)
			fuse_step(l, VARIANT_ak, false, zero_step(false, !sense));
		fuse_next_jump(l);
		break;
	case INSN_i64_eqz:
	case INSN_ref_is_null:
		cell = emit(l, sense                ? condition->variant ? OP_jump_z64_a : OP_jump_z64_s
		               : condition->variant ? OP_jump_nz64_a
		                                    : OP_jump_nz64_s);
		cell->b = was->b;
		break;
	default: {
		enum insn_id insn = condition->insn;
		unsigned jump = COMPARE_JUMPS + condition->variant;
		bool is_float = families[insn].kind == FAMILY_FCOMPARE;
		if (is_float)
			jump += sense ? 0 : FCOMPARE_NOT;
		else if (!sense)
			insn = (enum insn_id)families[insn].inverse;
		cell = emit(l, (enum op)(families[insn].base + jump));
		cell->b = was->b;
		switch (condition->variant) {
		case VARIANT_ss:
			cell->a = (uint16_t)was->c;
			break;
		case VARIANT_as:
			cell->a = was->b;
			break;
		default:
			if (!is_float)
				cell->d = (uint32_t)was->k;
			else
				cell->d = float_bits(families[insn].operand == CLASS_F32 ? was->k_f32
				                                                         : (float)was->k_f64);
			break;
		}
		if (!is_float)
			fuse_step(l, condition->variant, families[insn].is_wide,
			          (enum op)(families[insn].base + COMPARE_STEPS));
		break;
	}
	}
	return (uint32_t)(l->cell_count - 1);
}
