/* A picture of bytes smoothed by 1 4 6 4 1, along the rows and then along the columns. Built twice,
 * with -msimd128 and without; both print the same. */
#include "bench/kernels/random.h"

#include <stdio.h>
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

enum { WIDTH = 512, HEIGHT = 256, PASSES = 110 };

/* Two pixels of margin on each side, and what the last vector reads beyond them. */
enum { STRIDE = WIDTH + 32, MARGIN = 2 };

static uint8_t picture[HEIGHT + 2 * MARGIN][STRIDE], half_done[HEIGHT + 2 * MARGIN][STRIDE];

#ifdef __wasm_simd128__
/* Eight pixels from a, b … each `step` bytes after the one before. */
static v128_t weigh(const uint8_t *first, size_t step)
{
	v128_t a = wasm_u16x8_load8x8(first), b = wasm_u16x8_load8x8(first + step);
	v128_t c = wasm_u16x8_load8x8(first + 2 * step), d = wasm_u16x8_load8x8(first + 3 * step);
	v128_t e = wasm_u16x8_load8x8(first + 4 * step);
	v128_t sum = wasm_i16x8_add(a, e);
	sum = wasm_i16x8_add(sum, wasm_i16x8_shl(wasm_i16x8_add(b, d), 2));
	sum = wasm_i16x8_add(sum, wasm_i16x8_mul(c, wasm_i16x8_const_splat(6)));
	return wasm_u16x8_shr(wasm_i16x8_add(sum, wasm_i16x8_const_splat(8)), 4);
}

static void blur_row(uint8_t *to, const uint8_t *first, size_t step)
{
	for (int x = 0; x < WIDTH; x += 16)
		wasm_v128_store(
		    to + x, wasm_u8x16_narrow_i16x8(weigh(first + x, step), weigh(first + x + 8, step)));
}
#else
static void blur_row(uint8_t *restrict to, const uint8_t *restrict first, size_t step)
{
	for (int x = 0; x < WIDTH; x++) {
		const uint8_t *at = first + x;
		unsigned sum = at[0] + at[4 * step] + 4u * (at[step] + at[3 * step]) + 6u * at[2 * step];
		to[x] = (uint8_t)((sum + 8) >> 4);
	}
}
#endif

int main(void)
{
	uint32_t state = 161803, sum = 0;
	for (int y = 0; y < HEIGHT + 2 * MARGIN; y++)
		for (int x = 0; x < STRIDE; x++)
			picture[y][x] = (uint8_t)random_next(&state);
	for (int pass = 0; pass < PASSES; pass++) {
		for (int y = 0; y < HEIGHT + 2 * MARGIN; y++)
			blur_row(half_done[y] + MARGIN, picture[y], 1);
		for (int y = 0; y < HEIGHT; y++)
			blur_row(picture[y + MARGIN] + MARGIN, half_done[y] + MARGIN, STRIDE);
		picture[pass % HEIGHT][pass % WIDTH] ^= 0x55;
	}
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++)
			sum = sum * 31 + picture[y + MARGIN][x + MARGIN];
	printf("blur %08x\n", (unsigned)sum);
	return 0;
}
