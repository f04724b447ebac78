/* From a reference to a file: the way through manifests and layers, in one store or in the cache
 * backed by the registry. What modules_get(), modules_push() and modules_mirror() are made of. */
#ifndef PLUGIN_RESOLVE_H
#define PLUGIN_RESOLVE_H

#include "plugin/cache.h"
#include "plugin/cache_room.h"
#include "plugin/layout.h"
#include "plugin/manifest.h"
#include "plugin/modules.h"
#include "plugin/reference.h"
#include "plugin/registry.h"
#include "plugin/signature.h"

/* An index may lead to an index, this many times. */
#define RESOLVE_DEPTH_MAX 3

struct resolver {
	struct registry *registry;
	struct cache *cache;
	struct cache_room *room; /* told of what is added; NULL: the cache has no bound */
	uint64_t max_module_bytes;
	const struct signature_keys *keys; /* who must have signed a module; NULL: nobody */
	modules_progress *progress;
	void *env;
};

struct manifest_bytes {
	char *bytes;
	size_t size;
	char media_type[128]; /* "" when unknown */
	struct digest digest;
};
void manifest_bytes_clear(struct manifest_bytes *bytes);
#define cleanup_manifest_bytes __attribute__((cleanup(manifest_bytes_clear)))

/* A manifest from the cache when the reference has a digest that is there, else from the registry
 * and into the cache. */
bool resolve_manifest(const struct resolver *resolver, const struct reference *reference,
                      struct manifest_bytes *manifest, struct error *err);

/* A blob of the reference's repository as a file of the cache, fetched when it is not there. */
bool resolve_blob(const struct resolver *resolver, const struct reference *reference,
                  const struct descriptor *blob, char **path, struct error *err);

/* The module as a file, from the registry or the cache. */
bool resolve_remote(const struct resolver *resolver, const struct reference *reference, char **path,
                    struct digest *digest, struct error *err);

/* The module as a file, from a store that has this manifest. Tar layers are unpacked to the cache.
 */
bool resolve_local(const struct resolver *resolver, struct layout *layout,
                   const struct digest *manifest, char **path, struct digest *digest,
                   struct error *err);

/* Progress that a registry_progress needs, with the pace and the size filled in. */
struct resolve_pace {
	const struct resolver *resolver;
	char what[DIGEST_TEXT_SIZE];
	uint64_t total;
	uint64_t last_milliseconds;
	bool shown;
};
struct registry_progress resolve_pace_start(struct resolve_pace *pace,
                                            const struct resolver *resolver,
                                            const struct descriptor *blob);

#endif
