#include "wasi/wasi.h"

#include <string.h>

static const struct foreign {
	const char *module, *name, *advice;
} foreigners[] = {
#define FOREIGN(module, name, advice) {module, name, advice},
#include "wasi/foreign.def"
#undef FOREIGN
};

static bool fits(const char *pattern, struct name name)
{
	size_t len = strlen(pattern);
	if (len > 0 && pattern[len - 1] == '*')
		return name.len >= len - 1 && memcmp(name.data, pattern, len - 1) == 0;
	return name.len == len && memcmp(name.data, pattern, len) == 0;
}

const char *wasi_foreign_advice(const struct import *import)
{
	for (size_t i = 0; i < sizeof foreigners / sizeof *foreigners; i++) {
		if (fits(foreigners[i].module, import->module) && fits(foreigners[i].name, import->name))
			return foreigners[i].advice;
	}
	return "a module may import from wasi_snapshot_preview1, wasi_unstable, wasi_experimental_http "
	       "and tiphys";
}
