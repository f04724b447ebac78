/* Integer arithmetic in registers: SHA-256 (FIPS 180-4) over a message of MESSAGE_MIB. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef MESSAGE_MIB
#define MESSAGE_MIB 9
#endif

enum { BLOCK = 64 };

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* The first 32 bits of the fractional part of the root of a prime, found by bisection: integer
 * arithmetic alone, so that no table has to be trusted. power is 2 or 3. */
static uint32_t root_fraction(uint32_t prime, int power)
{
	/* The largest r with r^power <= prime * 2^(32 * power); r < 2^40. */
	uint64_t low = 0, high = UINT64_C(1) << 37;
	while (high - low > 1) {
		uint64_t middle = (low + high) / 2;
		unsigned __int128 product = (unsigned __int128)middle * middle;
		unsigned __int128 target = (unsigned __int128)prime << 64;
		/* For the cube: m^3 <= p * 2^96, as m^2 <= p * 2^96 / m. */
		if (power == 3)
			target = ((unsigned __int128)prime << 96) / middle;
		if (product <= target)
			low = middle;
		else
			high = middle;
	}
	return (uint32_t)low;
}

static uint32_t constants[64], state[8];

static void prepare(void)
{
	int count = 0;
	for (uint32_t n = 2; count < 64; n++) {
		uint32_t divisor = 2;
		while (n % divisor)
			divisor++;
		if (divisor != n)
			continue;
		if (count < 8)
			state[count] = root_fraction(n, 2);
		constants[count++] = root_fraction(n, 3);
	}
}

static void digest_block(const uint8_t *block)
{
	uint32_t w[64], v[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
	memcpy(v, state, sizeof v);
	for (int i = 0; i < 64; i++) {
		uint32_t a = v[0], e = v[4];
		uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
		              ((e & v[5]) ^ (~e & v[6])) + constants[i] + w[i];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
		              ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
		v[7] = v[6];
		v[6] = v[5];
		v[5] = e;
		v[4] = v[3] + t1;
		v[3] = v[2];
		v[2] = v[1];
		v[1] = a;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
}

int main(void)
{
	/* Byte i of the message is (31 * i) mod 256, so all blocks of a kind are alike after four. */
	static uint8_t message[4 * BLOCK];
	uint64_t bytes = (uint64_t)MESSAGE_MIB << 20;
	for (int i = 0; i < 4 * BLOCK; i++)
		message[i] = (uint8_t)(31 * i);
	prepare();
	for (uint64_t done = 0; done < bytes; done += BLOCK)
		digest_block(message + done % sizeof message);

	uint8_t last[BLOCK] = {0x80};
	for (int i = 0; i < 8; i++)
		last[BLOCK - 1 - i] = (uint8_t)(bytes * 8 >> 8 * i);
	digest_block(last);
	printf("sha256 ");
	for (int i = 0; i < 8; i++)
		printf("%08x", (unsigned)state[i]);
	printf("\n");
	return 0;
}
