#include "validator/reader.h"

#include "validator/limit.h"
#include "validator/utf8.h"

void reader_end_error(const struct reader *r, struct error *err)
{
	error_put_at(err, ERROR_MALFORMED, reader_offset(r), "unexpected end of section or function");
}

bool reader_uleb(struct reader *r, unsigned bits, uint64_t *out, struct error *err)
{
	uint64_t value = 0;
	uint32_t start = reader_offset(r);
	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte;
		if (!read_byte(r, &byte, err))
			return false;
		unsigned left = bits - shift;
		/* In the last byte that the width allows, neither a continuation nor a bit beyond it. */
		if (left <= 7) {
			if (byte & 0x80)
				return error_set_at(err, ERROR_MALFORMED, start, "integer representation too long");
			if (left < 7 && byte >> left != 0)
				return error_set_at(err, ERROR_MALFORMED, start, "integer too large");
		}
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*out = value;
			return true;
		}
	}
}

bool reader_sleb(struct reader *r, unsigned bits, int64_t *out, struct error *err)
{
	uint64_t value = 0;
	uint32_t start = reader_offset(r);
	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte;
		if (!read_byte(r, &byte, err))
			return false;
		unsigned left = bits - shift;
		if (left <= 7) {
			if (byte & 0x80)
				return error_set_at(err, ERROR_MALFORMED, start, "integer representation too long");
			/* The bits beyond the width must repeat the sign bit. */
			unsigned sign_and_above = (byte & 0x7f) >> (left - 1);
			if (sign_and_above != 0 && sign_and_above != 0x7fu >> (left - 1))
				return error_set_at(err, ERROR_MALFORMED, start, "integer too large");
		}
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			unsigned filled = shift + 7;
			if (filled < 64 && (byte & 0x40))
				value |= ~UINT64_C(0) << filled;
			*out = (int64_t)value;
			return true;
		}
	}
}

bool read_bytes(struct reader *r, size_t count, const uint8_t **out, struct error *err)
{
	if (reader_left(r) < count)
		return error_set_at(err, ERROR_MALFORMED, reader_offset(r),
		                    "unexpected end of section or function: length out of bounds");
	*out = r->pos;
	r->pos += count;
	return true;
}

bool read_name(struct reader *r, uint64_t longest, struct name *out, struct error *err)
{
	uint32_t len;
	const uint8_t *data;
	uint32_t start = reader_offset(r);
	if (r->pos >= r->end)
		return error_set_at(
		    err, ERROR_MALFORMED, start,
		    "unexpected end of section or function: length out of bounds: a name is "
		    "missing");
	if (!read_u32(r, &len, err) || !read_bytes(r, len, &data, err))
		return false;
	if (len > longest)
		return error_set_at(
		    err, ERROR_LIMIT, start, "a name has %u bytes; at most %llu are taken (limit %s)", len,
		    (unsigned long long)longest, load_limit_rows[LOAD_LIMIT_NAME_BYTES].name);
	if (!utf8_is_whole((const char *)data, len))
		return error_set_at(err, ERROR_MALFORMED, start, "malformed UTF-8 encoding of a name");
	*out = (struct name){.data = (const char *)data, .len = len};
	return true;
}
