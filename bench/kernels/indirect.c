/* call_indirect: small functions chosen by data. */
#include "bench/kernels/random.h"

#include <stdio.h>

enum { CALLS = 30000000, CHOICES = 256 };

typedef uint32_t step(uint32_t a, uint32_t b);

static uint32_t add(uint32_t a, uint32_t b)
{
	return a + b;
}
static uint32_t subtract(uint32_t a, uint32_t b)
{
	return a - b;
}
static uint32_t multiply(uint32_t a, uint32_t b)
{
	return a * (b | 1);
}
static uint32_t mix(uint32_t a, uint32_t b)
{
	return a ^ b;
}
static uint32_t turn_left(uint32_t a, uint32_t b)
{
	return a << (b & 31) | a >> (-b & 31);
}
static uint32_t turn_right(uint32_t a, uint32_t b)
{
	return a >> (b & 31) | a << (-b & 31);
}
static uint32_t greater(uint32_t a, uint32_t b)
{
	return a > b ? a : ~b;
}
static uint32_t fold(uint32_t a, uint32_t b)
{
	return (a >> 7) + (b << 3) + 0x9e3779b9;
}

static step *const steps[] = {add, subtract, multiply, mix, turn_left, turn_right, greater, fold};

int main(void)
{
	static uint8_t choice[CHOICES];
	uint32_t state = 5, value = 1;
	for (int i = 0; i < CHOICES; i++)
		choice[i] = random_next(&state) & 7;
	for (uint32_t i = 0; i < CALLS; i++)
		value = steps[choice[i % CHOICES]](value, i);
	printf("indirect %08x\n", (unsigned)value);
	return 0;
}
