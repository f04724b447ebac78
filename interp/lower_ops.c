/* Operations: operands are found, the variant that takes them where they are is emitted. */
#include "interp/lower.h"

#include <string.h>

#define CLASS_i32 CLASS_INT
#define CLASS_i64 CLASS_INT
#define CLASS_f32 CLASS_F32
#define CLASS_f64 CLASS_F64
#define CLASS_v128 CLASS_V128
#define IS_WIDE_i32 false
#define IS_WIDE_i64 true
#define IS_WIDE_f32 false
#define IS_WIDE_f64 false

const struct family families[INSN_COUNT] = {
#define COMMUTE(n, t, u, e)                                                                        \
	[INSN_##n] = {OP_##n##_ss_r, FAMILY_COMMUTE, CLASS_##t, CLASS_##u, IS_WIDE_##t, 0, 0},
#define ORDERED(n, t, u, c, e)                                                                     \
	[INSN_##n] = {OP_##n##_ss_r, FAMILY_ORDERED, CLASS_##t, CLASS_##u, IS_WIDE_##t, 0, 0},
#define COMPARE(n, t, e, s, i)                                                                     \
	[INSN_##n] = {OP_##n##_ss_r, FAMILY_COMPARE, CLASS_##t, CLASS_INT,                             \
	              IS_WIDE_##t,   INSN_##s,       INSN_##i},
#define FCOMPARE(n, t, e, s)                                                                       \
	[INSN_##n] = {OP_##n##_ss_r, FAMILY_FCOMPARE, CLASS_##t, CLASS_INT, 0, INSN_##s, 0},
#define UNARY(n, t, u, c, e)                                                                       \
	[INSN_##n] = {OP_##n##_s_r, FAMILY_UNARY, CLASS_##t, CLASS_##u, 0, 0, 0},
#define INNER(n, t, u, c, e)
#define LOAD(n, m, u, e) [INSN_##n] = {OP_##n##_s_r, FAMILY_LOAD, CLASS_INT, CLASS_##u, 0, 0, 0},
#define STORE(n, t, m)                                                                             \
	[INSN_##n] = {OP_##n##_ss, FAMILY_STORE, CLASS_INT, CLASS_INT, IS_WIDE_##t, 0, 0},
#define FSTORE(n, t) [INSN_##n] = {OP_##n##_s, FAMILY_FSTORE, CLASS_##t, CLASS_##t, 0, 0, 0},
#define ATOMIC_LOAD(n, m) [INSN_##n] = {.base = OP_##n##_r, .kind = FAMILY_ATOMIC},
#define ATOMIC_STORE(n, m) [INSN_##n] = {.base = OP_##n, .kind = FAMILY_ATOMIC_STORE, .operand = 1},
#define ATOMIC_RMW(n, m, f) [INSN_##n] = {.base = OP_##n##_r, .kind = FAMILY_ATOMIC, .operand = 1},
#define ATOMIC_CMPXCHG(n, m) [INSN_##n] = {.base = OP_##n##_r, .kind = FAMILY_ATOMIC, .operand = 2},
#include "interp/op.def"
};

_Static_assert(OP_i32_eq_br_ss - OP_i32_eq_ss_r == COMPARE_JUMPS, "order of VARIANTS_COMPARE");
_Static_assert(OP_i32_eq_br_ak - OP_i32_eq_br_ss == VARIANT_ak, "order of VARIANTS_COMPARE");
_Static_assert(OP_f32_eq_br_ss - OP_f32_eq_ss_r == COMPARE_JUMPS, "order of VARIANTS_FCOMPARE");
_Static_assert(INSN_f64_ge - INSN_f32_eq == 11, "comparisons of floats stand together");
_Static_assert(OP_i32_sub_ka_w - OP_i32_sub_ss_r == 2 * VARIANT_ka + 1,
               "order of VARIANTS_ORDERED");
_Static_assert(OP_i32_load_k_w - OP_i32_load_s_r == 5, "order of VARIANTS_LOAD");
_Static_assert(OP_i32_load_v_r - OP_i32_load_s_r == 2 * (3 + SUM_v), "order of VARIANTS_LOAD");
_Static_assert(OP_i32_load_t_r - OP_i32_load_s_r == 2 * (3 + SUM_t), "order of VARIANTS_LOAD");
_Static_assert(OP_i32_store_ka - OP_i32_store_ss == 6, "order of VARIANTS_STORE");
_Static_assert(OP_i32_store_qk - OP_i32_store_ss == 12, "order of VARIANTS_STORE");
_Static_assert(OP_f32_lt_un_ss - OP_f32_lt_br_ss == 4, "order of VARIANTS_FCOMPARE");
_Static_assert(OP_i32_eq_step_s - OP_i32_eq_br_ss == 4, "order of VARIANTS_COMPARE");

/* ---- two operands ---- */

static void fill_operands(struct cell *cell, unsigned variant, const struct src *x,
                          const struct src *y)
{
	switch (variant) {
	case VARIANT_ss:
		cell->b = x->slot;
		cell->c = y->slot;
		break;
	case VARIANT_sk:
		cell->b = x->slot;
		cell->k = y->value;
		break;
	case VARIANT_as:
		cell->b = y->slot;
		break;
	case VARIANT_ak:
		cell->k = y->value;
		break;
	case VARIANT_ks:
		cell->b = y->slot;
		cell->k = x->value;
		break;
	case VARIANT_sa:
		cell->b = x->slot;
		break;
	default:
		cell->k = x->value;
		break;
	}
}

static void swap_operands(struct sym *x, struct sym *y, struct src *fx, struct src *fy)
{
	struct sym sym = *x;
	struct src src = *fx;
	*x = *y, *fx = *fy;
	*y = sym, *fy = src;
}

/* A number that is added to an i32 local, or to such a sum, waits for who takes it. */
static bool push_as_sum(struct lowering *l, enum insn_id insn, const struct sym *x,
                        const struct sym *y)
{
	if (l->unfolded || (insn != INSN_i32_add && insn != INSN_i32_sub))
		return false;
	if (insn == INSN_i32_add && x->kind == SYM_CONST) {
		const struct sym *first = x;
		x = y;
		y = first;
	}
	if (y->kind != SYM_CONST || (x->kind != SYM_LOCAL && x->kind != SYM_SUM))
		return false;
	uint64_t before = x->kind == SYM_SUM ? x->value : 0;
	uint64_t number = insn == INSN_i32_sub ? -y->value : y->value;
	push_sum(l, x->local, (uint32_t)(before + number));
	return true;
}

void lower_binary(struct lowering *l, enum insn_id insn)
{
	struct sym y = pop_lazy(l);
	struct sym x = pop_lazy(l);
	if (push_as_sum(l, insn, &x, &y))
		return;
	x = make_sum(l, x);
	y = make_sum(l, y);
	if (fuse_binary(l, insn, &x, &y))
		return;
	struct src fx = find(l, &x);
	struct src fy = find(l, &y);
	if (fx.kind == SRC_CONST && fy.kind == SRC_CONST)
		fx = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &x)};
	/* The same local twice: one operand from the accumulator, the other from its slot. */
	if (fx.kind == SRC_ACC && fy.kind == SRC_ACC)
		fy.kind = SRC_SLOT;

	/* x - k is x + -k, for which there are more variants. */
	if ((insn == INSN_i32_sub || insn == INSN_i64_sub) && fy.kind == SRC_CONST) {
		insn = insn == INSN_i32_sub ? INSN_i32_add : INSN_i64_add;
		fy.value = -fy.value;
	}
	const struct family *f = &families[insn];
	if (f->kind != FAMILY_ORDERED && (fx.kind == SRC_CONST || fy.kind == SRC_ACC)) {
		swap_operands(&x, &y, &fx, &fy);
		if (f->kind != FAMILY_COMMUTE) {
			insn = (enum insn_id)f->swapped;
			f = &families[insn];
		}
	}

	static const uint8_t variants[3][3] = {
	    [SRC_SLOT] = {[SRC_SLOT] = VARIANT_ss, [SRC_ACC] = VARIANT_sa, [SRC_CONST] = VARIANT_sk},
	    [SRC_ACC] = {[SRC_SLOT] = VARIANT_as, [SRC_CONST] = VARIANT_ak},
	    [SRC_CONST] = {[SRC_SLOT] = VARIANT_ks, [SRC_ACC] = VARIANT_ka},
	};
	unsigned variant = variants[fx.kind][fy.kind];
	if (fx.kind == SRC_ACC)
		take_from_acc(l, &x);
	if (fy.kind == SRC_ACC)
		take_from_acc(l, &y);
	struct cell *cell = emit_result(l, (enum op)(f->base + 2 * variant + 1),
	                                (enum acc_class)f->result, insn, variant);
	fill_operands(cell, variant, &fx, &fy);
}

void lower_unary(struct lowering *l, enum insn_id insn)
{
	const struct family *f = &families[insn];
	struct sym x = pop_value(l);
	struct src src = find(l, &x);
	if (src.kind == SRC_CONST)
		src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &x)};
	unsigned variant = src.kind == SRC_ACC;
	if (variant == 1)
		take_from_acc(l, &x);
	emit_result(l, (enum op)(f->base + 2 * variant + 1), (enum acc_class)f->result, insn, variant)
	    ->b = src.slot;
}

/* ---- 128-bit arithmetic ---- */

static void lower_wide(struct lowering *l, enum op op, unsigned count)
{
	uint16_t slots[4] = {0};
	for (unsigned i = count; i-- > 0;) {
		struct sym sym = pop_sym(l);
		slots[i] = in_slot(l, &sym);
	}
	struct cell *cell = emit(l, op);
	cell->a = next_slot(l);
	cell->b = slots[0];
	cell->c = slots[1];
	if (count == 4) {
		cell->c |= (uint32_t)slots[2] << 16;
		cell->d = slots[3];
	}
	for (unsigned i = 0; i < 2; i++) {
		forget_slot(l, next_slot(l));
		push_temp(l, CLASS_INT);
	}
}

/* ---- variables ---- */

static void lower_local_set(struct lowering *l, uint32_t local)
{
	struct sym sym = pop_lazy(l);
	uint16_t slot = l->local_slots[local];
	if (sym.kind == SYM_LOCAL && sym.local == local)
		return;
	/* It is 0 from the start, and outside of loops nothing behind this place comes before it. */
	if (sym.kind == SYM_CONST && sym.value == 0 && sym.class != CLASS_V128 &&
	    !l->local_written[local] && l->loops == 0)
		return;
	l->local_written[local] = true;
	if (sym.kind == SYM_SUM) {
		settle_local(l, local);
		sym.slot = slot;
		make_sum(l, sym);
		l->held[CLASS_INT].may_drop_store = false;
		l->last.cell = UINT32_MAX;
		return;
	}
	if (l->local_refs[local] == 0 && sym.kind == SYM_TEMP && !l->unfolded &&
	    l->last.cell != UINT32_MAX && l->cells[l->last.cell].a == sym.slot) {
		/* The temporary was computed by the last cell and is read by nobody else: compute it into
		 * the local at once. */
		l->cells[l->last.cell].a = slot;
		fuse_next(&l->cells[l->last.cell]);
		forget_slot(l, slot);
		l->held[sym.class] = (struct held){.slot = slot, .cell = l->last.cell};
		l->last.cell = UINT32_MAX;
		return;
	}
	settle_local(l, local);
	move_to(l, slot, &sym, true);
}

static void lower_global_get(struct lowering *l, const struct step *step)
{
	static const enum op ops[] = {[CLASS_INT] = OP_global_get_i_w,
	                              [CLASS_F32] = OP_global_get_f_w,
	                              [CLASS_F64] = OP_global_get_d_w,
	                              [CLASS_V128] = OP_global_get_v_w};
	enum acc_class class = class_of(step->type);
	if (step->index < l->m->imported_global_count) {
		struct cell *cell = emit(l, class == CLASS_V128 ? OP_global_get_far128 : OP_global_get_far);
		cell->a = next_slot(l);
		cell->c = step->index;
		forget_slot(l, cell->a);
		push_temp(l, class);
		return;
	}
	emit_result(l, ops[class], class, INSN_COUNT, 0)->c = l->m->globals[step->index].slot;
}

static void lower_global_set(struct lowering *l, const struct step *step)
{
	struct sym sym = pop_value(l);
	struct src src = find(l, &sym);
	if (step->index < l->m->imported_global_count) {
		uint16_t slot = in_slot(l, &sym);
		struct cell *cell =
		    emit(l, sym.class == CLASS_V128 ? OP_global_set_far128 : OP_global_set_far);
		cell->b = slot;
		cell->c = step->index;
		return;
	}
	uint32_t own = l->m->globals[step->index].slot;
	if (src.kind == SRC_CONST && own <= UINT16_MAX && sym.class != CLASS_V128) {
		struct cell *cell = emit(l, OP_global_set_k);
		cell->b = (uint16_t)own;
		cell->k = src.value;
		return;
	}
	if (src.kind == SRC_ACC && (sym.class == CLASS_INT || sym.class == CLASS_V128)) {
		take_from_acc(l, &sym);
		emit(l, sym.class == CLASS_INT ? OP_global_set_a : OP_global_set_v)->c = own;
		return;
	}
	uint16_t slot = in_slot(l, &sym);
	struct cell *cell = emit(l, sym.class == CLASS_F32    ? OP_global_set_s32
	                            : sym.class == CLASS_V128 ? OP_global_set_s128
	                                                      : OP_global_set_s);
	cell->b = slot;
	cell->c = own;
}

static void lower_select(struct lowering *l, enum acc_class class)
{
	static const enum op ops[] = {[CLASS_INT] = OP_select_i_s_w,
	                              [CLASS_F32] = OP_select_f_s_w,
	                              [CLASS_F64] = OP_select_d_s_w,
	                              [CLASS_V128] = OP_select_v_s_w};
	_Static_assert(OP_select_i_a_w - OP_select_i_s_w == 2, "order of the selects");
	struct sym condition = pop_sym(l);
	struct sym second = pop_sym(l);
	struct sym first = pop_sym(l);
	uint16_t second_slot = in_slot(l, &second);
	uint16_t first_slot = in_slot(l, &first);
	struct src src = find(l, &condition);
	if (src.kind == SRC_CONST)
		src = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &condition)};
	bool from_acc = src.kind == SRC_ACC;
	if (from_acc)
		take_from_acc(l, &condition);
	struct cell *cell =
	    emit_result(l, (enum op)(ops[class] + (from_acc ? 2 : 0)), class, INSN_COUNT, 0);
	cell->b = first_slot;
	cell->c = second_slot;
	cell->d = src.slot;
}

/* ---- operations on operands in consecutive slots ---- */

uint16_t pop_row(struct lowering *l, uint32_t count)
{
	settle_top(l, count);
	uint16_t slot = next_slot(l);
	for (uint32_t i = 0; i < count; i++)
		slot = pop_sym(l).slot;
	return slot;
}

void lower_bulk(struct lowering *l, enum op op, uint32_t operands, uint32_t c, uint32_t d)
{
	uint16_t slot = pop_row(l, operands);
	struct cell *cell = emit(l, op);
	cell->b = slot;
	cell->c = c;
	cell->d = d;
	forget_all(l);
}

void lower_grow(struct lowering *l, enum op op, uint32_t operands, uint32_t index)
{
	uint16_t slot = pop_row(l, operands);
	struct cell *cell = emit_plain_result(l, op, CLASS_INT);
	cell->b = slot;
	cell->c = index;
	forget_class(l, CLASS_F32);
	forget_class(l, CLASS_F64);
	forget_class(l, CLASS_V128);
}

static bool lower_by_hand(struct lowering *l, const struct step *step)
{
	switch (step->id) {
	case INSN_nop:
		return true;
	case INSN_drop:
		pop_lazy(l);
		return true;
	case INSN_i32_const:
	case INSN_i64_const:
		push_const(l, CLASS_INT, step->value);
		return true;
	case INSN_f32_const:
		push_const(l, CLASS_F32, step->value);
		return true;
	case INSN_f64_const:
		push_const(l, CLASS_F64, step->value);
		return true;
	case INSN_v128_const:
		push_const(l, CLASS_V128, (uintptr_t)step->bytes);
		return true;
	case INSN_local_get:
		push_local(l, step->index);
		return true;
	case INSN_local_set:
		lower_local_set(l, step->index);
		return true;
	case INSN_local_tee:
		lower_local_set(l, step->index);
		push_local(l, step->index);
		return true;
	case INSN_global_get:
		lower_global_get(l, step);
		type_top(l, step->type);
		return true;
	case INSN_global_set:
		lower_global_set(l, step);
		return true;
	case INSN_select:
	case INSN_select_t:
		lower_select(l, class_of(step->type));
		type_top(l, step->type);
		return true;
	case INSN_memory_size:
		emit_plain_result(l, OP_memory_size, CLASS_INT)->c = step->index;
		return true;
	case INSN_memory_grow:
		lower_grow(l, OP_memory_grow, 1, step->index);
		return true;
	case INSN_memory_fill:
		lower_bulk(l, OP_memory_fill, 3, step->index, 0);
		return true;
	case INSN_memory_copy:
		lower_bulk(l, OP_memory_copy, 3, step->index, step->index2);
		return true;
	case INSN_memory_init:
		lower_bulk(l, OP_memory_init, 3, step->index, step->index2);
		return true;
	case INSN_data_drop:
		emit(l, OP_data_drop)->c = step->index;
		return true;
	case INSN_table_get: {
		uint16_t slot = pop_row(l, 1);
		struct cell *cell = emit_plain_result(l, OP_table_get, CLASS_INT);
		cell->b = slot;
		cell->c = step->index;
		type_top(l, step->type);
		return true;
	}
	case INSN_table_set: {
		uint16_t slot = pop_row(l, 2);
		struct cell *cell = emit(l, OP_table_set);
		cell->b = slot;
		cell->c = step->index;
		return true;
	}
	case INSN_table_size:
		emit_plain_result(l, OP_table_size, CLASS_INT)->c = step->index;
		return true;
	case INSN_table_grow:
		lower_grow(l, OP_table_grow, 2, step->index);
		return true;
	case INSN_table_fill:
		lower_bulk(l, OP_table_fill, 3, step->index, 0);
		return true;
	case INSN_table_copy:
		lower_bulk(l, OP_table_copy, 3, step->index, step->index2);
		return true;
	case INSN_table_init:
		lower_bulk(l, OP_table_init, 3, step->index, step->index2);
		return true;
	case INSN_elem_drop:
		emit(l, OP_elem_drop)->c = step->index;
		return true;
	case INSN_i64_add128:
		lower_wide(l, OP_add128, 4);
		return true;
	case INSN_i64_sub128:
		lower_wide(l, OP_sub128, 4);
		return true;
	case INSN_i64_mul_wide_s:
		lower_wide(l, OP_mul_wide_s, 2);
		return true;
	case INSN_i64_mul_wide_u:
		lower_wide(l, OP_mul_wide_u, 2);
		return true;
	case INSN_atomic_fence:
		emit(l, OP_atomic_fence);
		return true;
	case INSN_memory_atomic_wait32:
		lower_wait(l, step, OP_atomic_wait32);
		return true;
	case INSN_memory_atomic_wait64:
		lower_wait(l, step, OP_atomic_wait64);
		return true;
	case INSN_memory_atomic_notify:
		lower_notify(l, step);
		return true;
	default:
		return lower_vector(l, step) || lower_reference(l, step);
	}
}

bool lower_operation(struct lowering *l, const struct step *step)
{
	if (step->id == INSN_any_convert_extern || step->id == INSN_extern_convert_any)
		return lower_reference(l, step);
	switch (families[step->id].kind) {
	case FAMILY_NONE:
		return lower_by_hand(l, step);
	case FAMILY_UNARY:
		lower_unary(l, step->id);
		return true;
	case FAMILY_LOAD:
		lower_load(l, step);
		return true;
	case FAMILY_STORE:
	case FAMILY_FSTORE:
		lower_store(l, step);
		return true;
	case FAMILY_ATOMIC:
	case FAMILY_ATOMIC_STORE:
		lower_atomic(l, step);
		return true;
	default:
		lower_binary(l, step->id);
		return true;
	}
}
