#include "validator/limit.h"

#include <string.h>

const struct load_limit_row load_limit_rows[LOAD_LIMIT_COUNT] = {
#define X(id, name, value, highest, what) {name, value, highest, what},
    LIMITS(X)
#undef X
};

const struct load_limits load_limits_default = {{
#define X(id, name, value, highest, what) value,
    LIMITS(X)
#undef X
}};

#define X(id, name, value, highest, what)                                                          \
	_Static_assert((value) <= (highest), "the default of " name " can be set");
LIMITS(X)
#undef X

enum load_limit load_limit_find(const char *name)
{
	for (unsigned i = 0; i < LOAD_LIMIT_COUNT; i++)
		if (strcmp(load_limit_rows[i].name, name) == 0)
			return (enum load_limit)i;
	return LOAD_LIMIT_COUNT;
}
