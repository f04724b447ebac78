/* What becomes one cell: pairs of instructions (interp/op_fused.def), the ends of loops, steps
 * along lists, a byte that is an index. By chance alone most of these are met too seldom. */
#include "tests/fuzz/generator.h"

/* ---- pairs ---- */

enum form { FORM_K, FORM_X, FORM_M, FORM_S, FORM_L, FORM_C, FORM_LL };

static const struct pair {
	enum form form;
	char letter;
	bool is_reversed;
	enum insn_id second;
	enum insn_id first;
} pairs[] = {
#define LETTER_i32 'i'
#define LETTER_i64 'I'
#define LETTER_f32 'f'
#define LETTER_f64 'F'
#define INSN_i32_rsub INSN_i32_sub
#define INSN_f32_rsub INSN_f32_sub
#define INSN_f64_rsub INSN_f64_sub
#define ROW(form, t, second, first)                                                                \
	{form, LETTER_##t, sizeof #second == sizeof "rsub", INSN_##t##_##second, INSN_##t##_##first},
#define FUSE_K(t, second, first) ROW(FORM_K, t, second, first)
#define FUSE_X(t, second, first) ROW(FORM_X, t, second, first)
#define FUSE_M(t, second, first) ROW(FORM_M, t, second, first)
#define FUSE_S(t, second, first) ROW(FORM_S, t, second, first)
#define FUSE_L(t, second, first) ROW(FORM_L, t, second, first)
#define FUSE_C(t, second, first) ROW(FORM_C, t, second, first)
#define FUSE_LL(t, second, first) ROW(FORM_LL, t, second, first)
#include "interp/op_fused.def"
};

/* Mostly one that a cell holds beside another. */
static void put_short(struct gen *g, char letter)
{
	int64_t number =
	    source_once_in(&g->s, 4) ? (int64_t)any_integer(g) : (int8_t)source_byte(&g->s);
	put_literal(g, letter, letter == 'i' ? (int32_t)number : number);
}

/* The first of the two, its operands prepared. */
static void put_first(struct gen *g, const struct pair *pair, const struct operand *y,
                      const struct operand *z, uint32_t address)
{
	switch (pair->form) {
	case FORM_K:
	case FORM_X:
		push_operand(g, y);
		put_short(g, pair->letter);
		put_second(g, pair->first);
		break;
	case FORM_M:
	case FORM_S:
	case FORM_C:
		push_operand(g, y);
		push_operand(g, z);
		put_second(g, pair->first);
		break;
	default:
		get_local(g, address, 'i');
		if (source_once_in(&g->s, 2)) {
			put_literal(g, 'i', source_choose(&g->s, 256));
			put_second(g, INSN_i32_add);
		}
		put_memarg(&g->code, pair->first, 0, source_choose(&g->s, 64));
		pop(g, 1);
		push(g, pair->letter);
		break;
	}
}

/* Mostly both with a number that is added and no offset, or both the other way. */
static void put_two_loads(struct gen *g, const struct pair *pair)
{
	uint32_t addresses[2];
	if (!prepare_address(g, &addresses[0]) || !prepare_address(g, &addresses[1]))
		return;
	forget(g, 'i');
	bool is_sum = source_once_in(&g->s, 2);
	for (unsigned i = 0; i < 2; i++) {
		is_sum ^= source_once_in(&g->s, 8);
		get_local(g, addresses[i], 'i');
		if (is_sum) {
			put_literal(g, 'i', source_choose(&g->s, 256));
			put_second(g, INSN_i32_add);
		}
		uint32_t offset = is_sum && !source_once_in(&g->s, 8) ? 0 : source_choose(&g->s, 64);
		put_memarg(&g->code, pair->first, 0, offset);
		pop(g, 1);
		push(g, pair->letter);
	}
	put_second(g, pair->second);
	put_use(g);
}

/* ---- pairs and sums of vectors ---- */

static const struct vector_pair {
	enum insn_id third; /* INSN_COUNT: there is none */
	enum insn_id second;
	enum insn_id load;
} vector_pairs[] = {
#define FUSE_V_LOADS(second, load) {INSN_COUNT, INSN_##second, INSN_##load},
#define FUSE_V_SUM(third, second) {INSN_##third, INSN_##second, INSN_v128_load},
#include "interp/op_fused.def"
};

static void put_vector_load(struct gen *g, enum insn_id load, uint32_t address)
{
	get_local(g, address, 'i');
	if (source_once_in(&g->s, 2)) {
		put_literal(g, 'i', source_choose(&g->s, 256));
		put_second(g, INSN_i32_add);
	}
	put_memarg(&g->code, load, 0, source_choose(&g->s, 64));
	pop(g, 1);
	push(g, 'v');
}

/* The result, of lanes of floats maybe, is read from the accumulator, or as any other is. */
static void put_vector_use(struct gen *g, enum insn_id id)
{
	char lanes = lanes_of(id, 'v');
	if (lanes != 0 && source_once_in(&g->s, 2)) {
		put_leaf(g, 'v');
		put_second(g, lanes == 'f' ? INSN_f32x4_lt : INSN_f64x2_lt);
	} else {
		canonicalise_lanes(g, id);
	}
	put_use(g);
}

static void put_vector_pair(struct gen *g)
{
	const struct vector_pair *pair = &vector_pairs[source_choose(&g->s, COUNT(vector_pairs))];
	uint32_t addresses[2];
	if (!has_local(g, 'v') || !prepare_address(g, &addresses[0]) ||
	    !prepare_address(g, &addresses[1]))
		return;
	bool is_sum = pair->third != INSN_COUNT;
	uint32_t loads = is_sum ? source_choose(&g->s, 3) : 1 + source_choose(&g->s, 2);
	struct operand x = any_operand(g, 'v', 0);
	struct operand y = any_operand(g, 'v', 0);
	struct operand z = {.place = IN_SLOT, .letter = 'v'};
	if (x.place == IN_CELL)
		x.place = IN_ACC;
	if (y.place == IN_CELL)
		y.place = IN_ACC;
	prepare_operand(g, &y);
	prepare_operand(g, &z);
	prepare_operand(g, &x);
	forget(g, 'v');
	forget(g, 'i');
	prepare_operand_last(g, &y);
	if (is_sum)
		prepare_operand_last(g, &x);
	bool comes_first = !source_once_in(&g->s, 6);
	if (is_sum && comes_first)
		push_operand(g, &x);
	if (loads == 2)
		put_vector_load(g, pair->load, addresses[0]);
	else
		push_operand(g, &y);
	if (loads > 0)
		put_vector_load(g, pair->load, addresses[1]);
	else
		push_operand(g, &z);
	put_second(g, pair->second);
	if (is_sum) {
		if (!comes_first)
			push_operand(g, &x);
		put_second(g, pair->third);
	}
	put_vector_use(g, is_sum ? pair->third : pair->second);
}

void put_pair(struct gen *g)
{
	if (is_on(FEATURE_SIMD) && source_once_in(&g->s, 4)) {
		put_vector_pair(g);
		return;
	}
	const struct pair *pair = &pairs[source_choose(&g->s, COUNT(pairs))];
	if (pair->form == FORM_LL) {
		put_two_loads(g, pair);
		return;
	}
	struct operand x = any_operand(g, pair->letter, 0);
	struct operand y = any_operand(g, pair->letter, 0);
	struct operand z = {.place = IN_SLOT, .letter = pair->letter};
	uint32_t address = 0;
	if (pair->form == FORM_L && !prepare_address(g, &address))
		return;
	if (pair->form == FORM_S && !source_once_in(&g->s, 8))
		y.place = IN_SLOT;
	if (pair->form == FORM_C && !source_once_in(&g->s, 8)) {
		x.place = IN_SLOT;
		y.place = IN_ACC;
	}
	if (x.place == IN_CELL)
		x.place = IN_ACC;
	/* It stands in a slot beside the two of the first. */
	bool needs_x = pair->form != FORM_K && pair->form != FORM_M;
	prepare_operand(g, &y);
	prepare_operand(g, &z);
	if (needs_x)
		prepare_operand(g, &x);
	forget(g, pair->letter);
	if (pair->form == FORM_L)
		forget(g, 'i');
	if (pair->form != FORM_L)
		prepare_operand_last(g, &y);
	if (needs_x)
		prepare_operand_last(g, &x);
	/* Which of the two operands the pair's first instruction makes; mostly as the row says. */
	bool comes_first = pair->is_reversed != source_once_in(&g->s, 6);
	if (needs_x && !comes_first)
		push_operand(g, &x);
	put_first(g, pair, &y, &z, address);
	if (needs_x && comes_first)
		push_operand(g, &x);
	if (!needs_x)
		put_short(g, pair->letter);
	put_second(g, pair->second);
	put_use(g);
}

/* ---- loops ---- */

/* A local that is counted up or down to a number or another local. */
void put_count(struct gen *g)
{
	static const char letters[] = "iI";
	char letter = letters[source_choose(&g->s, 2)];
	uint32_t counter, limit;
	bool is_wide = letter == 'I';
	if (g->control_count + 2 > NESTING_MAX || !find_local(g, letter, &counter) ||
	    !find_local(g, letter, &limit))
		return;
	struct bytes *b = &g->code;
	uint32_t kind = source_choose(&g->s, INSN_i32_ge_u - INSN_i32_eq + 1u);
	enum insn_id compare = (enum insn_id)((is_wide ? INSN_i64_eq : INSN_i32_eq) + kind);
	int64_t step = 1 + source_choose(&g->s, 3), start = (int8_t)source_byte(&g->s);
	if (insns[compare].mnemonic[4] == 'g')
		step = -step;
	int64_t end = start + step * (1 + source_choose(&g->s, 6));
	bool by_local = limit != counter && source_once_in(&g->s, 2);
	if (by_local) {
		put_literal(g, letter, end);
		set_local(g, limit);
	}
	put_literal(g, letter, start);
	set_local(g, counter);

	bool tests_first = source_once_in(&g->s, 3);
	if (tests_first) {
		put_insn_s(b, INSN_block, -0x40);
		enter(g, INSN_block, "", "");
	}
	put_insn_s(b, INSN_loop, -0x40);
	enter(g, INSN_loop, "", "");
	put_fuel_check(g);
	if (tests_first) {
		put_insn_u(b, INSN_local_get, counter);
		put_insn_s(b, is_wide ? INSN_i64_const : INSN_i32_const, end);
		put_insn(b, is_wide ? INSN_i64_eq : INSN_i32_eq);
		hint_branch(g);
		put_insn_u(b, INSN_br_if, 1);
	}
	put_statements(g, 1);
	settle(g, "");
	if (!top(g)->dead) {
		forget(g, letter);
		get_local(g, counter, letter);
		put_literal(g, letter, step);
		put_second(g, is_wide ? INSN_i64_add : INSN_i32_add);
		put_insn_u(b, tests_first ? INSN_local_set : INSN_local_tee, counter);
		if (tests_first) {
			/* One cell with the jump back, and with a move between. */
			pop(g, 1);
			uint32_t from, to;
			if (source_once_in(&g->s, 3) && find_local(g, letter, &from) &&
			    find_local(g, letter, &to) && to != counter && to != from) {
				put_insn_u(b, INSN_local_get, from);
				put_insn_u(b, INSN_local_set, to);
			}
			put_insn_u(b, INSN_br, 0);
			die_here(g);
		} else {
			if (by_local)
				get_local(g, limit, letter);
			else
				put_literal(g, letter, end);
			put_second(g, compare);
			hint_branch(g);
			put_insn_u(b, INSN_br_if, 0);
			pop(g, 1);
		}
	}
	settle(g, "");
	put_insn(b, INSN_end);
	leave(g);
	if (tests_first) {
		settle(g, "");
		put_insn(b, INSN_end);
		leave(g);
	}
}

/* ---- lists ---- */

/* Steps along a list, each of which loads its own address, and a jump by whether it ended. */
void put_next(struct gen *g)
{
	uint32_t address;
	if (g->control_count + 1 > NESTING_MAX || !prepare_address(g, &address))
		return;
	struct bytes *b = &g->code;
	bool jumps = source_once_in(&g->s, 2);
	if (jumps) {
		enum insn_id opener = source_once_in(&g->s, 3) ? INSN_loop : INSN_block;
		put_insn_s(b, opener, -0x40);
		enter(g, opener, "", "");
		if (opener == INSN_loop)
			put_fuel_check(g);
	}
	for (uint32_t left = 1 + source_choose(&g->s, 3); left > 0; left--) {
		forget(g, 'i');
		put_insn_u(b, INSN_local_get, address);
		put_memarg(b, INSN_i32_load, 0, source_choose(&g->s, 64));
		put_insn_u(b, jumps ? INSN_local_tee : INSN_local_set, address);
		if (!jumps)
			continue;
		if (source_once_in(&g->s, 2))
			put_insn(b, INSN_i32_eqz);
		put_insn_u(b, INSN_br_if, 0);
	}
	if (jumps) {
		put_statements(g, 1);
		settle(g, "");
		put_insn(b, INSN_end);
		leave(g);
	}
	prepare_address(g, &address);
}

/* ---- a byte ---- */

void put_byte(struct gen *g)
{
	uint32_t address;
	if (!prepare_address(g, &address)) {
		put_leaf(g, 'i');
		return;
	}
	forget(g, 'i');
	put_insn_u(&g->code, INSN_local_get, address);
	put_memarg(&g->code, INSN_i32_load8_u, 0, source_choose(&g->s, 64));
	push(g, 'i');
}
