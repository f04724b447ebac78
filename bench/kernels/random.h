/* The same numbers on every machine, for guests that need data. */
#ifndef BENCH_KERNELS_RANDOM_H
#define BENCH_KERNELS_RANDOM_H

#include <stdint.h>

/* A step of xorshift32; the state is never 0. */
static inline uint32_t random_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

#endif
