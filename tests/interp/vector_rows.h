/* Every row of interp/op_simd.def as a function, twice: with the machine's own vectors and with the
 * portable ones (vector_rows.c). */
#ifndef TESTS_INTERP_VECTOR_ROWS_H
#define TESTS_INTERP_VECTOR_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define VECTOR_SIZE 16 /* bytes */

struct vector_operands {
	uint8_t x[VECTOR_SIZE], y[VECTOR_SIZE], z[VECTOR_SIZE];
	uint8_t scalar[VECTOR_SIZE]; /* of what is loaded, or no vector: the first bytes */
	uint32_t lane;
};

struct vector_row {
	const char *name; /* of the instruction, with _ for . */
	/* Bytes behind the result are 0. */
	void (*run)(const struct vector_operands *in, uint8_t out[VECTOR_SIZE]);
};

extern const struct vector_row native_rows[], portable_rows[];
extern const size_t native_row_count, portable_row_count;

#endif
