/* i64 arithmetic: a hash of multiplications, rotations and shifts over blocks of 32 bytes. */
#include "bench/kernels/random.h"

#include <stdio.h>
#include <string.h>

enum { BUFFER = 1 << 18, PASSES = 1600 };

static const uint64_t odd_a = 0x9e3779b97f4a7c15, odd_b = 0xd1b54a32d192ed03;

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static uint64_t read64(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return word;
}

static uint64_t finish(uint64_t x)
{
	x = (x ^ x >> 32) * odd_b;
	x = (x ^ x >> 29) * odd_a;
	return x ^ x >> 32;
}

static uint64_t hash(const uint8_t *bytes, size_t size, uint64_t seed)
{
	uint64_t lane[4] = {seed, seed ^ odd_a, seed + odd_b, ~seed};
	for (size_t i = 0; i + 32 <= size; i += 32) {
		for (int l = 0; l < 4; l++)
			lane[l] = rotate(lane[l] + read64(bytes + i + 8 * (size_t)l) * odd_a, 31) * odd_b;
	}
	return finish(lane[0] + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18) + size);
}

int main(void)
{
	static uint8_t buffer[BUFFER];
	uint32_t state = 1234567;
	uint64_t value = 0;
	for (int i = 0; i < BUFFER; i++)
		buffer[i] = (uint8_t)random_next(&state);
	for (int pass = 0; pass < PASSES; pass++)
		value = hash(buffer, sizeof buffer, value);
	printf("hash64 %016llx\n", (unsigned long long)value);
	return 0;
}
