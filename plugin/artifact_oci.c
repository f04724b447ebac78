/* Artifacts in a registry: http: {url: "oci://HOST/REPOSITORY[:TAG][@DIGEST]"}, as `oras push` and
 * `tiphys push` make them. The one layer is the artifact. */
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/json.h"
#include "plugin/reference.h"
#include "plugin/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "oci://"

bool artifact_is_oci(const struct artifact *artifact)
{
	const char *url = artifact_text(artifact->place, "url");
	return url != NULL && strncmp(url, SCHEME, strlen(SCHEME)) == 0;
}

static bool find_reference(const struct artifact *artifact, struct reference *reference,
                           struct error *err)
{
	const char *url = artifact_text(artifact->place, "url");
	if (reference_parse(reference, url + strlen(SCHEME), err))
		return true;
	error_wrap(err, "http.url");
	return false;
}

bool artifact_check_oci(const struct artifact *artifact, struct error *err)
{
	struct reference reference;
	if (json_array_size(json_object_get(artifact->place, "headers")) > 0 ||
	    json_object_size(json_object_get(artifact->place, "auth")) > 0)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "http.headers and http.auth: are not for " SCHEME
		                 "; a registry's credentials come from the docker config.json");
	return find_reference(artifact, &reference, err);
}

/* The only layer of a manifest, whatever its media type. */
static bool find_layer(const char *text, size_t size, struct descriptor *layer, struct error *err)
{
	cleanup_json json_t *manifest = json_loadb(text, size, 0, NULL);
	const json_t *layers = json_object_get(manifest, "layers");
	const json_t *first = json_array_get(layers, 0);
	const char *digest = artifact_text(first, "digest");
	const json_t *bytes = json_object_get(first, "size");
	if (!json_is_array(layers))
		return error_set(
		    err, ERROR_UNSUPPORTED,
		    "is no manifest with layers; an index of several images is not taken for an "
		    "artifact");
	if (json_array_size(layers) != 1)
		return error_set(
		    err, ERROR_UNSUPPORTED,
		    "has %zu layers, and an artifact is one; pack them into a tgz, and push that",
		    json_array_size(layers));
	if (digest == NULL || !digest_parse(&layer->digest, digest) || !json_is_integer(bytes) ||
	    json_integer_value(bytes) < 0)
		return error_set(err, ERROR_NETWORK, "its layer has no digest and size");
	layer->size = (uint64_t)json_integer_value(bytes);
	return true;
}

/* Hands bytes on, and takes their digest. */
struct verifying {
	const struct transfer_sink *sink;
	struct digest_stream stream;
	uint64_t size;
};

static bool verifying_begin(void *env, struct error *err)
{
	struct verifying *verifying = env;
	verifying->size = 0;
	digest_stream_clear(&verifying->stream);
	return digest_stream_init(&verifying->stream, DIGEST_SHA256, err) &&
	       verifying->sink->begin(verifying->sink->env, err);
}

static bool verifying_add(void *env, const void *bytes, size_t size, struct error *err)
{
	struct verifying *verifying = env;
	verifying->size += size;
	return digest_stream_add(&verifying->stream, bytes, size, err) &&
	       verifying->sink->add(verifying->sink->env, bytes, size, err);
}

static bool fetch_layer(struct registry *registry, const struct reference *reference,
                        const struct descriptor *layer, const struct transfer_sink *sink,
                        struct artifact_watch *watch, struct error *err)
{
	struct verifying verifying = {.sink = sink};
	const struct transfer_sink verified = {verifying_begin, verifying_add, &verifying};
	const struct registry_progress progress = {artifact_watch_go_on, watch};
	struct digest digest;
	if (layer->digest.algorithm != DIGEST_SHA256)
		return error_set(err, ERROR_UNSUPPORTED, "its layer's digest is no sha256");
	bool done = registry_blob_get(registry, reference, layer, &verified, &progress, err) &&
	            digest_stream_finish(&verifying.stream, &digest, err);
	digest_stream_clear(&verifying.stream);
	if (!done || (verifying.size == layer->size && digest_equal(&digest, &layer->digest)))
		return done;
	return error_set(err, ERROR_NETWORK, "the bytes that came are not those of the layer's digest");
}

bool artifact_fetch_oci(const struct artifacts_run *run, const struct artifact *artifact,
                        const struct transfer_sink *sink, struct artifact_watch *watch,
                        struct error *err)
{
	struct registry *registry = run->shared->registry;
	struct reference reference;
	struct descriptor layer;
	struct digest digest;
	cleanup_free char *text = NULL;
	char type[128];
	size_t size;
	if (!find_reference(artifact, &reference, err))
		return false;
	if (registry_manifest_get(registry, &reference, &text, &size, type, &digest, err) &&
	    find_layer(text, size, &layer, err) &&
	    fetch_layer(registry, &reference, &layer, sink, watch, err))
		return true;
	error_wrap(err, "%.300s", artifact_text(artifact->place, "url"));
	return false;
}
