/* memory.copy and memory.fill (-mbulk-memory): lengths from a few bytes to pages, with overlap. */
#include "bench/kernels/random.h"

#include <stdio.h>
#include <string.h>

enum { ARENA = 1 << 20, ROUNDS = 4000000 };

static uint8_t arena[ARENA];

int main(void)
{
	uint32_t state = 31337, sum = 0;
	for (int i = 0; i < ARENA; i++)
		arena[i] = (uint8_t)random_next(&state);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t bits = random_next(&state);
		/* 16 … 64 Ki bytes, each size class half as often as the one below it. */
		uint32_t class = (uint32_t)__builtin_ctz(bits | 1 << 12);
		uint32_t length = (16u << class) - (bits >> 28);
		uint32_t from = random_next(&state) % (ARENA - length);
		uint32_t to = random_next(&state) % (ARENA - length);
		if (bits & 1 << 20)
			memmove(arena + to, arena + from, length);
		else
			memset(arena + to, (int)(bits >> 8), length / 8);
		sum = sum * 31 + arena[from] + arena[to + length / 2];
	}
	printf("bulk %08x\n", (unsigned)sum);
	return 0;
}
