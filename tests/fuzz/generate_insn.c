/* Instructions whose signature stands in validator/insn.def, and the values that they make. */
#include "tests/fuzz/generator.h"

#include <string.h>

static char sig_letter(uint8_t kind)
{
	switch (kind) {
	case SIG_I64:
		return 'I';
	case SIG_F32:
		return 'f';
	case SIG_F64:
		return 'F';
	case SIG_V128:
		return 'v';
	default:
		return 'i'; /* addresses: the memories have 32 bits */
	}
}

static bool can_make(const struct gen *g, const struct insn *insn)
{
	if (insn->signature == SIG_HAND_ || !is_on((enum feature)insn->feature))
		return false;
	switch (insn->immediate) {
	case IMM_NONE:
	case IMM_ZERO:
	case IMM_LANE:
	case IMM_SHUFFLE:
		return true;
	case IMM_MEMARG:
	case IMM_MEMARG_LANE:
	case IMM_MEMORY:
		return g->has_memory;
	default:
		return false; /* constants are made by put_const() */
	}
}

enum insn_id any_insn(struct gen *g, char letter)
{
	uint32_t start = source_choose(&g->s, INSN_COUNT);
	for (uint32_t i = 0; i < INSN_COUNT; i++) {
		enum insn_id id = (enum insn_id)((start + i) % INSN_COUNT);
		const struct signature *sig = &signatures[insns[id].signature];
		if (!can_make(g, &insns[id]))
			continue;
		if (letter == '\0' || (sig->result_count == 1 && sig_letter(sig->results[0]) == letter))
			return id;
	}
	return INSN_COUNT;
}

void want(struct gen *g, const char *letters, uint32_t depth)
{
	uint32_t count = (uint32_t)strlen(letters);
	if (count == 0 || (top(g)->dead && operands(g) == 0 && source_once_in(&g->s, 2)))
		return;
	uint32_t floor = g->floor > top(g)->height ? g->floor : top(g)->height;
	uint32_t free = g->height - floor;
	uint32_t have = count < free ? count : free;
	while (have > 0 && memcmp(g->stack + g->height - have, letters, have) != 0)
		have--;
	for (uint32_t i = have; i < count; i++)
		put_value(g, letters[i], depth);
}

/* The float on the stack gets the canonical NaN's bits if it is one. */
static void canonicalise(struct gen *g, char letter)
{
	uint32_t local;
	if (!find_local(g, letter, &local))
		return;
	struct bytes *b = &g->code;
	bool narrow = letter == 'f';
	put_insn_u(b, INSN_local_tee, local);
	if (narrow)
		assemble(b, "f32.const bits:0x7fc00000");
	else
		assemble(b, "f64.const bits:0x7ff8000000000000");
	put_insn_u(b, INSN_local_get, local);
	put_insn_u(b, INSN_local_get, local);
	put_insn(b, narrow ? INSN_f32_eq : INSN_f64_eq);
	put_insn(b, INSN_select);
}

/* Whose result shows the bits of its last operand, which is a float. */
static bool shows_bits(enum insn_id id)
{
	switch (id) {
	case INSN_i32_reinterpret_f32:
	case INSN_i64_reinterpret_f64:
	case INSN_f32_copysign:
	case INSN_f64_copysign:
	case INSN_f32_store:
	case INSN_f64_store:
		return true;
	default:
		return false;
	}
}

/* Lanes of floats: NaNs become 0 by x & (x == x). What comparisons leave are no floats. */
static bool compares_lanes(const char *mnemonic)
{
	static const char *const names[] = {".eq", ".ne", ".lt", ".gt", ".le", ".ge"};
	for (uint32_t i = 0; i < COUNT(names); i++)
		if (strcmp(mnemonic + 5, names[i]) == 0)
			return true;
	return false;
}

static void canonicalise_lanes(struct gen *g, enum insn_id id)
{
	const char *mnemonic = insns[id].mnemonic;
	enum insn_id equal = strncmp(mnemonic, "f32x4.", 6) == 0   ? INSN_f32x4_eq
	                     : strncmp(mnemonic, "f64x2.", 6) == 0 ? INSN_f64x2_eq
	                                                           : INSN_COUNT;
	uint32_t local;
	if (equal == INSN_COUNT || top_letter(g) != 'v' || compares_lanes(mnemonic) ||
	    !find_local(g, 'v', &local))
		return;
	put_insn_u(&g->code, INSN_local_tee, local);
	put_insn_u(&g->code, INSN_local_get, local);
	put_insn_u(&g->code, INSN_local_get, local);
	put_insn(&g->code, equal);
	put_insn(&g->code, INSN_v128_and);
}

static bool divides(const char *mnemonic)
{
	return strstr(mnemonic, ".div_") != NULL || strstr(mnemonic, ".rem_") != NULL;
}

static void put_immediate(struct gen *g, const struct insn *insn)
{
	struct bytes *b = &g->code;
	unsigned lanes;
	switch (insn->immediate) {
	case IMM_MEMARG:
	case IMM_MEMARG_LANE:
		if (insn->feature == FEATURE_THREADS) {
			/* Atomics are to be aligned; what is not traps. */
			bytes_u(b, insn->align);
			bytes_u(b, source_choose(&g->s, 8) * 8);
			break;
		}
		bytes_u(b, insn->align > 0 ? source_choose(&g->s, insn->align + 1u) : 0);
		bytes_u(b, source_once_in(&g->s, 8) ? (uint32_t)any_integer(g) : source_choose(&g->s, 64));
		if (insn->immediate == IMM_MEMARG_LANE)
			bytes_byte(b, source_choose(&g->s, 16u >> insn->align));
		break;
	case IMM_MEMORY:
	case IMM_ZERO:
		bytes_byte(b, 0);
		break;
	case IMM_LANE:
		lanes = strncmp(insn->mnemonic, "i8x16", 5) == 0   ? 16
		        : strncmp(insn->mnemonic, "i16x8", 5) == 0 ? 8
		        : strstr(insn->mnemonic, "64x2") != NULL   ? 2
		                                                   : 4;
		bytes_byte(b, source_choose(&g->s, lanes));
		break;
	case IMM_SHUFFLE:
		for (int i = 0; i < 16; i++)
			bytes_byte(b, source_choose(&g->s, 32));
		break;
	default:
		break;
	}
}

void put_simple(struct gen *g, enum insn_id id, uint32_t depth)
{
	const struct insn *insn = &insns[id];
	const struct signature *sig = &signatures[insn->signature];
	char params[LETTERS_MAX] = "";
	for (unsigned i = 0; i < sig->param_count; i++)
		params[i] = sig_letter(sig->params[i]);
	params[sig->param_count] = '\0';

	bool accesses = insn->immediate == IMM_MEMARG || insn->immediate == IMM_MEMARG_LANE;
	if (id == INSN_memory_grow) {
		/* Mostly by little, or the first run would take all there is. */
		put_insn_s(&g->code, INSN_i32_const,
		           source_once_in(&g->s, 8) ? -1 : (int64_t)source_choose(&g->s, 3));
		push(g, 'i');
	} else if (accesses && !source_once_in(&g->s, 8)) {
		/* Mostly in bounds. */
		put_value(g, 'i', depth);
		put_insn_s(&g->code, INSN_i32_const, ADDRESS_MASK);
		put_insn(&g->code, INSN_i32_and);
		for (unsigned i = 1; i < sig->param_count; i++)
			put_value(g, params[i], depth);
	} else {
		want(g, params, depth);
	}
	if (shows_bits(id) && operands(g) > 0)
		canonicalise(g, params[sig->param_count - 1]);
	if (divides(insn->mnemonic) && operands(g) > 0 && !source_once_in(&g->s, 8)) {
		if (params[0] == 'i')
			assemble(&g->code, "i32.const 1 i32.or");
		else
			assemble(&g->code, "i64.const 1 i64.or");
	}
	put_insn(&g->code, id);
	put_immediate(g, insn);
	pop(g, sig->param_count);
	for (unsigned i = 0; i < sig->result_count; i++)
		push(g, sig_letter(sig->results[i]));
	if (is_on(FEATURE_SIMD))
		canonicalise_lanes(g, id);
}

bool mostly_traps(const char *mnemonic)
{
	return strstr(mnemonic, ".trunc_f") != NULL && strstr(mnemonic, "sat") == NULL;
}

void put_value(struct gen *g, char letter, uint32_t depth)
{
	if (depth == 0 || g->budget == 0 || source_choose(&g->s, 3) == 0) {
		put_leaf(g, letter);
		return;
	}
	g->budget--;
	enum insn_id id = any_insn(g, letter);
	if (id == INSN_COUNT || (mostly_traps(insns[id].mnemonic) && !source_once_in(&g->s, 6))) {
		put_leaf(g, letter);
		return;
	}
	uint32_t floor = g->floor;
	g->floor = g->height;
	put_simple(g, id, depth - 1);
	g->floor = floor;
}
