#include "plugin/manifest.h"

#include "plugin/json.h"
#include "plugin/json_fault.h"
#include "validator/printable.h"
#include "caps/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Row: media type, form. Older names first, today's last. */
static const struct {
	const char *media_type;
	enum layer_form form;
} layer_types[] = {
    {"application/vnd.module.wasm.content.layer.v1+wasm", LAYER_WASM},
    {"application/vnd.wasm.content.layer.v1+wasm", LAYER_WASM},
    {"application/wasm", LAYER_WASM},
    {"application/vnd.oci.image.layer.v1.tar", LAYER_TAR},
    {"application/vnd.oci.image.layer.v1.tar+gzip", LAYER_TAR},
    {"application/vnd.oci.image.layer.v1.tar+zstd", LAYER_TAR},
    {"application/vnd.docker.image.rootfs.diff.tar", LAYER_TAR},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", LAYER_TAR},
};

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

static bool no_manifest(struct error *err, const char *why)
{
	return error_set(err, ERROR_NETWORK, "the manifest is not one: %s", why);
}

static bool descriptor_read(const json_t *json, const char *what, struct descriptor *descriptor,
                            struct error *err)
{
	if (!json_is_object(json))
		return error_set(err, ERROR_NETWORK, "the manifest is not one: %s is no object", what);
	const json_t *size = json_object_get(json, "size");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return error_set(err, ERROR_NETWORK, "the manifest is not one: the size of %s is no size",
		                 what);
	if (!digest_parse(&descriptor->digest, string_of(json, "digest"))) {
		char shown[96];
		return error_set(err, ERROR_NETWORK,
		                 "the manifest is not one: the digest of %s is no sha256 or sha512 digest: "
		                 "'%s'",
		                 what, printable_ascii(string_of(json, "digest"), shown, sizeof shown));
	}
	descriptor->size = (uint64_t)json_integer_value(size);
	return true;
}

/* -1 when the type is not one for modules. Types are compared without parameters and case. */
static int layer_form_of(const char *media_type)
{
	size_t length = strcspn(media_type, "; ");
	for (size_t i = 0; i < sizeof layer_types / sizeof layer_types[0]; i++)
		if (strlen(layer_types[i].media_type) == length &&
		    strncasecmp(layer_types[i].media_type, media_type, length) == 0)
			return (int)layer_types[i].form;
	return -1;
}

static bool no_module_layer(const json_t *layers, struct error *err)
{
	char list[400] = "";
	size_t used = 0, index;
	json_t *layer;
	json_array_foreach(layers, index, layer)
	{
		char shown[96];
		printable_ascii(string_of(layer, "mediaType"), shown, sizeof shown);
		if (used + strlen(shown) + 8 > sizeof list) {
			strcpy(list + used, " ...");
			break;
		}
		used += (size_t)sprintf(list + used, "%s%s", index > 0 ? ", " : "", shown);
	}
	return error_set(err, ERROR_UNSUPPORTED,
	                 "the image holds no Wasm module: its layers are of type [%s]; expected "
	                 "application/wasm, an older Wasm layer type or a tar with one .wasm file",
	                 list);
}

static bool image_read(const json_t *root, struct manifest *manifest, struct error *err)
{
	const json_t *config = json_object_get(root, "config");
	if (config != NULL) {
		if (!descriptor_read(config, "config", &manifest->config, err))
			return false;
		manifest->has_config = true;
	}
	const json_t *layers = json_object_get(root, "layers");
	size_t total = json_array_size(layers);
	if (total > MANIFEST_LAYERS_MAX)
		return error_set(err, ERROR_LIMIT, "the image has %zu layers, more than the limit of %d",
		                 total, MANIFEST_LAYERS_MAX);

	size_t counts[2] = {0, 0};
	for (size_t i = 0; i < total; i++) {
		int form = layer_form_of(string_of(json_array_get(layers, i), "mediaType"));
		if (form >= 0)
			counts[form]++;
	}
	if (counts[LAYER_WASM] > 1)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "the image holds %zu Wasm layers; a step runs one module",
		                 counts[LAYER_WASM]);
	manifest->form = counts[LAYER_WASM] == 1 ? LAYER_WASM : LAYER_TAR;
	size_t count = counts[manifest->form];
	if (count == 0)
		return no_module_layer(layers, err);

	manifest->layers = calloc(count, sizeof *manifest->layers);
	if (manifest->layers == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a manifest");
	for (size_t i = 0; i < total; i++) {
		const json_t *layer = json_array_get(layers, i);
		if (layer_form_of(string_of(layer, "mediaType")) != (int)manifest->form)
			continue;
		char what[32];
		snprintf(what, sizeof what, "layer %zu", i);
		if (!descriptor_read(layer, what, &manifest->layers[manifest->layer_count++], err))
			return false;
	}
	return true;
}

/* How well an entry's platform fits, 0 when it is not Wasm. */
static int platform_rank(const json_t *entry)
{
	const json_t *platform = json_object_get(entry, "platform");
	const char *architecture = string_of(platform, "architecture");
	const char *os = string_of(platform, "os");
	if (strcmp(architecture, "wasm") != 0 && strcmp(architecture, "wasm32") != 0)
		return 0;
	if (strcmp(os, "wasip1") == 0)
		return 3;
	return strcmp(os, "wasi") == 0 ? 2 : 1;
}

static bool no_wasm_entry(const json_t *entries, struct error *err)
{
	char list[300] = "";
	size_t used = 0, index;
	json_t *entry;
	json_array_foreach(entries, index, entry)
	{
		const json_t *platform = json_object_get(entry, "platform");
		char os[32], architecture[32];
		printable_ascii(string_of(platform, "os"), os, sizeof os);
		printable_ascii(string_of(platform, "architecture"), architecture, sizeof architecture);
		if (used + sizeof os + sizeof architecture + 8 > sizeof list) {
			strcpy(list + used, " ...");
			break;
		}
		used += (size_t)sprintf(list + used, "%s%s/%s", index > 0 ? ", " : "", os, architecture);
	}
	return error_set(err, ERROR_UNSUPPORTED,
	                 "the index holds no Wasm image: its platforms are [%s]; expected wasi/wasm",
	                 list);
}

static bool index_read(const json_t *root, struct manifest *manifest, struct error *err)
{
	const json_t *entries = json_object_get(root, "manifests");
	size_t total = json_array_size(entries);
	if (total > MANIFEST_ENTRIES_MAX)
		return error_set(err, ERROR_LIMIT, "the index has %zu entries, more than the limit of %d",
		                 total, MANIFEST_ENTRIES_MAX);
	const json_t *best = NULL;
	int best_rank = 0;
	for (size_t i = 0; i < total; i++) {
		const json_t *entry = json_array_get(entries, i);
		int rank = platform_rank(entry);
		if (rank > best_rank) {
			best = entry;
			best_rank = rank;
		}
	}
	const json_t *first = json_array_get(entries, 0);
	if (best == NULL && total == 1 && json_object_get(first, "platform") == NULL)
		best = first;
	if (best == NULL)
		return no_wasm_entry(entries, err);
	return descriptor_read(best, "the entry", &manifest->entry, err);
}

static bool is_index_type(const char *media_type)
{
	return strcasecmp(media_type, MANIFEST_OCI_INDEX) == 0 ||
	       strcasecmp(media_type, MANIFEST_DOCKER_LIST) == 0;
}

static bool is_image_type(const char *media_type)
{
	return strcasecmp(media_type, MANIFEST_OCI_IMAGE) == 0 ||
	       strcasecmp(media_type, MANIFEST_DOCKER_IMAGE) == 0;
}

/* What the type says and what the members say must agree: else the same bytes could be read as
 * an image by one and as an index by another (CVE-2021-41190). */
static bool kind_read(const json_t *root, const char *outer_type, bool *is_index, struct error *err)
{
	char type[128];
	snprintf(type, sizeof type, "%.*s", (int)strcspn(outer_type, "; "), outer_type);
	const char *inner = string_of(root, "mediaType");
	bool known = is_index_type(type) || is_image_type(type);
	if (known && inner[0] != '\0' && strcasecmp(type, inner) != 0) {
		char shown[96];
		return error_set(err, ERROR_NETWORK,
		                 "the manifest is not one: it is served as %s and calls itself '%s'", type,
		                 printable_ascii(inner, shown, sizeof shown));
	}
	const char *decides = inner[0] != '\0' ? inner : type;
	bool has_layers = json_is_array(json_object_get(root, "layers"));
	bool has_entries = json_is_array(json_object_get(root, "manifests"));
	if (has_layers && has_entries)
		return no_manifest(err, "it has both layers and manifests");
	if (!has_layers && !has_entries)
		return no_manifest(err, "it has neither layers nor manifests");
	if (inner[0] != '\0' && !is_index_type(inner) && !is_image_type(inner)) {
		char shown[96];
		return error_set(err, ERROR_UNSUPPORTED, "manifests of type '%s' are not supported",
		                 printable_ascii(inner, shown, sizeof shown));
	}
	if ((is_index_type(decides) && !has_entries) || (is_image_type(decides) && !has_layers))
		return no_manifest(err, "its members are not those of its type");
	*is_index = has_entries;
	return true;
}

bool manifest_parse(const char *bytes, size_t size, const char *media_type,
                    struct manifest *manifest, struct error *err)
{
	*manifest = (struct manifest){0};
	if (size > MANIFEST_MAX_BYTES)
		return error_set(err, ERROR_LIMIT,
		                 "the manifest has %zu bytes, more than the limit of %llu", size,
		                 (unsigned long long)MANIFEST_MAX_BYTES);
	json_error_t fault;
	cleanup_json json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &fault);
	char words[JSON_FAULT_SIZE];
	if (root == NULL)
		return error_set(err, ERROR_NETWORK, "the manifest is no JSON: %s",
		                 json_fault_words(&fault, words));
	if (!json_is_object(root))
		return no_manifest(err, "it is no object");
	const json_t *version = json_object_get(root, "schemaVersion");
	if (!json_is_integer(version) || json_integer_value(version) != 2)
		return no_manifest(err, "schemaVersion is not 2");
	if (!kind_read(root, media_type != NULL ? media_type : "", &manifest->is_index, err))
		return false;
	bool ok =
	    manifest->is_index ? index_read(root, manifest, err) : image_read(root, manifest, err);
	if (!ok)
		manifest_clear(manifest);
	return ok;
}

void manifest_clear(struct manifest *manifest)
{
	free(manifest->layers);
	*manifest = (struct manifest){0};
}

static bool dump(const json_t *json, char **text, size_t *size, struct digest *digest,
                 struct error *err)
{
	*text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	if (*text == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a manifest");
	*size = strlen(*text);
	return digest_of_bytes(*text, *size, DIGEST_SHA256, digest, err);
}

bool manifest_write(const struct descriptor *layer, const char *title, int64_t created,
                    struct manifest_texts *texts, struct error *err)
{
	*texts = (struct manifest_texts){0};
	char layer_digest[DIGEST_TEXT_SIZE], config_digest[DIGEST_TEXT_SIZE], when[32] = "";
	digest_format(&layer->digest, layer_digest);
	time_t seconds = (time_t)created;
	struct tm broken;
	if (gmtime_r(&seconds, &broken) == NULL ||
	    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &broken) == 0)
		strcpy(when, "1970-01-01T00:00:00Z");

	cleanup_json json_t *config =
	    json_pack("{s:s, s:s, s:s, s:[s]}", "created", when, "architecture", "wasm", "os", "wasip1",
	              "layerDigests", layer_digest);
	if (!dump(config, &texts->config, &texts->config_size, &texts->config_digest, err))
		return false;
	digest_format(&texts->config_digest, config_digest);

	char plain_title[256];
	printable_ascii(title, plain_title, sizeof plain_title);
	cleanup_json json_t *root =
	    json_pack("{s:i, s:s, s:{s:s, s:s, s:I}, s:[{s:s, s:s, s:I, s:{s:s}}]}", "schemaVersion", 2,
	              "mediaType", MANIFEST_OCI_IMAGE, "config", "mediaType",
	              "application/vnd.wasm.config.v0+json", "digest", config_digest, "size",
	              (json_int_t)texts->config_size, "layers", "mediaType", "application/wasm",
	              "digest", layer_digest, "size", (json_int_t)layer->size, "annotations",
	              "org.opencontainers.image.title", plain_title);
	if (!dump(root, &texts->manifest, &texts->manifest_size, &texts->manifest_digest, err)) {
		manifest_texts_clear(texts);
		return false;
	}
	return true;
}

void manifest_texts_clear(struct manifest_texts *texts)
{
	free(texts->config);
	free(texts->manifest);
	*texts = (struct manifest_texts){0};
}
