/* Artifacts of kind s3 and gcs: from what a template says, and the default repository, to a bucket
 * and its keys. */
#include "plugin/artifacts_state.h"

#include "caps/cleanup.h"
#include "plugin/policy_ceiling.h"
#include "plugin/scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GCS_REGION "auto"

void artifact_object_clear(struct artifact_object *object)
{
	s3_place_clear(&object->place);
}

/* ---- what a template may say ---- */

static const json_t *field(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_null(value) ? NULL : value;
}

static bool check_texts(const struct artifact *artifact, struct error *err)
{
	static const char *const texts[] = {"endpoint", "bucket", "key", "region", "roleARN"};
	static const char *const flags[] = {"insecure", "useSDKCreds"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const json_t *value = field(artifact->place, texts[i]);
		if (value != NULL && !json_is_string(value))
			return error_set(err, ERROR_USAGE, "%s.%s: is %s, must be a string",
			                 artifact->location_key, texts[i], json_kind(value));
	}
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		const json_t *value = field(artifact->place, flags[i]);
		if (value != NULL && !json_is_boolean(value))
			return error_set(err, ERROR_USAGE, "%s.%s: is %s, must be true or false",
			                 artifact->location_key, flags[i], json_kind(value));
	}
	return true;
}

/* Every field that Argo knows: another one is a mistake, or something that would be left undone. */
static bool check_names(const struct artifact *artifact, struct error *err)
{
	static const char *const names[] = {"endpoint",
	                                    "bucket",
	                                    "key",
	                                    "region",
	                                    "insecure",
	                                    "accessKeySecret",
	                                    "secretKeySecret",
	                                    "caSecret",
	                                    "sessionTokenSecret",
	                                    "roleARN",
	                                    "useSDKCreds",
	                                    "createBucketIfNotPresent",
	                                    "encryptionOptions",
	                                    "serviceAccountKeySecret"};
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)artifact->place, key, value)
	{
		bool is_known = false;
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
			is_known = is_known || strcmp(names[i], key) == 0;
		if (!is_known)
			return error_set(err, ERROR_UNSUPPORTED, "%s.%.60s: is not known",
			                 artifact->location_key, key);
	}
	return true;
}

bool artifact_check_store(const struct artifact *artifact, struct error *err)
{
	const json_t *encryption = field(artifact->place, "encryptionOptions");
	const char *role = artifact_text(artifact->place, "roleARN");
	const char *key = artifact_key(artifact);
	const json_t *bucket = field(artifact->place, "createBucketIfNotPresent");
	if (!check_names(artifact, err) || !check_texts(artifact, err))
		return false;
	if (json_is_true(json_object_get(bucket, "objectLocking")))
		return error_set(
		    err, ERROR_UNSUPPORTED,
		    "%s.createBucketIfNotPresent.objectLocking: is not supported; make the bucket "
		    "beforehand",
		    artifact->location_key);
	if (role != NULL && *role != '\0')
		return error_set(err, ERROR_UNSUPPORTED,
		                 "%s.roleARN: roles are not assumed; give keys by accessKeySecret and "
		                 "secretKeySecret",
		                 artifact->location_key);
	if (json_object_size(encryption) > 0)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "%s.encryptionOptions: is not supported; set the bucket's own default "
		                 "encryption",
		                 artifact->location_key);
	if (key != NULL && strlen(key) > S3_KEY_MAX)
		return error_set(err, ERROR_LIMIT, "%s.key: is longer than %d bytes",
		                 artifact->location_key, S3_KEY_MAX);
	return true;
}

/* ---- the bucket ---- */

static bool set_text(char **to, const char *from, struct error *err)
{
	if (from == NULL || *from == '\0')
		return true;
	char *copy = strdup(from);
	if (copy == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a location");
	free(*to);
	*to = copy;
	return true;
}

static bool copy_place(struct s3_place *to, const struct s3_place *from, struct error *err)
{
	to->insecure = from->insecure;
	to->style = from->style;
	to->creates_bucket = from->creates_bucket;
	return set_text(&to->endpoint, from->endpoint, err) &&
	       set_text(&to->bucket, from->bucket, err) && set_text(&to->region, from->region, err) &&
	       set_text(&to->authorities, from->authorities, err) &&
	       store_keys_copy(&to->keys, &from->keys, err);
}

static bool is_same_server(const struct s3_place *a, const struct s3_place *b)
{
	return strcasecmp(a->endpoint, b->endpoint) == 0 && a->insecure == b->insecure;
}

static bool is_named(const json_t *location, const char *field_name)
{
	return json_object_size(field(location, field_name)) > 0;
}

static bool read_secret(const struct artifacts_run *run, const json_t *location, const char *name,
                        char **value, struct error *err)
{
	if (!is_named(location, name))
		return true;
	*value = artifact_secret(run, location, name, err);
	return *value != NULL;
}

/* Those that the location names. */
static bool read_keys(const struct artifacts_run *run, const json_t *location,
                      struct s3_place *place, struct error *err)
{
	if (json_is_true(field(location, "useSDKCreds")))
		return store_keys_of_sdk(&place->keys, err);
	return read_secret(run, location, "accessKeySecret", &place->keys.id, err) &&
	       read_secret(run, location, "secretKeySecret", &place->keys.secret, err) &&
	       read_secret(run, location, "sessionTokenSecret", &place->keys.token, err) &&
	       read_secret(run, location, "caSecret", &place->authorities, err);
}

/* The keys of a place: those that the location names; or the repository's, at its own server only.
 * Those of the options stand in for Secrets that cannot be read. */
static bool find_keys(const struct artifacts_run *run, const json_t *location,
                      const struct repository *repository, struct s3_place *place,
                      struct error *err)
{
	bool names_keys = is_named(location, "accessKeySecret") ||
	                  is_named(location, "secretKeySecret") ||
	                  is_named(location, "sessionTokenSecret") || is_named(location, "caSecret");
	bool is_known = repository != NULL && is_same_server(&repository->place, place);
	bool can_read = run->shared->kubernetes != NULL || !is_known;
	if ((names_keys && can_read) || json_is_true(field(location, "useSDKCreds")))
		return read_keys(run, location, place, err);
	return !is_known || (store_keys_copy(&place->keys, &repository->place.keys, err) &&
	                     set_text(&place->authorities, repository->place.authorities, err));
}

/* What a location says of its server and bucket, over what the place holds already. */
static bool take_place(const json_t *location, struct s3_place *place, struct error *err)
{
	const char *endpoint = artifact_text(location, "endpoint");
	if (endpoint != NULL && *endpoint != '\0') {
		place->insecure = json_is_true(field(location, "insecure"));
		if (!s3_place_set_endpoint(place, endpoint, err))
			return false;
	} else if (place->endpoint == NULL && !s3_place_set_endpoint(place, "s3.amazonaws.com", err)) {
		return false;
	}
	place->creates_bucket =
	    place->creates_bucket || json_is_object(field(location, "createBucketIfNotPresent"));
	return set_text(&place->bucket, artifact_text(location, "bucket"), err) &&
	       set_text(&place->region, artifact_text(location, "region"), err) &&
	       (place->bucket != NULL || error_set(err, ERROR_USAGE, "s3.bucket: is missing"));
}

bool artifact_store_place(struct artifacts_run *run, const json_t *location, struct s3_place *place,
                          struct error *err)
{
	return take_place(location, place, err) && find_keys(run, location, NULL, place, err);
}

static bool is_said(const json_t *location, const char *name)
{
	const char *text = artifact_text(location, name);
	return text != NULL && *text != '\0';
}

/* A server that the template names itself must be one of the ceiling's hosts. */
static bool is_within_ceiling(const struct artifacts_run *run, const struct repository *repository,
                              const struct s3_place *place, struct error *err)
{
	const struct policy *ceiling = run->shared->options.ceiling;
	char url[400];
	if (ceiling == NULL || (repository != NULL && is_same_server(&repository->place, place)))
		return true;
	snprintf(url, sizeof url, "%s://%s", place->insecure ? "http" : "https", place->endpoint);
	return policy_ceiling_lets_url(ceiling, url, err);
}

static bool may_ask(const void *ceiling, const char *url, struct error *err)
{
	return policy_ceiling_lets_url(ceiling, url, err);
}

static bool find_s3(const struct artifacts_run *run, const json_t *location,
                    const struct repository *repository, bool with_keys, struct s3_place *place,
                    struct error *err)
{
	bool says_nothing = !is_said(location, "endpoint") && !is_said(location, "bucket");
	if (repository == NULL && says_nothing)
		return error_set(
		    err, ERROR_USAGE,
		    "lies in the default artifact repository, and none is known; give the plugin "
		    "one (--artifact-s3-endpoint, --artifact-s3-bucket) or a service account that "
		    "may read Argo's ConfigMaps, or the artifact an endpoint and a bucket");
	if (repository != NULL && !copy_place(place, &repository->place, err))
		return false;
	if (says_nothing)
		return true;
	store_keys_clear(&place->keys);
	free(place->authorities);
	place->authorities = NULL;
	if (!take_place(location, place, err))
		return false;
	bool is_own = repository == NULL || !is_same_server(&repository->place, place);
	const struct policy *ceiling = run->shared->options.ceiling;
	place->reach = !is_own ? REACH_ANYWHERE : ceiling != NULL ? REACH_LISTED : REACH_NAMED;
	place->may_ask = is_own && ceiling != NULL ? may_ask : NULL;
	place->may_ask_env = ceiling;
	return is_within_ceiling(run, repository, place, err) &&
	       (!with_keys || find_keys(run, location, repository, place, err));
}

/* Whether a location can be understood without the default repository. */
static bool is_whole(const json_t *location)
{
	return is_said(location, "endpoint") && is_said(location, "bucket") && is_said(location, "key");
}

/* Google's store speaks S3 to those who have HMAC keys. */
static bool find_gcs(const json_t *location, const struct s3_place *gcs, struct s3_place *place,
                     struct error *err)
{
	if (gcs->keys.id == NULL)
		return error_set(
		    err, ERROR_USAGE,
		    "gcs: is asked by its S3-compatible interface, which wants HMAC keys; make a "
		    "pair for the service account, and give it by "
		    "--artifact-gcs-access-key-file and --artifact-gcs-secret-key-file");
	if (!copy_place(place, gcs, err) ||
	    !set_text(&place->bucket, artifact_text(location, "bucket"), err))
		return false;
	return place->bucket != NULL || error_set(err, ERROR_USAGE, "gcs.bucket: is missing");
}

bool artifact_object_find(struct artifacts_run *run, const struct artifact *artifact,
                          const char *name, bool with_keys, struct artifact_object *object,
                          struct error *err)
{
	const struct repository *repository = NULL;
	const char *key = artifact_key(artifact);
	*object = (struct artifact_object){0};
	if (artifact->location == LOCATION_GCS) {
		if (!find_gcs(artifact->place, &run->shared->gcs, &object->place, err))
			return false;
	} else {
		/* The cluster is asked only where it has to be; what the options say is known. */
		bool asks = run->shared->has_repository || !is_whole(artifact->place);
		if ((asks && !artifact_repository(run, &repository, err)) ||
		    !find_s3(run, artifact->place, repository, with_keys, &object->place, err))
			return false;
	}
	if (key != NULL && *key != '\0') {
		snprintf(object->key, sizeof object->key, "%s", key);
		return true;
	}
	if (name == NULL || repository == NULL)
		return error_set(err, ERROR_USAGE, "%s.key: is missing",
		                 artifact->location_key == NULL ? "s3" : artifact->location_key);
	cleanup_bytes struct bytes made = {0};
	if (!repository_key(repository, run->request, artifacts_node(run), &made, err) ||
	    (!bytes_print(&made, "/%s", name) &&
	     !error_set(err, ERROR_NO_MEMORY, "no memory for a key")))
		return false;
	if (made.size > S3_KEY_MAX)
		return error_set(err, ERROR_LIMIT, "its key would be longer than %d bytes", S3_KEY_MAX);
	strcpy(object->key, made.data);
	return true;
}
