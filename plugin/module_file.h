/* A module's file in memory. */
#ifndef PLUGIN_MODULE_FILE_H
#define PLUGIN_MODULE_FILE_H

#include "validator/module.h"

struct module_file {
	const uint8_t *bytes; /* mapped read-only; NULL when size is 0 */
	size_t size;
	struct module *module; /* NULL until module_file_load() */
};

/* Maps and loads with these features (struct module_options); *file is {0} before and is for
 * module_file_clear() after, on failure too. The file must not change while it is mapped: functions
 * are lowered from it long after it was validated. So a module belongs where nobody but the user
 * who runs it can write. */
bool module_file_load(struct module_file *file, const char *path, uint64_t features,
                      struct error *err);

void module_file_clear(struct module_file *file);
#define cleanup_module_file __attribute__((cleanup(module_file_clear)))

#endif
