#include "validator/feature.h"

#include <string.h>

static const char *const names[FEATURE_COUNT] = {
#define X(id, name, standard, implemented) [FEATURE_##id] = name,
    FEATURES(X)
#undef X
};

const char *feature_name(enum feature feature)
{
	return names[feature];
}

enum feature feature_find(const char *name)
{
	for (unsigned i = 0; i < FEATURE_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return (enum feature)i;
	return FEATURE_COUNT;
}
