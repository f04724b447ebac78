/* Operations on v128: the variants of op_simd.def, as lower_ops.c chooses those of op.def. */
#include "interp/lower.h"

enum vector_kind {
	VECTOR_NONE,
	VECTOR_UNARY,
	VECTOR_COMMUTE,
	VECTOR_ORDERED,
	VECTOR_TERNARY,
	VECTOR_SHIFT,
	VECTOR_REPLACE,
	VECTOR_SHUFFLE,
	VECTOR_LOAD_LANE,
	VECTOR_STORE,
	VECTOR_STORE_LANE,
};

struct vector_family {
	uint16_t base; /* its first operation */
	uint8_t kind;
	uint8_t class; /* VECTOR_UNARY: of the result */
};

#define RESULT_i32 CLASS_INT
#define RESULT_i64 CLASS_INT
#define RESULT_f32 CLASS_F32
#define RESULT_f64 CLASS_F64
#define RESULT_v128 CLASS_V128

#define UNARY(n, t, u, c, e)
#define LOAD(n, m, u, e)

static const struct vector_family vectors[INSN_COUNT] = {
#define V_UNARY(n, l, u, e) [INSN_##n] = {OP_##n##_s_r, VECTOR_UNARY, RESULT_##u},
#define V_COMMUTE(n, l, e) [INSN_##n] = {OP_##n##_ss_r, VECTOR_COMMUTE, 0},
#define V_ORDERED(n, l, e) [INSN_##n] = {OP_##n##_ss_r, VECTOR_ORDERED, 0},
#define V_TERNARY(n, l, e) [INSN_##n] = {OP_##n##_sss_r, VECTOR_TERNARY, 0},
#define V_SHIFT(n, e) [INSN_##n] = {OP_##n##_ss_r, VECTOR_SHIFT, 0},
#define V_REPLACE(n, t, e) [INSN_##n] = {OP_##n##_ss_r, VECTOR_REPLACE, 0},
#define V_SHUFFLE(n) [INSN_##n] = {OP_##n##_ss_r, VECTOR_SHUFFLE, 0},
#define V_LOAD_LANE(n, m, e) [INSN_##n] = {OP_##n##_ss_r, VECTOR_LOAD_LANE, 0},
#define V_STORE(n) [INSN_##n] = {OP_##n##_ss, VECTOR_STORE, 0},
#define V_STORE_LANE(n, m, e) [INSN_##n] = {OP_##n##_ss, VECTOR_STORE_LANE, 0},
#include "interp/op_simd.def"
};

const uint8_t op_data_cells[OP_COUNT] = {
    [OP_const_s128] = 1,
    [OP_const_v] = 1,
#define V_COMMUTE(n, l, e)                                                                         \
	[OP_##n##_sk_r] = 1, [OP_##n##_sk_w] = 1, [OP_##n##_ak_r] = 1, [OP_##n##_ak_w] = 1,
#define V_SHUFFLE(n)                                                                               \
	[OP_##n##_ss_r] = 1, [OP_##n##_ss_w] = 1, [OP_##n##_as_r] = 1, [OP_##n##_as_w] = 1,            \
	[OP_##n##_sa_r] = 1, [OP_##n##_sa_w] = 1,
#include "interp/op_simd.def"
#define V(name) [OP_##name] = 1,
#define FUSE_V_LOADS(second, load) VARIANTS_FUSE_V_LOADS(V, second##_##load)
#define FUSE_V_SUM(third, second) VARIANTS_FUSE_V_SUM_LOADS(V, third##_##second)
#include "interp/op_fused.def"
#undef V
};

/* Pairs (r, w), in the order of cell.h. */
enum { PAIR_ss, PAIR_as, PAIR_sk, PAIR_ak, PAIR_sa = PAIR_sk };
_Static_assert(OP_v128_and_ak_w - OP_v128_and_ss_r == 2 * PAIR_ak + 1, "order of V_COMMUTE");
_Static_assert(OP_i8x16_shuffle_sa_w - OP_i8x16_shuffle_ss_r == 2 * PAIR_sa + 1,
               "order of V_ORDERED");
_Static_assert(OP_v128_bitselect_ssa_r - OP_v128_bitselect_sss_r == 6, "order of V_TERNARY");
/* With a scalar or an address: bit 0 for the second operand in its accumulator, bit 1 for the
 * first. */
_Static_assert(OP_i8x16_shl_as_r - OP_i8x16_shl_ss_r == 4, "order of V_SHIFT");
_Static_assert(OP_i8x16_shl_sk_r - OP_i8x16_shl_ss_r == 8, "order of V_SHIFT");
_Static_assert(OP_v128_store_as - OP_v128_store_ss == 2, "order of V_STORE");
_Static_assert(OP_v128_store_ks - OP_v128_store_ss == 4, "order of V_STORE");

static struct cell *emit_vector(struct lowering *l, unsigned base, unsigned variant)
{
	return emit_result(l, (enum op)(base + 2 * variant + 1), CLASS_V128, INSN_COUNT, 0);
}

/* ---- operands ---- */

/* Finds vectors such that one at most is in fv and, but for *constant, none is a constant. A
 * constant goes to fv, its slot is for when fv is taken. constant may be NULL. */
static void find_vectors(struct lowering *l, const struct sym *syms, struct src *srcs,
                         unsigned count, const struct src *constant)
{
	const struct sym *held = NULL;
	for (unsigned i = 0; i < count; i++) {
		srcs[i] = find(l, &syms[i]);
		if (srcs[i].kind != SRC_ACC)
			continue;
		/* The same local twice: one operand from the accumulator, the other from its slot. */
		if (held != NULL)
			srcs[i].kind = SRC_SLOT;
		else
			held = &syms[i];
	}
	bool is_free = held == NULL;
	for (unsigned i = 0; i < count; i++) {
		if (srcs[i].kind != SRC_CONST || &srcs[i] == constant)
			continue;
		if (is_free) {
			emit(l, OP_const_v);
			emit_data(l, (const uint8_t *)(uintptr_t)srcs[i].value);
			forget_class(l, CLASS_V128);
			srcs[i].kind = SRC_ACC;
			is_free = false;
		} else {
			srcs[i] = (struct src){.kind = SRC_SLOT, .slot = in_slot(l, &syms[i])};
		}
	}
	if (held != NULL)
		take_from_acc(l, held);
}

/* The operand of another class, not as a constant. */
static struct src find_scalar(struct lowering *l, const struct sym *sym)
{
	struct src src = find(l, sym);
	if (src.kind == SRC_CONST)
		return (struct src){.kind = SRC_SLOT, .slot = in_slot(l, sym)};
	if (src.kind == SRC_ACC)
		take_from_acc(l, sym);
	return src;
}

/* ---- vectors ---- */

static void lower_one(struct lowering *l, const struct vector_family *f, const struct step *step)
{
	struct sym x = pop_sym(l);
	struct src src;
	find_vectors(l, &x, &src, 1, NULL);
	enum op op = (enum op)(f->base + (src.kind == SRC_ACC ? 3 : 1));
	struct cell *cell = emit_result(l, op, (enum acc_class)f->class, INSN_COUNT, 0);
	cell->b = src.slot;
	cell->d = step->index2;
}

static void lower_two(struct lowering *l, const struct vector_family *f, const struct step *step)
{
	struct sym syms[2];
	struct src srcs[2];
	syms[1] = pop_sym(l);
	syms[0] = pop_sym(l);
	bool commutes = f->kind == VECTOR_COMMUTE;
	if (fuse_vectors(l, step->id, commutes, &syms[0], &syms[1]))
		return;
	if (commutes && (syms[0].kind == SYM_CONST || find(l, &syms[1]).kind == SRC_ACC)) {
		struct sym first = syms[0];
		syms[0] = syms[1];
		syms[1] = first;
	}
	find_vectors(l, syms, srcs, 2, commutes ? &srcs[1] : NULL);

	bool from_acc = srcs[0].kind == SRC_ACC;
	unsigned variant = from_acc ? PAIR_as : PAIR_ss;
	if (srcs[1].kind == SRC_CONST)
		variant = from_acc ? PAIR_ak : PAIR_sk;
	else if (srcs[1].kind == SRC_ACC)
		variant = PAIR_sa;
	struct cell *cell = emit_vector(l, f->base, variant);
	cell->b = srcs[0].slot;
	cell->c = srcs[1].slot;
	if (f->kind == VECTOR_SHUFFLE)
		emit_data(l, step->bytes);
	else if (srcs[1].kind == SRC_CONST)
		emit_data(l, (const uint8_t *)(uintptr_t)srcs[1].value);
}

static void lower_three(struct lowering *l, const struct vector_family *f)
{
	struct sym syms[3];
	struct src srcs[3];
	unsigned variant = 0;
	for (unsigned i = 3; i-- > 0;)
		syms[i] = pop_sym(l);
	find_vectors(l, syms, srcs, 3, NULL);
	for (unsigned i = 0; i < 3; i++)
		if (srcs[i].kind == SRC_ACC)
			variant = i + 1;
	struct cell *cell = emit_vector(l, f->base, variant);
	cell->b = srcs[0].slot;
	cell->c = srcs[1].slot;
	cell->d = srcs[2].slot;
}

static void lower_with_scalar(struct lowering *l, const struct vector_family *f,
                              const struct step *step)
{
	struct sym y = pop_sym(l);
	struct sym x = pop_sym(l);
	struct src fx, fy;
	find_vectors(l, &x, &fx, 1, NULL);
	unsigned in_acc = fx.kind == SRC_ACC;
	if (f->kind == VECTOR_SHIFT && y.kind == SYM_CONST) {
		struct cell *cell = emit_vector(l, f->base, 4 + in_acc);
		cell->b = fx.slot;
		cell->c = (uint32_t)y.value;
		return;
	}
	fy = find_scalar(l, &y);
	struct cell *cell = emit_vector(l, f->base, 2 * in_acc + (fy.kind == SRC_ACC));
	cell->b = fx.slot;
	cell->c = fy.slot;
	cell->d = step->index2;
}

/* ---- memory ---- */

/* The address; *offset is what the access adds to it. */
static struct src find_address(struct lowering *l, const struct step *step,
                               const struct sym *address, bool takes_constants, uint64_t *offset)
{
	*offset = 0;
	if (emit_address_check(l, step, address))
		return (struct src){.kind = SRC_ACC};
	*offset = step->value;
	return takes_constants && address->kind == SYM_CONST ? find(l, address)
	                                                     : find_scalar(l, address);
}

static void lower_load_lane(struct lowering *l, const struct vector_family *f,
                            const struct step *step)
{
	struct sym x = pop_sym(l);
	struct sym address = pop_sym(l);
	struct src fx;
	uint64_t offset;
	struct src fa = find_address(l, step, &address, false, &offset);
	find_vectors(l, &x, &fx, 1, NULL);
	unsigned variant = 2 * (fa.kind == SRC_ACC) + (fx.kind == SRC_ACC);
	struct cell *cell = emit_vector(l, f->base, variant);
	cell->b = fa.slot;
	cell->c = (uint32_t)offset;
	cell->d = fx.slot | step->index2 << 16;
}

static void lower_vector_store(struct lowering *l, const struct vector_family *f,
                               const struct step *step)
{
	struct sym x = pop_sym(l);
	struct sym address = pop_sym(l);
	struct src fx;
	uint64_t offset;
	struct src fa = find_address(l, step, &address, f->kind == VECTOR_STORE, &offset);
	find_vectors(l, &x, &fx, 1, NULL);
	unsigned in_acc = fx.kind == SRC_ACC;
	if (fa.kind == SRC_CONST) {
		struct cell *cell = emit(l, (enum op)(f->base + 4 + in_acc));
		cell->a = fx.slot;
		cell->k = fa.value + offset;
		return;
	}
	struct cell *cell = emit(l, (enum op)(f->base + 2 * (fa.kind == SRC_ACC) + in_acc));
	cell->a = fx.slot;
	cell->b = fa.slot;
	cell->c = (uint32_t)offset;
	if (f->kind == VECTOR_STORE_LANE)
		cell->d = step->index2;
}

bool lower_vector(struct lowering *l, const struct step *step)
{
	const struct vector_family *f = &vectors[step->id];
	switch (f->kind) {
	case VECTOR_NONE:
		return false;
	case VECTOR_UNARY:
		lower_one(l, f, step);
		return true;
	case VECTOR_TERNARY:
		lower_three(l, f);
		return true;
	case VECTOR_SHIFT:
	case VECTOR_REPLACE:
		lower_with_scalar(l, f, step);
		return true;
	case VECTOR_LOAD_LANE:
		lower_load_lane(l, f, step);
		return true;
	case VECTOR_STORE:
	case VECTOR_STORE_LANE:
		lower_vector_store(l, f, step);
		return true;
	default:
		lower_two(l, f, step);
		return true;
	}
}
