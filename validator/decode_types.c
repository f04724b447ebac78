/* Value types, limits and the types of tables, memories and globals (spec: 5.3). */
#include "validator/decode_types.h"

#include "validator/limit.h"

/* How a value type is encoded: byte, type, feature. */
#define VALUE_CODES(X)                                                                             \
	X(0x7f, VAL_I32, MVP)                                                                          \
	X(0x7e, VAL_I64, MVP)                                                                          \
	X(0x7d, VAL_F32, MVP)                                                                          \
	X(0x7c, VAL_F64, MVP)                                                                          \
	X(0x7b, VAL_V128, SIMD)

/* Abstract heap types and the features that brought them. */
#define HEAP_CODES(X)                                                                              \
	X(0x70, HEAP_FUNC, MVP)                                                                        \
	X(0x6f, HEAP_EXTERN, REFERENCE_TYPES)                                                          \
	X(0x73, HEAP_NOFUNC, GC)                                                                       \
	X(0x72, HEAP_NOEXTERN, GC)                                                                     \
	X(0x71, HEAP_NONE, GC)                                                                         \
	X(0x6e, HEAP_ANY, GC)                                                                          \
	X(0x6d, HEAP_EQ, GC)                                                                           \
	X(0x6c, HEAP_I31, GC)                                                                          \
	X(0x6b, HEAP_STRUCT, GC)                                                                       \
	X(0x6a, HEAP_ARRAY, GC)                                                                        \
	X(0x69, HEAP_EXN, EXCEPTIONS)                                                                  \
	X(0x74, HEAP_NOEXN, EXCEPTIONS)

#define CODE_REF_NULL 0x63
#define CODE_REF 0x64

enum code_kind { CODE_NONE, CODE_VALUE, CODE_HEAP };

static enum code_kind find_code(uint8_t byte, valtype *type, enum feature *feature)
{
	switch (byte) {
#define X(code, value, needs)                                                                      \
	case code:                                                                                     \
		*type = value, *feature = FEATURE_##needs;                                                 \
		return CODE_VALUE;
		VALUE_CODES(X)
#undef X
#define X(code, heap, needs)                                                                       \
	case code:                                                                                     \
		*type = VAL_REF | VAL_NULLABLE | (valtype)(heap), *feature = FEATURE_##needs;              \
		return CODE_HEAP;
		HEAP_CODES(X)
#undef X
	default:
		return CODE_NONE;
	}
}

bool decode_heaptype(struct reader *r, const struct module *m, valtype *out, struct error *err)
{
	uint32_t start = reader_offset(r);
	int64_t code;
	if (!reader_sleb(r, 33, &code, err))
		return false;
	if (code >= 0) {
		if (!need_feature(m->features, FEATURE_FUNCTION_REFERENCES, start, "a typed reference",
		                  err))
			return false;
		if (code >= m->type_count)
			return error_set_at(err, ERROR_INVALID, start, "unknown type %u", (uint32_t)code);
		*out = ref_to(m->defs[code].canon, true);
		return true;
	}
	enum feature feature;
	if (code < -64 || find_code((uint8_t)(code & 0x7f), out, &feature) != CODE_HEAP)
		return error_set_at(err, ERROR_MALFORMED, start, "malformed heap type");
	return need_feature(m->features, feature, start, "a heap type", err);
}

bool decode_valtype(struct reader *r, const struct module *m, valtype *out, struct error *err)
{
	uint32_t start = reader_offset(r);
	uint8_t byte;
	if (!read_byte(r, &byte, err))
		return false;
	if (byte == CODE_REF || byte == CODE_REF_NULL) {
		if (!need_feature(m->features, FEATURE_FUNCTION_REFERENCES, start, "a typed reference",
		                  err) ||
		    !decode_heaptype(r, m, out, err))
			return false;
		if (byte == CODE_REF)
			*out &= ~VAL_NULLABLE;
		return true;
	}
	enum feature feature;
	enum code_kind kind = find_code(byte, out, &feature);
	if (kind == CODE_NONE)
		return error_set_at(err, ERROR_MALFORMED, start, "malformed value type 0x%02x", byte);
	/* funcref as the element type of a table is as old as Wasm; as a value type it is not. */
	if (kind == CODE_HEAP && feature == FEATURE_MVP)
		feature = FEATURE_REFERENCE_TYPES;
	return need_feature(m->features, feature, start, "a value type", err);
}

bool decode_reftype(struct reader *r, const struct module *m, valtype *out, struct error *err)
{
	uint32_t start = reader_offset(r);
	uint8_t byte = r->pos < r->end ? *r->pos : 0;
	if (byte == 0x70) {
		r->pos++;
		*out = VAL_FUNCREF;
		return true;
	}
	if (!decode_valtype(r, m, out, err))
		return false;
	if (!valtype_is_ref(*out))
		return error_set_at(err, ERROR_MALFORMED, start, "malformed reference type 0x%02x", byte);
	return true;
}

enum limits_flag { LIMITS_MAX = 1, LIMITS_SHARED = 2, LIMITS_64 = 4, LIMITS_PAGE_SIZE = 8 };

static bool decode_limits(struct loader *l, struct reader *r, unsigned allowed, struct limits *out,
                          uint8_t *flags_out, struct error *err)
{
	uint32_t start = reader_offset(r);
	uint8_t flags;
	if (!read_byte(r, &flags, err))
		return false;
	if (flags & ~allowed)
		return error_set_at(err, ERROR_MALFORMED, start, "malformed limits flags 0x%02x", flags);
	if ((flags & LIMITS_64) &&
	    !need_feature(l->features, FEATURE_MEMORY64, start, "a 64-bit address type", err))
		return false;
	if ((flags & LIMITS_SHARED) &&
	    !need_feature(l->features, FEATURE_THREADS, start, "a shared memory", err))
		return false;
	if ((flags & LIMITS_PAGE_SIZE) &&
	    !need_feature(l->features, FEATURE_CUSTOM_PAGE_SIZES, start, "a page size", err)) {
		error_wrap(err, "malformed limits flags 0x%02x", flags);
		return false;
	}

	*out = (struct limits){.max = UINT64_MAX};
	out->is_64 = flags & LIMITS_64;
	out->is_shared = flags & LIMITS_SHARED;
	out->has_max = flags & LIMITS_MAX;
	*flags_out = flags;
	/* 64 bits whatever the address type: how much is too much, validation says. */
	return read_u64(r, &out->min, err) && (!out->has_max || read_u64(r, &out->max, err));
}

static bool check_limits(const struct limits *limits, uint64_t most, uint32_t start,
                         const char *too_large, struct error *err)
{
	if (limits->min > most || (limits->has_max && limits->max > most))
		return error_set_at(err, ERROR_INVALID, start, "%s", too_large);
	if (limits->has_max && limits->min > limits->max)
		return error_set_at(err, ERROR_INVALID, start,
		                    "size minimum must not be greater than maximum");
	return true;
}

#define PAGE_SIZE_LOG2 16

/* A page has 1 byte or 64 KiB (custom-page-sizes). */
static bool decode_page_size(struct reader *r, unsigned *out, struct error *err)
{
	uint32_t start = reader_offset(r);
	uint32_t log2;
	if (!read_u32(r, &log2, err))
		return false;
	if (log2 > 63)
		return error_set_at(err, ERROR_MALFORMED, start, "invalid custom page size: 2^%u bytes",
		                    log2);
	*out = log2;
	return log2 == 0 || log2 == PAGE_SIZE_LOG2 ||
	       error_set_at(err, ERROR_INVALID, start,
	                    "invalid custom page size: 2^%u bytes; 1 and 65536 are taken", log2);
}

bool decode_memory_type(struct loader *l, struct reader *r, struct memory_type *out,
                        struct error *err)
{
	uint32_t start = reader_offset(r);
	uint8_t flags;
	*out = (struct memory_type){.page_size_log2 = PAGE_SIZE_LOG2};
	if (!decode_limits(l, r, LIMITS_MAX | LIMITS_SHARED | LIMITS_64 | LIMITS_PAGE_SIZE,
	                   &out->limits, &flags, err))
		return false;
	if ((flags & LIMITS_PAGE_SIZE) && !decode_page_size(r, &out->page_size_log2, err))
		return false;
	if (out->limits.is_shared && !out->limits.has_max)
		return error_set_at(err, ERROR_INVALID, start, "shared memory must have maximum");
	const char *too_large = out->limits.is_64 ? "memory size must be at most 2^64 bytes"
	                        : out->page_size_log2 == PAGE_SIZE_LOG2
	                            ? "memory size must be at most 65536 pages (4GiB)"
	                            : "memory size must be at most 2^32 - 1 bytes";
	return check_limits(&out->limits, memory_pages_max(out), start, too_large, err);
}

bool decode_table_type(struct loader *l, struct reader *r, struct table_type *out,
                       struct error *err)
{
	uint32_t start = reader_offset(r);
	uint8_t flags;
	if (!decode_reftype(r, l->module, &out->element, err) ||
	    !decode_limits(l, r, LIMITS_MAX | LIMITS_64, &out->limits, &flags, err))
		return false;
	return check_limits(&out->limits, out->limits.is_64 ? UINT64_MAX : UINT32_MAX, start,
	                    "table size must be at most 2^32 - 1 elements", err);
}

bool decode_global_type(struct loader *l, struct reader *r, struct global_type *out,
                        struct error *err)
{
	if (!decode_valtype(r, l->module, &out->type, err))
		return false;
	uint32_t start = reader_offset(r);
	uint8_t mutability;
	if (!read_byte(r, &mutability, err))
		return false;
	if (mutability > 1)
		return error_set_at(err, ERROR_MALFORMED, start, "malformed mutability 0x%02x", mutability);
	out->is_mutable = mutability == 1;
	return true;
}
