/* Values of a script against values of the engine. */
#ifndef SPEC_TESTS_VALUES_H
#define SPEC_TESTS_VALUES_H

#include "interp/interp.h"
#include "spec-tests/script.h"

/* The host number n of a script is the externref n + 1, since 0 is null. */
static inline uint64_t host_ref(uint64_t number)
{
	return number + 1;
}

/* An argument for a parameter of type `type`. False with an error when the script's value has
 * another type, or cannot be made by a host (a non-null struct, say). */
bool value_from_script(const struct script_value *value, valtype type, union value *out,
                       struct error *err);

/* Exact: the same type and bits, or a value that the pattern fits. */
bool value_matches(const struct store *store, const struct script_value *expected, valtype type,
                   const union value *got);

/* As people read it; what does not fit is cut. Both return buf, always terminated. */
char *script_value_format(const struct script_value *value, char *buf, size_t size);
char *value_format(valtype type, const union value *value, char *buf, size_t size);

#endif
