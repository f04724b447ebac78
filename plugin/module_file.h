/* A module's file in memory. */
#ifndef PLUGIN_MODULE_FILE_H
#define PLUGIN_MODULE_FILE_H

#include "plugin/load_rules.h"
#include "validator/module.h"

#include <sys/stat.h>

struct module_file {
	const uint8_t *bytes; /* mapped read-only; NULL when size is 0, and until they are mapped */
	size_t size;
	struct module *module; /* NULL until it is decoded */
	struct stat st;        /* of the file when it was opened */
	bool is_borrowed;      /* the bytes are an image's */
};

/* Maps the file, and looks at none of its bytes; *file is {0} before and is for module_file_clear()
 * after, on failure too. The file must not change while it is mapped: functions are lowered from it
 * long after it was validated. So a module belongs where nobody but the user who runs it can write.
 */
bool module_file_map(struct module_file *file, const char *path, struct error *err);

/* The same of an open file, which stays the caller's. */
bool module_file_map_open(struct module_file *file, int fd, struct error *err);

/* Both in two steps, for whoever may find the bytes elsewhere. The descriptor of the file, or -1;
 * of *file the size and what it is are known then. */
int module_file_open(struct module_file *file, const char *path, struct error *err);
/* `bytes`, unless NULL, are the file's own, which outlive *file: then nothing is mapped. Closes the
 * descriptor. */
bool module_file_take(struct module_file *file, int fd, const uint8_t *bytes, struct error *err);

/* Decodes and validates what is mapped, under these rules. `parts`, unless NULL: as for
 * module_load_again(). */
bool module_file_decode(struct module_file *file, const struct load_rules *rules,
                        const struct module_parts *parts, struct error *err);

/* Both. */
bool module_file_load(struct module_file *file, const char *path, const struct load_rules *rules,
                      struct error *err);

void module_file_clear(struct module_file *file);
#define cleanup_module_file __attribute__((cleanup(module_file_clear)))

#endif
