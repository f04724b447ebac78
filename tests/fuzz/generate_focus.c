/* Instructions whose operands stand where lowering tells them apart: in a slot, in an accumulator,
 * in the cell; pairs of instructions that become one cell (interp/op_fused.def), the ends of loops,
 * and accesses by every form of address. By chance alone most of these are met too seldom. */
#include "tests/fuzz/generator.h"

#include "interp/lower.h"

#include <string.h>

enum place {
	IN_SLOT, /* a local */
	IN_ACC,  /* computed just now */
	IN_CELL, /* a constant */
	IN_BOTH, /* a local that was set last */
	PLACES,
};

struct operand {
	enum place place;
	char letter;
	char lanes; /* f or F: a vector of floats, none a NaN; n: a float that is no NaN; or 0 */
	bool is_odd;
	uint32_t local;
};

static void put_number(struct gen *g, char letter, int64_t number)
{
	put_insn_s(&g->code, letter == 'i' ? INSN_i32_const : INSN_i64_const, number);
	push(g, letter);
}

static void put_unary(struct gen *g, char from, enum insn_id id, char to)
{
	put_leaf(g, from);
	put_insn(&g->code, id);
	pop(g, 1);
	push(g, to);
}

static void set_local(struct gen *g, uint32_t local)
{
	put_insn_u(&g->code, INSN_local_set, local);
	pop(g, 1);
}

static void get_local(struct gen *g, uint32_t local, char letter)
{
	put_insn_u(&g->code, INSN_local_get, local);
	push(g, letter);
}

static void put_load(struct gen *g, enum insn_id id, char letter)
{
	put_insn_s(&g->code, INSN_i32_const, source_choose(&g->s, 100));
	put_memarg(&g->code, id, 0, source_choose(&g->s, 64));
	push(g, letter);
}

/* A value that the last cell computed. */
static void compute(struct gen *g, const struct operand *operand)
{
	uint32_t choice = source_choose(&g->s, 4);
	switch (operand->letter) {
	case 'i':
		if (choice == 0)
			put_unary(g, 'I', INSN_i32_wrap_i64, 'i');
		else if (choice == 1)
			put_unary(g, 'i', INSN_i32_extend16_s, 'i');
		else if (choice == 2)
			put_unary(g, 'i', INSN_i32_ctz, 'i');
		else
			put_load(g, INSN_i32_load, 'i');
		break;
	case 'I':
		if (choice == 0)
			put_unary(g, 'i', INSN_i64_extend_i32_s, 'I');
		else if (choice == 1)
			put_unary(g, 'I', INSN_i64_extend32_s, 'I');
		else if (choice == 2)
			put_unary(g, 'I', INSN_i64_popcnt, 'I');
		else
			put_load(g, INSN_i64_load, 'I');
		break;
	case 'f':
		if (choice == 0 && operand->lanes == 0)
			put_unary(g, 'F', INSN_f32_demote_f64, 'f');
		else if (choice == 1 && operand->lanes == 0)
			put_load(g, INSN_f32_load, 'f');
		else
			put_unary(g, 'i', INSN_f32_convert_i32_s, 'f');
		break;
	case 'F':
		if (choice == 0 && operand->lanes == 0)
			put_unary(g, 'f', INSN_f64_promote_f32, 'F');
		else if (choice == 1 && operand->lanes == 0)
			put_load(g, INSN_f64_load, 'F');
		else
			put_unary(g, 'I', INSN_f64_convert_i64_u, 'F');
		break;
	case 'v':
		if (operand->lanes == 'f')
			put_unary(g, 'v', INSN_f32x4_convert_i32x4_s, 'v');
		else if (operand->lanes == 'F')
			put_unary(g, 'v', INSN_f64x2_convert_low_i32x4_u, 'v');
		else if (choice < 2)
			put_unary(g, 'I', INSN_i64x2_splat, 'v');
		else
			put_load(g, INSN_v128_load, 'v');
		break;
	default:
		put_leaf(g, operand->letter);
		break;
	}
	if (operand->is_odd) {
		put_insn_s(&g->code, operand->letter == 'i' ? INSN_i32_const : INSN_i64_const, 1);
		put_insn(&g->code, operand->letter == 'i' ? INSN_i32_or : INSN_i64_or);
	}
}

static void put_constant(struct gen *g, const struct operand *operand)
{
	static const uint64_t narrow[] = {0x3fc00000c0400000, 0x4f0000007f800000, 0x0000000080000000};
	static const uint64_t wide[] = {0x3ff8000000000000, 0xc1e0000000000000, 0x7ff0000000000000, 0};
	struct bytes *b = &g->code;
	if (operand->letter == 'v' && operand->lanes != 0) {
		uint64_t halves[2];
		for (int i = 0; i < 2; i++)
			halves[i] = operand->lanes == 'f' ? narrow[source_choose(&g->s, COUNT(narrow))]
			                                  : wide[source_choose(&g->s, COUNT(wide))];
		put_insn(b, INSN_v128_const);
		bytes_put(b, halves, sizeof halves);
		push(g, 'v');
	} else if (operand->lanes != 0) {
		put_insn(b, operand->letter == 'f' ? INSN_f32_const : INSN_f64_const);
		double value = (double)(int8_t)source_byte(&g->s) / 4;
		float small = (float)value;
		if (operand->letter == 'f')
			bytes_put(b, &small, sizeof small);
		else
			bytes_put(b, &value, sizeof value);
		push(g, operand->letter);
	} else if (operand->is_odd) {
		put_number(g, operand->letter, (int32_t)any_integer(g) | 1);
	} else {
		put_const(g, operand->letter);
		push(g, operand->letter);
	}
}

/* The accumulator holds nothing that is asked for. */
static void forget(struct gen *g, char letter)
{
	struct operand other = {.letter = letter};
	compute(g, &other);
	put_insn(&g->code, INSN_drop);
	pop(g, 1);
}

/* What must be done before any operand is pushed. A place that there is none of becomes another. */
static void prepare(struct gen *g, struct operand *operand)
{
	bool is_local = operand->place == IN_SLOT || operand->place == IN_BOTH;
	if (is_local && !find_local(g, operand->letter, &operand->local)) {
		operand->place = IN_ACC;
	} else if (operand->place == IN_SLOT &&
	           (operand->lanes != 0 || operand->is_odd || source_once_in(&g->s, 2))) {
		compute(g, operand);
		set_local(g, operand->local);
	}
}

/* The same, right before the first operand is pushed. */
static void prepare_last(struct gen *g, const struct operand *operand)
{
	if (operand->place != IN_BOTH)
		return;
	compute(g, operand);
	set_local(g, operand->local);
}

static void push_operand(struct gen *g, const struct operand *operand)
{
	if (operand->place == IN_ACC)
		compute(g, operand);
	else if (operand->place == IN_CELL)
		put_constant(g, operand);
	else
		get_local(g, operand->local, operand->letter);
}

/* Slots are taken twice as often: most instructions have two operands or three. */
static struct operand any_operand(struct gen *g, char letter, char lanes)
{
	uint32_t place = source_choose(&g->s, PLACES + 1);
	return (struct operand){
	    .place = place < PLACES ? (enum place)place : IN_SLOT, .letter = letter, .lanes = lanes};
}

/* The result is read at once, or from where it was put. */
static void put_use(struct gen *g)
{
	char letter = top_letter(g);
	uint32_t local;
	if (source_once_in(&g->s, 3)) {
		if (find_local(g, letter, &local))
			set_local(g, local);
		return;
	}
	if (source_once_in(&g->s, 3))
		return;
	switch (letter) {
	case 'i':
	case 'I':
		put_number(g, letter, 1 + source_choose(&g->s, 31));
		put_insn(&g->code, letter == 'i' ? INSN_i32_rotr : INSN_i64_rotr);
		pop(g, 1);
		break;
	case 'f':
		put_insn(&g->code, INSN_f32_neg);
		break;
	case 'F':
		put_insn(&g->code, INSN_f64_neg);
		break;
	case 'v':
		put_insn(&g->code, INSN_v128_not);
		break;
	default:
		break;
	}
}

/* ---- one instruction ---- */

/* One of those that fit, each as often. */
static enum insn_id any_of(struct gen *g, bool (*fits)(enum insn_id id))
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < INSN_COUNT; i++)
		count += fits((enum insn_id)i);
	uint32_t chosen = source_choose(&g->s, count);
	for (uint32_t i = 0;; i++)
		if (fits((enum insn_id)i) && chosen-- == 0)
			return (enum insn_id)i;
}

static bool can_focus(enum insn_id id)
{
	const struct insn *insn = &insns[id];
	return insn->signature != SIG_HAND_ && is_on((enum feature)insn->feature) &&
	       (insn->immediate == IMM_NONE || insn->immediate == IMM_LANE ||
	        insn->immediate == IMM_SHUFFLE);
}

/* Scalars have fewer instructions and more variants of each than vectors. */
static bool can_focus_scalar(enum insn_id id)
{
	return can_focus(id) && insns[id].prefix == 0;
}

/* Which operands must not be NaNs, as the bits of the result would tell. */
static char lanes_of(enum insn_id id, char letter)
{
	const char *mnemonic = insns[id].mnemonic;
	if (letter == 'v')
		return strncmp(mnemonic, "f32x4.", 6) == 0 || strstr(mnemonic, "f32x4_") != NULL   ? 'f'
		       : strncmp(mnemonic, "f64x2.", 6) == 0 || strstr(mnemonic, "f64x2_") != NULL ? 'F'
		                                                                                   : 0;
	return letter == 'f' || letter == 'F' ? 'n' : 0;
}

static bool divides(enum insn_id id)
{
	return id >= INSN_i32_div_s && id <= INSN_i64_rem_u &&
	       (strstr(insns[id].mnemonic, ".div_") != NULL ||
	        strstr(insns[id].mnemonic, ".rem_") != NULL);
}

static void push_operands(struct gen *g, struct operand *operands, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		prepare(g, &operands[i]);
	for (unsigned i = 0; i < count; i++)
		if (operands[i].place == IN_SLOT)
			forget(g, operands[i].letter);
	for (unsigned i = 0; i < count; i++)
		prepare_last(g, &operands[i]);
	for (unsigned i = 0; i < count; i++)
		push_operand(g, &operands[i]);
}

static void put_focused_select(struct gen *g)
{
	static const char letters[] = "iIfFv";
	char letter = letters[source_choose(&g->s, sizeof letters - 1)];
	struct operand operands[3];
	for (unsigned i = 0; i < 3; i++)
		operands[i] = any_operand(g, i < 2 ? letter : 'i', 0);
	push_operands(g, operands, 3);
	put_insn(&g->code, INSN_select);
	pop(g, 3);
	push(g, letter);
}

/* Operands, all prepared, and the instruction. */
static void put_focused(struct gen *g, enum insn_id id)
{
	const struct insn *insn = &insns[id];
	const struct signature *sig = &signatures[insn->signature];
	struct operand operands_of[4];
	for (unsigned i = 0; i < sig->param_count; i++) {
		char letter = sig_letter(sig->params[i], 'i');
		operands_of[i] = any_operand(g, letter, lanes_of(id, letter));
	}
	if (divides(id) && !source_once_in(&g->s, 16))
		operands_of[1].is_odd = true;
	push_operands(g, operands_of, sig->param_count);
	put_insn(&g->code, id);
	put_immediate(g, insn, 0);
	pop(g, sig->param_count);
	for (unsigned i = 0; i < sig->result_count; i++)
		push(g, sig_letter(sig->results[i], 'i'));
}

static bool compares(enum insn_id id)
{
	return families[id].kind == FAMILY_COMPARE || families[id].kind == FAMILY_FCOMPARE;
}

/* A jump over a statement, by a comparison or its opposite. */
static void put_jump_over(struct gen *g, enum insn_id id)
{
	if (g->control_count + 1 > NESTING_MAX)
		return;
	bool by_if = source_once_in(&g->s, 3);
	struct bytes *b = &g->code;
	if (!by_if) {
		put_insn_s(b, INSN_block, -0x40);
		enter(g, INSN_block, "", "");
	}
	put_focused(g, id);
	if (source_once_in(&g->s, 4))
		put_insn(b, INSN_i32_eqz);
	pop(g, 1);
	hint_branch(g);
	if (by_if) {
		put_insn_s(b, INSN_if, -0x40);
		enter(g, INSN_if, "", "");
	} else {
		put_insn_u(b, INSN_br_if, 0);
	}
	put_statements(g, 2);
	settle(g, "");
	put_insn(b, INSN_end);
	leave(g);
}

void put_focus(struct gen *g)
{
	if (source_once_in(&g->s, 4)) {
		put_jump_over(g, any_of(g, compares));
		return;
	}
	enum insn_id id = any_of(g, source_once_in(&g->s, 3) ? can_focus_scalar : can_focus);
	if (source_once_in(&g->s, 12))
		put_focused_select(g);
	else if (!mostly_traps(insns[id].mnemonic) || source_once_in(&g->s, 3))
		put_focused(g, id);
	if (operands(g) > 0)
		put_use(g);
}

/* ---- pairs that become one cell ---- */

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
	put_number(g, letter, letter == 'i' ? (int32_t)number : number);
}

/* A local of addresses that are small; false: there is none. */
static bool prepare_address(struct gen *g, uint32_t *local)
{
	if (!find_local(g, 'i', local))
		return false;
	put_leaf(g, 'i');
	put_insn_s(&g->code, INSN_i32_const, 0x3ff);
	put_insn(&g->code, INSN_i32_and);
	set_local(g, *local);
	return true;
}

static void put_second(struct gen *g, enum insn_id id)
{
	put_insn(&g->code, id);
	pop(g, 1);
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
			put_number(g, 'i', source_choose(&g->s, 256));
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
			put_number(g, 'i', source_choose(&g->s, 256));
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

void put_pair(struct gen *g)
{
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
	prepare(g, &y);
	prepare(g, &z);
	if (needs_x)
		prepare(g, &x);
	forget(g, pair->letter);
	if (pair->form == FORM_L)
		forget(g, 'i');
	if (pair->form != FORM_L)
		prepare_last(g, &y);
	if (needs_x)
		prepare_last(g, &x);
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
		put_number(g, letter, end);
		set_local(g, limit);
	}
	put_number(g, letter, start);
	set_local(g, counter);

	bool tests_first = source_once_in(&g->s, 3);
	if (tests_first) {
		put_insn_s(b, INSN_block, -0x40);
		enter(g, INSN_block, "", "");
	}
	/* What pays for the round may be one cell with a loop's first load of a byte. */
	uint32_t address;
	bool loads = find_local(g, 'i', &address) && source_once_in(&g->s, 2);
	if (loads && !source_once_in(&g->s, 8))
		loads = prepare_address(g, &address);
	put_insn_s(b, INSN_loop, -0x40);
	enter(g, INSN_loop, "", "");
	if (loads) {
		put_insn_u(b, INSN_local_get, address);
		put_memarg(b, INSN_i32_load8_u, 0, source_choose(&g->s, 64));
		push(g, 'i');
		put_use(g);
		settle(g, "");
	}
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
		put_number(g, letter, step);
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
				put_number(g, letter, end);
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
		put_insn_s(b, INSN_block, -0x40);
		enter(g, INSN_block, "", "");
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

/* ---- accesses ---- */

/* The remainder, which no pair has in it, of a division by a power of two. */
static void put_remainder(struct gen *g)
{
	put_leaf(g, 'i');
	put_number(g, 'i', 0x400);
	put_second(g, INSN_i32_rem_u);
}

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

static bool can_access(enum insn_id id)
{
	const struct insn *insn = &insns[id];
	return (insn->immediate == IMM_MEMARG || insn->immediate == IMM_MEMARG_LANE) &&
	       insn->signature != SIG_HAND_ && insn->feature != FEATURE_THREADS;
}

static bool can_access_scalar(enum insn_id id)
{
	return can_access(id) && insns[id].prefix == 0;
}

/* An address of memory 0 in one of op.def's forms, locals prepared. */
static void push_address(struct gen *g, uint32_t form, const uint32_t locals[2])
{
	switch (form) {
	case 0: /* s */
		get_local(g, locals[0], 'i');
		break;
	case 1: /* a */
		put_remainder(g);
		break;
	case 2: /* k */
		put_number(g, 'i', source_choose(&g->s, 256) * 4);
		break;
	case 3: /* p */
		get_local(g, locals[0], 'i');
		put_number(g, 'i', source_choose(&g->s, 256));
		put_second(g, INSN_i32_add);
		break;
	case 4: /* q */
		get_local(g, locals[0], 'i');
		get_local(g, locals[1], 'i');
		put_second(g, INSN_i32_add);
		break;
	case 5: /* u */
		put_remainder(g);
		put_number(g, 'i', source_choose(&g->s, 256));
		put_second(g, INSN_i32_add);
		break;
	case 6: /* v */
		put_remainder(g);
		get_local(g, locals[0], 'i');
		put_second(g, INSN_i32_add);
		break;
	default: /* t */
		get_local(g, locals[0], 'i');
		put_number(g, 'i', source_choose(&g->s, 256));
		put_second(g, INSN_i32_add);
		put_insn_u(&g->code, INSN_local_tee, locals[1]);
		break;
	}
}

void put_focused_access(struct gen *g)
{
	uint32_t locals[2];
	enum insn_id id = any_of(g, source_once_in(&g->s, 3) ? can_access_scalar : can_access);
	const struct insn *insn = &insns[id];
	const struct signature *sig = &signatures[insn->signature];
	if (!prepare_address(g, &locals[0]) || !prepare_address(g, &locals[1]))
		return;
	struct operand value = {0};
	if (sig->param_count > 1) {
		char letter = sig_letter(sig->params[1], 'i');
		value = any_operand(g, letter, letter == 'v' ? 0 : lanes_of(id, letter));
		if (letter == 'i' && value.place == IN_SLOT)
			value.local = locals[source_choose(&g->s, 2)];
		else
			prepare(g, &value);
		/* What is set must not be the address', which would be a wild one. */
		if (letter == 'i' && value.place == IN_BOTH &&
		    (value.local == locals[0] || value.local == locals[1]))
			value.place = IN_ACC;
		if (value.place != IN_BOTH)
			forget(g, letter);
		prepare_last(g, &value);
	} else {
		forget(g, 'i');
	}
	push_address(g, source_choose(&g->s, 8), locals);
	if (sig->param_count > 1)
		push_operand(g, &value);
	put_insn(&g->code, id);
	put_immediate(g, insn, 0);
	pop(g, sig->param_count);
	if (sig->result_count > 0) {
		push(g, sig_letter(sig->results[0], 'i'));
		put_use(g);
	}
}
