/* The generic path: instructions whose typing is their signature in insn.def. */
#include "validator/validate.h"

#include <stdlib.h>
#include <string.h>

static bool read_memarg(struct body *b, const struct insn *insn, struct step *step)
{
	uint32_t start = reader_offset(&b->r);
	uint32_t flags;
	if (!read_u32(&b->r, &flags, b->err))
		return false;
	step->index = 0;
	if (flags & 0x40) {
		if (!need_feature(b->m->features, FEATURE_MULTI_MEMORY, start, "a memory index", b->err) ||
		    !read_u32(&b->r, &step->index, b->err))
			return false;
		flags &= ~UINT32_C(0x40);
	}
	if (flags >= 0x40)
		return error_set_at(b->err, ERROR_MALFORMED, start, "malformed memop flags 0x%x", flags);
	uint32_t offset_start = reader_offset(&b->r);
	if (!read_u64(&b->r, &step->value, b->err))
		return false;
	if (step->index >= b->m->memory_count)
		return error_set_at(b->err, ERROR_INVALID, b->at, "unknown memory %u", step->index);
	if (insn->feature == FEATURE_THREADS && flags != insn->align)
		return error_set_at(b->err, ERROR_INVALID, start,
		                    "atomic alignment must be natural (%u bytes)", 1u << insn->align);
	if (flags > insn->align)
		return error_set_at(b->err, ERROR_INVALID, start,
		                    "alignment must not be larger than natural (%u bytes)",
		                    1u << insn->align);
	if (step->value > UINT32_MAX && !b->m->memories[step->index].limits.is_64)
		return error_set_at(b->err, ERROR_MALFORMED, offset_start,
		                    "offset out of range: it must be at most 2^32 - 1");
	return true;
}

/* Index of one of `count` lanes, which is one byte (spec: 5.4.8). */
static bool read_lane(struct body *b, unsigned count, uint32_t *out)
{
	uint8_t lane;
	if (!read_byte(&b->r, &lane, b->err))
		return false;
	*out = lane;
	return lane < count || error_set_at(b->err, ERROR_INVALID, b->at,
	                                    "invalid lane index %u: there are %u lanes", lane, count);
}

static bool read_shuffle(struct body *b, struct step *step)
{
	if (!read_bytes(&b->r, V128_BYTES, &step->bytes, b->err))
		return false;
	for (unsigned i = 0; i < V128_BYTES; i++)
		if (step->bytes[i] >= 2 * V128_BYTES)
			return error_set_at(b->err, ERROR_INVALID, b->at,
			                    "invalid lane index %u: two vectors have %u lanes", step->bytes[i],
			                    2 * V128_BYTES);
	return true;
}

static bool read_simple_immediate(struct body *b, const struct insn *insn, struct step *step)
{
	switch (insn->immediate) {
	case IMM_NONE:
		return true;
	case IMM_MEMARG:
		return read_memarg(b, insn, step);
	case IMM_MEMORY:
		return read_memory(b, &step->index);
	case IMM_I32: {
		int32_t value;
		if (!read_s32(&b->r, &value, b->err))
			return false;
		step->value = (uint32_t)value;
		return true;
	}
	case IMM_I64: {
		int64_t value;
		if (!read_s64(&b->r, &value, b->err))
			return false;
		step->value = (uint64_t)value;
		return true;
	}
	case IMM_F32: {
		const uint8_t *bytes;
		uint32_t bits;
		if (!read_bytes(&b->r, sizeof bits, &bytes, b->err))
			return false;
		memcpy(&bits, bytes, sizeof bits);
		step->value = bits;
		return true;
	}
	case IMM_F64: {
		const uint8_t *bytes;
		if (!read_bytes(&b->r, sizeof step->value, &bytes, b->err))
			return false;
		memcpy(&step->value, bytes, sizeof step->value);
		return true;
	}
	case IMM_ZERO: {
		uint8_t zero;
		if (!read_byte(&b->r, &zero, b->err))
			return false;
		return zero == 0 || error_set_at(b->err, ERROR_MALFORMED, b->at, "zero byte expected");
	}
	case IMM_V128:
		return read_bytes(&b->r, V128_BYTES, &step->bytes, b->err);
	case IMM_LANE:
		return read_lane(b, V128_BYTES >> insn->align, &step->index2);
	case IMM_MEMARG_LANE:
		return read_memarg(b, insn, step) && read_lane(b, V128_BYTES >> insn->align, &step->index2);
	case IMM_SHUFFLE:
		return read_shuffle(b, step);
	default:
		/* The features that bring the other kinds of immediates are refused before this. */
		abort();
	}
}

static valtype signature_type(const struct body *b, const struct step *step, uint8_t kind)
{
	if (kind != SIG_ADDRESS)
		return (valtype)kind << 24;
	return memory_address(b, step->index);
}

bool validate_simple(struct body *b, const struct insn *insn, struct step *step)
{
	if (!read_simple_immediate(b, insn, step))
		return false;
	const struct signature *sig = &signatures[insn->signature];
	for (unsigned i = sig->param_count; i-- > 0;)
		if (!pop(b, signature_type(b, step, sig->params[i])))
			return false;
	for (unsigned i = 0; i < sig->result_count; i++)
		if (!push(b, signature_type(b, step, sig->results[i])))
			return false;
	return true;
}
