/* Makes a picture a quarter as wide and as high, each pixel the mean of sixteen. */
#include <stdint.h>
#include <stdio.h>

enum { WIDTH = 640, HEIGHT = 480, FACTOR = 4 };

static uint8_t picture[HEIGHT][WIDTH], small[HEIGHT / FACTOR][WIDTH / FACTOR];

int main(void)
{
	uint32_t sum = 0;
	for (unsigned y = 0; y < HEIGHT; y++)
		for (unsigned x = 0; x < WIDTH; x++)
			picture[y][x] = (uint8_t)(x * 7 + y * 13 + (x * y >> 4));
	for (int y = 0; y < HEIGHT; y += FACTOR) {
		for (int x = 0; x < WIDTH; x += FACTOR) {
			unsigned total = 0;
			for (int dy = 0; dy < FACTOR; dy++)
				for (int dx = 0; dx < FACTOR; dx++)
					total += picture[y + dy][x + dx];
			small[y / FACTOR][x / FACTOR] = (uint8_t)(total / (FACTOR * FACTOR));
		}
	}
	for (int y = 0; y < HEIGHT / FACTOR; y++)
		for (int x = 0; x < WIDTH / FACTOR; x++)
			sum = sum * 31 + small[y][x];
	printf("resize %08x\n", (unsigned)sum);
	return 0;
}
