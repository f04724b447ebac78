/* Loads, stores and atomics. */
#include "interp/lower.h"

/* ---- memory ---- */

/* Atomics check their alignment besides, which no guard page does. */
static bool needs_check(const struct lowering *l, const struct step *step)
{
	const struct memory_type *type = &l->m->memories[step->index];
	return step->index != 0 || l->checked || type->limits.is_64 || type->page_size_log2 != 16 ||
	       insns[step->id].feature == FEATURE_THREADS;
}

bool emit_address_check(struct lowering *l, const struct step *step, const struct sym *address)
{
	static const enum op ops[][2] = {
	    {OP_address_s32, OP_address_s64}, {OP_address_a, OP_address_a},
	    {OP_address_k, OP_address_k},     {OP_aligned_s32, OP_aligned_s64},
	    {OP_aligned_a, OP_aligned_a},     {OP_aligned_k, OP_aligned_k},
	};
	_Static_assert(SRC_SLOT == 0 && SRC_ACC == 1 && SRC_CONST == 2, "order of the rows above");
	if (!needs_check(l, step))
		return false;
	const struct insn *insn = &insns[step->id];
	struct src src = find(l, address);
	if (src.kind == SRC_ACC)
		take_from_acc(l, address);
	unsigned row = (unsigned)src.kind + (insn->feature == FEATURE_THREADS ? 3 : 0);
	struct cell *cell = emit(l, ops[row][l->m->memories[step->index].limits.is_64]);
	cell->a = address_check(step->index, 1u << insn->align);
	cell->b = src.slot;
	cell->k = step->value;
	/* A sum that does not fit is beyond the end of every memory, as is the highest address. */
	if (src.kind == SRC_CONST && __builtin_add_overflow(src.value, step->value, &cell->k))
		cell->k = UINT64_MAX << insn->align;
	forget_class(l, CLASS_INT);
	return true;
}

void lower_load(struct lowering *l, const struct step *step)
{
	static const uint8_t variants[] = {[SRC_SLOT] = 0, [SRC_ACC] = 1, [SRC_CONST] = 2};
	const struct family *f = &families[step->id];
	struct sym address = pop_lazy(l);
	struct address_sum sum;
	if (!needs_check(l, step) &&
	    (take_address_sum(l, &address, &sum) ||
	     (step->value <= UINT16_MAX && take_kept_sum(l, &address, &sum)))) {
		unsigned variant = 3 + (unsigned)sum.form;
		struct cell *cell = emit_result(l, (enum op)(f->base + 2 * variant + 1),
		                                (enum acc_class)f->result, step->id, variant);
		cell->b = sum.b;
		cell->c = sum.c;
		if (sum.form != SUM_t) {
			cell->d = (uint32_t)step->value;
		} else {
			cell->d_low = sum.kept;
			cell->d_high = (uint16_t)step->value;
		}
		return;
	}
	address = make_sum(l, address);
	if (emit_address_check(l, step, &address)) {
		emit_result(l, (enum op)(f->base + 2 * variants[SRC_ACC] + 1), (enum acc_class)f->result,
		            step->id, variants[SRC_ACC]);
		return;
	}
	struct src src = find(l, &address);
	if (src.kind == SRC_ACC)
		take_from_acc(l, &address);
	unsigned variant = variants[src.kind];
	struct cell *cell = emit_result(l, (enum op)(f->base + 2 * variant + 1),
	                                (enum acc_class)f->result, step->id, variant);
	cell->b = src.slot;
	if (src.kind == SRC_CONST)
		cell->k = src.value + step->value;
	else
		cell->c = (uint32_t)step->value;
}

static void set_address(struct cell *cell, const struct src *address, uint64_t offset)
{
	cell->b = address->slot;
	if (address->kind == SRC_CONST)
		cell->k = address->value + offset;
	else
		cell->c = (uint32_t)offset;
}

static bool fits_half(uint64_t value, bool is_wide)
{
	int16_t half = (int16_t)value;
	return is_wide ? (uint64_t)(int64_t)half == value : (uint32_t)half == (uint32_t)value;
}

/* Must the value, a constant, be put where the last cell, an add, has an operand? It stands where
 * the address' second operand stood. */
static bool hides_operand(const struct lowering *l, enum insn_id insn, const struct sym *value)
{
	const struct cell *add = &l->cells[l->last.cell];
	return value->kind == SYM_CONST && !fits_half(value->value, families[insn].is_wide) &&
	       (add->b == value->slot || (l->last.variant == VARIANT_ss && add->c == value->slot));
}

/* A store whose address is a sum; false: nothing was done. */
static bool lower_store_to_sum(struct lowering *l, enum insn_id insn, const struct sym *value,
                               const struct sym *address, uint32_t offset)
{
	/* A value in an accumulator of another class than the address does not stand in the way. */
	struct address_sum sum;
	bool is_lazy = address->kind == SYM_SUM;
	bool is_float = families[insn].kind == FAMILY_FSTORE;
	enum insn_id by_bits = !is_float                ? insn
	                       : insn == INSN_f32_store ? INSN_i32_store
	                                                : INSN_i64_store;
	if (!is_lazy && value->kind == SYM_TEMP && value->class == CLASS_INT)
		return false;
	if (!is_lazy && !is_last(l, address))
		return false;
	unsigned last_variant = l->last.variant;
	if (!is_lazy && (l->last.insn != INSN_i32_add ||
	                 (last_variant != VARIANT_ss && last_variant != VARIANT_sk)))
		return false;
	if (!is_lazy && hides_operand(l, by_bits, value))
		return false;
	take_address_sum(l, address, &sum);
	struct src src = find(l, value);
	unsigned row = sum.form == SUM_q;
	struct cell *cell;
	if (is_float && src.kind == SRC_ACC) {
		take_from_acc(l, value);
		cell = emit(l, (enum op)(families[insn].base + 3 + row));
	} else {
		const struct family *f = &families[by_bits];
		if (src.kind == SRC_CONST && !fits_half(src.value, f->is_wide))
			src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, value)};
		if (src.kind == SRC_ACC)
			take_from_acc(l, value);
		cell = emit(l, (enum op)(f->base + 7 + 3 * row + (unsigned)src.kind));
		cell->a = src.kind == SRC_CONST ? (uint16_t)src.value : src.slot;
	}
	cell->b = sum.b;
	cell->c = sum.c;
	cell->d = offset;
	return true;
}

void lower_store(struct lowering *l, const struct step *step)
{
	enum insn_id insn = step->id;
	struct sym value = pop_value(l);
	struct sym address = pop_lazy(l);
	uint64_t offset = step->value;
	if (!needs_check(l, step) && lower_store_to_sum(l, insn, &value, &address, (uint32_t)offset))
		return;
	if (address.kind == SYM_SUM) {
		/* Made without an accumulator: the value may be in acc. */
		move_to(l, address.slot, &address, false);
		address.kind = SYM_TEMP;
	}
	bool is_checked = emit_address_check(l, step, &address);
	struct src fv = find(l, &value);
	struct src fa = find(l, &address);
	if (is_checked) {
		fa = (struct src){.kind = SRC_ACC};
		address.kind = SYM_CONST; /* nothing to take back */
		offset = 0;
	}

	if (families[insn].kind == FAMILY_FSTORE) {
		if (fv.kind == SRC_ACC) {
			static const uint8_t variants[] = {[SRC_SLOT] = 0, [SRC_ACC] = 1, [SRC_CONST] = 2};
			take_from_acc(l, &value);
			if (fa.kind == SRC_ACC)
				take_from_acc(l, &address);
			enum op op = (enum op)(families[insn].base + variants[fa.kind]);
			set_address(emit(l, op), &fa, offset);
			return;
		}
		insn = insn == INSN_f32_store ? INSN_i32_store : INSN_i64_store;
	}

	static const uint8_t variants[3][3] = {
	    [SRC_SLOT] = {[SRC_SLOT] = 0, [SRC_ACC] = 1, [SRC_CONST] = 2},
	    [SRC_ACC] = {[SRC_SLOT] = 3, [SRC_CONST] = 4},
	    [SRC_CONST] = {[SRC_SLOT] = 5, [SRC_ACC] = 6},
	};
	const struct family *f = &families[insn];
	if (fv.kind == SRC_CONST && (fa.kind == SRC_CONST || !fits_short(fv.value, f->is_wide)))
		fv = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &value)};
	if (fv.kind == SRC_ACC && fa.kind == SRC_ACC)
		fv.kind = SRC_SLOT;
	if (fv.kind == SRC_ACC)
		take_from_acc(l, &value);
	if (fa.kind == SRC_ACC)
		take_from_acc(l, &address);
	struct cell *cell = emit(l, (enum op)(f->base + variants[fa.kind][fv.kind]));
	set_address(cell, &fa, offset);
	if (fv.kind == SRC_SLOT)
		cell->a = fv.slot;
	else if (fv.kind == SRC_CONST)
		cell->d = (uint32_t)fv.value;
}

/* ---- atomics ---- */

/* Pops the address below `count` values, which it finds slots for, and checks it. */
static void take_atomic_operands(struct lowering *l, const struct step *step, unsigned count,
                                 uint16_t slots[2])
{
	for (unsigned i = count; i-- > 0;) {
		struct sym value = pop_sym(l);
		slots[i] = in_slot(l, &value);
	}
	struct sym address = pop_sym(l);
	emit_address_check(l, step, &address);
}

void lower_atomic(struct lowering *l, const struct step *step)
{
	const struct family *f = &families[step->id];
	uint16_t slots[2] = {0, 0};
	take_atomic_operands(l, step, f->operand, slots);
	struct cell *cell = f->kind == FAMILY_ATOMIC_STORE
	                        ? emit(l, (enum op)f->base)
	                        : emit_result(l, (enum op)(f->base + 1), CLASS_INT, INSN_COUNT, 0);
	cell->b = slots[0];
	cell->c = slots[1];
}

void lower_wait(struct lowering *l, const struct step *step, enum op op)
{
	uint16_t slots[2];
	take_atomic_operands(l, step, 2, slots);
	if (!l->m->memories[step->index].limits.is_shared)
		emit(l, OP_trap)->c = TRAP_NOT_SHARED;
	struct cell *cell = emit_plain_result(l, op, CLASS_INT);
	cell->b = slots[0];
	cell->c = slots[1];
	forget_class(l, CLASS_F32);
	forget_class(l, CLASS_F64);
	forget_class(l, CLASS_V128);
}

/* Nobody can be waiting (atomic.c). */
void lower_notify(struct lowering *l, const struct step *step)
{
	uint16_t slots[2];
	take_atomic_operands(l, step, 1, slots);
	push_const(l, CLASS_INT, 0);
}
