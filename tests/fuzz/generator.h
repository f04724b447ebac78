/* Inside tests/fuzz: the generator of modules, shared between its files (generate_*.c). */
#ifndef TESTS_FUZZ_GENERATOR_H
#define TESTS_FUZZ_GENERATOR_H

#include "tests/fuzz/generate.h"
#include "tests/fuzz/source.h"

#define TYPES_MAX 64
#define FUNCS_MAX 32
#define GLOBALS_MAX 24
#define LOCALS_MAX 40
#define STACK_MAX 400
#define NESTING_MAX 12
#define LETTERS_MAX 8

#define MEMORY_PAGES 1
#define MEMORY_PAGES_MAX 3
#define TABLE_SIZE 8
#define TABLE_SIZE_MAX 16
#define BYTES_SIZE 4096 /* of the memory whose pages are bytes */
#define BYTES_SIZE_MAX 4200
#define SHARED_MEMORY 3
#define WIDE_TABLE 3 /* its indices have 64 bits */

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
	struct sig types[TYPES_MAX]; /* of functions, from first_func_type on */
	uint32_t type_count;
	uint32_t first_func_type;
	uint32_t funcs[FUNCS_MAX]; /* type of each, imported ones first */
	uint32_t func_count;
	uint32_t imported_func_count;
	char globals[GLOBALS_MAX]; /* letters; all mutable */
	uint32_t global_count;
	uint32_t fuel; /* global index */
	uint32_t datas, elems;
	const char *memories;          /* the letter of each one's addresses */
	uint32_t near, near_wide;      /* functions with two small results */
	uint32_t small_from, small_to; /* functions that call no others but these, the earlier ones */

	enum { HINTS_NONE, HINTS_UNLIKELY, HINTS_LIKELY, HINTS_MIXED } hints;
	struct bytes hinted; /* the functions with hints */
	uint32_t hinted_count;

	/* The function being made. */
	struct bytes code;
	struct bytes code_hints; /* its hints */
	uint32_t code_hint_count;
	char locals[LOCALS_MAX];
	uint32_t local_count;
	char stack[STACK_MAX];
	uint32_t height;
	uint32_t floor; /* operands below it are promised to somebody else */
	struct control controls[NESTING_MAX + 1];
	uint32_t control_count;
	uint32_t budget; /* statements that may still be made */
	bool is_row;     /* statements that seldom trap */
	bool is_plain;   /* only instructions that can neither trap nor be seen */
};

#define COUNT(array) (uint32_t)(sizeof array / sizeof *array)

/* ---- generate_stack.c ---- */

bool is_on(enum feature feature);
char any_letter(struct gen *g);
void any_letters(struct gen *g, char *out, uint32_t most);
/* Its index; an equal one is taken again. */
uint32_t add_type(struct gen *g, const struct sig *sig);

struct control *top(struct gen *g);
void push(struct gen *g, char letter);
void push_all(struct gen *g, const char *letters);
/* Operands of the present block. */
uint32_t operands(struct gen *g);
/* In dead code an empty stack holds whatever is wanted. */
void pop(struct gen *g, uint32_t count);
char top_letter(struct gen *g); /* 0: the block has no operand */
/* What follows in the present block is never reached. */
void die_here(struct gen *g);

/* ---- generate_value.c ---- */

uint64_t any_integer(struct gen *g); /* mostly an odd one */
void put_const(struct gen *g, char letter);
/* One of the locals (or globals) of this type; false when there is none. */
bool find_local(struct gen *g, char letter, uint32_t *out);
bool has_local(const struct gen *g, char letter);
bool find_global(struct gen *g, char letter, uint32_t *out);
/* Pushes a constant, a local or a global. */
void put_leaf(struct gen *g, char letter);

/* ---- generate_insn.c ---- */

/* The next instruction from a random place on that can be made and, unless letter is 0, leaves this
 * type alone; INSN_COUNT: none. */
enum insn_id any_insn(struct gen *g, char letter);
/* Conversions that trap on most floats are taken seldom. */
bool mostly_traps(const char *mnemonic);
/* Operands, of instructions nested so deep, and then this one. */
void put_simple(struct gen *g, enum insn_id id, uint32_t depth);
/* What the instruction left, if lanes of floats: NaNs become 0 by x & (x == x). */
void canonicalise_lanes(struct gen *g, enum insn_id id);
/* One of the plain stores. */
void put_store(struct gen *g);
/* Pushes a value of the type and takes nothing that stands there. */
void put_value(struct gen *g, char letter, uint32_t depth);
/* Sees to it that the stack ends in these types: what stands there already is taken. */
void want(struct gen *g, const char *letters, uint32_t depth);

/* Any memory, mostly the first, which is the fast one. */
uint32_t any_memory(struct gen *g);
/* Of a signature's operand or result (SIG_…). */
char sig_letter(uint8_t kind, char address);
/* What stands behind the opcode; of an access, of this memory, aligned in some way. */
void put_immediate(struct gen *g, const struct insn *insn, uint32_t memory);

/* ---- generate_operand.c ---- */

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

/* An i32 or i64. */
void put_literal(struct gen *g, char letter, int64_t number);
void set_local(struct gen *g, uint32_t local);
void get_local(struct gen *g, uint32_t local, char letter);
/* The accumulator of this type then holds nothing that is asked for. */
void forget(struct gen *g, char letter);
/* What must be done before any operand is pushed. A place that there is none of becomes another. */
void prepare_operand(struct gen *g, struct operand *operand);
/* The same, right before the first operand is pushed. */
void prepare_operand_last(struct gen *g, const struct operand *operand);
void push_operand(struct gen *g, const struct operand *operand);
struct operand any_operand(struct gen *g, char letter, char lanes);
/* The result is read at once, or from where it was put. */
void put_use(struct gen *g);
/* One of those that fit, each as often. */
enum insn_id any_of(struct gen *g, bool (*fits)(enum insn_id id));
/* What an operand of this letter needs in its lanes, as in struct operand. */
char lanes_of(enum insn_id id, char letter);
/* A local of addresses that are small; false: there is none. */
bool prepare_address(struct gen *g, uint32_t *local);
/* An instruction that takes one of its two operands' type. */
void put_second(struct gen *g, enum insn_id id);

/* ---- generate_focus.c ---- */

void put_focus(struct gen *g);
void put_focused_access(struct gen *g);

/* ---- generate_pair.c ---- */

void put_pair(struct gen *g);
void put_count(struct gen *g);
void put_next(struct gen *g);
/* Pushes a byte of memory 0, whose address stands in a local. */
void put_byte(struct gen *g);

/* ---- generate_address.c ---- */

/* Pushes an address of this type, mostly in bounds of all memories, made in one of many ways. */
void put_address(struct gen *g, char letter, uint32_t depth);

/* ---- generate_control.c ---- */

/* Takes the top value away, mostly so that it changes what is seen in the end. */
void put_sink(struct gen *g);
/* Exactly these types must stand on the present block's part of the stack. */
void settle(struct gen *g, const char *letters);
void put_fuel_check(struct gen *g);
/* A block begins, or a function; it ends where the caller says. */
void enter(struct gen *g, enum insn_id opener, const char *params, const char *results);
void leave(struct gen *g);
/* A block's type, written to `out`. */
const struct sig *put_block_type(struct gen *g, struct bytes *out);
/* What a branch to the label takes along. */
const char *label_letters(const struct gen *g, uint32_t label);
void put_block(struct gen *g);
void put_br(struct gen *g);
void put_br_table(struct gen *g);
void put_return(struct gen *g);
void put_call(struct gen *g);
/* Of a small function: mostly arguments that the call takes along. */
void put_small_call(struct gen *g);

/* ---- generate_hint.c ---- */

void choose_hints(struct gen *g);
/* The next instruction is a br_if or an if: it is hinted, when the module has hints. */
void hint_branch(struct gen *g);
/* The function's hints are complete. */
void finish_hints(struct gen *g, uint32_t func);
void put_hints(struct gen *g);

/* ---- generate_try.c ---- */

void make_tags(struct gen *g);
void put_try(struct gen *g);
void put_throw(struct gen *g);
/* The same of old: with catches, or a delegate. */
void put_old_try(struct gen *g);
void put_rethrow(struct gen *g);

/* ---- generate_gc.c ---- */

/* Before any other type; how many there are. */
uint32_t make_gc_types(struct gen *g);
/* Pushes an anyref that is not null. */
void put_object(struct gen *g, uint32_t depth);
void put_gc(struct gen *g);
/* A field of an object that was just read from another one. */
void put_node(struct gen *g);
void put_br_on(struct gen *g);

/* ---- generate_by_hand.c ---- */

void put_select(struct gen *g);
void put_local(struct gen *g);
void put_memory_bulk(struct gen *g);
void put_wait(struct gen *g);
void put_table(struct gen *g);
void put_is_null(struct gen *g);

/* ---- generate.c ---- */

/* At most so many, until the function's budget is used up. */
void put_statements(struct gen *g, uint32_t most);

#endif
