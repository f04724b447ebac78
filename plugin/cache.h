/* The cache: a private folder of blobs (plugin/blobs.h) that every tiphys of this user shares.
 *
 *   ROOT/blobs/…                 manifests, layers, modules
 *   ROOT/unpacked/sha256:<hex>   for a tar layer of that digest: the digest of the module in it */
#ifndef PLUGIN_CACHE_H
#define PLUGIN_CACHE_H

#include "plugin/blobs.h"
#include "plugin/digest.h"
#include "validator/error.h"

#include <stdbool.h>

struct cache;

/* `dir` NULL: $FS_CACHE_DIR, else $XDG_CACHE_HOME/tiphys, else ~/.cache/tiphys. Touches no disk. */
struct cache *cache_create(const char *dir, struct error *err);
void cache_destroy(struct cache *cache);

/* Its folder. Borrowed. */
const char *cache_root(const struct cache *cache);

/* The blobs; the first call makes the folder and sweeps what dead writers left. Thread-safe. NULL
 * with *err set when the folder cannot be used: ERROR_DENIED when others could write to it. */
struct blobs *cache_open(struct cache *cache, struct error *err);

/* Whether the module of a tar layer is known. Call cache_open() before. */
bool cache_unpacked(struct cache *cache, const struct digest *layer, struct digest *module);
bool cache_remember_unpacked(struct cache *cache, const struct digest *layer,
                             const struct digest *module, struct error *err);

#endif
