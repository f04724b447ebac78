#include "plugin/resolve.h"

#include "plugin/metrics.h"
#include "plugin/now.h"
#include "plugin/signed.h"
#include "plugin/unpack.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACE_MILLISECONDS 100

void manifest_bytes_clear(struct manifest_bytes *bytes)
{
	free(bytes->bytes);
	*bytes = (struct manifest_bytes){0};
}

static bool paced(void *env, uint64_t done, uint64_t total)
{
	(void)total; /* of this exchange, which may be an error's; the blob's is known */
	struct resolve_pace *pace = env;
	uint64_t now = now_ms();
	bool finished = done >= pace->total;
	if (pace->shown && !finished && now - pace->last_milliseconds < PACE_MILLISECONDS)
		return true;
	pace->shown = true;
	pace->last_milliseconds = now;
	return pace->resolver->progress(pace->resolver->env, pace->what, finished ? pace->total : done,
	                                pace->total);
}

struct registry_progress resolve_pace_start(struct resolve_pace *pace,
                                            const struct resolver *resolver,
                                            const struct descriptor *blob)
{
	*pace = (struct resolve_pace){.resolver = resolver, .total = blob->size};
	digest_format(&blob->digest, pace->what);
	return (struct registry_progress){resolver->progress != NULL ? paced : NULL, pace};
}

/* While another process fetches what we want: still alive, nothing done. */
static bool waited(void *env)
{
	struct resolve_pace *pace = env;
	return pace->resolver->progress == NULL || paced(pace, 0, pace->total);
}

bool resolve_manifest(const struct resolver *resolver, const struct reference *reference,
                      struct manifest_bytes *manifest, struct error *err)
{
	*manifest = (struct manifest_bytes){0};
	struct blobs *blobs = cache_open(resolver->cache, err);
	if (blobs == NULL)
		return false;
	if (reference->has_digest) {
		manifest->digest = reference->digest;
		if (!blobs_read(blobs, &reference->digest, MANIFEST_MAX_BYTES, &manifest->bytes,
		                &manifest->size, err))
			return false;
		if (manifest->bytes != NULL)
			return true;
	}
	if (registry_manifest_get(resolver->registry, reference, &manifest->bytes, &manifest->size,
	                          manifest->media_type, &manifest->digest, err) &&
	    blobs_write(blobs, manifest->bytes, manifest->size, &manifest->digest, err))
		return true;
	manifest_bytes_clear(manifest);
	return false;
}

static bool sink_begin(void *env, struct error *err)
{
	return blob_writer_restart(env, err);
}

static bool sink_add(void *env, const void *bytes, size_t size, struct error *err)
{
	return blob_writer_add(env, bytes, size, err);
}

static bool size_allowed(const struct resolver *resolver, uint64_t size, struct error *err)
{
	if (size <= resolver->max_module_bytes)
		return true;
	return error_set(err, ERROR_LIMIT,
	                 "a layer has %" PRIu64 " bytes, more than the %" PRIu64
	                 " that a module may have (--max-module)",
	                 size, resolver->max_module_bytes);
}

static bool fetch(const struct resolver *resolver, struct blobs *blobs,
                  const struct reference *reference, const struct descriptor *blob,
                  struct error *err)
{
	struct resolve_pace pace;
	struct registry_progress progress = resolve_pace_start(&pace, resolver, blob);
	cleanup_blob_writer struct blob_writer writer = BLOB_WRITER_INIT;
	if (!blob_writer_open(&writer, blobs, pace.what, blob->digest.algorithm, blob->size, waited,
	                      &pace, err))
		return false;
	cleanup_free char *there = NULL; /* by the one that we waited for */
	if (!blobs_find(blobs, &blob->digest, blob->size, &there, err))
		return false;
	if (there != NULL)
		return true;
	struct transfer_sink sink = {sink_begin, sink_add, &writer};
	if (!registry_blob_get(resolver->registry, reference, blob, &sink, &progress, err))
		return false;
	metrics_add(METRIC_MODULE_BYTES, writer.size);
	if (writer.size != blob->size)
		return error_set(err, ERROR_NETWORK,
		                 "%s: the manifest announces %" PRIu64 " bytes, received were %" PRIu64,
		                 pace.what, blob->size, writer.size);
	struct digest written;
	return blob_writer_commit(&writer, &blob->digest, &written, err);
}

bool resolve_blob(const struct resolver *resolver, const struct reference *reference,
                  const struct descriptor *blob, char **path, struct error *err)
{
	*path = NULL;
	struct blobs *blobs = cache_open(resolver->cache, err);
	if (blobs == NULL || !size_allowed(resolver, blob->size, err))
		return false;
	if (!blobs_find(blobs, &blob->digest, blob->size, path, err))
		return false;
	if (*path != NULL)
		return true;
	if (!fetch(resolver, blobs, reference, blob, err)) {
		error_wrap(err, "registry %s, repository %s", reference->host, reference->repository);
		return false;
	}
	cache_room_grew(resolver->room);
	if (!blobs_find(blobs, &blob->digest, blob->size, path, err))
		return false;
	return *path != NULL ||
	       error_set(err, ERROR_SYSTEM, "a blob vanished from the cache %s", blobs_root(blobs));
}

/* Where blobs and manifests come from: a store, or (layout NULL) cache and registry. */
struct place {
	const struct resolver *resolver;
	struct layout *layout;
	const struct reference *reference;
};

static bool place_blob(const struct place *place, const struct descriptor *blob, char **path,
                       struct error *err)
{
	if (place->layout == NULL)
		return resolve_blob(place->resolver, place->reference, blob, path, err);
	if (!size_allowed(place->resolver, blob->size, err) ||
	    !blobs_find(layout_blobs(place->layout), &blob->digest, blob->size, path, err))
		return false;
	char digest[DIGEST_TEXT_SIZE];
	return *path != NULL ||
	       error_set(err, ERROR_SYSTEM, "the store %s lacks a whole blob %s of %" PRIu64 " bytes",
	                 layout_dir(place->layout), digest_format(&blob->digest, digest), blob->size);
}

static bool place_manifest(const struct place *place, const struct digest *digest,
                           struct manifest_bytes *manifest, struct error *err)
{
	if (place->layout == NULL) {
		struct reference reference = *place->reference;
		reference.has_digest = true;
		reference.digest = *digest;
		return resolve_manifest(place->resolver, &reference, manifest, err);
	}
	*manifest = (struct manifest_bytes){.digest = *digest};
	if (!blobs_read(layout_blobs(place->layout), digest, MANIFEST_MAX_BYTES, &manifest->bytes,
	                &manifest->size, err))
		return false;
	char text[DIGEST_TEXT_SIZE];
	return manifest->bytes != NULL ||
	       error_set(err, ERROR_SYSTEM, "the store %s lacks a whole manifest %s",
	                 layout_dir(place->layout), digest_format(digest, text));
}

/* The module of one tar layer, as a file of the cache; *path is NULL when the layer has none. */
static bool from_tar(const struct place *place, const struct descriptor *layer, char **path,
                     struct digest *digest, struct error *err)
{
	*path = NULL;
	struct blobs *blobs = cache_open(place->resolver->cache, err);
	if (blobs == NULL)
		return false;
	if (cache_unpacked(place->resolver->cache, &layer->digest, digest) &&
	    (!blobs_find(blobs, digest, BLOBS_ANY_SIZE, path, err) || *path != NULL))
		return *path != NULL;
	cleanup_free char *layer_path = NULL;
	if (!place_blob(place, layer, &layer_path, err))
		return false;
	char name[DIGEST_TEXT_SIZE + 16], text[DIGEST_TEXT_SIZE];
	snprintf(name, sizeof name, "unpack-%s", digest_format(&layer->digest, text));
	cleanup_blob_writer struct blob_writer writer = BLOB_WRITER_INIT;
	bool found;
	if (!blob_writer_open(&writer, blobs, name, DIGEST_SHA256, place->resolver->max_module_bytes,
	                      NULL, NULL, err) ||
	    !unpack_module(layer_path, &writer, &found, err)) {
		error_wrap(err, "layer %s", text);
		return false;
	}
	if (!found)
		return true;
	if (!blob_writer_commit(&writer, NULL, digest, err))
		return false;
	cache_room_grew(place->resolver->room);
	return cache_remember_unpacked(place->resolver->cache, &layer->digest, digest, err) &&
	       blobs_find(blobs, digest, BLOBS_ANY_SIZE, path, err) &&
	       (*path != NULL ||
	        error_set(err, ERROR_SYSTEM, "a blob vanished from the cache %s", blobs_root(blobs)));
}

/* Upper layers hide lower ones, so the last layer with a module has it. */
static bool from_tars(const struct place *place, const struct manifest *manifest, char **path,
                      struct digest *digest, struct error *err)
{
	for (size_t at = manifest->layer_count; at-- > 0;) {
		if (!from_tar(place, &manifest->layers[at], path, digest, err))
			return false;
		if (*path != NULL)
			return true;
	}
	return error_set(err, ERROR_UNSUPPORTED,
	                 "the image holds no Wasm module: no .wasm file in its %zu tar layers",
	                 manifest->layer_count);
}

/* The digest by which a module goes is sha256, whatever its descriptor uses. */
static bool module_digest(const struct descriptor *layer, const char *path, struct digest *digest,
                          struct error *err)
{
	*digest = layer->digest;
	if (digest->algorithm == DIGEST_SHA256)
		return true;
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t size;
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open %s", path);
	return digest_of_file(fd, DIGEST_SHA256, digest, &size, err);
}

static bool resolve(const struct place *place, const struct manifest_bytes *bytes, unsigned depth,
                    char **path, struct digest *digest, struct error *err)
{
	cleanup_manifest struct manifest manifest = {0};
	if (!manifest_parse(bytes->bytes, bytes->size, bytes->media_type, &manifest, err)) {
		char text[DIGEST_TEXT_SIZE];
		error_wrap(err, "manifest %s", digest_format(&bytes->digest, text));
		return false;
	}
	if (manifest.is_index) {
		if (depth == RESOLVE_DEPTH_MAX)
			return error_set(err, ERROR_LIMIT, "indexes lead to indexes more than %d times",
			                 RESOLVE_DEPTH_MAX);
		cleanup_manifest_bytes struct manifest_bytes next = {0};
		return place_manifest(place, &manifest.entry.digest, &next, err) &&
		       resolve(place, &next, depth + 1, path, digest, err);
	}
	if (manifest.form == LAYER_TAR)
		return from_tars(place, &manifest, path, digest, err);
	return place_blob(place, &manifest.layers[0], path, err) &&
	       module_digest(&manifest.layers[0], *path, digest, err);
}

bool resolve_remote(const struct resolver *resolver, const struct reference *reference, char **path,
                    struct digest *digest, struct error *err)
{
	struct place place = {resolver, NULL, reference};
	cleanup_manifest_bytes struct manifest_bytes manifest = {0};
	return resolve_manifest(resolver, reference, &manifest, err) &&
	       (resolver->keys == NULL ||
	        signed_check(resolver, NULL, reference, &manifest.digest, err)) &&
	       resolve(&place, &manifest, 0, path, digest, err);
}

bool resolve_local(const struct resolver *resolver, struct layout *layout,
                   const struct digest *manifest, char **path, struct digest *digest,
                   struct error *err)
{
	struct place place = {resolver, layout, NULL};
	cleanup_manifest_bytes struct manifest_bytes bytes = {0};
	return place_manifest(&place, manifest, &bytes, err) &&
	       resolve(&place, &bytes, 0, path, digest, err);
}
