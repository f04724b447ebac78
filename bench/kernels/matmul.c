/* f64 loads and stores: products of square matrices. */
#include "bench/kernels/random.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 160, PRODUCTS = 12 };

static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];

int main(void)
{
	uint32_t state = 99;
	uint64_t sum = 0, bits;
	for (int i = 0; i < SIDE; i++) {
		for (int j = 0; j < SIDE; j++) {
			a[i][j] = (random_next(&state) & 0xffff) / 65536.0;
			b[i][j] = (random_next(&state) & 0xffff) / 65536.0;
		}
	}
	for (int product = 0; product < PRODUCTS; product++) {
		for (int i = 0; i < SIDE; i++) {
			for (int j = 0; j < SIDE; j++) {
				double dot = 0;
				for (int k = 0; k < SIDE; k++)
					dot += a[i][k] * b[k][j];
				c[i][j] = dot;
			}
		}
		for (int i = 0; i < SIDE; i++)
			for (int j = 0; j < SIDE; j++)
				a[i][j] = c[i][j] / SIDE;
	}
	for (int i = 0; i < SIDE; i++) {
		for (int j = 0; j < SIDE; j++) {
			memcpy(&bits, &c[i][j], sizeof bits);
			sum = sum * 31 + bits;
		}
	}
	printf("matmul %016llx\n", (unsigned long long)sum);
	return 0;
}
