/* Packs what a guest left behind into an archive, by libarchive, as a stream: the archive is never
 * whole anywhere. */
#ifndef PLUGIN_PACK_H
#define PLUGIN_PACK_H

#include "plugin/unarchive.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pack_sink {
	bool (*add)(void *env, const void *bytes, size_t size, struct error *err);
	void *env;
};

enum pack_form { PACK_TGZ, PACK_ZIP };

/* The entry `name` of `folder` with all below it; in the archive it bears that name. `level` is
 * gzip's, 0 to 9, or -1 for its default. Kept are contents, permission bits, times and symlinks
 * that stay inside; owners are not. */
bool pack(enum pack_form form, int level, int folder, const char *name,
          const struct archive_limits *limits, const struct pack_sink *sink, struct error *err);

#endif
