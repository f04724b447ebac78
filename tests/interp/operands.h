/* For the tests of lowering: the text of an operand, for every place where it can stand when the
 * operation comes. Types are letters, as in wasm_func(). */
#ifndef TESTS_INTERP_OPERANDS_H
#define TESTS_INTERP_OPERANDS_H

#include <stddef.h>

enum source {
	SOURCE_LOCAL,
	SOURCE_CONST,
	SOURCE_ACC,
	SOURCE_TEMP,
	SOURCE_TEE,
	SOURCE_OVERWRITTEN,
	SOURCE_SUM,
	SOURCE_PAIR,
	SOURCES
};

/* `local` is its parameter, `scratch` a local of its type. */
void put_operand(char *out, size_t size, enum source source, char letter, unsigned local,
                 unsigned scratch);

/* Computes local `local` again, so that the value is a temporary and in its accumulator. */
void compute(char *out, size_t size, char letter, unsigned local);

#endif
