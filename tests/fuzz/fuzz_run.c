/* Fuzz target: a generated module runs within limits. The first two bytes choose the modes and,
 * once in a while, the allocation that fails. */
#include "tests/fuzz/generate.h"
#include "tests/fuzz/harness.h"

#include "validator/alloc.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_expected(enum error_kind kind, bool may_fail)
{
	return kind == ERROR_NONE || (may_fail && kind == ERROR_NO_MEMORY) ||
	       (may_fail && kind == ERROR_LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t modes = size > 0 ? data[0] : 0;
	uint64_t fail = size > 1 && (modes & 4) ? data[1] : UINT64_MAX;
	bool collect_always = modes & 16;
	struct harness_run run = {.guest_fuel = collect_always ? FUEL_COLLECTED : FUEL,
	                          .options = {
	                              .memory_limit = UINT64_C(24) << 16,
	                              .table_limit = 64,
	                              .stack_size = modes & 2 ? 4096 : 65536,
	                              .unfolded = modes & 1,
	                              .checked_memory = modes & 8,
	                              .collect_always = collect_always,
	                          }};
	const struct module_options features = {.features = GENERATED_FEATURES};
	struct bytes bytes = size > 2 ? generate_module(data + 2, size - 2) : generate_module(data, 0);
	struct error err = ERROR_INIT;
	mem_fail_from(fail);
	struct module *module = module_load(bytes.data, bytes.size, &features, &err);
	run.module = module;
	if (module != NULL)
		harness_run(&run, &err);
	mem_fail_from(UINT64_MAX);
	if (!is_expected(err.kind, fail != UINT64_MAX)) {
		char text[900];
		fprintf(stderr, "%s\n", error_format(&err, text, sizeof text));
		FILE *file = fopen("generated.wasm", "wb");
		if (file != NULL) {
			fwrite(bytes.data, 1, bytes.size, file);
			fclose(file);
		}
		abort();
	}
	seen_clear(&run.seen);
	module_destroy(module);
	bytes_free(&bytes);
	return 0;
}
