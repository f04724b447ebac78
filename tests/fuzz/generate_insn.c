/* Instructions whose signature stands in validator/insn.def, and the values that they make. */
#include "tests/fuzz/generator.h"

#include <string.h>

char sig_letter(uint8_t kind, char address)
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
	case SIG_ADDRESS:
		return address;
	default:
		return 'i';
	}
}

uint32_t any_memory(struct gen *g)
{
	return source_once_in(&g->s, 4) ? source_choose(&g->s, (uint32_t)strlen(g->memories)) : 0;
}

static bool accesses(const struct insn *insn)
{
	return insn->immediate == IMM_MEMARG || insn->immediate == IMM_MEMARG_LANE;
}

static bool can_make(const struct insn *insn)
{
	/* Waits take their time: by put_wait(). */
	bool waits =
	    insn == &insns[INSN_memory_atomic_wait32] || insn == &insns[INSN_memory_atomic_wait64];
	if (insn->signature == SIG_HAND_ || waits || !is_on((enum feature)insn->feature))
		return false;
	switch (insn->immediate) {
	case IMM_NONE:
	case IMM_ZERO:
	case IMM_LANE:
	case IMM_SHUFFLE:
	case IMM_MEMARG:
	case IMM_MEMARG_LANE:
	case IMM_MEMORY:
		return true;
	default:
		return false; /* constants are made by put_const() */
	}
}

static bool divides(const char *mnemonic)
{
	return strstr(mnemonic, ".div_") != NULL || strstr(mnemonic, ".rem_") != NULL;
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

/* To make NaNs canonical takes a local of the type. */
static bool has_scratch(const struct gen *g, enum insn_id id)
{
	const struct signature *sig = &signatures[insns[id].signature];
	if (shows_bits(id))
		return has_local(g, sig_letter(sig->params[sig->param_count - 1], 'i'));
	bool is_lanes = strncmp(insns[id].mnemonic, "f32x4.", 6) == 0 ||
	                strncmp(insns[id].mnemonic, "f64x2.", 6) == 0;
	return !is_lanes || has_local(g, 'v');
}

/* As lower.c's is_unseen(). */
static bool is_plain(const struct insn *insn)
{
	return insn->prefix == 0 && insn->immediate == IMM_NONE && !divides(insn->mnemonic) &&
	       !mostly_traps(insn->mnemonic);
}

enum insn_id any_insn(struct gen *g, char letter)
{
	uint32_t start = source_choose(&g->s, INSN_COUNT);
	for (uint32_t i = 0; i < INSN_COUNT; i++) {
		enum insn_id id = (enum insn_id)((start + i) % INSN_COUNT);
		const struct signature *sig = &signatures[insns[id].signature];
		if (!can_make(&insns[id]) || !has_scratch(g, id) || (g->is_plain && !is_plain(&insns[id])))
			continue;
		if (letter == '\0' ||
		    (sig->result_count == 1 && sig_letter(sig->results[0], 'i') == letter))
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

/* What comparisons leave are no floats. */
static bool compares_lanes(const char *mnemonic)
{
	static const char *const names[] = {".eq", ".ne", ".lt", ".gt", ".le", ".ge"};
	for (uint32_t i = 0; i < COUNT(names); i++)
		if (strcmp(mnemonic + 5, names[i]) == 0)
			return true;
	return false;
}

void canonicalise_lanes(struct gen *g, enum insn_id id)
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
	/* Nor may the local keep what it was. */
	put_insn_u(&g->code, INSN_local_tee, local);
}

/* Its alignment and the memory; the address is in bounds, and the offset mostly small. */
static void put_access(struct gen *g, const struct insn *insn, uint32_t memory)
{
	struct bytes *b = &g->code;
	bool is_atomic = insn->feature == FEATURE_THREADS;
	unsigned align = is_atomic         ? insn->align
	                 : insn->align > 0 ? source_choose(&g->s, insn->align + 1u)
	                                   : 0;
	bytes_u(b, memory == 0 ? align : align | 0x40);
	if (memory != 0)
		bytes_u(b, memory);
	/* Atomics are to be aligned; what is not traps. */
	if (is_atomic)
		bytes_u(b, source_choose(&g->s, 8) * 8);
	else if (!source_once_in(&g->s, 8))
		bytes_u(b, source_choose(&g->s, 64));
	else
		bytes_u(b, g->memories[memory] == 'I' ? any_integer(g) : (uint32_t)any_integer(g));
	if (insn->immediate == IMM_MEMARG_LANE)
		bytes_byte(b, source_choose(&g->s, 16u >> insn->align));
}

void put_immediate(struct gen *g, const struct insn *insn, uint32_t memory)
{
	struct bytes *b = &g->code;
	unsigned lanes;
	switch (insn->immediate) {
	case IMM_MEMARG:
	case IMM_MEMARG_LANE:
		put_access(g, insn, memory);
		break;
	case IMM_MEMORY:
		bytes_u(b, memory);
		break;
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

/* Half of what is stored is a constant, which cells take only when it is short. True: it is one. */
static bool put_stored(struct gen *g, char letter, uint32_t depth)
{
	if (source_once_in(&g->s, 2)) {
		put_const(g, letter);
		push(g, letter);
		return true;
	}
	put_value(g, letter, depth);
	return false;
}

void put_simple(struct gen *g, enum insn_id id, uint32_t depth)
{
	const struct insn *insn = &insns[id];
	const struct signature *sig = &signatures[insn->signature];
	/* The size of a memory is a value of 32 bits wherever one is wanted. */
	uint32_t memory = accesses(insn) ? any_memory(g) : 0;
	char params[LETTERS_MAX] = "";
	for (unsigned i = 0; i < sig->param_count; i++)
		params[i] = sig_letter(sig->params[i], g->memories[memory]);
	params[sig->param_count] = '\0';

	bool is_const = false;
	if (id == INSN_memory_grow) {
		/* Mostly by little, or the first run would take all there is. */
		put_insn_s(&g->code, INSN_i32_const,
		           source_once_in(&g->s, 8) ? -1 : (int64_t)source_choose(&g->s, 3));
		push(g, 'i');
	} else if (accesses(insn) && !source_once_in(&g->s, 16)) {
		put_address(g, params[0], depth);
		for (unsigned i = 1; i < sig->param_count; i++)
			is_const = put_stored(g, params[i], depth);
	} else {
		want(g, params, depth);
	}
	if (shows_bits(id) && operands(g) > 0 && !is_const)
		canonicalise(g, params[sig->param_count - 1]);
	if (divides(insn->mnemonic) && operands(g) > 0 && !source_once_in(&g->s, 8)) {
		if (params[0] == 'i')
			assemble(&g->code, "i32.const 1 i32.or");
		else
			assemble(&g->code, "i64.const 1 i64.or");
	}
	put_insn(&g->code, id);
	put_immediate(g, insn, memory);
	pop(g, sig->param_count);
	for (unsigned i = 0; i < sig->result_count; i++)
		push(g, sig_letter(sig->results[i], g->memories[memory]));
	canonicalise_lanes(g, id);
}

bool mostly_traps(const char *mnemonic)
{
	return strstr(mnemonic, ".trunc_f") != NULL && strstr(mnemonic, "sat") == NULL;
}

void put_store(struct gen *g)
{
	uint32_t count = INSN_i64_store32 - INSN_i32_store + 1u;
	put_simple(g, (enum insn_id)(INSN_i32_store + source_choose(&g->s, count)), 1);
}

void put_value(struct gen *g, char letter, uint32_t depth)
{
	if (depth == 0 || g->budget == 0 || source_choose(&g->s, 3) == 0) {
		put_leaf(g, letter);
		return;
	}
	g->budget--;
	if (letter == 'a') {
		put_object(g, depth - 1);
		return;
	}
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
