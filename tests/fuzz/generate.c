#include "tests/fuzz/generate.h"

#include "tests/fuzz/harness.h"
#include "tests/fuzz/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPES_MAX 12
#define FUNCS_MAX 24
#define GLOBALS_MAX 24
#define LOCALS_MAX 40
#define STACK_MAX 400
#define NESTING_MAX 12
#define LETTERS_MAX 8

#define MEMORY_PAGES 1
#define MEMORY_PAGES_MAX 3
#define TABLE_SIZE 8
#define TABLE_SIZE_MAX 16
#define ADDRESS_MASK 0xff8 /* atomics trap where they are not aligned */

struct sig {
	char params[LETTERS_MAX];
	char results[LETTERS_MAX];
};

struct control {
	enum insn_id opener;
	uint32_t height;
	const char *params;
	const char *results;
	bool dead;
};

struct gen {
	struct source s;
	struct wasm w;
	struct sig types[TYPES_MAX];
	uint32_t type_count;
	uint32_t funcs[FUNCS_MAX]; /* type of each, imported ones first */
	uint32_t func_count;
	uint32_t imported_func_count;
	char globals[GLOBALS_MAX]; /* letters; all mutable */
	uint32_t global_count;
	uint32_t fuel; /* global index */
	uint32_t datas, elems;
	bool has_memory;

	/* The function being made. */
	struct bytes code;
	char locals[LOCALS_MAX];
	uint32_t local_count;
	char stack[STACK_MAX];
	uint32_t height;
	uint32_t floor; /* operands below it are promised to somebody else */
	struct control controls[NESTING_MAX + 1];
	uint32_t control_count;
	uint32_t budget; /* statements that may still be made */
};

/* ---- types ---- */

static bool is_on(enum feature feature)
{
	return GENERATED_FEATURES >> feature & 1;
}

static char any_letter(struct gen *g)
{
	static const char letters[] = "iIfFiIrcv";
	uint32_t count = sizeof letters - 1;
	return letters[source_choose(&g->s, is_on(FEATURE_SIMD) ? count : count - 1)];
}

static void any_letters(struct gen *g, char *out, uint32_t most)
{
	uint32_t count = source_choose(&g->s, most + 1);
	for (uint32_t i = 0; i < count; i++)
		out[i] = any_letter(g);
	out[count] = '\0';
}

static uint32_t add_type(struct gen *g, const struct sig *sig)
{
	char text[2 * LETTERS_MAX + 2];
	snprintf(text, sizeof text, "%s_%s", sig->params, sig->results);
	uint32_t index = wasm_type(&g->w, text);
	if (index == g->type_count) {
		assert(g->type_count < TYPES_MAX);
		g->types[g->type_count++] = *sig;
	}
	return index;
}

/* ---- the operand stack ---- */

static struct control *top(struct gen *g)
{
	return &g->controls[g->control_count - 1];
}

static void push(struct gen *g, char letter)
{
	assert(g->height < STACK_MAX);
	g->stack[g->height++] = letter;
}

static void push_all(struct gen *g, const char *letters)
{
	for (; *letters != '\0'; letters++)
		push(g, *letters);
}

static uint32_t operands(struct gen *g)
{
	return g->height - top(g)->height;
}

/* In dead code an empty stack holds whatever is wanted. */
static void pop(struct gen *g, uint32_t count)
{
	g->height -= count < operands(g) ? count : operands(g);
}

static char top_letter(struct gen *g)
{
	return operands(g) > 0 ? g->stack[g->height - 1] : '\0';
}

static void die_here(struct gen *g)
{
	g->height = top(g)->height;
	top(g)->dead = true;
}

/* ---- values ---- */

static const uint64_t odd_numbers[] = {0,
                                       1,
                                       2,
                                       3,
                                       7,
                                       8,
                                       31,
                                       32,
                                       63,
                                       64,
                                       127,
                                       128,
                                       255,
                                       256,
                                       0xfff,
                                       0x7fff,
                                       0x8000,
                                       0xffff,
                                       0x10000,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       UINT64_C(0x100000000),
                                       INT64_MAX,
                                       UINT64_C(1) << 63,
                                       (uint64_t)-1,
                                       (uint64_t)-2,
                                       (uint64_t)-128,
                                       (uint64_t)-129,
                                       (uint64_t)-65536};
static const double odd_floats[] = {0.0,
                                    -0.0,
                                    1.0,
                                    -1.0,
                                    0.5,
                                    1.5,
                                    2147483647,
                                    2147483648.,
                                    -2147483649.,
                                    4294967295.,
                                    4294967296.,
                                    1e10,
                                    9.2e18,
                                    -9.3e18,
                                    1.8e19,
                                    1e38,
                                    1e300,
                                    -1e-310,
                                    5e-324,
                                    3.5,
                                    1e-40,
                                    __builtin_inf(),
                                    -__builtin_inf(),
                                    __builtin_nan("")};
#define COUNT(array) (uint32_t)(sizeof array / sizeof *array)

static uint64_t any_integer(struct gen *g)
{
	if (source_once_in(&g->s, 3))
		return source_bits(&g->s, 1 + source_choose(&g->s, 8));
	return odd_numbers[source_choose(&g->s, COUNT(odd_numbers))];
}

static double any_float(struct gen *g)
{
	if (source_once_in(&g->s, 4))
		return (double)(int64_t)source_bits(&g->s, 2) / 16 - 1000;
	return odd_floats[source_choose(&g->s, COUNT(odd_floats))];
}

static void put_const(struct gen *g, char letter)
{
	struct bytes *b = &g->code;
	switch (letter) {
	case 'i':
		put_insn_s(b, INSN_i32_const, (int32_t)any_integer(g));
		break;
	case 'I':
		put_insn_s(b, INSN_i64_const, (int64_t)any_integer(g));
		break;
	case 'f': {
		float value = (float)any_float(g);
		put_insn(b, INSN_f32_const);
		bytes_put(b, &value, sizeof value);
		break;
	}
	case 'F': {
		double value = any_float(g);
		put_insn(b, INSN_f64_const);
		bytes_put(b, &value, sizeof value);
		break;
	}
	case 'v': {
		uint64_t halves[2] = {any_integer(g), any_integer(g)};
		put_insn(b, INSN_v128_const);
		bytes_put(b, halves, sizeof halves);
		break;
	}
	case 'c':
		/* Functions are declared by the table's segment, imported ones by a segment of their own.
		 */
		if (source_once_in(&g->s, 2)) {
			put_insn_u(b, INSN_ref_func, source_choose(&g->s, g->func_count));
			break;
		}
		put_insn(b, INSN_ref_null);
		bytes_byte(b, type_code('c'));
		break;
	default:
		put_insn(b, INSN_ref_null);
		bytes_byte(b, type_code(letter));
		break;
	}
}

/* One of the locals (or globals) of this type; false when there is none. */
static bool find_letter(struct gen *g, const char *letters, uint32_t count, char letter,
                        uint32_t *out)
{
	uint32_t start = source_choose(&g->s, count);
	for (uint32_t i = 0; i < count; i++) {
		*out = (start + i) % count;
		if (letters[*out] == letter)
			return true;
	}
	return false;
}

static bool find_local(struct gen *g, char letter, uint32_t *out)
{
	return find_letter(g, g->locals, g->local_count, letter, out);
}

static bool find_global(struct gen *g, char letter, uint32_t *out)
{
	return find_letter(g, g->globals, g->global_count, letter, out) && *out != g->fuel;
}

static void put_leaf(struct gen *g, char letter)
{
	uint32_t index;
	switch (source_choose(&g->s, 6)) {
	case 1:
	case 2:
	case 3:
		if (find_local(g, letter, &index)) {
			put_insn_u(&g->code, INSN_local_get, index);
			break;
		}
		put_const(g, letter);
		break;
	case 4:
		if (find_global(g, letter, &index)) {
			put_insn_u(&g->code, INSN_global_get, index);
			break;
		}
		put_const(g, letter);
		break;
	default:
		put_const(g, letter);
		break;
	}
	push(g, letter);
}

/* ---- instructions with a signature ---- */

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

/* The next instruction from a random place on that can be made and, unless letter is 0, leaves this
 * type alone. */
static enum insn_id any_insn(struct gen *g, char letter)
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

static void put_value(struct gen *g, char letter, uint32_t depth);

/* Sees to it that the stack ends in these types: what stands there already is taken. */
static void want(struct gen *g, const char *letters, uint32_t depth)
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

static void put_simple(struct gen *g, enum insn_id id, uint32_t depth)
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

/* Conversions that trap on most floats are taken seldom. */
static bool mostly_traps(const char *mnemonic)
{
	return strstr(mnemonic, ".trunc_f") != NULL && strstr(mnemonic, "sat") == NULL;
}

/* Pushes a value of the type and takes nothing that stands there. */
static void put_value(struct gen *g, char letter, uint32_t depth)
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

/* ---- consumers ---- */

/* Takes the top value away, mostly so that it changes what is seen in the end. */
static void put_sink(struct gen *g)
{
	char letter = top_letter(g);
	uint32_t index;
	struct bytes *b = &g->code;
	if (letter == '\0' && !top(g)->dead)
		return;
	switch (letter == '\0' ? 0 : source_choose(&g->s, 5)) {
	case 1:
		if (find_local(g, letter, &index)) {
			put_insn_u(b, INSN_local_set, index);
			break;
		}
		put_insn(b, INSN_drop);
		break;
	case 2:
	case 3:
		if (!find_global(g, letter, &index)) {
			put_insn(b, INSN_drop);
			break;
		}
		if (letter == 'i' || letter == 'I') {
			put_insn_u(b, INSN_global_get, index);
			put_insn(b, letter == 'i' ? INSN_i32_xor : INSN_i64_xor);
		}
		put_insn_u(b, INSN_global_set, index);
		break;
	case 4:
		if (find_local(g, letter, &index)) {
			put_insn_u(b, INSN_local_tee, index);
			return;
		}
		put_insn(b, INSN_drop);
		break;
	default:
		put_insn(b, INSN_drop);
		break;
	}
	pop(g, 1);
}

/* Exactly these types must stand on the present block's part of the stack. */
static void settle(struct gen *g, const char *letters)
{
	uint32_t count = (uint32_t)strlen(letters);
	while (operands(g) > count ||
	       (operands(g) > 0 && memcmp(g->stack + top(g)->height, letters, operands(g)) != 0)) {
		uint32_t before = operands(g);
		put_sink(g);
		if (operands(g) == before) {
			put_insn(&g->code, INSN_drop);
			pop(g, 1);
		}
	}
	if (top(g)->dead && operands(g) == 0 && source_once_in(&g->s, 2)) {
		push_all(g, letters);
		return;
	}
	for (uint32_t i = operands(g); i < count; i++)
		put_value(g, letters[i], 1);
}

/* ---- control ---- */

static void put_statements(struct gen *g, uint32_t most);

static void put_fuel_check(struct gen *g)
{
	assemble(&g->code,
	         "global.get %u i32.eqz if unreachable end "
	         "global.get %u i32.const 1 i32.sub global.set %u",
	         g->fuel, g->fuel, g->fuel);
}

static void enter(struct gen *g, enum insn_id opener, const char *params, const char *results)
{
	if (g->control_count > 0)
		pop(g, (uint32_t)strlen(params));
	g->controls[g->control_count] = (struct control){
	    .opener = opener,
	    .height = g->height,
	    .params = params,
	    .results = results,
	};
	g->control_count++;
	push_all(g, params);
}

static void leave(struct gen *g)
{
	const struct control c = *top(g);
	g->height = c.height;
	g->control_count--;
	push_all(g, c.results);
}

static void put_block_type(struct gen *g, const struct sig **sig)
{
	static const struct sig none = {"", ""};
	static const struct sig single[] = {{"", "i"}, {"", "I"}, {"", "f"},
	                                    {"", "F"}, {"", "r"}, {"", "c"}};
	uint32_t choice = source_choose(&g->s, 4);
	if (choice == 0) {
		*sig = &none;
		bytes_byte(&g->code, 0x40);
	} else if (choice == 1) {
		*sig = &single[source_choose(&g->s, COUNT(single))];
		bytes_byte(&g->code, type_code((*sig)->results[0]));
	} else {
		uint32_t index = source_choose(&g->s, g->type_count);
		*sig = &g->types[index];
		bytes_s(&g->code, index);
	}
}

static void put_block(struct gen *g)
{
	static const enum insn_id openers[] = {INSN_block, INSN_loop, INSN_if};
	enum insn_id opener = openers[source_choose(&g->s, 3)];
	/* The type stands behind the opcode, and the operands before it: made apart. */
	struct bytes before = g->code;
	g->code = (struct bytes){0};
	const struct sig *sig;
	put_block_type(g, &sig);
	struct bytes type = g->code;
	g->code = before;

	want(g, sig->params, 1);
	if (opener == INSN_if) {
		put_value(g, 'i', 2);
		pop(g, 1);
	}
	put_insn(&g->code, opener);
	bytes_put(&g->code, type.data, type.size);
	bytes_free(&type);
	enter(g, opener, sig->params, sig->results);
	if (opener == INSN_loop)
		put_fuel_check(g);
	put_statements(g, 8);
	uint32_t counter;
	if (opener == INSN_loop && !top(g)->dead && source_once_in(&g->s, 2) &&
	    find_local(g, 'i', &counter)) {
		want(g, sig->params, 1);
		assemble(&g->code,
		         "local.get %u i32.const 1 i32.%s local.tee %u i32.const %u i32.%s br_if 0",
		         counter, source_once_in(&g->s, 2) ? "sub" : "add", counter,
		         source_choose(&g->s, 32), source_once_in(&g->s, 2) ? "ne" : "lt_u");
		if (operands(g) < strlen(sig->params))
			push_all(g, sig->params);
	}
	settle(g, sig->results);
	if (opener == INSN_if && (strcmp(sig->params, sig->results) != 0 || source_once_in(&g->s, 2))) {
		put_insn(&g->code, INSN_else);
		struct control *c = top(g);
		g->height = c->height;
		c->dead = false;
		c->opener = INSN_else;
		push_all(g, sig->params);
		put_statements(g, 6);
		settle(g, sig->results);
	}
	put_insn(&g->code, INSN_end);
	leave(g);
}

static const char *label_letters(const struct gen *g, uint32_t label)
{
	const struct control *c = &g->controls[g->control_count - 1 - label];
	return c->opener == INSN_loop ? c->params : c->results;
}

static void put_br(struct gen *g)
{
	uint32_t label = source_choose(&g->s, g->control_count);
	want(g, label_letters(g, label), 1);
	if (!source_once_in(&g->s, 4)) {
		put_value(g, 'i', 2);
		put_insn_u(&g->code, INSN_br_if, label);
		pop(g, 1);
		/* In dead code they may have come from nowhere, but now they are there. */
		if (operands(g) < strlen(label_letters(g, label))) {
			g->height = top(g)->height;
			push_all(g, label_letters(g, label));
		}
		return;
	}
	put_insn_u(&g->code, INSN_br, label);
	die_here(g);
}

static void put_br_table(struct gen *g)
{
	uint32_t last = source_choose(&g->s, g->control_count);
	const char *letters = label_letters(g, last);
	want(g, letters, 1);
	put_value(g, 'i', 1);
	if (!source_once_in(&g->s, 4)) {
		put_insn_s(&g->code, INSN_i32_const, 7);
		put_insn(&g->code, INSN_i32_and);
	}
	put_insn(&g->code, INSN_br_table);
	struct bytes labels = {0};
	uint32_t count = 0;
	for (uint32_t i = source_choose(&g->s, 9); i > 0; i--) {
		uint32_t label = source_choose(&g->s, g->control_count);
		if (strcmp(label_letters(g, label), letters) == 0) {
			bytes_u(&labels, label);
			count++;
		}
	}
	bytes_u(&g->code, count);
	bytes_put(&g->code, labels.data, labels.size);
	bytes_free(&labels);
	bytes_u(&g->code, last);
	die_here(g);
}

static void put_return(struct gen *g)
{
	want(g, g->controls[0].results, 1);
	put_insn(&g->code, INSN_return);
	die_here(g);
}

static void put_call(struct gen *g)
{
	bool indirect = source_once_in(&g->s, 2);
	uint32_t func = source_choose(&g->s, g->func_count);
	/* Mostly of a type that a function has. */
	uint32_t type =
	    indirect && source_once_in(&g->s, 6) ? source_choose(&g->s, g->type_count) : g->funcs[func];
	const struct sig *sig = &g->types[type];
	want(g, sig->params, 1);
	if (indirect) {
		if (source_once_in(&g->s, 3))
			put_value(g, 'i', 1);
		else
			put_insn_s(&g->code, INSN_i32_const, func % TABLE_SIZE), push(g, 'i');
		put_insn_u(&g->code, INSN_call_indirect, type);
		bytes_u(&g->code, 0);
		pop(g, 1);
	} else {
		put_insn_u(&g->code, INSN_call, func);
	}
	pop(g, (uint32_t)strlen(sig->params));
	push_all(g, sig->results);
}

/* ---- other instructions typed by hand ---- */

static void put_select(struct gen *g)
{
	char letter = any_letter(g);
	bool typed = letter == 'r' || letter == 'c' || source_once_in(&g->s, 3);
	want(g, (const char[]){letter, letter, '\0'}, 1);
	put_value(g, 'i', 2);
	if (typed) {
		put_insn_u(&g->code, INSN_select_t, 1);
		bytes_byte(&g->code, type_code(letter));
	} else {
		put_insn(&g->code, INSN_select);
	}
	pop(g, 3);
	push(g, letter);
}

static void put_local(struct gen *g)
{
	char letter = top_letter(g);
	uint32_t local;
	if (letter == '\0' || source_once_in(&g->s, 2)) {
		letter = any_letter(g);
		put_value(g, letter, 2);
	}
	if (!find_local(g, letter, &local))
		return;
	bool tee = source_once_in(&g->s, 3);
	put_insn_u(&g->code, tee ? INSN_local_tee : INSN_local_set, local);
	if (!tee)
		pop(g, 1);
}

/* A row of three numbers for the bulk operations, mostly in bounds. */
static void put_row(struct gen *g, const char *letters, uint32_t size)
{
	for (; *letters != '\0'; letters++) {
		if (*letters == 'i' && !source_once_in(&g->s, 8)) {
			put_insn_s(&g->code, INSN_i32_const, source_choose(&g->s, size));
			push(g, 'i');
		} else {
			put_value(g, *letters, 1);
		}
	}
}

static void put_memory_bulk(struct gen *g)
{
	put_row(g, "iii", 200);
	switch (source_choose(&g->s, 4)) {
	case 0:
		put_insn_u(&g->code, INSN_memory_init, source_choose(&g->s, g->datas));
		bytes_byte(&g->code, 0);
		break;
	case 1:
		put_insn_u(&g->code, INSN_data_drop, source_choose(&g->s, g->datas));
		put_insn_u(&g->code, INSN_memory_fill, 0);
		break;
	case 2:
		put_insn_u(&g->code, INSN_memory_copy, 0);
		bytes_byte(&g->code, 0);
		break;
	default:
		put_insn_u(&g->code, INSN_memory_fill, 0);
		break;
	}
	pop(g, 3);
}

/* Table 0 has functions, table 1 external references. */
static void put_table(struct gen *g)
{
	uint32_t table = source_choose(&g->s, 2);
	char letter = table == 0 ? 'c' : 'r';
	struct bytes *b = &g->code;
	switch (source_choose(&g->s, 8)) {
	case 0:
		put_row(g, "i", TABLE_SIZE);
		put_insn_u(b, INSN_table_get, table);
		pop(g, 1);
		push(g, letter);
		break;
	case 1:
		put_row(g, (const char[]){'i', letter, '\0'}, TABLE_SIZE);
		put_insn_u(b, INSN_table_set, table);
		pop(g, 2);
		break;
	case 2:
		put_insn_u(b, INSN_table_size, table);
		push(g, 'i');
		break;
	case 3:
		put_row(g, (const char[]){letter, 'i', '\0'}, 3);
		put_insn_u(b, INSN_table_grow, table);
		pop(g, 2);
		push(g, 'i');
		break;
	case 4:
		put_row(g, (const char[]){'i', letter, 'i', '\0'}, 4);
		put_insn_u(b, INSN_table_fill, table);
		pop(g, 3);
		break;
	case 5:
		put_row(g, "iii", 4);
		put_insn_u(b, INSN_table_copy, table);
		bytes_u(b, table);
		pop(g, 3);
		break;
	case 6:
		put_row(g, "iii", 4);
		put_insn_u(b, INSN_table_init, source_choose(&g->s, g->elems));
		bytes_u(b, 0);
		pop(g, 3);
		break;
	default:
		put_insn_u(b, INSN_elem_drop, source_choose(&g->s, g->elems));
		break;
	}
}

static void put_is_null(struct gen *g)
{
	char letter = source_once_in(&g->s, 2) ? 'c' : 'r';
	want(g, (const char[]){letter, '\0'}, 1);
	put_insn(&g->code, INSN_ref_is_null);
	pop(g, 1);
	push(g, 'i');
}

static void put_statement(struct gen *g, uint32_t kind)
{
	enum insn_id id;
	switch (kind) {
	case 1:
	case 2:
	case 3:
	case 4:
		id = any_insn(g, '\0');
		if (!mostly_traps(insns[id].mnemonic) || source_once_in(&g->s, 6))
			put_simple(g, id, 2);
		break;
	case 5:
	case 6:
		put_value(g, any_letter(g), 3);
		break;
	case 7:
	case 8:
		put_local(g);
		break;
	case 9:
		put_sink(g);
		break;
	case 10:
	case 11:
	case 12:
		if (g->control_count <= NESTING_MAX)
			put_block(g);
		break;
	case 13:
	case 14:
		put_br(g);
		break;
	case 15:
		put_br_table(g);
		break;
	case 16:
	case 17:
		put_call(g);
		break;
	case 18:
		put_select(g);
		break;
	case 19:
		if (g->has_memory)
			put_memory_bulk(g);
		break;
	case 20:
	case 21:
		put_table(g);
		break;
	case 22:
		put_is_null(g);
		break;
	default:
		if (source_once_in(&g->s, 3)) {
			put_return(g);
		} else if (source_once_in(&g->s, 4)) {
			put_insn(&g->code, INSN_unreachable);
			die_here(g);
		} else {
			put_insn(&g->code, INSN_nop);
		}
		break;
	}
}
#define STATEMENT_KINDS 24

static void put_statements(struct gen *g, uint32_t most)
{
	/* Beyond half of the stack's room nothing new is begun. */
	for (uint32_t i = 0; i < most && g->budget > 0 && g->height < STACK_MAX / 2; i++) {
		uint32_t kind = source_choose(&g->s, STATEMENT_KINDS);
		if (kind == 0)
			return;
		g->budget--;
		put_statement(g, kind);
	}
}

/* ---- functions and modules ---- */

static void make_function(struct gen *g, uint32_t func)
{
	const struct sig *sig = &g->types[g->funcs[func]];
	char more[LOCALS_MAX] = "";
	/* One local of each type at least, so that every value finds a place. */
	static const char each[] = "iIfFrciI";
	memcpy(more, each, sizeof each);
	uint32_t count = sizeof each - 1;
	if (is_on(FEATURE_SIMD))
		more[count++] = 'v';
	for (uint32_t extra = source_choose(&g->s, 8); extra > 0; extra--)
		more[count++] = any_letter(g);
	more[count] = '\0';
	g->local_count = (uint32_t)snprintf(g->locals, sizeof g->locals, "%s%s", sig->params, more);
	g->height = 0;
	g->control_count = 0;
	g->budget = 60;
	wasm_locals(&g->code, more);
	put_fuel_check(g);
	enter(g, INSN_block, "", sig->results);
	put_statements(g, 16);
	settle(g, sig->results);
	put_insn(&g->code, INSN_end);
	struct bytes body = g->code;
	g->code = (struct bytes){0};
	wasm_func_body(&g->w, g->funcs[func], &body);
}

static void import_things(struct gen *g)
{
	for (uint32_t i = 0; i < harness_func_count; i++) {
		const char *signature = harness_funcs[i].wasm;
		const char *results = strchr(signature, '_');
		struct sig sig = {0};
		memcpy(sig.params, signature, (size_t)(results - signature));
		strcpy(sig.results, results + 1);
		g->funcs[g->func_count++] = add_type(g, &sig);
		wasm_import_func(&g->w, "env", harness_funcs[i].name, signature);
	}
	g->imported_func_count = g->func_count;
	uint32_t what = source_byte(&g->s);
	g->has_memory = true;
	if (what & 1)
		wasm_import_memory(&g->w, "env", "memory", MEMORY_PAGES, MEMORY_PAGES_MAX);
	else
		wasm_memory(&g->w, MEMORY_PAGES, MEMORY_PAGES_MAX);
	if (what & 2)
		wasm_import_table(&g->w, "env", "table", 'c', TABLE_SIZE, TABLE_SIZE_MAX);
	else
		wasm_table(&g->w, 'c', TABLE_SIZE, TABLE_SIZE_MAX);
	wasm_table(&g->w, 'r', TABLE_SIZE / 2, TABLE_SIZE_MAX);
	if (what & 4) {
		wasm_import_global(&g->w, "env", "i64", 'I', true);
		g->globals[g->global_count++] = 'I';
		wasm_import_global(&g->w, "env", "f32", 'f', true);
		g->globals[g->global_count++] = 'f';
	}
}

static void make_globals(struct gen *g)
{
	static const char letters[] = "iIfFrc";
	for (const char *p = letters; *p != '\0'; p++) {
		g->globals[g->global_count++] = *p;
		switch (*p) {
		case 'r':
			wasm_global(&g->w, *p, true, "ref.null extern");
			break;
		case 'c':
			wasm_global(&g->w, *p, true, "ref.null func");
			break;
		default:
			wasm_global(&g->w, *p, true, "%s.const %d",
			            *p == 'i'   ? "i32"
			            : *p == 'I' ? "i64"
			            : *p == 'f' ? "f32"
			                        : "f64",
			            (int)(int8_t)source_byte(&g->s));
			break;
		}
	}
	g->fuel = wasm_global(&g->w, 'i', true, "i32.const %d", FUEL);
	g->globals[g->global_count++] = '\0'; /* nobody else's */
	wasm_export(&g->w, FUEL_GLOBAL, EXTERN_GLOBAL, g->fuel);
}

static void make_segments(struct gen *g)
{
	uint32_t all[FUNCS_MAX];
	for (uint32_t i = 0; i < g->func_count; i++)
		all[i] = i;
	wasm_elem(&g->w, 0, all, g->func_count < TABLE_SIZE ? g->func_count : TABLE_SIZE);
	wasm_elem(&g->w, -1, all, g->func_count < 5 ? g->func_count : 5);
	wasm_declare(&g->w, all, g->func_count);
	g->elems = 3;
	uint8_t bytes[64];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	wasm_data(&g->w, 16, bytes, sizeof bytes);
	wasm_data(&g->w, -1, bytes, 40);
	g->datas = 2;
	g->w.has_data_count = true;
}

static void export_all(struct gen *g)
{
	char name[16];
	for (uint32_t i = g->imported_func_count; i < g->func_count; i++) {
		snprintf(name, sizeof name, "f%u", i - g->imported_func_count);
		wasm_export(&g->w, name, EXTERN_FUNC, i);
	}
	for (uint32_t i = 0; i < g->global_count; i++) {
		snprintf(name, sizeof name, "g%u", i);
		wasm_export(&g->w, name, EXTERN_GLOBAL, i);
	}
	wasm_export(&g->w, "m", EXTERN_MEMORY, 0);
	wasm_export(&g->w, "t0", EXTERN_TABLE, 0);
	wasm_export(&g->w, "t1", EXTERN_TABLE, 1);
}

struct bytes generate_module(const uint8_t *data, size_t size)
{
	struct gen g = {.s = {.data = data, .left = size}};
	import_things(&g);
	uint32_t own = 1 + source_choose(&g.s, 4);
	for (uint32_t i = 0; i < own; i++) {
		struct sig sig = {0};
		any_letters(&g, sig.params, 5);
		any_letters(&g, sig.results, 3);
		g.funcs[g.func_count++] = add_type(&g, &sig);
	}
	make_globals(&g);
	make_segments(&g);
	for (uint32_t i = g.imported_func_count; i < g.func_count; i++)
		make_function(&g, i);
	export_all(&g);
	return wasm_finish(&g.w);
}
