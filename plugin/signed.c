#include "plugin/signed.h"

#include "caps/cleanup.h"
#include "plugin/json.h"
#include "plugin/signature.h"

#include <stdio.h>
#include <string.h>

#define STATEMENT_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define SHA256_TEXT (7 + 64) /* characters of "sha256:" and its digits */
#define SIGNATURE_KEY "dev.cosignproject.cosign/signature"

/* Where a module's signatures are looked for. */
struct search {
	const struct resolver *resolver;
	struct layout *layout;   /* NULL: the registry */
	struct reference beside; /* the signatures' own reference */
	char manifest[DIGEST_TEXT_SIZE];
};

static bool unsigned_module(const struct search *search, const char *why, struct error *err)
{
	return error_set(err, ERROR_DENIED,
	                 "%s@%s is not signed by a key of the ceiling (signatures): %s",
	                 search->beside.repository, search->manifest, why);
}

static bool read_signatures(const struct search *search, char **bytes, size_t *size,
                            struct error *err)
{
	char text[REFERENCE_TEXT_SIZE];
	struct digest digest;
	bool found;
	if (search->layout != NULL) {
		reference_format(&search->beside, text);
		return layout_find(search->layout, &search->beside, text, &digest, &found, err) &&
		       (found || unsigned_module(search, "its store has no signature for it", err)) &&
		       blobs_read(layout_blobs(search->layout), &digest, MANIFEST_MAX_BYTES, bytes, size,
		                  err);
	}
	struct manifest_bytes manifest;
	if (!resolve_manifest(search->resolver, &search->beside, &manifest, err)) {
		error_wrap(err, "no signature of %s", search->manifest);
		return false;
	}
	*bytes = take_ptr(&manifest.bytes);
	*size = manifest.size;
	return true;
}

static bool read_statement(const struct search *search, const struct descriptor *blob, char **bytes,
                           size_t *size, struct error *err)
{
	cleanup_free char *path = NULL;
	struct blobs *blobs = search->layout != NULL ? layout_blobs(search->layout) : NULL;
	if (blobs == NULL) {
		if (!resolve_blob(search->resolver, &search->beside, blob, &path, err))
			return false;
		blobs = cache_open(search->resolver->cache, err);
	}
	return blobs != NULL &&
	       blobs_read(blobs, &blob->digest, SIGNED_STATEMENT_MAX, bytes, size, err);
}

/* Whether the statement is about this manifest. A signature of another one proves nothing. */
static bool is_about(const struct search *search, const char *bytes, size_t size)
{
	cleanup_json json_t *statement = json_loadb(bytes, size, 0, NULL);
	const json_t *critical = json_object_get(statement, "critical");
	const char *type = json_string_value(json_object_get(critical, "type"));
	const char *digest = json_string_value(
	    json_object_get(json_object_get(critical, "image"), "docker-manifest-digest"));
	return type != NULL && strcmp(type, "cosign container image signature") == 0 &&
	       digest != NULL && strcmp(digest, search->manifest) == 0;
}

/* One layer of the signatures' manifest. An error only for what cannot be read. */
static bool check_layer(const struct search *search, const json_t *layer, bool *is_signed,
                        struct error *err)
{
	const char *type = json_string_value(json_object_get(layer, "mediaType"));
	const char *digest = json_string_value(json_object_get(layer, "digest"));
	json_int_t size = json_integer_value(json_object_get(layer, "size"));
	const char *signature =
	    json_string_value(json_object_get(json_object_get(layer, "annotations"), SIGNATURE_KEY));
	struct descriptor blob;
	if (type == NULL || strcmp(type, STATEMENT_TYPE) != 0 || digest == NULL || signature == NULL ||
	    size <= 0 || (size_t)size > SIGNED_STATEMENT_MAX || !digest_parse(&blob.digest, digest))
		return true;
	blob.size = (uint64_t)size;
	cleanup_free char *bytes = NULL;
	size_t got = 0;
	if (!read_statement(search, &blob, &bytes, &got, err))
		return false;
	*is_signed = bytes != NULL &&
	             signature_keys_verify(search->resolver->keys, bytes, got, signature) &&
	             is_about(search, bytes, got);
	return true;
}

bool signed_check(const struct resolver *resolver, struct layout *layout,
                  const struct reference *reference, const struct digest *manifest,
                  struct error *err)
{
	struct search search = {.resolver = resolver, .layout = layout, .beside = *reference};
	digest_format(manifest, search.manifest);
	search.beside.has_digest = false;
	snprintf(search.beside.tag, sizeof search.beside.tag, "%.*s.sig", SHA256_TEXT, search.manifest);
	char *colon = strchr(search.beside.tag, ':');
	if (manifest->algorithm != DIGEST_SHA256 || colon == NULL)
		return unsigned_module(&search, "its digest is no sha256", err);
	*colon = '-';

	cleanup_free char *bytes = NULL;
	size_t size = 0;
	if (!read_signatures(&search, &bytes, &size, err))
		return false;
	cleanup_json json_t *document = bytes != NULL ? json_loadb(bytes, size, 0, NULL) : NULL;
	const json_t *layers = json_object_get(document, "layers");
	bool is_signed = false;
	for (size_t i = 0; i < json_array_size(layers) && i < SIGNED_LAYERS_MAX && !is_signed; i++) {
		if (!check_layer(&search, json_array_get(layers, i), &is_signed, err))
			return false;
	}
	return is_signed || unsigned_module(&search, "no signature beside it verifies", err);
}
