/* A program of some size: text compressed by DEFLATE and expanded again. */
#include "bench/kernels/deflate.h"

#include "bench/kernels/random.h"

#include <stdio.h>
#include <string.h>

enum { TEXT = 1 << 20, ROUNDS = 2 };

static uint8_t text[TEXT], packed[COMPRESSED_MAX(TEXT)], unpacked[TEXT];

/* Words in random order, as a log would repeat them. */
static void write_text(void)
{
	static const char *const words[] = {"step ",   "workflow ",  "started ", "pod ",
	                                    "error: ", "retried ",   "after ",   "ms ",
	                                    "node ",   "succeeded\n"};
	uint32_t state = 20;
	for (size_t at = 0; at < TEXT;) {
		uint32_t bits = random_next(&state);
		const char *word = words[bits % 10];
		if (bits >> 28 == 0) {
			text[at++] = (uint8_t)('0' + (bits >> 8) % 10);
			continue;
		}
		for (; *word != '\0' && at < TEXT; word++)
			text[at++] = (uint8_t)*word;
	}
}

int main(void)
{
	uint32_t sum = 0;
	size_t size = 0, got;
	write_text();
	for (int round = 0; round < ROUNDS; round++) {
		size = compress(text, TEXT, packed);
		if (!expand(packed, size, unpacked, TEXT, &got) || got != TEXT ||
		    memcmp(text, unpacked, TEXT) != 0) {
			printf("deflate does not come back\n");
			return 1;
		}
		for (size_t i = 0; i < size; i++)
			sum = sum * 31 + packed[i];
		text[round * 977] ^= 1;
	}
	printf("deflate %zu %08x\n", size, (unsigned)sum);
	return 0;
}
