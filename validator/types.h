/* Value types and external types (spec: 2.3).
 *
 * A value type is one word, so that comparing two is one instruction:
 *
 *    31      24 23         22                       0
 *   | kind     | nullable | heap type                |
 *
 * The heap type is a type index of the module, or HEAP_ABSTRACT with an abstract heap type's own
 * binary code below it. Only VAL_REF uses nullable and heap type. */
#ifndef VALIDATOR_TYPES_H
#define VALIDATOR_TYPES_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t valtype;

enum {
	VAL_KIND_BOTTOM = 0, /* unknown type of an operand in dead code (spec: appendix, ⊥) */
	VAL_KIND_I32,
	VAL_KIND_I64,
	VAL_KIND_F32,
	VAL_KIND_F64,
	VAL_KIND_V128,
	VAL_KIND_REF,
};

#define VAL_BOTTOM ((valtype)0)
#define VAL_I32 ((valtype)VAL_KIND_I32 << 24)
#define VAL_I64 ((valtype)VAL_KIND_I64 << 24)
#define VAL_F32 ((valtype)VAL_KIND_F32 << 24)
#define VAL_F64 ((valtype)VAL_KIND_F64 << 24)
#define VAL_V128 ((valtype)VAL_KIND_V128 << 24)
#define VAL_REF ((valtype)VAL_KIND_REF << 24)

#define VAL_NULLABLE ((valtype)1 << 23)
#define HEAP_MASK ((valtype)0x7fffff)
#define HEAP_ABSTRACT ((valtype)0x400000)

/* Abstract heap types: constant, binary code, name in the text format. */
#define HEAP_TYPES(X)                                                                              \
	X(HEAP_NOEXN, 0x74, "noexn")                                                                   \
	X(HEAP_NOFUNC, 0x73, "nofunc")                                                                 \
	X(HEAP_NOEXTERN, 0x72, "noextern")                                                             \
	X(HEAP_NONE, 0x71, "none")                                                                     \
	X(HEAP_FUNC, 0x70, "func")                                                                     \
	X(HEAP_EXTERN, 0x6f, "extern")                                                                 \
	X(HEAP_ANY, 0x6e, "any")                                                                       \
	X(HEAP_EQ, 0x6d, "eq")                                                                         \
	X(HEAP_I31, 0x6c, "i31")                                                                       \
	X(HEAP_STRUCT, 0x6b, "struct")                                                                 \
	X(HEAP_ARRAY, 0x6a, "array")                                                                   \
	X(HEAP_EXN, 0x69, "exn")

enum heap_type {
#define X(name, code, text) name = (int)HEAP_ABSTRACT | (code),
	HEAP_TYPES(X)
#undef X
};

/* Below every heap type, and of no binary code: what a reference of unknown type in dead code
 * becomes once it is known not to be null (spec: appendix, bot). It matches every reference and no
 * number. */
#define HEAP_BOTTOM HEAP_ABSTRACT
#define VAL_REF_BOTTOM (VAL_REF | HEAP_BOTTOM)

#define VAL_FUNCREF (VAL_REF | VAL_NULLABLE | (valtype)HEAP_FUNC)
#define VAL_EXTERNREF (VAL_REF | VAL_NULLABLE | (valtype)HEAP_EXTERN)

static inline unsigned valtype_kind(valtype type)
{
	return type >> 24;
}

static inline bool valtype_is_ref(valtype type)
{
	return valtype_kind(type) == VAL_KIND_REF;
}

#define V128_BYTES 16u

/* Frame slots of 8 bytes that a value takes. */
static inline unsigned valtype_slots(valtype type)
{
	return type == VAL_V128 ? 2 : 1;
}

/* The type as the text format writes it: "i32", "funcref", "(ref null 3)". buf holds 32 bytes. */
const char *valtype_name(valtype type, char buf[32]);

/* A type definition (spec: 2.3.8 to 2.3.11). What a function type takes and returns stands in the
 * struct functype of the same index. Equal types of a module are one: value types name the lowest
 * index of them (`canon`), so that equal types are equal words. */
enum type_form { FORM_FUNC, FORM_STRUCT, FORM_ARRAY };

#define TYPE_NONE UINT32_MAX

struct field {
	valtype type;        /* as it is on the operand stack: i32 for packed fields */
	uint8_t packed_bits; /* 8 or 16; 0: not packed */
	bool is_mutable;
};

struct type_def {
	enum type_form form;
	bool is_final;
	uint32_t super; /* TYPE_NONE: none */
	uint32_t depth; /* number of supertypes above it */
	uint32_t canon;
	uint32_t group_start; /* of its recursive group */
	uint32_t group_size;
	const struct field *fields;
	uint32_t field_count; /* an array has one */
};

struct functype {
	const valtype *params; /* results stand right behind the params */
	const valtype *results;
	uint32_t param_count;
	uint32_t result_count;
	uint32_t param_slots;
	uint32_t result_slots;
};

/* Word for word; right for types of one module or store. */
bool functype_equal(const struct functype *a, const struct functype *b);

/* Is `sub` a subtype of `super` (spec: 3.3)? `defs` are what their type indices name. */
bool valtype_matches(const struct type_def *defs, valtype sub, valtype super);
/* The same for type indices, which must be canonical. */
bool type_is_subtype(const struct type_def *defs, uint32_t sub, uint32_t super);

static inline bool valtype_is_defaultable(valtype type)
{
	return !valtype_is_ref(type) || (type & VAL_NULLABLE);
}

static inline bool heap_is_index(valtype type)
{
	return !(type & HEAP_ABSTRACT);
}

static inline valtype ref_to(uint32_t index, bool is_nullable)
{
	return VAL_REF | (is_nullable ? VAL_NULLABLE : 0) | index;
}

/* "(i32, i64) -> (f32)"; always terminated. */
char *functype_name(const struct functype *type, char *buf, unsigned long size);

struct limits {
	uint64_t min;
	uint64_t max; /* UINT64_MAX: none given */
	bool has_max;
	bool is_shared; /* threads proposal */
	bool is_64;     /* memory64 */
};

struct memory_type {
	struct limits limits;    /* in pages */
	unsigned page_size_log2; /* 16 unless custom-page-sizes says otherwise: 0 */
};

/* The most pages that a memory of this type may ever have, whatever its own maximum (spec: 3.2.16).
 * With pages of one byte that is what an address can count: 2^32 - 1 or 2^64 - 1. */
static inline uint64_t memory_pages_max(const struct memory_type *type)
{
	unsigned bits = (type->limits.is_64 ? 64 : 32) - type->page_size_log2;
	return bits == 64 ? UINT64_MAX : bits == 32 ? UINT32_MAX : UINT64_C(1) << bits;
}

struct table_type {
	valtype element;
	struct limits limits; /* in elements */
};

/* The type of addresses in a memory and of indices in a table (spec: 2.3.11). */
static inline valtype address_type(const struct limits *limits)
{
	return limits->is_64 ? VAL_I64 : VAL_I32;
}

struct global_type {
	valtype type;
	bool is_mutable;
};

/* The spec's matching of import types (3.5): is `limits` at least as strict as `wanted`? */
bool limits_match(uint64_t actual_size, const struct limits *actual, const struct limits *wanted);

enum extern_kind { EXTERN_FUNC, EXTERN_TABLE, EXTERN_MEMORY, EXTERN_GLOBAL, EXTERN_TAG };

/* "function", "table", …, as people read it. */
const char *extern_kind_name(enum extern_kind kind);

#endif
