#include "bench/kernels/deflate.h"

#include <string.h>

enum {
	WINDOW = 1 << 15,
	HASHES = 1 << 15,
	CHAIN = 24, /* places looked at for a match */
	MATCH_MIN = 3,
	MATCH_MAX = 258,
	NOWHERE = -1,
};

struct writer {
	uint8_t *at;
	uint64_t bits; /* not yet written, the next one lowest */
	unsigned count;
};

static void put_bits(struct writer *writer, uint32_t bits, unsigned count)
{
	writer->bits |= (uint64_t)bits << writer->count;
	writer->count += count;
	while (writer->count >= 8) {
		*writer->at++ = (uint8_t)writer->bits;
		writer->bits >>= 8;
		writer->count -= 8;
	}
}

/* A Huffman code is written from its highest bit. */
static void put_code(struct writer *writer, uint32_t code, unsigned count)
{
	uint32_t turned = 0;
	for (unsigned i = 0; i < count; i++)
		turned |= (code >> i & 1) << (count - 1 - i);
	put_bits(writer, turned, count);
}

/* The fixed code of a literal or length (3.2.6). */
static void put_symbol(struct writer *writer, unsigned symbol)
{
	if (symbol < 144)
		put_code(writer, 0x30 + symbol, 8);
	else if (symbol < 256)
		put_code(writer, 0x190 + symbol - 144, 9);
	else if (symbol < 280)
		put_code(writer, symbol - 256, 7);
	else
		put_code(writer, 0xc0 + symbol - 280, 8);
}

/* Lengths and distances come in groups of `per` codes with one more extra bit each (3.2.5): writes
 * where in them `value` lies, as code and extra bits. */
static unsigned find_group(unsigned value, unsigned per, unsigned *extra_bits, unsigned *extra)
{
	unsigned code = 0, base = 0;
	for (;; code++) {
		unsigned bits = code < 2 * per ? 0 : code / per - 1;
		if (value < base + (1u << bits)) {
			*extra_bits = bits;
			*extra = value - base;
			return code;
		}
		base += 1u << bits;
	}
}

static void put_match(struct writer *writer, unsigned length, unsigned distance)
{
	unsigned bits, extra, code;
	if (length == MATCH_MAX) {
		put_symbol(writer, 285);
	} else {
		code = find_group(length - MATCH_MIN, 4, &bits, &extra);
		put_symbol(writer, 257 + code);
		put_bits(writer, extra, bits);
	}
	code = find_group(distance - 1, 2, &bits, &extra);
	put_code(writer, code, 5);
	put_bits(writer, extra, bits);
}

static int32_t newest[HASHES], older[WINDOW];

static uint32_t hash(const uint8_t *at)
{
	uint32_t three = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
	return three * 0x9e3779b1u >> 17;
}

static void remember(const uint8_t *in, size_t at)
{
	uint32_t key = hash(in + at);
	older[at % WINDOW] = newest[key];
	newest[key] = (int32_t)at;
}

static unsigned match_length(const uint8_t *a, const uint8_t *b, unsigned most)
{
	unsigned length = 0;
	while (length < most && a[length] == b[length])
		length++;
	return length;
}

/* The longest match in the window; 0 when there is none. */
static unsigned find_match(const uint8_t *in, size_t at, size_t size, unsigned *distance)
{
	unsigned most = size - at < MATCH_MAX ? (unsigned)(size - at) : MATCH_MAX, best = 0;
	int32_t place = newest[hash(in + at)];
	for (int tries = 0; tries < CHAIN && place != NOWHERE && at - (size_t)place <= WINDOW - 1;
	     tries++) {
		unsigned length = match_length(in + place, in + at, most);
		if (length > best) {
			best = length;
			*distance = (unsigned)(at - (size_t)place);
		}
		int32_t next = older[place % WINDOW];
		/* What was written over since is newer, not older. */
		place = next < place ? next : NOWHERE;
	}
	return best >= MATCH_MIN ? best : 0;
}

size_t compress(const uint8_t *in, size_t size, uint8_t *out)
{
	struct writer writer = {.at = out};
	memset(newest, 0xff, sizeof newest);
	put_bits(&writer, 1, 1); /* the last block */
	put_bits(&writer, 1, 2); /* with the fixed codes */
	for (size_t at = 0; at < size;) {
		unsigned distance = 0, length = 0;
		if (at + MATCH_MIN <= size)
			length = find_match(in, at, size, &distance);
		if (length > 0)
			put_match(&writer, length, distance);
		else
			put_symbol(&writer, in[at]);
		for (unsigned i = 0; i < (length > 0 ? length : 1); i++, at++)
			if (at + MATCH_MIN <= size)
				remember(in, at);
	}
	put_symbol(&writer, 256);
	put_bits(&writer, 0, 7); /* to a whole byte */
	return (size_t)(writer.at - out);
}
