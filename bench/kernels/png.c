/* A program of some size: a picture filtered, compressed and written as PNG, and read back. */
#include "bench/kernels/deflate.h"

#include "bench/kernels/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 480, HEIGHT = 320, PIXEL = 3, ROW = WIDTH * PIXEL, FILTERS = 5, PASSES = 5 };
enum { FILTERED = (ROW + 1) * HEIGHT, CHUNK = 12, FILE_MAX = COMPRESSED_MAX(FILTERED) + 256 };

static uint8_t picture[HEIGHT + 1][ROW]; /* the first row is the one above: all 0 */
static uint8_t filtered[FILTERED], again[FILTERED], zlib[FILE_MAX], file[FILE_MAX];
static size_t file_size;

static void paint(void)
{
	uint32_t state = 3;
	for (int y = 1; y <= HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++) {
			int dx = x - WIDTH / 2, dy = y - HEIGHT / 2;
			bool is_inside = dx * dx + dy * dy < 120 * 120;
			uint8_t *pixel = picture[y] + x * PIXEL;
			pixel[0] = (uint8_t)(is_inside ? 230 - dy / 2 : x / 4 + y / 8);
			pixel[1] = (uint8_t)(is_inside ? 120 + dx / 4 : y / 2);
			pixel[2] = (uint8_t)(160 - (random_next(&state) & 1));
		}
	}
}

/* The neighbour that lies nearest to a + b - c (PNG 9.4). */
static int nearest(int a, int b, int c)
{
	int guess = a + b - c;
	int to_a = abs(guess - a), to_b = abs(guess - b), to_c = abs(guess - c);
	return to_a <= to_b && to_a <= to_c ? a : to_b <= to_c ? b : c;
}

static uint8_t predict(int filter, int left, int above, int corner)
{
	switch (filter) {
	case 1:
		return (uint8_t)left;
	case 2:
		return (uint8_t)above;
	case 3:
		return (uint8_t)((left + above) / 2);
	case 4:
		return (uint8_t)nearest(left, above, corner);
	default:
		return 0;
	}
}

/* Writes a row through a filter; gives the sum of what is left, taken as signed. */
static unsigned filter_row(int y, int filter, uint8_t *out)
{
	const uint8_t *row = picture[y], *above = picture[y - 1];
	unsigned sum = 0;
	*out++ = (uint8_t)filter;
	for (int i = 0; i < ROW; i++) {
		int left = i < PIXEL ? 0 : row[i - PIXEL], corner = i < PIXEL ? 0 : above[i - PIXEL];
		out[i] = (uint8_t)(row[i] - predict(filter, left, above[i], corner));
		sum += (unsigned)abs((int8_t)out[i]);
	}
	return sum;
}

/* Each row by the filter that leaves least. */
static void filter_picture(void)
{
	static uint8_t trial[ROW + 1];
	for (int y = 1; y <= HEIGHT; y++) {
		uint8_t *out = filtered + (y - 1) * (ROW + 1);
		unsigned best = filter_row(y, 0, out);
		for (int filter = 1; filter < FILTERS; filter++) {
			unsigned sum = filter_row(y, filter, trial);
			if (sum < best) {
				best = sum;
				memcpy(out, trial, sizeof trial);
			}
		}
	}
}

static uint32_t crc_table[256];

static uint32_t crc(const uint8_t *bytes, size_t size)
{
	uint32_t value = 0xffffffff;
	for (size_t i = 0; i < size; i++)
		value = crc_table[(value ^ bytes[i]) & 255] ^ value >> 8;
	return ~value;
}

static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;
		for (int bit = 0; bit < 8; bit++)
			value = value & 1 ? 0xedb88320 ^ value >> 1 : value >> 1;
		crc_table[i] = value;
	}
}

static uint32_t adler(const uint8_t *bytes, size_t size)
{
	uint32_t a = 1, b = 0;
	for (size_t i = 0; i < size; i++) {
		a = (a + bytes[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put_chunk(const char *type, const uint8_t *bytes, size_t size)
{
	uint8_t *at = file + file_size;
	put32(at, (uint32_t)size);
	memcpy(at + 4, type, 4);
	memcpy(at + 8, bytes, size);
	put32(at + 8 + size, crc(at + 4, size + 4));
	file_size += size + CHUNK;
}

int main(int argc, char **argv)
{
	static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	uint8_t header[13] = {[8] = 8, [9] = 2};
	size_t got;
	make_crc_table();
	paint();
	for (int i = 0; i < PASSES; i++)
		filter_picture();
	zlib[0] = 0x78;
	zlib[1] = 0x01;
	size_t size = compress(filtered, FILTERED, zlib + 2);
	put32(zlib + 2 + size, adler(filtered, FILTERED));
	if (!expand(zlib + 2, size, again, FILTERED, &got) || got != FILTERED ||
	    memcmp(filtered, again, FILTERED) != 0) {
		printf("png does not come back\n");
		return 1;
	}
	memcpy(file, signature, sizeof signature);
	file_size = sizeof signature;
	put32(header, WIDTH);
	put32(header + 4, HEIGHT);
	put_chunk("IHDR", header, sizeof header);
	put_chunk("IDAT", zlib, size + 6);
	put_chunk("IEND", header, 0);
	/* With a word behind its name it writes the picture itself. */
	if (argc > 1 && argv[1][0] != '\0')
		return fwrite(file, 1, file_size, stdout) == file_size ? 0 : 1;
	printf("png %zu %08x\n", file_size, (unsigned)crc(file, file_size));
	return 0;
}
