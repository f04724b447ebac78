/* validator/reader.c: LEB128 in all its forms, ends of the range, UTF-8. */
#include "tests/validator/load.h"

#include "validator/reader.h"

struct leb_case {
	const char *bytes;
	size_t size;
	unsigned bits;
	bool fine;
	uint64_t value;    /* of a signed one as 64 bits */
	const char *words; /* of the refusal */
};

#define B(text) text, sizeof text - 1

static const struct leb_case unsigned_cases[] = {
    {B("\x00"), 32, true, 0, NULL},
    {B("\x7f"), 32, true, 127, NULL},
    {B("\x80\x01"), 32, true, 128, NULL},
    {B("\x80\x00"), 32, true, 0, NULL}, /* not the shortest form, and fine */
    {B("\xff\xff\xff\xff\x0f"), 32, true, UINT32_MAX, NULL},
    {B("\x83\x80\x80\x80\x00"), 32, true, 3, NULL},
    {B("\xff\xff\xff\xff\x1f"), 32, false, 0, "integer too large"},
    {B("\x80\x80\x80\x80\x70"), 32, false, 0, "integer too large"},
    {B("\x80\x80\x80\x80\x80\x00"), 32, false, 0, "integer representation too long"},
    {B("\x80"), 32, false, 0, "unexpected end"},
    {B(""), 32, false, 0, "unexpected end"},
    {B("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 64, true, UINT64_MAX, NULL},
    {B("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), 64, false, 0, "integer too large"},
    {B("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), 64, false, 0, "too long"},
    {B("\x01"), 1, true, 1, NULL},
    {B("\x02"), 1, false, 0, "integer too large"},
    {B("\x7f"), 7, true, 127, NULL},
    {B("\x80\x00"), 7, false, 0, "too long"},
};

static const struct leb_case signed_cases[] = {
    {B("\x00"), 32, true, 0, NULL},
    {B("\x3f"), 32, true, 63, NULL},
    {B("\x40"), 32, true, (uint64_t)-64, NULL},
    {B("\x7f"), 32, true, (uint64_t)-1, NULL},
    {B("\xff\x00"), 32, true, 127, NULL},
    {B("\x80\x7f"), 32, true, (uint64_t)-128, NULL},
    {B("\xff\xff\xff\xff\x07"), 32, true, INT32_MAX, NULL},
    {B("\x80\x80\x80\x80\x78"), 32, true, (uint64_t)INT32_MIN, NULL},
    {B("\xff\xff\xff\xff\x7f"), 32, true, (uint64_t)-1, NULL},
    {B("\xff\xff\xff\xff\x0f"), 32, false, 0, "integer too large"}, /* the sign bit alone */
    {B("\x80\x80\x80\x80\x70"), 32, false, 0, "integer too large"},
    {B("\xff\xff\xff\xff\xff\x00"), 32, false, 0, "too long"},
    {B("\x80\x80\x80\x80\x10"), 33, false, 0, "integer too large"},
    {B("\xff\xff\xff\xff\x0f"), 33, true, UINT32_MAX, NULL},
    {B("\x80\x80\x80\x80\x70"), 33, true, (uint64_t)-(INT64_C(1) << 32), NULL},
    {B("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f"), 64, true, (uint64_t)INT64_MIN, NULL},
    {B("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"), 64, true, INT64_MAX, NULL},
    {B("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 64, false, 0, "integer too large"},
    {B("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7e"), 64, false, 0, "integer too large"},
    {B("\xc0\x80"), 64, false, 0, "unexpected end"},
};

static struct reader reader_of(const char *bytes, size_t size)
{
	const uint8_t *base = (const uint8_t *)bytes;
	return (struct reader){.base = base, .pos = base, .end = base + size};
}

static void check(const struct leb_case *c, bool is_signed)
{
	struct reader r = reader_of(c->bytes, c->size);
	struct error err = ERROR_INIT;
	uint64_t value = 0;
	bool fine = is_signed ? reader_sleb(&r, c->bits, (int64_t *)&value, &err)
	                      : reader_uleb(&r, c->bits, &value, &err);
	assert_int_equal(fine, c->fine);
	if (fine) {
		assert_int_equal(value, c->value);
		assert_int_equal(reader_left(&r), 0);
		assert_int_equal(err.kind, ERROR_NONE);
	} else {
		assert_error(&err, ERROR_MALFORMED, c->words);
		/* A bad number is reported where it starts, an end where the bytes end. */
		assert_int_equal(err.offset, strstr(c->words, "end") != NULL ? c->size : 0);
	}
}

static void test_unsigned(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unsigned_cases / sizeof *unsigned_cases; i++)
		check(&unsigned_cases[i], false);
}

static void test_signed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof signed_cases / sizeof *signed_cases; i++)
		check(&signed_cases[i], true);
}

/* The one-byte path of the inline readers agrees with the general form on all bytes. */
static void test_fast_paths(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[2] = {(char)byte, 1};
		struct reader fast = reader_of(text, 2), slow = fast;
		struct error err = ERROR_INIT;
		uint32_t u;
		int32_t s;
		uint64_t wide_u;
		int64_t wide_s;
		assert_true(read_u32(&fast, &u, &err));
		assert_true(reader_uleb(&slow, 32, &wide_u, &err));
		assert_int_equal(u, wide_u);
		assert_ptr_equal(fast.pos, slow.pos);
		fast = slow = reader_of(text, 2);
		assert_true(read_s32(&fast, &s, &err));
		assert_true(reader_sleb(&slow, 32, &wide_s, &err));
		assert_int_equal(s, wide_s);
		assert_ptr_equal(fast.pos, slow.pos);
	}
}

/* Every value survives its own encoding. */
static void test_round_trips(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 64; shift++) {
		for (int delta = -1; delta <= 1; delta++) {
			uint64_t value = (UINT64_C(1) << shift) + (uint64_t)(int64_t)delta, u;
			int64_t s;
			struct error err = ERROR_INIT;
			struct bytes b = {0};
			bytes_u(&b, value);
			bytes_s(&b, (int64_t)value);
			bytes_s(&b, -(int64_t)(value >> 1));
			struct reader r = {.base = b.data, .pos = b.data, .end = b.data + b.size};
			assert_true(read_u64(&r, &u, &err));
			assert_int_equal(u, value);
			assert_true(read_s64(&r, &s, &err));
			assert_int_equal(s, value);
			assert_true(read_s64(&r, &s, &err));
			assert_int_equal(s, -(int64_t)(value >> 1));
			assert_int_equal(reader_left(&r), 0);
			bytes_free(&b);
		}
	}
}

static void test_ends(void **state)
{
	(void)state;
	static const char bytes[] = "abcd";
	struct reader r = reader_of(bytes, 4);
	struct error err = ERROR_INIT;
	const uint8_t *out;
	uint8_t byte;
	assert_true(read_bytes(&r, 0, &out, &err));
	assert_true(read_bytes(&r, 4, &out, &err));
	assert_memory_equal(out, bytes, 4);
	assert_true(read_bytes(&r, 0, &out, &err));
	assert_false(read_bytes(&r, 1, &out, &err));
	assert_error(&err, ERROR_MALFORMED, "unexpected end");
	assert_int_equal(err.offset, 4);
	error_clear(&err);
	assert_false(read_byte(&r, &byte, &err));
	assert_error(&err, ERROR_MALFORMED, "unexpected end");
	/* A count close to SIZE_MAX must not wrap around. */
	r = reader_of(bytes, 4);
	error_clear(&err);
	assert_false(read_bytes(&r, SIZE_MAX, &out, &err));
}

/* ---- UTF-8 (spec: 5.2.4) ---- */

static bool is_name(const uint8_t *text, size_t size)
{
	struct bytes b = {0};
	bytes_u(&b, size);
	bytes_put(&b, text, size);
	struct reader r = {.base = b.data, .pos = b.data, .end = b.data + b.size};
	struct error err = ERROR_INIT;
	struct name name;
	bool fine = read_name(&r, load_limits_default.of[LOAD_LIMIT_NAME_BYTES], &name, &err);
	if (fine) {
		assert_int_equal(name.len, size);
		assert_int_equal(reader_left(&r), 0);
	} else {
		assert_error(&err, ERROR_MALFORMED, "malformed UTF-8 encoding");
	}
	bytes_free(&b);
	return fine;
}

/* A code point encoded in `size` bytes, whether that is right or not. */
static void encode(uint32_t point, size_t size, uint8_t *out)
{
	static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0, 0xf8};
	for (size_t i = size; i-- > 1; point >>= 6)
		out[i] = (uint8_t)(0x80 | (point & 0x3f));
	out[0] = (uint8_t)(size == 1 ? point : leads[size] | point);
}

static size_t right_size(uint32_t point)
{
	return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static void test_utf8_code_points(void **state)
{
	(void)state;
	static const uint32_t points[] = {0,        0x7f,     0x80,    0x7ff,   0x800,   0xfff,
	                                  0x1000,   0xd7ff,   0xd800,  0xdbff,  0xdc00,  0xdfff,
	                                  0xe000,   0xfffd,   0xffff,  0x10000, 0x3ffff, 0x40000,
	                                  0x10ffff, 0x110000, 0x1fffff};
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		uint32_t p = points[i];
		bool exists = p <= 0x10ffff && (p < 0xd800 || p > 0xdfff);
		for (size_t size = right_size(p); size <= 4; size++) {
			uint8_t text[4];
			encode(p, size, text);
			/* Longer forms than needed are refused. */
			assert_int_equal(is_name(text, size), exists && size == right_size(p));
			/* So is one that breaks off. */
			if (size > 1)
				assert_false(is_name(text, size - 1));
		}
	}
}

/* All sequences of one and two bytes, by the grammar. */
static void test_utf8_short_sequences(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		uint8_t one[] = {(uint8_t)a};
		assert_int_equal(is_name(one, 1), a < 0x80);
		for (unsigned b = 0; b < 256; b++) {
			uint8_t two[] = {(uint8_t)a, (uint8_t)b};
			bool pair = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
			assert_int_equal(is_name(two, 2), (a < 0x80 && b < 0x80) || pair);
		}
	}
}

static void test_name_longer_than_rest(void **state)
{
	(void)state;
	struct reader r = reader_of("\x05"
	                            "abcd",
	                            5);
	struct error err = ERROR_INIT;
	struct name name;
	assert_false(read_name(&r, load_limits_default.of[LOAD_LIMIT_NAME_BYTES], &name, &err));
	assert_error(&err, ERROR_MALFORMED, "unexpected end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unsigned),
	    cmocka_unit_test(test_signed),
	    cmocka_unit_test(test_fast_paths),
	    cmocka_unit_test(test_round_trips),
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_utf8_code_points),
	    cmocka_unit_test(test_utf8_short_sequences),
	    cmocka_unit_test(test_name_longer_than_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
