/* What is said when the operand stack does not hold what is wanted. */
#include "validator/validate.h"

#include <stdio.h>

void walk_mismatch(struct body *b, valtype want, const valtype *found)
{
	char want_name[32], found_name[32];
	error_put_at(b->err, ERROR_INVALID, b->at, "type mismatch: expected %s, found %s",
	             valtype_name(want, want_name),
	             found == NULL ? "nothing on the operand stack" : valtype_name(*found, found_name));
}

/* Types as "i32 i64", as far as there is room. */
static void list_types(char *out, size_t size, const valtype *types, uint32_t count)
{
	size_t at = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		char name[32];
		bool is_full = size - at < 2 * sizeof name;
		at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? " " : "",
		                       is_full ? "…" : valtype_name(types[i], name));
		if (is_full)
			return;
	}
}

bool walk_mismatch_all(struct body *b, const char *who, const valtype *types, uint32_t count,
                       uint32_t shown, const char *detail)
{
	char required[200], found[200];
	list_types(required, sizeof required, types, count);
	/* Without any operand yet there is no room for them either. */
	list_types(found, sizeof found, shown > 0 ? b->s->operands + b->operand_count : NULL, shown);
	error_clear(b->err);
	return error_set_at(b->err, ERROR_INVALID, b->at,
	                    "type mismatch: %s requires [%s] but stack has [%s]: %s", who, required,
	                    found, detail);
}

bool walk_pops_failed(struct body *b, const valtype *types, uint32_t count, uint32_t height)
{
	static const char prefix[] = "type mismatch: ";
	char detail[160];
	uint32_t there = height - top(b)->height, shown = there < count ? there : count;
	snprintf(detail, sizeof detail, "%s", b->err->message + sizeof prefix - 1);
	b->operand_count = height - shown;
	return walk_mismatch_all(b, "instruction", types, count, shown, detail);
}
