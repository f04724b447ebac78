/* Fuzz target: a generated module gives the same results, traps with the same backtraces, and
 * leaves the same globals, tables and memories, folded and unfolded, with guard pages and without,
 * and with collections at every allocation and without.
 */
#include "tests/fuzz/generate.h"
#include "tests/fuzz/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

_Noreturn static void give_up(const struct bytes *bytes, const char *why)
{
	fprintf(stderr, "%s; the module is in generated.wasm\n", why);
	FILE *file = fopen("generated.wasm", "wb");
	if (file != NULL) {
		fwrite(bytes->data, 1, bytes->size, file);
		fclose(file);
	}
	abort();
}

static const struct {
	const char *name;
	bool unfolded;
	bool checked_memory;
	bool collect_always;
} modes[] = {
    {"folded", false, false, false},
    {"unfolded", true, false, false},
    {"folded, checked memory, collecting", false, true, true},
    {"unfolded, checked memory, collecting", true, true, true},
};
#define MODES (sizeof modes / sizeof *modes)

static void compare(const struct bytes *bytes, const struct seen *seen, size_t mode)
{
	char text[200];
	const struct seen *a = &seen[0], *b = &seen[mode];
	for (size_t i = 0; i < a->count || i < b->count; i++) {
		uint64_t x = i < a->count ? a->items[i] : 0, y = i < b->count ? b->items[i] : 0;
		if (i >= a->count || i >= b->count || x != y) {
			snprintf(text, sizeof text, "item %zu of %zu: %s 0x%llx; of %zu: %s 0x%llx", i,
			         a->count, modes[0].name, (unsigned long long)x, b->count, modes[mode].name,
			         (unsigned long long)y);
			give_up(bytes, text);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = generate_module(data, size);
	const struct module_options features = {.features = GENERATED_FEATURES};
	struct error err = ERROR_INIT;
	char text[900];
	struct module *module = module_load(bytes.data, bytes.size, &features, &err);
	if (module == NULL)
		give_up(&bytes, error_format(&err, text, sizeof text));
	struct seen seen[MODES] = {0};
	for (size_t mode = 0; mode < MODES; mode++) {
		/* The stack is larger than FUEL frames: where it ends may differ between the modes. */
		struct store_options options = {
		    /* Out of reach, too: a collection's time may not decide what there is room for. */
		    .memory_limit = UINT64_C(1) << 28,
		    .table_limit = 64,
		    .unfolded = modes[mode].unfolded,
		    .checked_memory = modes[mode].checked_memory,
		    .collect_always = modes[mode].collect_always,
		};
		if (!harness_run(module, &options, &seen[mode], &err))
			give_up(&bytes, error_format(&err, text, sizeof text));
		compare(&bytes, seen, mode);
	}
	for (size_t mode = 0; mode < MODES; mode++)
		seen_clear(&seen[mode]);
	module_destroy(module);
	bytes_free(&bytes);
	return 0;
}
