/* Artifacts in a registry: http: {url: "oci://HOST/REPOSITORY[:TAG][@DIGEST]"}, as `oras push` and
 * `tiphys push` make them. The one layer is the artifact. */
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/policy_ceiling.h"
#include "plugin/digest_sink.h"
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

static bool fetch_layer(struct registry *registry, const struct reference *reference,
                        const struct descriptor *layer, const struct transfer_sink *sink,
                        struct artifact_watch *watch, struct error *err)
{
	cleanup_digest_sink struct digest_sink checking;
	const struct transfer_sink checked = digest_sink_init(&checking, sink);
	const struct registry_progress progress = {artifact_watch_go_on, watch};
	struct digest digest;
	if (layer->digest.algorithm != DIGEST_SHA256)
		return error_set(err, ERROR_UNSUPPORTED, "its layer's digest is no sha256");
	if (!registry_blob_get(registry, reference, layer, &checked, &progress, err) ||
	    !digest_sink_finish(&checking, &digest, err))
		return false;
	if (checking.size == layer->size && digest_equal(&digest, &layer->digest))
		return true;
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
	const struct policy *ceiling = run->shared->options.ceiling;
	if (!find_reference(artifact, &reference, err) ||
	    (ceiling != NULL &&
	     !policy_ceiling_lets_module(ceiling, reference.host, reference.repository, err)))
		return false;
	if (registry_manifest_get(registry, &reference, &text, &size, type, &digest, err) &&
	    find_layer(text, size, &layer, err) &&
	    fetch_layer(registry, &reference, &layer, sink, watch, err))
		return true;
	error_wrap(err, "%.300s", artifact_text(artifact->place, "url"));
	return false;
}
