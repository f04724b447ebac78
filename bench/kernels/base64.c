/* Bytes by table, and the C library's copies: base64 there and back, and memcpy() of every length.
 */
#include "bench/kernels/random.h"

#include <stdio.h>
#include <string.h>

enum { INPUT = 48 * 1024, TEXT = INPUT / 3 * 4, ROUNDS = 240 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint8_t input[INPUT], output[INPUT], copy[INPUT];
static char text[TEXT];
static uint8_t digit_of[256];

static void encode(void)
{
	char *out = text;
	for (int i = 0; i < INPUT; i += 3, out += 4) {
		uint32_t bits = (uint32_t)input[i] << 16 | (uint32_t)input[i + 1] << 8 | input[i + 2];
		out[0] = alphabet[bits >> 18];
		out[1] = alphabet[bits >> 12 & 63];
		out[2] = alphabet[bits >> 6 & 63];
		out[3] = alphabet[bits & 63];
	}
}

static void decode(void)
{
	uint8_t *out = output;
	for (int i = 0; i < TEXT; i += 4, out += 3) {
		uint32_t bits = (uint32_t)digit_of[(uint8_t)text[i]] << 18 |
		                (uint32_t)digit_of[(uint8_t)text[i + 1]] << 12 |
		                (uint32_t)digit_of[(uint8_t)text[i + 2]] << 6 |
		                digit_of[(uint8_t)text[i + 3]];
		out[0] = (uint8_t)(bits >> 16);
		out[1] = (uint8_t)(bits >> 8);
		out[2] = (uint8_t)bits;
	}
}

int main(void)
{
	uint32_t state = 77, sum = 0;
	for (int i = 0; i < INPUT; i++)
		input[i] = (uint8_t)random_next(&state);
	for (int i = 0; i < 64; i++)
		digit_of[(uint8_t)alphabet[i]] = (uint8_t)i;
	for (int round = 0; round < ROUNDS; round++) {
		encode();
		decode();
		if (memcmp(input, output, INPUT) != 0) {
			printf("base64 does not come back\n");
			return 1;
		}
		int at = 0;
		for (int length = 1; at + length <= INPUT; at += length, length++)
			memcpy(copy + at, output + INPUT - at - length, (size_t)length);
		for (int i = 0; i < INPUT; i += 64)
			sum = sum * 31 + copy[i] + (uint8_t)text[i];
		input[round] ^= (uint8_t)sum;
	}
	printf("base64 %08x\n", (unsigned)sum);
	return 0;
}
