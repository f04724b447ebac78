#include "spec-tests/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define F32_QUIET UINT32_C(0x00400000)
#define F32_EXPONENT UINT32_C(0x7f800000)
#define F64_QUIET UINT64_C(0x0008000000000000)
#define F64_EXPONENT UINT64_C(0x7ff0000000000000)

static bool is_number(enum script_type type, unsigned kind)
{
	return (type == SCRIPT_I32 && kind == VAL_KIND_I32) ||
	       (type == SCRIPT_I64 && kind == VAL_KIND_I64) ||
	       (type == SCRIPT_F32 && kind == VAL_KIND_F32) ||
	       (type == SCRIPT_F64 && kind == VAL_KIND_F64) ||
	       (type == SCRIPT_V128 && kind == VAL_KIND_V128);
}

bool value_from_script(const struct script_value *value, valtype type, union value *out,
                       struct error *err)
{
	char name[32], text[128];
	memset(out, 0, sizeof *out);
	if (is_number(value->type, valtype_kind(type)) && value->pattern == PATTERN_EXACT) {
		if (value->type == SCRIPT_V128)
			memcpy(out->v128, value->v128, sizeof out->v128);
		else
			out->i64 = value->bits;
		return true;
	}
	if (value->type >= SCRIPT_FUNCREF && valtype_is_ref(type)) {
		if (value->pattern == PATTERN_NULL)
			return true;
		if (value->type == SCRIPT_EXTERNREF && value->pattern == PATTERN_EXACT) {
			out->ref = host_ref(value->bits);
			return true;
		}
		if (value->type == SCRIPT_ANYREF && value->pattern == PATTERN_EXACT) {
			out->ref = ref_from_host(host_ref(value->bits));
			return true;
		}
	}
	return error_set(err, ERROR_USAGE, "the argument %s does not fit a parameter of type %s",
	                 script_value_format(value, text, sizeof text), valtype_name(type, name));
}

static bool bits_match(enum pattern pattern, bool is_f64, uint64_t want, uint64_t got)
{
	uint64_t quiet = is_f64 ? F64_QUIET : F32_QUIET;
	uint64_t exponent = is_f64 ? F64_EXPONENT : F32_EXPONENT;
	uint64_t sign = is_f64 ? UINT64_C(1) << 63 : UINT64_C(1) << 31;
	switch (pattern) {
	case PATTERN_NAN_CANONICAL:
		return (got & ~sign) == (exponent | quiet);
	case PATTERN_NAN_ARITHMETIC:
		return (got & (exponent | quiet)) == (exponent | quiet);
	case PATTERN_ANY:
		return true;
	default:
		return want == got;
	}
}

static bool v128_matches(const struct script_value *expected, const uint8_t *got)
{
	if (expected->lane_type == SCRIPT_I64)
		return memcmp(expected->v128, got, 16) == 0;
	unsigned bytes = expected->lane_bytes;
	for (unsigned lane = 0; lane < 16 / bytes; lane++) {
		uint64_t a = 0, b = 0;
		for (unsigned byte = 0; byte < bytes; byte++) {
			a |= (uint64_t)expected->v128[lane * bytes + byte] << 8 * byte;
			b |= (uint64_t)got[lane * bytes + byte] << 8 * byte;
		}
		if (!bits_match(expected->lane_pattern[lane], bytes == 8, a, b))
			return false;
	}
	return true;
}

/* Is the reference type `type` one whose values the word of the script can name? */
static bool ref_type_fits(enum script_type word, valtype type)
{
	bool is_abstract = type & HEAP_ABSTRACT;
	valtype heap = type & HEAP_MASK;
	switch (word) {
	case SCRIPT_REFNULL:
		return true;
	case SCRIPT_FUNCREF:
	case SCRIPT_NULLFUNCREF:
		return !is_abstract || heap == HEAP_FUNC || heap == HEAP_NOFUNC;
	case SCRIPT_EXTERNREF:
	case SCRIPT_NULLEXTERNREF:
		return heap == HEAP_EXTERN || heap == HEAP_NOEXTERN;
	case SCRIPT_EXNREF:
	case SCRIPT_NULLEXNREF:
		return heap == HEAP_EXN || heap == HEAP_NOEXN;
	default:
		return !is_abstract || heap == HEAP_ANY || heap == HEAP_EQ || heap == HEAP_I31 ||
		       heap == HEAP_STRUCT || heap == HEAP_ARRAY || heap == HEAP_NONE;
	}
}

/* Is a reference of this form one of those that the word means without a value? */
static bool form_fits(enum script_type word, enum ref_form form)
{
	switch (word) {
	case SCRIPT_I31REF:
		return form == REF_FORM_I31;
	case SCRIPT_STRUCTREF:
		return form == REF_FORM_STRUCT;
	case SCRIPT_ARRAYREF:
		return form == REF_FORM_ARRAY;
	case SCRIPT_EQREF:
		return form == REF_FORM_I31 || form == REF_FORM_STRUCT || form == REF_FORM_ARRAY;
	case SCRIPT_FUNCREF:
		return form == REF_FORM_FUNC;
	case SCRIPT_EXNREF:
		return form == REF_FORM_EXN;
	default:
		return form != REF_FORM_NULL;
	}
}

static bool ref_matches(const struct store *store, const struct script_value *expected,
                        valtype type, uint64_t got)
{
	if (!ref_type_fits(expected->type, type))
		return false;
	if (expected->pattern == PATTERN_NULL)
		return got == 0;
	enum ref_form form = ref_form_of(store, type, got);
	if (expected->pattern == PATTERN_ANY)
		return form_fits(expected->type, form);
	return (expected->type == SCRIPT_EXTERNREF || expected->type == SCRIPT_ANYREF) &&
	       form == REF_FORM_EXTERN && ref_host_word(got) == host_ref(expected->bits);
}

bool value_matches(const struct store *store, const struct script_value *expected, valtype type,
                   const union value *got)
{
	if (expected->type == SCRIPT_EITHER) {
		for (size_t i = 0; i < expected->choice_count; i++) {
			if (value_matches(store, &expected->choices[i], type, got))
				return true;
		}
		return false;
	}
	if (expected->type >= SCRIPT_FUNCREF)
		return valtype_is_ref(type) && ref_matches(store, expected, type, got->ref);
	if (!is_number(expected->type, valtype_kind(type)))
		return false;
	if (expected->type == SCRIPT_V128)
		return v128_matches(expected, got->v128);
	bool is_wide = expected->type == SCRIPT_I64 || expected->type == SCRIPT_F64;
	return bits_match(expected->pattern, is_wide, expected->bits, is_wide ? got->i64 : got->i32);
}

static void format_float(char *buf, size_t size, bool is_f64, uint64_t bits)
{
	double number;
	if (is_f64) {
		memcpy(&number, &bits, sizeof number);
		snprintf(buf, size, "%.17g (0x%016" PRIx64 ")", number, bits);
	} else {
		float single;
		uint32_t low = (uint32_t)bits;
		memcpy(&single, &low, sizeof single);
		snprintf(buf, size, "%.9g (0x%08" PRIx32 ")", (double)single, low);
	}
}

static void format_v128(char *buf, size_t size, const uint8_t *bytes)
{
	size_t used = (size_t)snprintf(buf, size, "0x");
	for (int i = 15; i >= 0 && used < size; i--)
		used += (size_t)snprintf(buf + used, size - used, "%02x%s", bytes[i], i == 8 ? "_" : "");
}

char *script_value_format(const struct script_value *value, char *buf, size_t size)
{
	char text[128] = "";
	if (value->type == SCRIPT_EITHER) {
		size_t used = 0;
		for (size_t i = 0; i < value->choice_count && used < sizeof text; i++) {
			char choice[64];
			used +=
			    (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? " | " : "",
			                     script_value_format(&value->choices[i], choice, sizeof choice));
		}
	} else if (value->type == SCRIPT_V128) {
		size_t used;
		format_v128(text, sizeof text, value->v128);
		used = strlen(text);
		for (unsigned lane = 0; lane < FLOAT_LANES_MAX && used < sizeof text; lane++) {
			if (value->lane_pattern[lane] != PATTERN_EXACT)
				used += (size_t)snprintf(text + used, sizeof text - used, " lane %u %s", lane,
				                         value->lane_pattern[lane] == PATTERN_NAN_CANONICAL
				                             ? "nan:canonical"
				                             : "nan:arithmetic");
		}
	} else if (value->pattern == PATTERN_NAN_CANONICAL) {
		snprintf(text, sizeof text, "nan:canonical");
	} else if (value->pattern == PATTERN_NAN_ARITHMETIC) {
		snprintf(text, sizeof text, "nan:arithmetic");
	} else if (value->pattern == PATTERN_NULL) {
		snprintf(text, sizeof text, "null");
	} else if (value->pattern == PATTERN_ANY) {
		snprintf(text, sizeof text, "any");
	} else if (value->type == SCRIPT_F32 || value->type == SCRIPT_F64) {
		format_float(text, sizeof text, value->type == SCRIPT_F64, value->bits);
	} else if (value->type == SCRIPT_I32) {
		snprintf(text, sizeof text, "%" PRId32, (int32_t)value->bits);
	} else {
		snprintf(text, sizeof text, "%" PRId64, (int64_t)value->bits);
	}
	snprintf(buf, size, "%s %s", script_type_word(value->type), text);
	return buf;
}

char *value_format(valtype type, const union value *value, char *buf, size_t size)
{
	char name[32], text[128] = "?";
	switch (valtype_kind(type)) {
	case VAL_KIND_I32:
		snprintf(text, sizeof text, "%" PRId32, (int32_t)value->i32);
		break;
	case VAL_KIND_I64:
		snprintf(text, sizeof text, "%" PRId64, (int64_t)value->i64);
		break;
	case VAL_KIND_F32:
		format_float(text, sizeof text, false, value->i32);
		break;
	case VAL_KIND_F64:
		format_float(text, sizeof text, true, value->i64);
		break;
	case VAL_KIND_V128:
		format_v128(text, sizeof text, value->v128);
		break;
	case VAL_KIND_REF:
		if (value->ref == 0)
			snprintf(text, sizeof text, "null");
		else if ((type & HEAP_MASK) == (valtype)HEAP_EXTERN)
			snprintf(text, sizeof text, "%" PRIu64, value->ref - 1);
		else
			snprintf(text, sizeof text, "non-null");
		break;
	}
	snprintf(buf, size, "%s %s", valtype_name(type, name), text);
	return buf;
}
