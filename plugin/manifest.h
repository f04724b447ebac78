/* Manifests of registries and image layouts: the border where their JSON meets structs.
 *
 * Read are OCI and Docker image manifests and indexes, in every form in which a Wasm module is
 * found in the wild; written is today's one (application/wasm under a wasm config). */
#ifndef PLUGIN_MANIFEST_H
#define PLUGIN_MANIFEST_H

#include "plugin/digest.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The distribution spec lets registries refuse manifests over 4 MiB; so do we. */
#define MANIFEST_MAX_BYTES (UINT64_C(4) << 20)
#define MANIFEST_LAYERS_MAX 128
#define MANIFEST_ENTRIES_MAX 1024

#define MANIFEST_OCI_IMAGE "application/vnd.oci.image.manifest.v1+json"
#define MANIFEST_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MANIFEST_DOCKER_IMAGE "application/vnd.docker.distribution.manifest.v2+json"
#define MANIFEST_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"

struct descriptor {
	struct digest digest;
	uint64_t size;
};

enum layer_form {
	LAYER_WASM, /* the bytes are the module */
	LAYER_TAR,  /* a tar, perhaps compressed, with the module in it */
};

/* What a manifest leads to. */
struct manifest {
	bool is_index;
	/* Of an image; `layers` are in the manifest's order; those of no use are left out. */
	struct descriptor config;
	bool has_config;
	enum layer_form form;
	struct descriptor *layers;
	size_t layer_count;
	/* Of an index: the entry to go on with. */
	struct descriptor entry;
};

/* `media_type` is that of the HTTP reply or of the descriptor; NULL or "" when unknown. Chosen are:
 * of an image the one Wasm layer, or else its tar layers; of an index the entry whose platform is
 * Wasm (os wasip1 before wasi before others), or its only entry. ERROR_UNSUPPORTED says what was
 * found instead; ERROR_NETWORK when the JSON is no manifest. */
bool manifest_parse(const char *bytes, size_t size, const char *media_type,
                    struct manifest *manifest, struct error *err);
void manifest_clear(struct manifest *manifest);
#define cleanup_manifest __attribute__((cleanup(manifest_clear)))

/* The bytes of a config and a manifest for one core module; the caller's to free. */
struct manifest_texts {
	char *config, *manifest;
	size_t config_size, manifest_size;
	struct digest config_digest, manifest_digest;
};

/* `title` names the module's file; `created` is a time for the config, so that the same file
 * gives the same manifest whenever it is pushed. */
bool manifest_write(const struct descriptor *layer, const char *title, int64_t created,
                    struct manifest_texts *texts, struct error *err);
void manifest_texts_clear(struct manifest_texts *texts);
#define cleanup_manifest_texts __attribute__((cleanup(manifest_texts_clear)))

#endif
