/* Instructions whose operands stand where lowering tells them apart, and accesses by every form of
 * address. By chance alone most of these are met too seldom. */
#include "tests/fuzz/generator.h"

#include "interp/lower.h"

#include <string.h>

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
static bool divides(enum insn_id id)
{
	return id >= INSN_i32_div_s && id <= INSN_i64_rem_u &&
	       (strstr(insns[id].mnemonic, ".div_") != NULL ||
	        strstr(insns[id].mnemonic, ".rem_") != NULL);
}

static void push_operands(struct gen *g, struct operand *operands, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		prepare_operand(g, &operands[i]);
	for (unsigned i = 0; i < count; i++)
		if (operands[i].place == IN_SLOT)
			forget(g, operands[i].letter);
	for (unsigned i = 0; i < count; i++)
		prepare_operand_last(g, &operands[i]);
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

/* A loop of at most seven rounds that goes on by the instruction's result. */
static void put_jump_back(struct gen *g, enum insn_id id)
{
	uint32_t rounds;
	if (g->control_count + 2 > NESTING_MAX || !find_local(g, 'i', &rounds))
		return;
	struct bytes *b = &g->code;
	put_insn_s(b, INSN_block, -0x40);
	enter(g, INSN_block, "", "");
	put_insn_s(b, INSN_loop, -0x40);
	enter(g, INSN_loop, "", "");
	put_fuel_check(g);
	assemble(b, "local.get %u i32.const 1 i32.add local.tee %u i32.const 7 i32.and i32.eqz br_if 1",
	         rounds, rounds);
	put_statements(g, 1);
	settle(g, "");
	if (!top(g)->dead) {
		put_focused(g, id);
		pop(g, 1);
		hint_branch(g);
		put_insn_u(b, INSN_br_if, 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		settle(g, "");
		put_insn(b, INSN_end);
		leave(g);
	}
}

static bool jumps_back(enum insn_id id)
{
	return families[id].kind == FAMILY_COMPARE || id == INSN_i32_eqz || id == INSN_i64_eqz;
}

void put_focus(struct gen *g)
{
	if (source_once_in(&g->s, 4)) {
		if (source_once_in(&g->s, 2))
			put_jump_over(g, any_of(g, compares));
		else
			put_jump_back(g, any_of(g, jumps_back));
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

/* ---- accesses ---- */

/* The remainder, which no pair has in it, of a division by a power of two. */
static void put_remainder(struct gen *g)
{
	put_leaf(g, 'i');
	put_literal(g, 'i', 0x400);
	put_second(g, INSN_i32_rem_u);
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
		put_literal(g, 'i', source_choose(&g->s, 256) * 4);
		break;
	case 3: /* p */
		get_local(g, locals[0], 'i');
		put_literal(g, 'i', source_choose(&g->s, 256));
		put_second(g, INSN_i32_add);
		break;
	case 4: /* q */
		get_local(g, locals[0], 'i');
		get_local(g, locals[1], 'i');
		put_second(g, INSN_i32_add);
		break;
	case 5: /* u */
		put_remainder(g);
		put_literal(g, 'i', source_choose(&g->s, 256));
		put_second(g, INSN_i32_add);
		break;
	case 6: /* v */
		put_remainder(g);
		get_local(g, locals[0], 'i');
		put_second(g, INSN_i32_add);
		break;
	default: /* t */
		get_local(g, locals[0], 'i');
		put_literal(g, 'i', source_choose(&g->s, 256));
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
			prepare_operand(g, &value);
		/* What is set must not be the address', which would be a wild one. */
		if (letter == 'i' && value.place == IN_BOTH &&
		    (value.local == locals[0] || value.local == locals[1]))
			value.place = IN_ACC;
		if (value.place != IN_BOTH)
			forget(g, letter);
		prepare_operand_last(g, &value);
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
