/* Dot products of f32 and of i16, four lanes side by side. Built twice, with -msimd128 and without:
 * both keep the same four sums, so that they print the same. */
#include "bench/kernels/random.h"

#include <stdio.h>
#include <string.h>
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

enum { LENGTH = 8192, PASSES = 5000 };

static float real_a[LENGTH], real_b[LENGTH];
static int16_t whole_a[LENGTH], whole_b[LENGTH];

#ifdef __wasm_simd128__
static void dot_real(float sums[4])
{
	v128_t sum = wasm_v128_load(sums);
	for (int i = 0; i < LENGTH; i += 4)
		sum = wasm_f32x4_add(
		    sum, wasm_f32x4_mul(wasm_v128_load(real_a + i), wasm_v128_load(real_b + i)));
	wasm_v128_store(sums, sum);
}

static void dot_whole(uint32_t sums[4])
{
	v128_t sum = wasm_v128_load(sums);
	for (int i = 0; i < LENGTH; i += 8)
		sum = wasm_i32x4_add(
		    sum, wasm_i32x4_dot_i16x8(wasm_v128_load(whole_a + i), wasm_v128_load(whole_b + i)));
	wasm_v128_store(sums, sum);
}
#else
static void dot_real(float sums[4])
{
	float s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
	for (int i = 0; i < LENGTH; i += 4) {
		s0 += real_a[i] * real_b[i];
		s1 += real_a[i + 1] * real_b[i + 1];
		s2 += real_a[i + 2] * real_b[i + 2];
		s3 += real_a[i + 3] * real_b[i + 3];
	}
	sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

static void dot_whole(uint32_t sums[4])
{
	for (int i = 0; i < LENGTH; i += 8) {
		for (int lane = 0; lane < 4; lane++) {
			int j = i + 2 * lane;
			sums[lane] +=
			    (uint32_t)(whole_a[j] * whole_b[j]) + (uint32_t)(whole_a[j + 1] * whole_b[j + 1]);
		}
	}
}
#endif

int main(void)
{
	float real[4] = {0};
	uint32_t state = 271828, whole[4] = {0}, sum = 0, bits;
	for (int i = 0; i < LENGTH; i++) {
		real_a[i] = (float)(random_next(&state) & 0xfff) / 4096;
		real_b[i] = (float)(random_next(&state) & 0xfff) / 4096 - 0.5f;
		whole_a[i] = (int16_t)random_next(&state);
		whole_b[i] = (int16_t)random_next(&state);
	}
	for (int pass = 0; pass < PASSES; pass++) {
		dot_real(real);
		dot_whole(whole);
		/* Something changes in each pass, so that none can be left out. */
		real_a[pass % LENGTH] += 0.125f;
		whole_a[pass % LENGTH] ^= (int16_t)pass;
	}
	for (int lane = 0; lane < 4; lane++) {
		memcpy(&bits, &real[lane], sizeof bits);
		sum = (sum * 31 + bits) * 31 + whole[lane];
	}
	printf("dot %08x\n", (unsigned)sum);
	return 0;
}
