/* Operands where lowering tells them apart: in a slot, in an accumulator, in the cell. */
#include "tests/fuzz/generator.h"

#include <string.h>

void put_literal(struct gen *g, char letter, int64_t number)
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

void set_local(struct gen *g, uint32_t local)
{
	put_insn_u(&g->code, INSN_local_set, local);
	pop(g, 1);
}

void get_local(struct gen *g, uint32_t local, char letter)
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
		put_literal(g, operand->letter, (int32_t)any_integer(g) | 1);
	} else {
		put_const(g, operand->letter);
		push(g, operand->letter);
	}
}

void forget(struct gen *g, char letter)
{
	struct operand other = {.letter = letter};
	compute(g, &other);
	put_insn(&g->code, INSN_drop);
	pop(g, 1);
}

void prepare_operand(struct gen *g, struct operand *operand)
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

void prepare_operand_last(struct gen *g, const struct operand *operand)
{
	if (operand->place != IN_BOTH)
		return;
	compute(g, operand);
	set_local(g, operand->local);
}

void push_operand(struct gen *g, const struct operand *operand)
{
	if (operand->place == IN_ACC)
		compute(g, operand);
	else if (operand->place == IN_CELL)
		put_constant(g, operand);
	else
		get_local(g, operand->local, operand->letter);
}

/* Slots are taken twice as often: most instructions have two operands or three. */
struct operand any_operand(struct gen *g, char letter, char lanes)
{
	uint32_t place = source_choose(&g->s, PLACES + 1);
	return (struct operand){
	    .place = place < PLACES ? (enum place)place : IN_SLOT, .letter = letter, .lanes = lanes};
}

void put_use(struct gen *g)
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
		put_literal(g, letter, 1 + source_choose(&g->s, 31));
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

enum insn_id any_of(struct gen *g, bool (*fits)(enum insn_id id))
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < INSN_COUNT; i++)
		count += fits((enum insn_id)i);
	uint32_t chosen = source_choose(&g->s, count);
	for (uint32_t i = 0;; i++)
		if (fits((enum insn_id)i) && chosen-- == 0)
			return (enum insn_id)i;
}

char lanes_of(enum insn_id id, char letter)
{
	const char *mnemonic = insns[id].mnemonic;
	if (letter == 'v')
		return strncmp(mnemonic, "f32x4.", 6) == 0 || strstr(mnemonic, "f32x4_") != NULL   ? 'f'
		       : strncmp(mnemonic, "f64x2.", 6) == 0 || strstr(mnemonic, "f64x2_") != NULL ? 'F'
		                                                                                   : 0;
	return letter == 'f' || letter == 'F' ? 'n' : 0;
}

bool prepare_address(struct gen *g, uint32_t *local)
{
	if (!find_local(g, 'i', local))
		return false;
	put_leaf(g, 'i');
	put_insn_s(&g->code, INSN_i32_const, 0x3ff);
	put_insn(&g->code, INSN_i32_and);
	set_local(g, *local);
	return true;
}

void put_second(struct gen *g, enum insn_id id)
{
	put_insn(&g->code, id);
	pop(g, 1);
}
