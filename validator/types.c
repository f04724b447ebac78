#include "validator/types.h"

#include <stdio.h>
#include <string.h>

static const char *heap_name(valtype type)
{
	switch (type & HEAP_MASK) {
#define X(name, code, text)                                                                        \
	case name:                                                                                     \
		return text;
		HEAP_TYPES(X)
#undef X
	case HEAP_BOTTOM:
		return "bot";
	default:
		return NULL;
	}
}

const char *valtype_name(valtype type, char buf[32])
{
	switch (valtype_kind(type)) {
	case VAL_KIND_BOTTOM:
		return "any type";
	case VAL_KIND_I32:
		return "i32";
	case VAL_KIND_I64:
		return "i64";
	case VAL_KIND_F32:
		return "f32";
	case VAL_KIND_F64:
		return "f64";
	case VAL_KIND_V128:
		return "v128";
	default:
		break;
	}
	if (type == VAL_FUNCREF)
		return "funcref";
	if (type == VAL_EXTERNREF)
		return "externref";
	const char *null = type & VAL_NULLABLE ? "null " : "";
	const char *heap = heap_name(type);
	if (heap != NULL)
		snprintf(buf, 32, "(ref %s%s)", null, heap);
	else
		snprintf(buf, 32, "(ref %s%u)", null, (unsigned)(type & HEAP_MASK));
	return buf;
}

bool functype_equal(const struct functype *a, const struct functype *b)
{
	return a->param_count == b->param_count && a->result_count == b->result_count &&
	       memcmp(a->params, b->params,
	              (a->param_count + (size_t)a->result_count) * sizeof *a->params) == 0;
}

bool type_is_subtype(const struct type_def *defs, uint32_t sub, uint32_t super)
{
	/* Chains are at most LOAD_LIMIT_SUBTYPE_DEPTH long. */
	for (; sub != TYPE_NONE; sub = defs[sub].super)
		if (sub == super)
			return true;
	return false;
}

/* The abstract types right above each abstract type (spec: 3.3.2). */
static bool abstract_matches(valtype sub, valtype super)
{
	if (sub == super)
		return true;
	switch (sub) {
	case HEAP_NOFUNC:
		return super == HEAP_FUNC;
	case HEAP_NOEXTERN:
		return super == HEAP_EXTERN;
	case HEAP_NOEXN:
		return super == HEAP_EXN;
	case HEAP_EQ:
		return super == HEAP_ANY;
	case HEAP_I31:
	case HEAP_STRUCT:
	case HEAP_ARRAY:
		return super == HEAP_EQ || super == HEAP_ANY;
	case HEAP_NONE:
		return super == HEAP_I31 || super == HEAP_STRUCT || super == HEAP_ARRAY ||
		       super == HEAP_EQ || super == HEAP_ANY;
	default:
		return false;
	}
}

static valtype abstract_of(enum type_form form)
{
	return form == FORM_FUNC     ? (valtype)HEAP_FUNC
	       : form == FORM_STRUCT ? (valtype)HEAP_STRUCT
	                             : (valtype)HEAP_ARRAY;
}

static bool heap_matches(const struct type_def *defs, valtype sub, valtype super)
{
	if (sub == HEAP_BOTTOM)
		return true;
	if (heap_is_index(sub)) {
		if (heap_is_index(super))
			return type_is_subtype(defs, sub, super);
		return abstract_matches(abstract_of(defs[sub].form), super);
	}
	if (heap_is_index(super))
		return sub == (defs[super].form == FORM_FUNC ? (valtype)HEAP_NOFUNC : (valtype)HEAP_NONE);
	return abstract_matches(sub, super);
}

bool valtype_matches(const struct type_def *defs, valtype sub, valtype super)
{
	if (sub == super || sub == VAL_BOTTOM)
		return true;
	if (!valtype_is_ref(sub) || !valtype_is_ref(super))
		return false;
	if ((sub & VAL_NULLABLE) && !(super & VAL_NULLABLE))
		return false;
	return heap_matches(defs, sub & HEAP_MASK, super & HEAP_MASK);
}

static size_t append_types(char *buf, size_t size, size_t at, const valtype *types, uint32_t count)
{
	for (uint32_t i = 0; i < count && at < size; i++) {
		char name[32];
		at += (size_t)snprintf(buf + at, size - at, "%s%s", i > 0 ? ", " : "",
		                       valtype_name(types[i], name));
	}
	return at < size ? at : size - 1;
}

char *functype_name(const struct functype *type, char *buf, unsigned long size)
{
	size_t at = (size_t)snprintf(buf, size, "(");
	at = append_types(buf, size, at, type->params, type->param_count);
	at += (size_t)snprintf(buf + at, size - at, ") -> (");
	at = at < size ? at : size - 1;
	at = append_types(buf, size, at, type->results, type->result_count);
	snprintf(buf + at, size - at, ")");
	return buf;
}

bool limits_match(uint64_t actual_size, const struct limits *actual, const struct limits *wanted)
{
	if (actual->is_64 != wanted->is_64 || actual->is_shared != wanted->is_shared)
		return false;
	if (actual_size < wanted->min)
		return false;
	return !wanted->has_max || (actual->has_max && actual->max <= wanted->max);
}

const char *extern_kind_name(enum extern_kind kind)
{
	static const char *const names[] = {
	    [EXTERN_FUNC] = "function", [EXTERN_TABLE] = "table", [EXTERN_MEMORY] = "memory",
	    [EXTERN_GLOBAL] = "global", [EXTERN_TAG] = "tag",
	};
	return names[kind];
}
