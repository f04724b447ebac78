/* A small language after the manner of Lua, for a guest that measures by interpreting it: numbers,
 * strings, tables, functions without upvalues; compiled to register code, run by a loop. Memory is
 * given back at the end of the program. */
#ifndef BENCH_KERNELS_SCRIPT_H
#define BENCH_KERNELS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tag { NIL, FALSE, TRUE, NUMBER, STRING, TABLE, FUNCTION };

struct string {
	uint32_t hash, length;
	struct string *next; /* in its bucket: equal strings are one */
	char text[];
};

struct value {
	uint8_t tag;
	union {
		double number;
		struct string *string;
		struct table *table;
		const struct function *function;
	} as;
};

struct node {
	struct value key, value;
};

/* Values for 1 … count stand in `items`; all other keys in an open-addressed hash of 2^n nodes. */
struct table {
	struct value *items;
	uint32_t count, room;
	struct node *nodes;
	uint32_t used, size;
};

/* Operands: a is a register; b and c are registers, or constants where they are negative (-1 is the
 * first one), or a distance for jumps. */
#define SCRIPT_OPS(X)                                                                              \
	X(MOVE)       /* a = b */                                                                      \
	X(GET_GLOBAL) /* a = globals[b] */                                                             \
	X(SET_GLOBAL) /* globals[b] = c */                                                             \
	X(NEW_TABLE)  /* a = {} */                                                                     \
	X(GET)        /* a = b[c] */                                                                   \
	X(SET)        /* a[b] = c */                                                                   \
	X(ADD)                                                                                         \
	X(SUBTRACT)                                                                                    \
	X(MULTIPLY)                                                                                    \
	X(DIVIDE)                                                                                      \
	X(REMAINDER)                                                                                   \
	X(CONCATENATE)                                                                                 \
	X(EQUAL)                                                                                       \
	X(LESS)                                                                                        \
	X(LESS_EQUAL)                                                                                  \
	X(NOT)         /* a = not b */                                                                 \
	X(LENGTH)      /* a = #b */                                                                    \
	X(JUMP)        /* by b */                                                                      \
	X(JUMP_UNLESS) /* by b, unless c is true */                                                    \
	X(CALL)        /* a = a(a + 1 … a + b) */                                                      \
	X(RETURN)      /* b */

enum script_op {
#define X(op) OP_##op,
	SCRIPT_OPS(X)
#undef X
};

struct insn {
	uint8_t op, a;
	int16_t b, c;
};

struct function {
	struct insn *code;
	struct value *constants;
	uint32_t code_count, code_room, constant_count, constant_room, registers;
};

/* ---- script_values.c ---- */

/* Ends the program with a message: a guest that measures has nobody to tell otherwise. */
_Noreturn void script_fail(const char *what, const char *detail);
void *script_allocate(size_t size);
struct string *script_string(const char *text, size_t length);
struct value table_get(const struct table *table, struct value key);
void table_set(struct table *table, struct value key, struct value value);

/* ---- script_compile.c ---- */

/* The text as a function without parameters. */
struct function *script_compile(const char *text);

/* ---- script_run.c ---- */

struct value script_run(const struct function *function);

#endif
