#include "bench/kernels/deflate.h"

#include <string.h>

enum { BITS_MAX = 15, LITERALS = 288, DISTANCES = 32, LENGTHS = 19 };

struct reader {
	const uint8_t *at, *end;
	uint32_t bits;
	unsigned count;
	bool is_broken; /* read beyond the end */
};

static uint32_t take_bits(struct reader *reader, unsigned count)
{
	while (reader->count < count) {
		if (reader->at == reader->end) {
			reader->is_broken = true;
			return 0;
		}
		reader->bits |= (uint32_t)*reader->at++ << reader->count;
		reader->count += 8;
	}
	uint32_t bits = reader->bits & ((1u << count) - 1);
	reader->bits >>= count;
	reader->count -= count;
	return bits;
}

/* A canonical Huffman code: how many codes each length has, and the symbols in their order. */
struct code {
	uint16_t counts[BITS_MAX + 1], symbols[LITERALS];
};

static void make_code(struct code *code, const uint8_t *lengths, unsigned count)
{
	uint16_t first[BITS_MAX + 2] = {0};
	memset(code->counts, 0, sizeof code->counts);
	for (unsigned i = 0; i < count; i++)
		code->counts[lengths[i]]++;
	code->counts[0] = 0;
	for (unsigned length = 1; length <= BITS_MAX; length++)
		first[length + 1] = (uint16_t)(first[length] + code->counts[length]);
	for (unsigned i = 0; i < count; i++)
		if (lengths[i] != 0)
			code->symbols[first[lengths[i]]++] = (uint16_t)i;
}

/* -1 when the bits are no code. */
static int take_symbol(struct reader *reader, const struct code *code)
{
	int value = 0, first = 0, index = 0;
	for (unsigned length = 1; length <= BITS_MAX; length++) {
		int count = code->counts[length];
		value |= (int)take_bits(reader, 1);
		if (value - first < count)
			return code->symbols[index + value - first];
		index += count;
		first = (first + count) << 1;
		value <<= 1;
	}
	return -1;
}

/* The value that a code and its extra bits stand for (see find_group() in compress.c). */
static unsigned take_group(struct reader *reader, unsigned code, unsigned per)
{
	unsigned base = 0, bits = 0;
	for (unsigned i = 0; i <= code; i++) {
		base += i > 0 ? 1u << bits : 0;
		bits = i < 2 * per ? 0 : i / per - 1;
	}
	return base + take_bits(reader, bits);
}

struct codes {
	struct code literals, distances;
};

static void fixed_codes(struct codes *codes)
{
	uint8_t lengths[LITERALS];
	for (unsigned i = 0; i < LITERALS; i++)
		lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	make_code(&codes->literals, lengths, LITERALS);
	memset(lengths, 5, DISTANCES);
	make_code(&codes->distances, lengths, DISTANCES);
}

static bool take_codes(struct reader *reader, struct codes *codes)
{
	static const uint8_t order[LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
	                                       11, 4,  12, 3, 13, 2, 14, 1, 15};
	uint8_t lengths[LITERALS + DISTANCES] = {0};
	struct code code;
	unsigned literals = take_bits(reader, 5) + 257, distances = take_bits(reader, 5) + 1;
	unsigned count = take_bits(reader, 4) + 4, i = 0;
	while (i < count)
		lengths[order[i++]] = (uint8_t)take_bits(reader, 3);
	make_code(&code, lengths, LENGTHS);
	memset(lengths, 0, sizeof lengths);
	for (i = 0; i < literals + distances;) {
		int symbol = take_symbol(reader, &code);
		unsigned repeat = 1;
		uint8_t length = (uint8_t)symbol;
		if (symbol < 0 || reader->is_broken || (symbol == 16 && i == 0))
			return false;
		if (symbol == 16) {
			length = lengths[i - 1];
			repeat = take_bits(reader, 2) + 3;
		} else if (symbol > 16) {
			length = 0;
			repeat = symbol == 17 ? take_bits(reader, 3) + 3 : take_bits(reader, 7) + 11;
		}
		if (i + repeat > literals + distances)
			return false;
		while (repeat-- > 0)
			lengths[i++] = length;
	}
	if (literals > LITERALS || distances > DISTANCES)
		return false;
	make_code(&codes->literals, lengths, literals);
	make_code(&codes->distances, lengths + literals, distances);
	return true;
}

struct output {
	uint8_t *bytes;
	size_t size, room;
};

static bool expand_block(struct reader *reader, const struct codes *codes, struct output *out)
{
	for (;;) {
		int symbol = take_symbol(reader, &codes->literals);
		if (symbol == 256)
			return !reader->is_broken;
		if (symbol < 0 || symbol > 285 || reader->is_broken || out->size == out->room)
			return false;
		if (symbol < 256) {
			out->bytes[out->size++] = (uint8_t)symbol;
			continue;
		}
		size_t length = symbol == 285 ? 258 : take_group(reader, (unsigned)symbol - 257, 4) + 3;
		int code = take_symbol(reader, &codes->distances);
		if (code < 0 || code > 29)
			return false;
		size_t distance = take_group(reader, (unsigned)code, 2) + 1;
		if (distance > out->size || length > out->room - out->size)
			return false;
		for (; length > 0; length--, out->size++)
			out->bytes[out->size] = out->bytes[out->size - distance];
	}
}

static bool expand_stored(struct reader *reader, struct output *out)
{
	take_bits(reader, reader->count % 8);
	uint32_t length = take_bits(reader, 16), complement = take_bits(reader, 16);
	if (reader->is_broken || (length ^ complement) != 0xffff || length > out->room - out->size)
		return false;
	for (; length > 0 && !reader->is_broken; length--)
		out->bytes[out->size++] = (uint8_t)take_bits(reader, 8);
	return !reader->is_broken;
}

bool expand(const uint8_t *in, size_t size, uint8_t *out, size_t room, size_t *got)
{
	struct reader reader = {.at = in, .end = in + size};
	struct output output = {out, 0, room};
	static struct codes codes;
	bool is_last = false, went_well = true;
	while (went_well && !is_last) {
		is_last = take_bits(&reader, 1) != 0;
		switch (take_bits(&reader, 2)) {
		case 0:
			went_well = expand_stored(&reader, &output);
			break;
		case 1:
			fixed_codes(&codes);
			went_well = expand_block(&reader, &codes, &output);
			break;
		case 2:
			went_well = take_codes(&reader, &codes) && expand_block(&reader, &codes, &output);
			break;
		default:
			went_well = false;
		}
	}
	*got = output.size;
	return went_well;
}
