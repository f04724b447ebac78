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

bool take_kept_sum(struct lowering *l, const struct sym *sym, struct address_sum *sum)
{
	if (l->unfolded || l->out_of_memory || sym->kind != SYM_LOCAL || l->cell_count <= l->barrier)
		return false;
	const struct cell *add = &l->cells[l->cell_count - 1];
	uint16_t kept = l->local_slots[sym->local];
	if (add->handler != OP_i32_add_sk_w || add->a != kept)
		return false;
	*sum = (struct address_sum){.form = SUM_t, .b = add->b, .c = add->c, .kept = kept};
	l->cell_count--;
	l->last.cell = UINT32_MAX;
	forget_class(l, CLASS_INT);
	return true;
}

/* ---- pairs ---- */

enum form { FORM_K, FORM_X, FORM_M, FORM_S, FORM_L, FORM_C, FORM_LL };

struct fusion {
	uint16_t second;
	uint16_t first;
	uint16_t base; /* its first operation */
	uint8_t form;
	bool is_reversed; /* second takes the result of first as its left operand */
};

#define INSN_i32_rsub INSN_i32_sub
#define INSN_f32_rsub INSN_f32_sub
#define INSN_f64_rsub INSN_f64_sub
#define IS_REVERSED_add false
#define IS_REVERSED_sub false
#define IS_REVERSED_mul false
#define IS_REVERSED_and false
#define IS_REVERSED_or false
#define IS_REVERSED_xor false
#define IS_REVERSED_rsub true
#define ROW(t, two, one, form, variant)                                                            \
	{INSN_##t##_##two, INSN_##t##_##one, OP_##t##_##two##_##one##_##variant##_r, form, false},
#define ROW_REVERSIBLE(t, two, one, form, variant)                                                 \
	{INSN_##t##_##two, INSN_##t##_##one, OP_##t##_##two##_##one##_##variant##_r, form,             \
	 IS_REVERSED_##two},

/* By form, so that little is searched. */
static const struct fusion fusions_k[] = {
#define FUSE_K(t, two, one) ROW(t, two, one, FORM_K, k_s)
#include "interp/op_fused.def"
};
static const struct fusion fusions_x[] = {
#define FUSE_X(t, two, one) ROW(t, two, one, FORM_X, x_as)
#include "interp/op_fused.def"
};
static const struct fusion fusions_m[] = {
#define FUSE_M(t, two, one) ROW(t, two, one, FORM_M, m_ss)
#include "interp/op_fused.def"
};
static const struct fusion fusions_s[] = {
#define FUSE_S(t, two, one) ROW_REVERSIBLE(t, two, one, FORM_S, s_ass)
#include "interp/op_fused.def"
};
static const struct fusion fusions_l[] = {
#define FUSE_L(t, two, one) ROW_REVERSIBLE(t, two, one, FORM_L, l_a)
#include "interp/op_fused.def"
};
static const struct fusion fusions_c[] = {
#define FUSE_C(t, two, one) ROW(t, two, one, FORM_C, c_as)
#include "interp/op_fused.def"
};
static const struct fusion fusions_ll[] = {
#define FUSE_LL(t, two, one) ROW(t, two, one, FORM_LL, ll_p)
#include "interp/op_fused.def"
};
#define FUSIONS(letter) {fusions_##letter, sizeof fusions_##letter / sizeof *fusions_##letter}
static const struct {
	const struct fusion *rows;
	size_t count;
} fusions[] = {
    [FORM_K] = FUSIONS(k), [FORM_X] = FUSIONS(x), [FORM_M] = FUSIONS(m),  [FORM_S] = FUSIONS(s),
    [FORM_L] = FUSIONS(l), [FORM_C] = FUSIONS(c), [FORM_LL] = FUSIONS(ll)};

static const struct fusion *find_fusion(enum form form, enum insn_id second, enum insn_id first,
                                        bool is_reversed)
{
	for (size_t i = 0; i < fusions[form].count; i++) {
		const struct fusion *row = &fusions[form].rows[i];
		if (row->first == first && row->second == second && row->is_reversed == is_reversed)
			return row;
	}
	return NULL;
}

/* How the last cell, of which `first` is the result, and the other operand go together; -1: not. */
static int form_of(const struct lowering *l, const struct sym *other)
{
	const struct family *first = &families[l->last.insn];
	unsigned variant = l->last.variant;
	bool is_const = other->kind == SYM_CONST;
	if (first->kind == FAMILY_LOAD)
		return is_const || (variant != 0 && variant != 3 + SUM_p) ? -1 : FORM_L;
	if (first->kind != FAMILY_COMMUTE && first->kind != FAMILY_ORDERED)
		return -1;
	switch (variant) {
	case VARIANT_sk:
	case VARIANT_ak:
		return is_const ? FORM_K : FORM_X;
	case VARIANT_ss:
		return is_const ? FORM_M : FORM_S;
	case VARIANT_as:
		return is_const ? FORM_M : FORM_C;
	default:
		return -1;
	}
}

/* Do 32 bits hold the number for an operation of insn's type? */
static bool fits_number(enum insn_id insn, uint64_t value)
{
	return !families[insn].is_wide || (uint64_t)(int64_t)(int32_t)value == value;
}

/* Was the operand in its accumulator before the last cell? */
static bool was_held(const struct lowering *l, const struct sym *sym)
{
	uint16_t slot = sym->kind == SYM_LOCAL ? l->local_slots[sym->local] : sym->slot;
	return l->last.before[sym->class].slot == slot;
}

/* Fills the fused cell; answers its place among the row's pairs of variants. */
static unsigned fill_fused(struct cell *fused, enum form form, unsigned variant,
                           const struct cell *was, const struct src *other)
{
	bool in_acc = other->kind == SRC_ACC;
	fused->b = was->b;
	switch (form) {
	case FORM_K:
		fused->c = was->c;
		fused->d = (uint32_t)other->value;
		return variant == VARIANT_ak;
	case FORM_M:
		fused->c = was->c;
		fused->d = (uint32_t)other->value;
		return variant == VARIANT_as;
	case FORM_X:
		fused->d = was->c;
		if (variant == VARIANT_ak) {
			fused->b = other->slot;
			return 1;
		}
		fused->c = other->slot;
		return in_acc ? 0 : 2;
	case FORM_S:
		fused->c = was->c;
		fused->d = other->slot;
		return in_acc ? 0 : 1;
	case FORM_C:
		fused->c = other->slot;
		return 0;
	default:
		/* A plain address is a sum with 0; or x takes the sum's place. */
		fused->d = variant == 0 ? was->c : was->d;
		if (!in_acc)
			fused->c = other->slot;
		else
			fused->c = variant == 0 ? 0 : was->c;
		return in_acc ? 0 : 1;
	}
}

/* Where a load finds its address, as a local and a number; false: neither as one that is added, of
 * 32 bits, nor, when `is_offset`, as an offset. */
static bool plain_address(const struct cell *load, enum op base, bool is_offset, uint32_t *number)
{
	bool is_sum = load->handler >= (int32_t)base + 2 * (3 + SUM_p);
	*number = load->c;
	return is_offset ? !is_sum : is_sum ? load->d == 0 : load->c == 0;
}

/* The last two cells loaded the operands. */
static bool fuse_two_loads(struct lowering *l, enum insn_id insn, const struct sym *other)
{
	enum insn_id first = l->last.insn;
	const struct fusion *row = find_fusion(FORM_LL, insn, first, false);
	if (row == NULL || other->kind != SYM_TEMP || l->last.cell <= l->barrier)
		return false;
	const struct cell *y = &l->cells[l->last.cell], *x = y - 1;
	enum op base = (enum op)families[first].base;
	int32_t place = (x->handler - (int32_t)base) / 2;
	if (x->a != other->slot || x->handler < (int32_t)base || (place != 0 && place != 3 + SUM_p))
		return false;
	uint32_t one, two;
	bool is_offset = false;
	if (!plain_address(x, base, false, &one) || !plain_address(y, base, false, &two)) {
		is_offset = true;
		if (!plain_address(x, base, true, &one) || !plain_address(y, base, true, &two))
			return false;
	}
	if (two > UINT16_MAX)
		return false;
	uint32_t offset =
	    l->want_offsets ? l->offsets[l->last.cell - (l->want_first_loads ? 1 : 0)] : 0;
	uint16_t slots[] = {x->b, y->b};
	take_back(l);
	l->cell_count--;
	enum acc_class class = (enum acc_class)families[insn].result;
	forget_class(l, class);
	struct cell *cell =
	    emit_result(l, (enum op)(row->base + 2 * is_offset + 1), class, INSN_COUNT, 0);
	cell->b = slots[0];
	cell->c = one;
	cell->d_low = slots[1];
	cell->d_high = (uint16_t)two;
	if (l->want_offsets && !l->out_of_memory)
		l->offsets[l->cell_count - 1] = offset;
	return true;
}

bool first_load_faults(const struct cell *cell, const union slot *fp, uint64_t size)
{
	uint32_t vector = first_vector_size(cell);
	if (vector > 0)
		return (uint32_t)(fp[cell->b].i32 + cell->c) + (uint64_t)cell->d + vector > size;
	for (size_t i = 0; i < fusions[FORM_LL].count; i++) {
		const struct fusion *row = &fusions_ll[i];
		int32_t variant = cell->handler - (int32_t)row->base;
		if (variant < 0 || variant > 3)
			continue;
		uint64_t address = fp[cell->b].i32 + (uint64_t)cell->c;
		if (variant < 2)
			address = (uint32_t)address;
		return address + (UINT64_C(1) << insns[row->first].align) > size;
	}
	return false;
}

/* The last cell computed `first`, an operand of the operation beside `other`. */
static bool fuse_with_last(struct lowering *l, enum insn_id insn, const struct sym *other,
                           bool is_left)
{
	bool commutes = families[insn].kind == FAMILY_COMMUTE;
	int form = form_of(l, other);
	if (form < 0)
		return false;
	if (form == FORM_L && !is_left && fuse_two_loads(l, insn, other))
		return true;
	bool is_const = other->kind == SYM_CONST;
	uint64_t number = other->value;
	if (is_const && (insn == INSN_i32_sub || insn == INSN_i64_sub) && is_left) {
		insn = insn == INSN_i32_sub ? INSN_i32_add : INSN_i64_add;
		number = -number;
	}
	/* With a constant the result of `first` is the left operand, otherwise the right one. */
	if (is_const && !is_left && !commutes)
		return false;
	const struct fusion *row =
	    find_fusion((enum form)form, insn, l->last.insn, !is_const && is_left && !commutes);
	unsigned variant = l->last.variant;
	const struct cell *last = &l->cells[l->last.cell];
	bool has_number = form == FORM_K || form == FORM_X;
	if (row == NULL || (is_const && !fits_number(insn, number)) ||
	    (has_number && !fits_number(insn, last->k)) ||
	    (form == FORM_L && variant != 0 && !was_held(l, other)))
		return false;

	uint32_t offset = l->want_offsets ? l->offsets[l->last.cell] : 0;
	struct cell was = take_back(l);
	struct src src = find(l, other);
	src.value = number;
	bool needs_slot = form == FORM_C || (form == FORM_X && variant == VARIANT_ak);
	if (src.kind == SRC_ACC && !needs_slot)
		take_from_acc(l, other);
	struct cell fused = {0};
	unsigned place = fill_fused(&fused, (enum form)form, variant, &was, &src);
	struct cell *cell = emit_result(l, (enum op)(row->base + 2 * place + 1),
	                                (enum acc_class)families[insn].result, INSN_COUNT, 0);
	cell->b = fused.b;
	cell->c = fused.c;
	cell->d = fused.d;
	/* What may trap is the load. */
	if (l->want_offsets && form == FORM_L && !l->out_of_memory)
		l->offsets[l->cell_count - 1] = offset;
	return true;
}

bool fuse_binary(struct lowering *l, enum insn_id insn, const struct sym *x, const struct sym *y)
{
	if (l->unfolded || l->last.insn == INSN_COUNT)
		return false;
	if (is_last(l, y))
		return fuse_with_last(l, insn, x, false);
	return is_last(l, x) && fuse_with_last(l, insn, y, true);
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

void fuse_next(struct cell *load)
{
	if (load->handler == OP_i32_load_s_w && load->a == load->b)
		load->handler = OP_load_next;
}

void fuse_next_jump(struct lowering *l)
{
	if (l->unfolded || l->out_of_memory || l->cell_count < l->barrier + 2)
		return;
	struct cell *load = &l->cells[l->cell_count - 2];
	enum op jump = (enum op)load[1].handler;
	if (load->handler != OP_load_next || (jump != OP_jump_nz_a && jump != OP_jump_z_a))
		return;
	load->handler = jump == OP_jump_nz_a ? OP_load_next_jump_nz : OP_load_next_jump_z;
	load->d = load->c;
	l->cell_count--;
}

struct cell *fuse_table_jump(struct lowering *l, const struct sym *index)
{
	if (!is_last(l, index) || l->last.insn != INSN_i32_load8_u || l->last.variant != 0)
		return NULL;
	uint32_t offset = l->want_offsets ? l->offsets[l->last.cell] : 0;
	struct cell load = take_back(l);
	struct cell *cell = emit(l, OP_table_jump_load8);
	cell->b = load.b;
	cell->d = load.c;
	if (l->want_offsets && !l->out_of_memory)
		l->offsets[l->cell_count - 1] = offset;
	return cell;
}

/* ---- jumps and calls ---- */

/* The cell before, when nothing can jump between it and what comes now. */
static struct cell *cell_before(struct lowering *l)
{
	return l->unfolded || l->out_of_memory || l->cell_count <= l->barrier
	           ? NULL
	           : &l->cells[l->cell_count - 1];
}

/* The last cell is a move: a number that was added to a local before it goes into the same cell. */
static bool fuse_add_before(struct lowering *l)
{
	if (l->cell_count < l->barrier + 2)
		return false;
	struct cell *add = &l->cells[l->cell_count - 2];
	const struct cell *move = add + 1;
	bool is_wide = add->handler == OP_i64_add_sk_w;
	int64_t number = is_wide ? (int64_t)add->k : (int32_t)add->c;
	if ((add->handler != OP_i32_add_sk_w && !is_wide) || add->a != add->b ||
	    number != (int16_t)number)
		return false;
	*add = (struct cell){
	    .handler = is_wide ? OP_add_move_jump_i64 : OP_add_move_jump_i32,
	    .a = move->a,
	    .b = move->b,
	    .d_low = add->a,
	    .d_high = (uint16_t)number,
	};
	l->cell_count--;
	return true;
}

bool fuse_jump(struct lowering *l)
{
	struct cell *before = cell_before(l);
	if (before == NULL)
		return false;
	bool is_wide = before->handler == OP_i64_add_sk_w;
	if (before->handler == OP_move_s && fuse_add_before(l)) {
		/* The add is in the move's cell, which jumps. */
	} else if (before->handler == OP_move_s) {
		before->handler = OP_move_jump;
	} else if (before->handler == OP_i32_add_sk_w ||
	           (is_wide && fits_number(INSN_i64_add, before->k))) {
		before->handler = is_wide ? OP_add_jump_i64 : OP_add_jump_i32;
		before->d = before->c;
		before->c = 0;
	} else {
		return false;
	}
	l->last.cell = UINT32_MAX;
	return true;
}

bool fuse_meter(struct lowering *l)
{
	struct cell *before = cell_before(l);
	if (before == NULL)
		return false;
	switch (before->handler) {
	case OP_enter:
		before->handler = OP_enter_meter;
		return true;
	case OP_enter1:
		before->handler = OP_enter1_meter;
		return true;
	case OP_enter2:
		before->handler = OP_enter2_meter;
		return true;
	default:
		return false;
	}
}

bool fuse_arguments(struct lowering *l, const struct functype *type, uint16_t frame,
                    bool is_indirect, struct cell *arguments)
{
	const struct cell *before = cell_before(l);
	uint32_t header = type_header(type);
	/* The last argument stands right below the header. */
	if (before == NULL || header != type->param_slots || header == 0)
		return false;
	uint32_t slot = frame + header - 1;
	uint32_t high = 0;
	enum op op;
	if (before->handler == OP_move_s && before->a == slot) {
		op = is_indirect ? OP_call_indirect_move : OP_call_move;
	} else if (is_indirect) {
		return false;
	} else if (header >= 2 && before->handler == OP_move2_s && before->c == slot &&
	           before->a == slot - 1 && before->d != slot - 1) {
		op = OP_call_move2;
		high = before->d;
	} else if (before->handler == OP_sum_s && before->a == slot &&
	           (int32_t)before->c == (int16_t)before->c) {
		op = OP_call_sum;
		high = before->c;
	} else {
		return false;
	}
	*arguments = (struct cell){.handler = (int32_t)op, .b = before->b};
	if (!is_indirect)
		arguments->d = header | high << 16;
	l->cell_count--;
	l->last.cell = UINT32_MAX;
	return true;
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
