#include "plugin/registry.h"

#include "plugin/authorize.h"
#include "plugin/credentials.h"
#include "caps/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPT                                                                                     \
	"Accept: " MANIFEST_OCI_IMAGE ", " MANIFEST_OCI_INDEX ", " MANIFEST_DOCKER_IMAGE               \
	", " MANIFEST_DOCKER_LIST

struct registry {
	struct transfers *transfers;
	struct authorizer *authorizer;
};

struct registry *registry_create(const struct transfer_options *options, const char *docker_config,
                                 struct error *err)
{
	struct registry *registry = calloc(1, sizeof *registry);
	if (registry == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for registries");
		return NULL;
	}
	registry->transfers = transfers_create(options, err);
	if (registry->transfers != NULL)
		registry->authorizer = authorizer_create(registry->transfers, docker_config, err);
	if (registry->authorizer == NULL) {
		registry_destroy(registry);
		return NULL;
	}
	return registry;
}

void registry_destroy(struct registry *registry)
{
	if (registry == NULL)
		return;
	authorizer_destroy(registry->authorizer);
	transfers_destroy(registry->transfers);
	free(registry);
}

/* https://host/v2/repository/<rest>; the caller's to free. */
static char *url_of(const struct registry *registry, const struct reference *reference,
                    const char *kind, const char *name, struct error *err)
{
	const char *host = reference->host;
	if (strcmp(host, "docker.io") == 0)
		host = "registry-1.docker.io";
	char *url = NULL;
	if (asprintf(&url, "%s://%s/v2/%s/%s/%s",
	             transfers_insecure(registry->transfers, host) ? "http" : "https", host,
	             reference->repository, kind, name) < 0) {
		error_set(err, ERROR_NO_MEMORY, "no memory for a URL");
		return NULL;
	}
	return url;
}

static bool fine(const struct transfer_reply *reply)
{
	return reply->status >= 200 && reply->status <= 299;
}

/* transfer(), and once more with what a 401 asks for. True when a server answered. */
static bool exchange(struct registry *registry, const struct reference *reference,
                     const char *action, struct transfer_request *request,
                     struct transfer_reply *reply, struct error *err)
{
	/* An upload may be sent elsewhere by the registry: credentials do not go along. */
	cleanup_free char *base = url_of(registry, reference, "", "", err);
	if (base == NULL)
		return false;
	bool ours = transfer_same_origin(base, request->url);
	char *authorization = ours ? authorizer_known(registry->authorizer, reference, action) : NULL;
	request->authorization = authorization;
	bool ok = transfer(registry->transfers, request, reply, err);
	if (ok && ours && reply->status == 401) {
		char *answer = NULL;
		ok = authorizer_answer(registry->authorizer, reference, action, reply, &answer, err);
		if (ok && answer != NULL) {
			request->authorization = answer;
			ok = transfer(registry->transfers, request, reply, err);
		}
		credentials_free(answer);
	}
	request->authorization = NULL;
	credentials_free(authorization);
	return ok;
}

static bool refused(const struct reference *reference, const struct transfer_request *request,
                    const struct transfer_reply *reply, struct error *err)
{
	transfer_refused(request, reply, err);
	if (reply->status == 401)
		error_wrap(err,
		           "registry %s: not authorized (credentials come from the docker config.json)",
		           reference->host);
	return false;
}

struct memory_sink {
	char *bytes;
	size_t size;
};

static bool memory_begin(void *env, struct error *err)
{
	struct memory_sink *memory = env;
	memory->size = 0;
	if (memory->bytes == NULL)
		memory->bytes = malloc(MANIFEST_MAX_BYTES + 1); /* touched as far as it is filled */
	return memory->bytes != NULL || error_set(err, ERROR_NO_MEMORY, "no memory for a manifest");
}

static bool memory_add(void *env, const void *bytes, size_t size, struct error *err)
{
	struct memory_sink *memory = env;
	if (size > MANIFEST_MAX_BYTES - memory->size)
		return error_set(err, ERROR_LIMIT, "the manifest is over the limit of %llu bytes",
		                 (unsigned long long)MANIFEST_MAX_BYTES);
	memcpy(memory->bytes + memory->size, bytes, size);
	memory->size += size;
	return true;
}

static bool manifest_checked(const struct reference *reference, const struct transfer_reply *reply,
                             const char *bytes, size_t size, struct digest *digest,
                             struct error *err)
{
	enum digest_algorithm algorithm =
	    reference->has_digest ? reference->digest.algorithm : DIGEST_SHA256;
	if (!digest_of_bytes(bytes, size, algorithm, digest, err))
		return false;
	struct digest announced;
	const struct digest *expected = NULL;
	if (reference->has_digest)
		expected = &reference->digest;
	else if (digest_parse(&announced, reply->content_digest) && announced.algorithm == algorithm)
		expected = &announced;
	if (expected == NULL || digest_equal(expected, digest))
		return true;
	char want[DIGEST_TEXT_SIZE], got[DIGEST_TEXT_SIZE];
	return error_set(
	    err, ERROR_NETWORK,
	    "registry %s, repository %s: the manifest's bytes are not those of its digest: "
	    "expected %s, received %zu bytes of %s",
	    reference->host, reference->repository, digest_format(expected, want), size,
	    digest_format(digest, got));
}

bool registry_manifest_get(struct registry *registry, const struct reference *reference,
                           char **bytes, size_t *size, char media_type[128], struct digest *digest,
                           struct error *err)
{
	char target[DIGEST_TEXT_SIZE];
	cleanup_free char *url =
	    url_of(registry, reference, "manifests", reference_target(reference, target), err);
	cleanup_free struct transfer_reply *reply = malloc(sizeof *reply);
	if (url == NULL)
		return false;
	if (reply == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a manifest");
	struct memory_sink memory = {0};
	struct transfer_sink sink = {memory_begin, memory_add, &memory};
	struct transfer_request request = {
	    .method = "GET", .url = url, .headers = {ACCEPT}, .is_bounded = true, .sink = &sink};
	bool ok = exchange(registry, reference, "pull", &request, reply, err);
	if (ok && reply->status != 200)
		ok = refused(reference, &request, reply, err);
	ok = ok && manifest_checked(reference, reply, memory.bytes, memory.size, digest, err);
	if (!ok) {
		free(memory.bytes);
		return false;
	}
	memory.bytes[memory.size] = '\0';
	snprintf(media_type, 128, "%.127s", reply->content_type);
	char *fitted = realloc(memory.bytes, memory.size + 1);
	*bytes = fitted != NULL ? fitted : memory.bytes;
	*size = memory.size;
	return true;
}

bool registry_blob_get(struct registry *registry, const struct reference *reference,
                       const struct descriptor *blob, const struct transfer_sink *sink,
                       const struct registry_progress *progress, struct error *err)
{
	char digest[DIGEST_TEXT_SIZE];
	cleanup_free char *url =
	    url_of(registry, reference, "blobs", digest_format(&blob->digest, digest), err);
	cleanup_free struct transfer_reply *reply = malloc(sizeof *reply);
	if (url == NULL)
		return false;
	if (reply == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a blob");
	struct transfer_request request = {.method = "GET",
	                                   .url = url,
	                                   .is_bounded = true,
	                                   .expected_size = blob->size,
	                                   .sink = sink,
	                                   .progress = progress != NULL ? progress->moved : NULL,
	                                   .progress_env = progress != NULL ? progress->env : NULL};
	if (!exchange(registry, reference, "pull", &request, reply, err))
		return false;
	return reply->status == 200 || refused(reference, &request, reply, err);
}

/* Whether the repository holds the blob. */
static bool blob_known(struct registry *registry, const struct reference *reference,
                       const char *digest, struct transfer_reply *reply, bool *known,
                       struct error *err)
{
	cleanup_free char *url = url_of(registry, reference, "blobs", digest, err);
	if (url == NULL)
		return false;
	struct transfer_request request = {.method = "HEAD", .url = url, .is_bounded = true};
	if (!exchange(registry, reference, "pull,push", &request, reply, err))
		return false;
	*known = reply->status == 200;
	return *known || reply->status == 404 || refused(reference, &request, reply, err);
}

/* POST, and the URL that the bytes are to be PUT to; the caller's to free. */
static char *upload_begin(struct registry *registry, const struct reference *reference,
                          const char *digest, struct transfer_reply *reply, struct error *err)
{
	cleanup_free char *url = url_of(registry, reference, "blobs/uploads", "", err);
	if (url == NULL)
		return NULL;
	struct transfer_request request = {
	    .method = "POST", .url = url, .has_body = true, .body = "", .is_bounded = true};
	if (!exchange(registry, reference, "pull,push", &request, reply, err))
		return NULL;
	if (reply->status != 202 || reply->location[0] == '\0') {
		refused(reference, &request, reply, err);
		return NULL;
	}
	char *target = NULL;
	if (asprintf(&target, "%s%sdigest=%s", reply->location,
	             strchr(reply->location, '?') != NULL ? "&" : "?", digest) < 0) {
		error_set(err, ERROR_NO_MEMORY, "no memory for a URL");
		return NULL;
	}
	return target;
}

bool registry_blob_put(struct registry *registry, const struct reference *reference,
                       const struct descriptor *blob, const void *bytes, int fd,
                       const struct registry_progress *progress, struct error *err)
{
	char digest[DIGEST_TEXT_SIZE];
	digest_format(&blob->digest, digest);
	cleanup_free struct transfer_reply *reply = malloc(sizeof *reply);
	if (reply == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a blob");
	bool known;
	if (!blob_known(registry, reference, digest, reply, &known, err))
		return false;
	if (known)
		return true;
	cleanup_free char *url = upload_begin(registry, reference, digest, reply, err);
	if (url == NULL)
		return false;
	struct transfer_request request = {.method = "PUT",
	                                   .url = url,
	                                   .headers = {"Content-Type: application/octet-stream"},
	                                   .has_body = true,
	                                   .body = bytes,
	                                   .body_fd = fd,
	                                   .body_size = blob->size,
	                                   .is_bounded = true,
	                                   .expected_size = blob->size,
	                                   .progress = progress != NULL ? progress->moved : NULL,
	                                   .progress_env = progress != NULL ? progress->env : NULL};
	if (!exchange(registry, reference, "pull,push", &request, reply, err))
		return false;
	return fine(reply) || refused(reference, &request, reply, err);
}

bool registry_manifest_put(struct registry *registry, const struct reference *reference,
                           const char *bytes, size_t size, const char *media_type,
                           const struct digest *digest, struct error *err)
{
	cleanup_free char *url = url_of(registry, reference, "manifests", reference->tag, err);
	cleanup_free struct transfer_reply *reply = malloc(sizeof *reply);
	if (url == NULL)
		return false;
	if (reply == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a manifest");
	char content_type[160];
	snprintf(content_type, sizeof content_type, "Content-Type: %s", media_type);
	struct transfer_request request = {.method = "PUT",
	                                   .url = url,
	                                   .headers = {content_type},
	                                   .has_body = true,
	                                   .body = bytes,
	                                   .body_size = size,
	                                   .is_bounded = true};
	if (!exchange(registry, reference, "pull,push", &request, reply, err))
		return false;
	if (!fine(reply))
		return refused(reference, &request, reply, err);
	struct digest stored;
	if (digest_parse(&stored, reply->content_digest) && stored.algorithm == digest->algorithm &&
	    !digest_equal(&stored, digest))
		return error_set(err, ERROR_NETWORK, "PUT %s: the registry stored another manifest: %s",
		                 url, reply->content_digest);
	return true;
}
