/* interp/exec_simd_x86.h and exec_simd_portable.h: what op_simd.def computes is the same with the
 * machine's own vectors as with portable ones. The official suite runs one of the two in a build;
 * here both are compiled by the compiler at hand, and with its sanitizers. */
#include "tests/interp/vector_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Vectors, by what their lanes are odd for; each is taken as each operand. */
#define LANES_32(a, b, c, d) {UINT64_C(b) << 32 | UINT64_C(a), UINT64_C(d) << 32 | UINT64_C(c)}
static const uint64_t odd[][2] = {
    {0, 0},
    {UINT64_MAX, UINT64_MAX},
    {0x0706050403020100, 0x0f0e0d0c0b0a0908},
    {0x1f1e1d1c1b1a1918, 0x8090a0b0c0d0e0f0},
    {0x8080808080808080, 0x7f7f7f7f7f7f7f7f},
    {0x8000800080008000, 0x7fff7fff7fff7fff},
    {0x00ff00ff01000080, 0xff7fff80ff00ffff},
    {0x0101010101010101, 0xfefefefefefefefe},
    {0x8000000000000000, 0x7fffffffffffffff},
    {1, 0x8000000000000001},
    /* f32: 0, -0, 1.5, -2.5; infinities, NaNs; the limits of integers and around; 0.5, tiny. */
    LANES_32(0, 0x80000000, 0x3fc00000, 0xc0200000),
    LANES_32(0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001),
    LANES_32(0x4f000000, 0xcf000000, 0x4f800000, 0x4effffff),
    LANES_32(0xcf000001, 0x4f7fffff, 0xbf7fffff, 0xbf800000),
    LANES_32(0x3f000000, 0xbf000000, 1, 0x80000001),
    LANES_32(0x4b000001, 0x4affffff, 0x7f7fffff, 0x00800000),
    LANES_32(0x7f800001, 0x40490fdb, 0x3effffff, 0x40200000),
    /* f64: the same. */
    {0x8000000000000000, 0x3ff8000000000000},
    {0xc004000000000000, 0x7ff0000000000000},
    {0xfff0000000000000, 0x7ff8000000000000},
    {0xfff8000000000001, 0x41dfffffffc00000},
    {0x41e0000000000000, 0xc1e0000000000000},
    {0xc1e0000000200000, 0x41efffffffe00000},
    {0x41f0000000000000, 0xbfefffffffffffff},
    {0x3fe0000000000000, 0xbfe0000000000000},
    {0x4330000000000001, 0x432fffffffffffff},
    {0x7fefffffffffffff, 0x0000000000000001},
    {0x7ff0000000000001, 0x400921fb54442d18},
    {0x36a0000000000000, 0x47efffffefffffff},
};
#define ODD (sizeof odd / sizeof *odd)

/* And as many that are odd for nothing. */
static void make_vector(uint8_t vector[VECTOR_SIZE], size_t which)
{
	if (which < ODD) {
		memcpy(vector, odd[which], VECTOR_SIZE);
		return;
	}
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15) * which;
	for (int i = 0; i < VECTOR_SIZE; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		vector[i] = (uint8_t)(state >> 33);
	}
}

static unsigned lanes_of(const char *name)
{
	static const struct {
		const char *part;
		unsigned lanes;
	} parts[] = {
	    {"i8x16_extract_lane", 16}, {"i8x16_replace_lane", 16}, {"i16x8_extract_lane", 8},
	    {"i16x8_replace_lane", 8},  {"32x4_extract_lane", 4},   {"32x4_replace_lane", 4},
	    {"64x2_extract_lane", 2},   {"64x2_replace_lane", 2},   {"load8_lane", 16},
	    {"load16_lane", 8},         {"load32_lane", 4},         {"load64_lane", 2},
	    {"store8_lane", 16},        {"store16_lane", 8},        {"store32_lane", 4},
	    {"store64_lane", 2},
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strstr(name, parts[i].part) != NULL)
			return parts[i].lanes;
	return 1;
}

/* Which NaN comes out is nobody's to know (spec: 4.3.3). */
static void clear_nans(const char *name, uint8_t vector[VECTOR_SIZE])
{
	for (size_t i = 0; strncmp(name, "f32x4", 5) == 0 && i < VECTOR_SIZE; i += sizeof(float)) {
		float lane;
		memcpy(&lane, vector + i, sizeof lane);
		if (lane != lane)
			memset(vector + i, 0xff, sizeof lane);
	}
	for (size_t i = 0; strncmp(name, "f64x2", 5) == 0 && i < VECTOR_SIZE; i += sizeof(double)) {
		double lane;
		memcpy(&lane, vector + i, sizeof lane);
		if (lane != lane)
			memset(vector + i, 0xff, sizeof lane);
	}
}

static void tell(const char *what, const uint8_t vector[VECTOR_SIZE])
{
	fprintf(stderr, "  %s", what);
	for (int i = VECTOR_SIZE; i-- > 0;)
		fprintf(stderr, "%s%02x", i % 8 == 7 ? " " : "", vector[i]);
	fprintf(stderr, "\n");
}

static void check(size_t row, const struct vector_operands *in)
{
	const char *name = native_rows[row].name;
	uint8_t native[VECTOR_SIZE], portable[VECTOR_SIZE];
	native_rows[row].run(in, native);
	portable_rows[row].run(in, portable);
	clear_nans(name, native);
	clear_nans(name, portable);
	if (memcmp(native, portable, VECTOR_SIZE) == 0)
		return;
	fprintf(stderr, "%s, lane %u\n", name, in->lane);
	tell("x       ", in->x);
	tell("y       ", in->y);
	tell("z       ", in->z);
	tell("native  ", native);
	tell("portable", portable);
	fail_msg("%s differs", name);
}

static void test_native_is_portable(void **state)
{
	(void)state;
	assert_true(native_row_count > 230);
	assert_int_equal(native_row_count, portable_row_count);
	for (size_t row = 0; row < native_row_count; row++) {
		assert_string_equal(native_rows[row].name, portable_rows[row].name);
		unsigned lanes = lanes_of(native_rows[row].name);
		for (size_t x = 0; x < 2 * ODD; x++) {
			for (size_t y = 0; y < 2 * ODD; y++) {
				struct vector_operands in = {.lane = 0};
				make_vector(in.x, x);
				make_vector(in.y, y);
				make_vector(in.z, (x * 7 + y * 3) % (2 * ODD));
				memcpy(in.scalar, in.y, sizeof in.scalar);
				for (in.lane = 0; in.lane < lanes; in.lane++)
					check(row, &in);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_native_is_portable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
