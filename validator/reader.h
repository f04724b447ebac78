/* Reads the primitives of the binary format (spec: 5.2) from a range of bytes. Every function
 * returns false and sets err (ERROR_MALFORMED with the byte offset) at the end of the range or on a
 * bad encoding; the position is then undefined. */
#ifndef VALIDATOR_READER_H
#define VALIDATOR_READER_H

#include "validator/error.h"
#include "validator/module.h"

#include <stddef.h>
#include <string.h>

struct reader {
	const uint8_t *base; /* byte 0 of the module */
	const uint8_t *pos;
	const uint8_t *end;
};

static inline uint32_t reader_offset(const struct reader *r)
{
	return (uint32_t)(r->pos - r->base);
}

static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->pos);
}

/* An unsigned or signed LEB128 number of `bits` (1..64) bits, the general form. */
bool reader_uleb(struct reader *r, unsigned bits, uint64_t *out, struct error *err);
bool reader_sleb(struct reader *r, unsigned bits, int64_t *out, struct error *err);

void reader_end_error(const struct reader *r, struct error *err);

static inline bool read_byte(struct reader *r, uint8_t *out, struct error *err)
{
	if (r->pos >= r->end) {
		reader_end_error(r, err);
		return false;
	}
	*out = *r->pos++;
	return true;
}

/* Nearly every number in a module is one byte. */
static inline bool read_u32(struct reader *r, uint32_t *out, struct error *err)
{
	if (__builtin_expect(r->pos < r->end && *r->pos < 0x80, 1)) {
		*out = *r->pos++;
		return true;
	}
	uint64_t wide;
	if (!reader_uleb(r, 32, &wide, err))
		return false;
	*out = (uint32_t)wide;
	return true;
}

static inline bool read_u64(struct reader *r, uint64_t *out, struct error *err)
{
	return reader_uleb(r, 64, out, err);
}

static inline bool read_s32(struct reader *r, int32_t *out, struct error *err)
{
	if (__builtin_expect(r->pos < r->end && *r->pos < 0x80, 1)) {
		*out = (int32_t)((uint32_t)*r->pos++ << 25) >> 25;
		return true;
	}
	int64_t wide;
	if (!reader_sleb(r, 32, &wide, err))
		return false;
	*out = (int32_t)wide;
	return true;
}

static inline bool read_s64(struct reader *r, int64_t *out, struct error *err)
{
	return reader_sleb(r, 64, out, err);
}

/* `count` bytes as they are; *out points into the module. */
bool read_bytes(struct reader *r, size_t count, const uint8_t **out, struct error *err);

/* A name: its length, at most `longest` (LOAD_LIMIT_NAME_BYTES), then UTF-8 (spec: 5.2.4). */
bool read_name(struct reader *r, uint64_t longest, struct name *out, struct error *err);

#endif
