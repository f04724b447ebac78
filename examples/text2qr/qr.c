#include "examples/text2qr/qr.h"

#include <stdlib.h>
#include <string.h>

/* ISO/IEC 18004, table 9: error correction codewords in a block, and blocks, for each level and
 * version. */
static const uint8_t ecc_per_block[4][QR_VERSION_MAX] = {
    {7,  10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
     28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
    {10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
     26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28},
    {13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30,
     28, 30, 30, 30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
    {17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28,
     30, 24, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
};
static const uint8_t block_counts[4][QR_VERSION_MAX] = {
    {1, 1, 1, 1,  1,  2,  2,  2,  2,  4,  4,  4,  4,  4,  6,  6,  6,  6,  7,  8,
     8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25},
    {1,  1,  1,  2,  2,  4,  4,  4,  5,  5,  5,  8,  9,  9,  10, 10, 11, 13, 14, 16,
     17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49},
    {1,  1,  2,  2,  4,  4,  6,  6,  8,  8,  8,  10, 12, 16, 12, 17, 16, 18, 21, 20,
     23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68},
    {1,  1,  2,  4,  4,  4,  5,  6,  8,  8,  11, 11, 16, 16, 18, 16, 19, 21, 25, 25,
     25, 34, 30, 32, 35, 37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81},
};

enum { CODEWORDS_MAX = 3706, ECC_MAX = 30, BLOCKS_MAX = 81 };

bool qr_level_from_text(const char *text, enum qr_level *level)
{
	static const char letters[] = "LMQHlmqh";
	const char *found = text[0] && !text[1] ? strchr(letters, text[0]) : NULL;
	if (found)
		*level = (enum qr_level)((found - letters) % 4);
	return found;
}

/* ---- the picture's fixed parts (clause 6.3) ---- */

static int size_of(int version)
{
	return 17 + 4 * version;
}

/* Centres of the alignment patterns on one axis; returns how many. */
static int alignment_centres(int version, int centres[7])
{
	if (version == 1)
		return 0;
	int count = version / 7 + 2;
	/* Evenly spread from the far end, in even steps; only version 32 is not as the formula says. */
	int step = version == 32 ? 26 : (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2;
	centres[0] = 6;
	for (int i = count - 1, at = size_of(version) - 7; i > 0; i--, at -= step)
		centres[i] = at;
	return count;
}

/* Modules left for data and error correction. */
static int data_modules(int version)
{
	int centres[7];
	int count = alignment_centres(version, centres);
	int size = size_of(version);
	int fixed = 3 * 64 + 2 * (size - 16) + 31; /* finders, timing, format and the dark module */
	if (count) /* all but those under the finders; 5 modules of each on a timing line are counted */
		fixed += 25 * (count * count - 3) - 2 * 5 * (count - 2);
	if (version >= 7)
		fixed += 36;
	return size * size - fixed;
}

struct canvas {
	struct qr *qr;
	uint8_t fixed[QR_SIZE_MAX][QR_SIZE_MAX]; /* module of a fixed part: no data, no mask */
};

static void put(struct canvas *canvas, int x, int y, bool is_dark)
{
	canvas->qr->dark[y][x] = is_dark;
	canvas->fixed[y][x] = 1;
}

static void draw_square(struct canvas *canvas, int cx, int cy, int radius, unsigned dark_rings)
{
	for (int dy = -radius; dy <= radius; dy++) {
		for (int dx = -radius; dx <= radius; dx++) {
			int x = cx + dx, y = cy + dy;
			int ring = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
			if (x >= 0 && y >= 0 && x < canvas->qr->size && y < canvas->qr->size)
				put(canvas, x, y, dark_rings >> ring & 1);
		}
	}
}

/* The remainder of `value` (shifted up by the polynomial's degree) by the polynomial. */
static unsigned remainder_of(unsigned value, unsigned polynomial, int degree)
{
	unsigned rest = value;
	for (int i = 0; i < degree; i++)
		rest = rest << 1 ^ (rest >> (degree - 1) & 1) * polynomial;
	return rest & ((1u << degree) - 1);
}

/* Format information, twice (clause 7.9); also reserves its place before the mask is known. */
static void draw_format(struct canvas *canvas, enum qr_level level, unsigned mask)
{
	static const unsigned level_bits[] = {1, 0, 3, 2};
	unsigned data = level_bits[level] << 3 | mask;
	unsigned bits = (data << 10 | remainder_of(data, 0x537, 10)) ^ 0x5412;
	int size = canvas->qr->size;
	for (int i = 0; i < 15; i++) {
		bool is_dark = bits >> i & 1;
		/* Around the upper left finder, stepping over the timing lines … */
		if (i < 8)
			put(canvas, 8, i < 6 ? i : i + 1, is_dark);
		else
			put(canvas, i == 8 ? 7 : 14 - i, 8, is_dark);
		/* … and shared between the other two. */
		if (i < 8)
			put(canvas, size - 1 - i, 8, is_dark);
		else
			put(canvas, 8, size - 15 + i, is_dark);
	}
	put(canvas, 8, size - 8, true);
}

static void draw_version(struct canvas *canvas)
{
	unsigned version = (unsigned)canvas->qr->version;
	unsigned bits = version << 12 | remainder_of(version, 0x1f25, 12);
	if (version < 7)
		return;
	for (int i = 0; i < 18; i++) {
		int along = i / 3, across = canvas->qr->size - 11 + i % 3;
		put(canvas, along, across, bits >> i & 1);
		put(canvas, across, along, bits >> i & 1);
	}
}

static void draw_fixed(struct canvas *canvas, enum qr_level level)
{
	int size = canvas->qr->size, centres[7];
	for (int i = 0; i < size; i++) {
		put(canvas, 6, i, i % 2 == 0);
		put(canvas, i, 6, i % 2 == 0);
	}
	/* Rings from the centre: finders are dark, dark, light, dark, light; alignment dark, light,
	 * dark. */
	draw_square(canvas, 3, 3, 4, 0x0b);
	draw_square(canvas, size - 4, 3, 4, 0x0b);
	draw_square(canvas, 3, size - 4, 4, 0x0b);
	int count = alignment_centres(canvas->qr->version, centres);
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < count; j++) {
			bool is_corner =
			    (i == 0 && j == 0) || (i == 0 && j == count - 1) || (i == count - 1 && j == 0);
			if (!is_corner)
				draw_square(canvas, centres[i], centres[j], 2, 0x05);
		}
	}
	draw_format(canvas, level, 0);
	draw_version(canvas);
}

/* ---- the data (clause 7.4) ---- */

struct bits {
	uint8_t bytes[CODEWORDS_MAX];
	size_t count;
};

static void append(struct bits *bits, unsigned value, unsigned width)
{
	while (width-- > 0) {
		if (value >> width & 1)
			bits->bytes[bits->count / 8] |= (uint8_t)(0x80 >> bits->count % 8);
		bits->count++;
	}
}

enum mode { MODE_NUMERIC, MODE_ALPHANUMERIC, MODE_BYTES };

static const char alphanumeric[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

static enum mode mode_for(const char *text, size_t len, bool *is_ascii)
{
	enum mode mode = MODE_NUMERIC;
	*is_ascii = true;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			mode = mode == MODE_NUMERIC ? MODE_ALPHANUMERIC : mode;
		if (!text[i] || !strchr(alphanumeric, text[i]))
			mode = MODE_BYTES;
		if ((unsigned char)text[i] >= 0x80)
			*is_ascii = false;
	}
	return mode;
}

static unsigned count_width(enum mode mode, int version)
{
	static const uint8_t widths[3][3] = {{10, 12, 14}, {9, 11, 13}, {8, 16, 16}};
	return widths[mode][version < 10 ? 0 : version < 27 ? 1 : 2];
}

enum { ECI_UTF8_BITS = 12 };

static size_t bits_needed(enum mode mode, bool is_ascii, int version, size_t len)
{
	size_t data = mode == MODE_NUMERIC        ? len / 3 * 10 + (len % 3 ? len % 3 * 3 + 1 : 0)
	              : mode == MODE_ALPHANUMERIC ? len / 2 * 11 + len % 2 * 6
	                                          : len * 8;
	return 4 + count_width(mode, version) + data + (is_ascii ? 0 : ECI_UTF8_BITS);
}

static unsigned alphanumeric_value(char c)
{
	return (unsigned)(strchr(alphanumeric, c) - alphanumeric);
}

static void append_text(struct bits *bits, enum mode mode, const char *text, size_t len)
{
	switch (mode) {
	case MODE_NUMERIC:
		for (size_t i = 0; i < len; i += 3) {
			unsigned value = 0;
			size_t count = len - i < 3 ? len - i : 3;
			for (size_t j = 0; j < count; j++)
				value = value * 10 + (unsigned)(text[i + j] - '0');
			append(bits, value, (unsigned)count * 3 + 1);
		}
		break;
	case MODE_ALPHANUMERIC:
		for (size_t i = 0; i + 1 < len; i += 2)
			append(bits, alphanumeric_value(text[i]) * 45 + alphanumeric_value(text[i + 1]), 11);
		if (len % 2)
			append(bits, alphanumeric_value(text[len - 1]), 6);
		break;
	case MODE_BYTES:
		for (size_t i = 0; i < len; i++)
			append(bits, (unsigned char)text[i], 8);
		break;
	}
}

static int data_codewords(int version, enum qr_level level)
{
	return data_modules(version) / 8 -
	       ecc_per_block[level][version - 1] * block_counts[level][version - 1];
}

static void fill_data(struct bits *bits, enum mode mode, bool is_ascii, const char *text,
                      size_t len, int version, int capacity)
{
	if (!is_ascii) {
		append(bits, 7, 4);  /* extended channel interpretation … */
		append(bits, 26, 8); /* … 26 is UTF-8 */
	}
	append(bits, 1u << mode, 4);
	append(bits, (unsigned)len, count_width(mode, version));
	append_text(bits, mode, text, len);

	size_t end = (size_t)capacity * 8;
	append(bits, 0, (unsigned)(end - bits->count < 4 ? end - bits->count : 4));
	append(bits, 0, (unsigned)(-bits->count % 8));
	for (unsigned pad = 0xec; bits->count < end; pad ^= 0xec ^ 0x11)
		append(bits, pad, 8);
}

/* ---- Reed-Solomon over GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1 (clause 7.5) ---- */

static uint8_t multiply(uint8_t a, uint8_t b)
{
	unsigned product = 0;
	for (int i = 7; i >= 0; i--) {
		product = product << 1 ^ (product >> 7) * 0x11d;
		product ^= (b >> i & 1) * (unsigned)a;
	}
	return (uint8_t)product;
}

/* The product of (x - 2^i) for i below degree, highest coefficient (1) left out. */
static void make_generator(uint8_t *generator, int degree)
{
	memset(generator, 0, (size_t)degree);
	generator[degree - 1] = 1;
	uint8_t root = 1;
	for (int i = 0; i < degree; i++, root = multiply(root, 2)) {
		for (int j = 0; j < degree; j++)
			generator[j] = multiply(generator[j], root) ^ (j + 1 < degree ? generator[j + 1] : 0);
	}
}

static void make_ecc(const uint8_t *data, int count, const uint8_t *generator, int degree,
                     uint8_t *ecc)
{
	memset(ecc, 0, (size_t)degree);
	for (int i = 0; i < count; i++) {
		uint8_t factor = data[i] ^ ecc[0];
		memmove(ecc, ecc + 1, (size_t)degree - 1);
		ecc[degree - 1] = 0;
		for (int j = 0; j < degree; j++)
			ecc[j] ^= multiply(generator[j], factor);
	}
}

/* Splits the data into blocks, the last ones a byte longer, and interleaves all with their error
 * correction (clause 7.6). Returns how many codewords there are. */
static int interleave(const uint8_t *data, int version, enum qr_level level, uint8_t *out)
{
	uint8_t generator[ECC_MAX], ecc[BLOCKS_MAX][ECC_MAX];
	const uint8_t *starts[BLOCKS_MAX];
	int degree = ecc_per_block[level][version - 1];
	int blocks = block_counts[level][version - 1];
	int total = data_codewords(version, level);
	int short_size = total / blocks, short_blocks = blocks - total % blocks;
	int used = 0;
	make_generator(generator, degree);
	for (int i = 0; i < blocks; i++) {
		int size = short_size + (i >= short_blocks);
		starts[i] = data;
		make_ecc(data, size, generator, degree, ecc[i]);
		data += size;
	}
	for (int byte = 0; byte <= short_size; byte++) {
		for (int i = byte < short_size ? 0 : short_blocks; i < blocks; i++)
			out[used++] = starts[i][byte];
	}
	for (int byte = 0; byte < degree; byte++) {
		for (int i = 0; i < blocks; i++)
			out[used++] = ecc[i][byte];
	}
	return used;
}

/* Upwards and downwards in columns of two, from the right, around all fixed parts (clause 7.7.3).
 */
static void place(struct canvas *canvas, const uint8_t *codewords, int count)
{
	int size = canvas->qr->size, bit = 0;
	bool is_upwards = true;
	for (int right = size - 1; right > 0; right -= 2, is_upwards = !is_upwards) {
		if (right == 6)
			right = 5; /* the timing column has no partner */
		for (int i = 0; i < size; i++) {
			int y = is_upwards ? size - 1 - i : i;
			for (int x = right; x > right - 2; x--) {
				if (canvas->fixed[y][x])
					continue;
				canvas->qr->dark[y][x] = bit < count * 8 && codewords[bit / 8] >> (7 - bit % 8) & 1;
				bit++;
			}
		}
	}
}

/* ---- masks (clause 7.8) ---- */

static bool is_masked(unsigned mask, int x, int y)
{
	switch (mask) {
	case 0:
		return (x + y) % 2 == 0;
	case 1:
		return y % 2 == 0;
	case 2:
		return x % 3 == 0;
	case 3:
		return (x + y) % 3 == 0;
	case 4:
		return (y / 2 + x / 3) % 2 == 0;
	case 5:
		return x * y % 2 + x * y % 3 == 0;
	case 6:
		return (x * y % 2 + x * y % 3) % 2 == 0;
	default:
		return ((x + y) % 2 + x * y % 3) % 2 == 0;
	}
}

static void apply_mask(struct canvas *canvas, unsigned mask)
{
	for (int y = 0; y < canvas->qr->size; y++) {
		for (int x = 0; x < canvas->qr->size; x++)
			canvas->qr->dark[y][x] ^= !canvas->fixed[y][x] && is_masked(mask, x, y);
	}
}

/* One row or column: runs of five and more, and what looks like a finder with light beside it. */
static int line_penalty(const struct qr *qr, int line, bool is_column)
{
	enum { FINDER_BEFORE = 0x05d, FINDER_BEHIND = 0x5d0, WINDOW = 0x7ff };
	int penalty = 0, run = 0, last = -1;
	unsigned window = 0;
	for (int i = 0; i < qr->size; i++) {
		int dark = is_column ? qr->dark[i][line] : qr->dark[line][i];
		run = dark == last ? run + 1 : 1;
		last = dark;
		penalty += run == 5 ? 3 : run > 5;
		window = (window << 1 | (unsigned)dark) & WINDOW;
		if (i >= 10 && (window == FINDER_BEFORE || window == FINDER_BEHIND))
			penalty += 40;
	}
	return penalty;
}

static int penalty_of(const struct qr *qr)
{
	int penalty = 0, dark = 0, size = qr->size;
	for (int i = 0; i < size; i++)
		penalty += line_penalty(qr, i, false) + line_penalty(qr, i, true);
	for (int y = 0; y < size; y++) {
		for (int x = 0; x < size; x++) {
			dark += qr->dark[y][x];
			if (x + 1 < size && y + 1 < size) {
				int sum = qr->dark[y][x] + qr->dark[y][x + 1] + qr->dark[y + 1][x] +
				          qr->dark[y + 1][x + 1];
				penalty += sum % 4 == 0 ? 3 : 0;
			}
		}
	}
	/* Ten points for every full 5 % that the share of dark modules is away from a half. */
	int all = size * size;
	return penalty + abs(dark * 20 - all * 10) / all * 10;
}

static void choose_mask(struct canvas *canvas, enum qr_level level)
{
	unsigned best = 0;
	int least = 0;
	for (unsigned mask = 0; mask < 8; mask++) {
		apply_mask(canvas, mask);
		draw_format(canvas, level, mask);
		int penalty = penalty_of(canvas->qr);
		if (mask == 0 || penalty < least) {
			best = mask;
			least = penalty;
		}
		apply_mask(canvas, mask); /* twice is not at all */
	}
	apply_mask(canvas, best);
	draw_format(canvas, level, best);
}

bool qr_encode(struct qr *qr, const char *text, size_t len, enum qr_level level)
{
	static struct canvas canvas;
	static uint8_t codewords[CODEWORDS_MAX];
	static struct bits bits;
	bool is_ascii;
	enum mode mode = mode_for(text, len, &is_ascii);
	int version = 1;
	while (version <= QR_VERSION_MAX &&
	       bits_needed(mode, is_ascii, version, len) > (size_t)data_codewords(version, level) * 8)
		version++;
	if (version > QR_VERSION_MAX)
		return false;

	memset(qr, 0, sizeof *qr);
	memset(&canvas, 0, sizeof canvas);
	memset(&bits, 0, sizeof bits);
	qr->version = version;
	qr->size = size_of(version);
	canvas.qr = qr;
	draw_fixed(&canvas, level);
	fill_data(&bits, mode, is_ascii, text, len, version, data_codewords(version, level));
	place(&canvas, codewords, interleave(bits.bytes, version, level, codewords));
	choose_mask(&canvas, level);
	return true;
}

static bool is_light(const struct qr *qr, int x, int y)
{
	return x < 0 || y < 0 || x >= qr->size || y >= qr->size || !qr->dark[y][x];
}

void qr_draw(const struct qr *qr, bool is_inverted, FILE *out)
{
	enum { QUIET = 4 };
	static const char *const blocks[] = {" ", "\u2584", "\u2580", "\u2588"};
	for (int y = -QUIET; y < qr->size + QUIET; y += 2) {
		for (int x = -QUIET; x < qr->size + QUIET; x++) {
			unsigned upper = is_light(qr, x, y), lower = is_light(qr, x, y + 1);
			/* The size is odd: the last line has a row of its own below, and that row is no module.
			 */
			if (y + 1 == qr->size + QUIET)
				lower = is_inverted;
			fputs(blocks[(upper << 1 | lower) ^ (is_inverted ? 3 : 0)], out);
		}
		fputc('\n', out);
	}
}
