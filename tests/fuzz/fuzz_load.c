/* Fuzz target: any bytes are decoded and validated. What is refused has a kind and a message; what
 * is taken can be asked for its names and lowered, folded and not, without an error. */
#include "interp/lower.h"
#include "tests/fuzz/check.h"

#include <stdlib.h>
#include <string.h>

static void check_refusal(const struct error *err, size_t size)
{
	CHECK(err->kind == ERROR_MALFORMED || err->kind == ERROR_INVALID ||
	      err->kind == ERROR_UNSUPPORTED || err->kind == ERROR_LIMIT);
	CHECK(err->message[0] != '\0');
	CHECK(err->offset == ERROR_NO_OFFSET || err->offset <= size);
	CHECK((err->kind == ERROR_UNSUPPORTED) == (err->feature != NULL));
}

/* Lowered folded and unfolded, with guard pages and without. */
static void check_function(const struct module *module, uint32_t func)
{
	for (int mode = 0; mode < 4; mode++) {
		struct store store = {.options = {.unfolded = mode & 1}};
		const struct code code = {.module = module, .store = &store, .checked = mode & 2};
		struct error err = ERROR_INIT;
		struct lowering l = {0};
		CHECK(lower_function(&l, &code, func, LOWER_OFFSETS, &err));
		for (uint32_t i = 0; i < l.cell_count; i++)
			CHECK(l.offsets[i] < module->size);
		lowering_clear(&l);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly as large as the module is, so that reading beyond its end is seen. */
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	CHECK(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	/* Unlike the defaults: every proposal, too. */
	const struct module_options features = {.features = UINT64_MAX};
	struct error err = ERROR_INIT;
	struct module *module = module_load(bytes, size, &features, &err);
	if (module == NULL) {
		check_refusal(&err, size);
	} else {
		CHECK(err.kind == ERROR_NONE);
		for (uint32_t i = 0; i < module->func_count; i++) {
			struct name name = module_func_name(module, i);
			CHECK(name.len <= size);
			if (i >= module->imported_func_count)
				check_function(module, i);
		}
	}
	module_destroy(module);
	free(bytes);
	return 0;
}
