/* The other way: modules into registries and stores. */
#include "plugin/modules_state.h"

#include "plugin/modules.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define cleanup_layout __attribute__((cleanup(cleanup_layout_at)))
static void cleanup_layout_at(struct layout **layout)
{
	layout_destroy(*layout);
}

/* A preamble of "\0asm" and version 1 (core spec, binary modules); components have layer 1. */
static bool is_module(int fd, const char *file, struct error *err)
{
	uint8_t preamble[8] = {0};
	ssize_t got = pread(fd, preamble, sizeof preamble, 0);
	if (got < 0)
		return error_set_errno(err, errno, "cannot read %s", file);
	if (got < 8 || memcmp(preamble, "\0asm", 4) != 0)
		return error_set(err, ERROR_MALFORMED,
		                 "%s is no Wasm module: it does not begin with \\0asm and a version", file);
	if (preamble[6] == 1)
		return error_set(err, ERROR_UNSUPPORTED, "%s is a Wasm component; steps run core modules",
		                 file);
	if (memcmp(preamble + 4, "\1\0\0\0", 4) != 0)
		return error_set(err, ERROR_MALFORMED, "%s is Wasm of an unknown version", file);
	return true;
}

static int open_module(const char *file, uint64_t max, struct descriptor *layer, int64_t *modified,
                       struct error *err)
{
	cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) != 0) {
		error_set_errno(err, errno, "cannot open %s", file);
		return -1;
	}
	if (!S_ISREG(status.st_mode)) {
		error_set(err, ERROR_USAGE, "%s is no regular file", file);
		return -1;
	}
	if ((uint64_t)status.st_size > max) {
		error_set(err, ERROR_LIMIT,
		          "%s has %lld bytes, more than the %" PRIu64 " that a module may have", file,
		          (long long)status.st_size, max);
		return -1;
	}
	if (!is_module(fd, file, err) ||
	    !digest_of_file(fd, DIGEST_SHA256, &layer->digest, &layer->size, err))
		return -1;
	*modified = status.st_mtim.tv_sec;
	return take_fd(&fd);
}

static bool to_store(const char *store, const struct reference *reference,
                     const struct descriptor *layer, int fd, const struct manifest_texts *texts,
                     struct error *err)
{
	cleanup_layout struct layout *layout = layout_create(store, err);
	if (layout == NULL || !layout_prepare(layout, err))
		return false;
	char name[REFERENCE_TEXT_SIZE];
	struct blobs *blobs = layout_blobs(layout);
	struct descriptor manifest = {texts->manifest_digest, texts->manifest_size};
	return blobs_write_file(blobs, fd, layer->size, &layer->digest, err) &&
	       blobs_write(blobs, texts->config, texts->config_size, &texts->config_digest, err) &&
	       blobs_write(blobs, texts->manifest, texts->manifest_size, &texts->manifest_digest,
	                   err) &&
	       layout_name(layout, reference_name(reference, name), &manifest, MANIFEST_OCI_IMAGE, err);
}

static bool to_registry(const struct resolver *resolver, const struct reference *reference,
                        const struct descriptor *layer, int fd, const struct manifest_texts *texts,
                        struct error *err)
{
	struct resolve_pace pace;
	struct registry_progress progress = resolve_pace_start(&pace, resolver, layer);
	struct descriptor config = {texts->config_digest, texts->config_size};
	return registry_blob_put(resolver->registry, reference, layer, NULL, fd, &progress, err) &&
	       registry_blob_put(resolver->registry, reference, &config, texts->config, -1, NULL,
	                         err) &&
	       registry_manifest_put(resolver->registry, reference, texts->manifest,
	                             texts->manifest_size, MANIFEST_OCI_IMAGE, &texts->manifest_digest,
	                             err);
}

bool modules_push(struct modules *modules, const char *file, const char *ref, const char *store,
                  char manifest[MODULES_DIGEST_SIZE], struct error *err)
{
	struct reference reference;
	if (!reference_parse(&reference, ref, err))
		return false;
	if (reference.has_digest)
		return error_set(err, ERROR_USAGE, "%s: a module is pushed under a tag, not a digest", ref);
	struct descriptor layer;
	int64_t modified;
	cleanup_close int fd =
	    open_module(file, modules->resolver.max_module_bytes, &layer, &modified, err);
	if (fd < 0)
		return false;
	const char *slash = strrchr(file, '/');
	cleanup_manifest_texts struct manifest_texts texts = {0};
	if (!manifest_write(&layer, slash != NULL ? slash + 1 : file, modified, &texts, err))
		return false;
	bool ok = store != NULL ? to_store(store, &reference, &layer, fd, &texts, err)
	                        : to_registry(&modules->resolver, &reference, &layer, fd, &texts, err);
	char text[DIGEST_TEXT_SIZE];
	if (ok)
		memcpy(manifest, digest_format(&texts.manifest_digest, text), MODULES_DIGEST_SIZE);
	return ok;
}

static bool copy_blob(const struct resolver *resolver, const struct reference *reference,
                      const struct descriptor *blob, struct layout *layout, struct error *err)
{
	cleanup_free char *path = NULL;
	if (!resolve_blob(resolver, reference, blob, &path, err))
		return false;
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open %s", path);
	return blobs_write_file(layout_blobs(layout), fd, blob->size, &blob->digest, err);
}

/* A manifest and all that it leads to on the way to the module; blobs first, so that whatever the
 * layout holds is whole. Of an index only the entry for Wasm comes along. */
static bool copy_manifest(const struct resolver *resolver, const struct reference *reference,
                          unsigned depth, struct layout *layout, struct manifest_bytes *bytes,
                          bool *is_index, struct error *err)
{
	cleanup_manifest struct manifest manifest = {0};
	if (!resolve_manifest(resolver, reference, bytes, err) ||
	    !manifest_parse(bytes->bytes, bytes->size, bytes->media_type, &manifest, err))
		return false;
	*is_index = manifest.is_index;
	if (manifest.is_index) {
		if (depth == RESOLVE_DEPTH_MAX)
			return error_set(err, ERROR_LIMIT, "indexes lead to indexes more than %d times",
			                 RESOLVE_DEPTH_MAX);
		struct reference entry = *reference;
		entry.has_digest = true;
		entry.digest = manifest.entry.digest;
		cleanup_manifest_bytes struct manifest_bytes below = {0};
		bool below_is_index;
		if (!copy_manifest(resolver, &entry, depth + 1, layout, &below, &below_is_index, err))
			return false;
	}
	if (manifest.has_config && !copy_blob(resolver, reference, &manifest.config, layout, err))
		return false;
	for (size_t i = 0; i < manifest.layer_count; i++)
		if (!copy_blob(resolver, reference, &manifest.layers[i], layout, err))
			return false;
	return blobs_write(layout_blobs(layout), bytes->bytes, bytes->size, &bytes->digest, err);
}

static bool copy_to_store(const struct resolver *resolver, const struct reference *reference,
                          struct layout *layout, struct digest *root, struct error *err)
{
	cleanup_manifest_bytes struct manifest_bytes bytes = {0};
	bool is_index;
	if (!copy_manifest(resolver, reference, 0, layout, &bytes, &is_index, err))
		return false;
	*root = bytes.digest;
	if (reference->tag[0] == '\0')
		return true;
	char name[REFERENCE_TEXT_SIZE];
	bytes.media_type[strcspn(bytes.media_type, "; ")] = '\0';
	const char *media_type = bytes.media_type[0] != '\0' ? bytes.media_type
	                         : is_index                  ? MANIFEST_OCI_INDEX
	                                                     : MANIFEST_OCI_IMAGE;
	struct descriptor manifest = {bytes.digest, bytes.size};
	return layout_name(layout, reference_name(reference, name), &manifest, media_type, err);
}

bool modules_mirror(struct modules *modules, const char *ref, const char *store, bool refresh,
                    char **path, char digest[MODULES_DIGEST_SIZE], struct error *err)
{
	*path = NULL;
	struct reference reference;
	if (!reference_parse(&reference, ref, err))
		return false;
	cleanup_layout struct layout *layout = layout_create(store, err);
	if (layout == NULL || !layout_prepare(layout, err))
		return false;
	struct digest manifest, module;
	bool found;
	if (!layout_find(layout, &reference, ref, &manifest, &found, err) ||
	    ((!found || (refresh && !reference.has_digest)) &&
	     !copy_to_store(&modules->resolver, &reference, layout, &manifest, err)) ||
	    !resolve_local(&modules->resolver, layout, &manifest, path, &module, err))
		return false;
	char text[DIGEST_TEXT_SIZE];
	memcpy(digest, digest_format(&module, text), MODULES_DIGEST_SIZE);
	return true;
}
