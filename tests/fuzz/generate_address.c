/* Addresses, mostly in bounds, in the shapes that lowering looks for: what it folds into an access
 * must come from all the places where operands can stand. */
#include "tests/fuzz/generator.h"

/* Atomics trap where they are not aligned. */
#define WHOLE_MASK 0xff8
#define PART_MASK 0x7f8
#define SMALL_MASK 0x3f8

#define SHAPES 12

static void put_number(struct gen *g, char letter, uint64_t number)
{
	put_insn_s(&g->code, letter == 'i' ? INSN_i32_const : INSN_i64_const, (int64_t)number);
}

static void put_op(struct gen *g, char letter, enum insn_id narrow, enum insn_id wide)
{
	put_insn(&g->code, letter == 'i' ? narrow : wide);
}

/* x & mask. */
static void put_masked(struct gen *g, char letter, uint32_t mask, uint32_t depth)
{
	put_value(g, letter, depth);
	put_number(g, letter, mask);
	put_op(g, letter, INSN_i32_and, INSN_i64_and);
}

static void put_add(struct gen *g, char letter)
{
	put_op(g, letter, INSN_i32_add, INSN_i64_add);
	pop(g, 1);
}

/* A local whose value is small, unless once in a while it is left as it is. */
static void put_small_local(struct gen *g, char letter, uint32_t depth)
{
	uint32_t local;
	if (!find_local(g, letter, &local)) {
		put_masked(g, letter, SMALL_MASK, depth);
		return;
	}
	if (!source_once_in(&g->s, 16)) {
		put_masked(g, letter, SMALL_MASK, depth);
		put_insn_u(&g->code, INSN_local_set, local);
		pop(g, 1);
	}
	put_insn_u(&g->code, INSN_local_get, local);
	push(g, letter);
}

/* Something between two operands, which moves them from where they stood. */
static void put_between(struct gen *g)
{
	static const char letters[] = "iIfF";
	char letter = letters[source_choose(&g->s, 4)];
	uint32_t local;
	if (!find_local(g, letter, &local))
		return;
	put_value(g, letter, 1);
	put_insn_u(&g->code, INSN_local_set, local);
	pop(g, 1);
}

void put_address(struct gen *g, char letter, uint32_t depth)
{
	bool is_wide = letter == 'I';
	uint32_t local;
	switch (source_choose(&g->s, SHAPES)) {
	case 1:
	case 2: /* (x & M) + (y & M) */
		put_masked(g, letter, PART_MASK, depth);
		if (source_once_in(&g->s, 3))
			put_between(g);
		put_masked(g, letter, PART_MASK, depth);
		if (source_once_in(&g->s, 3))
			put_between(g);
		put_add(g, letter);
		break;
	case 3: /* local + constant, or local - constant */
		put_small_local(g, letter, depth);
		put_number(g, letter, source_choose(&g->s, 128) * 8);
		if (source_once_in(&g->s, 4))
			put_op(g, letter, INSN_i32_sub, INSN_i64_sub);
		else
			put_op(g, letter, INSN_i32_add, INSN_i64_add);
		break;
	case 4: /* local + local */
		put_small_local(g, letter, depth);
		put_small_local(g, letter, depth);
		put_add(g, letter);
		break;
	case 5: /* local + (x & M), and the other way round */
		if (source_once_in(&g->s, 2)) {
			put_masked(g, letter, PART_MASK, depth);
			put_small_local(g, letter, depth);
		} else {
			put_small_local(g, letter, depth);
			put_masked(g, letter, PART_MASK, depth);
		}
		put_add(g, letter);
		break;
	case 6:
	case 7: /* The two results of a call, which stand in their slots. */
		put_insn_u(&g->code, INSN_call, is_wide ? g->near_wide : g->near);
		push(g, letter);
		push(g, letter);
		if (source_once_in(&g->s, 4))
			put_between(g);
		put_add(g, letter);
		break;
	case 8: /* base + (index << 3) */
		put_small_local(g, letter, depth);
		put_masked(g, letter, 0x7f, depth);
		put_number(g, letter, 3);
		put_op(g, letter, INSN_i32_shl, INSN_i64_shl);
		put_add(g, letter);
		break;
	case 9: /* What a sum leads to. */
		if (depth == 0) {
			put_masked(g, letter, WHOLE_MASK, depth);
			break;
		}
		put_address(g, 'i', depth - 1);
		put_memarg(&g->code, is_wide ? INSN_i64_load32_u : INSN_i32_load, 2,
		           source_choose(&g->s, 64));
		pop(g, 1);
		push(g, letter);
		put_number(g, letter, PART_MASK);
		put_op(g, letter, INSN_i32_and, INSN_i64_and);
		if (source_once_in(&g->s, 2) && find_local(g, letter, &local))
			put_insn_u(&g->code, INSN_local_tee, local);
		break;
	case 10: /* A constant. */
		put_number(g, letter, source_choose(&g->s, 512) * 8);
		push(g, letter);
		break;
	case 11: /* A narrow one made wide, or the other way round. */
		put_masked(g, is_wide ? 'i' : 'I', WHOLE_MASK, depth);
		put_insn(&g->code, is_wide ? INSN_i64_extend_i32_u : INSN_i32_wrap_i64);
		pop(g, 1);
		push(g, letter);
		break;
	default:
		put_masked(g, letter, WHOLE_MASK, depth);
		break;
	}
}
