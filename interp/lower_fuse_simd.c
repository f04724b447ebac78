/* Fusions of vectors: loads with the operation that takes them, and sums of products (op_fused.def:
 * FUSE_V_…). */
#include "interp/lower.h"

#include <string.h>

/* Pairs (r, w) from a row's first operation on. */
enum { LOADS_l_a, LOADS_l_s, LOADS_ll };
enum { SUM_ass, SUM_sss, SUM_sas, SUM_l_as, SUM_l_ss, SUM_l_sa, SUM_ll_a, SUM_ll_s, SUM_VARIANTS };

struct loads_row {
	uint16_t second;
	uint16_t load;
	uint16_t base;
};

static const struct loads_row loads_rows[] = {
#define FUSE_V_LOADS(second, load) {INSN_##second, INSN_##load, OP_##second##_##load##_l_a_r},
#include "interp/op_fused.def"
};
_Static_assert(OP_f32x4_mul_v128_load_ll_r - OP_f32x4_mul_v128_load_l_a_r == 2 * LOADS_ll,
               "order of VARIANTS_FUSE_V_LOADS");

struct sum_row {
	uint16_t third;
	uint16_t ss, as; /* the second's cells, of slots, of the accumulator and a slot */
	uint16_t loads;  /* the first of those with loads */
	uint16_t base;
};

static const struct sum_row sum_rows[] = {
#define FUSE_V_SUM(third, second)                                                                  \
	{INSN_##third, OP_##second##_ss_w, OP_##second##_as_w, OP_##second##_v128_load_l_a_r,          \
	 OP_##third##_##second##_ass_r},
#include "interp/op_fused.def"
};
_Static_assert(OP_f32x4_add_f32x4_mul_l_as_r - OP_f32x4_add_f32x4_mul_ass_r == 2 * SUM_l_as,
               "order of VARIANTS_FUSE_V_SUM");
_Static_assert(OP_f32x4_add_f32x4_mul_ll_s_w - OP_f32x4_add_f32x4_mul_ass_r == 2 * SUM_ll_s + 1,
               "order of VARIANTS_FUSE_V_SUM_LOADS");

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

/* ---- cells with data ---- */

/* A cell that was taken back, with the one behind it when that is its data. */
struct taken {
	struct cell cell, behind;
	uint32_t offset; /* of its instruction, when offsets are wanted */
};

/* Did the last cell, which may have data, compute the operand, and may it be taken back? */
static bool is_made_last(const struct lowering *l, const struct sym *sym)
{
	if (l->unfolded || l->out_of_memory || sym->kind != SYM_TEMP || l->last.cell == UINT32_MAX)
		return false;
	const struct cell *cell = &l->cells[l->last.cell];
	return cell->a == sym->slot && l->last.cell + 1 + op_data_cells[cell->handler] == l->cell_count;
}

static struct taken take_with_data(struct lowering *l)
{
	uint32_t at = l->last.cell;
	struct taken taken = {.cell = l->cells[at]};
	if (op_data_cells[taken.cell.handler] > 0)
		taken.behind = l->cells[at + 1];
	if (l->want_offsets)
		taken.offset = l->offsets[at];
	memcpy(l->held, l->last.before, sizeof l->held);
	l->last.cell = UINT32_MAX;
	l->cell_count = at;
	/* The data, which is gone, was no cell that could change. */
	if (l->barrier > at)
		l->barrier = at;
	return taken;
}

/* The fused cell, its fields filled in; what may trap in it are loads, of which `offset` tells. */
static void emit_fused(struct lowering *l, enum op op, const struct cell *fields,
                       const struct cell *behind, uint32_t offset)
{
	struct cell *cell = emit_result(l, op, CLASS_V128, INSN_COUNT, 0);
	uint32_t at = l->cell_count - 1;
	cell->b = fields->b;
	cell->k = fields->k;
	if (op_data_cells[op] == 0)
		return;
	uint8_t data[sizeof *behind];
	memcpy(data, behind, sizeof data);
	emit_data(l, data);
	if (l->want_offsets && !l->out_of_memory)
		l->offsets[at] = offset;
}

/* ---- loads ---- */

static bool loads_plainly(const struct cell *cell, enum op base)
{
	return cell->handler == (int32_t)base + 1 ||
	       cell->handler == (int32_t)base + 2 * (3 + SUM_p) + 1;
}

/* A plain address is a sum with 0. */
static void set_address(struct cell *to, const struct cell *load, enum op base)
{
	bool is_sum = load->handler != (int32_t)base + 1;
	to->b = load->b;
	to->c = is_sum ? load->c : 0;
	to->d = is_sum ? load->d : load->c;
}

/* The last two cells loaded the operands. */
static bool fuse_both(struct lowering *l, const struct loads_row *row, const struct sym *other)
{
	enum op base = (enum op)families[row->load].base;
	if (other->kind != SYM_TEMP || l->last.cell <= l->barrier)
		return false;
	struct cell first = l->cells[l->last.cell - 1];
	if (first.a != other->slot || !loads_plainly(&first, base))
		return false;
	struct held earlier = l->last.earlier;
	uint32_t offset = l->want_offsets ? l->offsets[l->last.cell - 1] : 0;
	struct taken second = take_with_data(l);
	l->cell_count--;
	l->held[CLASS_V128] = earlier;
	struct cell fields = {0}, behind = {0};
	set_address(&fields, &first, base);
	set_address(&behind, &second.cell, base);
	emit_fused(l, (enum op)(row->base + 2 * LOADS_ll + 1), &fields, &behind,
	           l->want_first_loads ? offset : second.offset);
	return true;
}

/* The last cell loaded the operand beside `other`. */
static bool fuse_loads(struct lowering *l, enum insn_id insn, const struct sym *other, bool is_left)
{
	const struct cell *last = &l->cells[l->last.cell];
	const struct loads_row *row = loads_rows;
	while (row->second != insn || !loads_plainly(last, (enum op)families[row->load].base))
		if (++row == loads_rows + COUNT(loads_rows))
			return false;
	if (!is_left && fuse_both(l, row, other))
		return true;
	struct taken load = take_with_data(l);
	struct src src = find(l, other);
	if (src.kind == SRC_ACC)
		take_from_acc(l, other);
	struct cell fields = {0}, behind = {.b = src.slot};
	set_address(&fields, &load.cell, (enum op)families[row->load].base);
	unsigned place = src.kind == SRC_ACC ? LOADS_l_a : LOADS_l_s;
	emit_fused(l, (enum op)(row->base + 2 * place + 1), &fields, &behind, load.offset);
	return true;
}

/* ---- sums ---- */

/* How the cell, when it is a second of the row, goes into the sum whose other operand stands in a
 * slot; SUM_VARIANTS: it is none. */
static unsigned sum_of(const struct sum_row *row, const struct cell *cell)
{
	if (cell->handler == row->ss)
		return SUM_sss;
	if (cell->handler == row->as)
		return SUM_sas;
	switch (cell->handler - row->loads) {
	case 2 * LOADS_l_a + 1:
		return SUM_l_sa;
	case 2 * LOADS_l_s + 1:
		return SUM_l_ss;
	case 2 * LOADS_ll + 1:
		return SUM_ll_s;
	default:
		return SUM_VARIANTS;
	}
}

static bool fuse_sum(struct lowering *l, enum insn_id insn, const struct sym *other)
{
	for (const struct sum_row *row = sum_rows; row < sum_rows + COUNT(sum_rows); row++) {
		if (row->third != insn)
			continue;
		unsigned variant = sum_of(row, &l->cells[l->last.cell]);
		if (variant == SUM_VARIANTS)
			continue;
		struct taken second = take_with_data(l);
		struct src src = find(l, other);
		/* An operand of the second has the accumulator, or the sum's other one may. */
		if (src.kind == SRC_ACC && variant != SUM_sas && variant != SUM_l_sa) {
			take_from_acc(l, other);
			variant--;
		}
		struct cell fields = second.cell, behind = second.behind;
		if (op_data_cells[row->base + 2 * variant] > 0)
			behind.a = src.slot;
		else
			fields.d = src.slot;
		emit_fused(l, (enum op)(row->base + 2 * variant + 1), &fields, &behind, second.offset);
		return true;
	}
	return false;
}

static bool fuse_with_last(struct lowering *l, enum insn_id insn, const struct sym *other,
                           bool is_left)
{
	return other->kind != SYM_CONST &&
	       (fuse_sum(l, insn, other) || fuse_loads(l, insn, other, is_left));
}

bool fuse_vectors(struct lowering *l, enum insn_id insn, bool commutes, const struct sym *x,
                  const struct sym *y)
{
	if (is_made_last(l, y))
		return fuse_with_last(l, insn, x, false);
	return commutes && is_made_last(l, x) && fuse_with_last(l, insn, y, true);
}

uint32_t first_vector_size(const struct cell *cell)
{
	for (size_t i = 0; i < COUNT(loads_rows); i++) {
		int32_t place = cell->handler - loads_rows[i].base;
		if (place == 2 * LOADS_ll || place == 2 * LOADS_ll + 1)
			return UINT32_C(1) << insns[loads_rows[i].load].align;
	}
	for (size_t i = 0; i < COUNT(sum_rows); i++) {
		int32_t place = cell->handler - sum_rows[i].base;
		if (place >= 2 * SUM_ll_a && place < 2 * SUM_VARIANTS)
			return UINT32_C(1) << insns[INSN_v128_load].align;
	}
	return 0;
}
