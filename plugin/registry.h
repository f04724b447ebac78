/* The distribution API (OCI distribution spec 1.1), as a client: manifests and blobs, both ways,
 * with anonymous, basic and bearer-token authentication. Thread-safe. */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H

#include "plugin/digest.h"
#include "plugin/manifest.h"
#include "plugin/reference.h"
#include "plugin/transfer.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registry;

/* `docker_config` as in credentials_basic(). */
struct registry *registry_create(const struct transfer_options *options, const char *docker_config,
                                 struct error *err);
void registry_destroy(struct registry *registry);

/* Called as bytes of a blob move; false gives up. NULL: none. */
struct registry_progress {
	bool (*moved)(void *env, uint64_t done, uint64_t total);
	void *env;
};

/* The manifest of the reference (by its digest, else its tag), checked against the digest asked for
 * and the one announced. *bytes is the caller's to free, with a zero behind it. */
bool registry_manifest_get(struct registry *registry, const struct reference *reference,
                           char **bytes, size_t *size, char media_type[128], struct digest *digest,
                           struct error *err);

/* The blob's bytes into the sink; whoever owns the sink checks them. */
bool registry_blob_get(struct registry *registry, const struct reference *reference,
                       const struct descriptor *blob, const struct transfer_sink *sink,
                       const struct registry_progress *progress, struct error *err);

/* Uploads a blob (from `bytes`, or when that is NULL from `fd`), unless the repository has it. */
bool registry_blob_put(struct registry *registry, const struct reference *reference,
                       const struct descriptor *blob, const void *bytes, int fd,
                       const struct registry_progress *progress, struct error *err);

/* Uploads the manifest under the reference's tag. */
bool registry_manifest_put(struct registry *registry, const struct reference *reference,
                           const char *bytes, size_t size, const char *media_type,
                           const struct digest *digest, struct error *err);

#endif
