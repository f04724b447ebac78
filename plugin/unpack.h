/* Takes the module out of a tar layer (plain, gzip or zstd), by libarchive. */
#ifndef PLUGIN_UNPACK_H
#define PLUGIN_UNPACK_H

#include "plugin/blobs.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stdint.h>

/* How much a layer may unpack to, everything counted, for each byte that the module may have. */
#define UNPACK_FACTOR 4

/* Writes the layer's only regular file named *.wasm to `writer`. *found is false when there is
 * none. Nothing but that file's bytes leaves the archive: no names, links or modes of it are used.
 * ERROR_UNSUPPORTED for two modules, ERROR_LIMIT beyond the writer's max or UNPACK_FACTOR of it. */
bool unpack_module(const char *layer_path, struct blob_writer *writer, bool *found,
                   struct error *err);

#endif
