#include "plugin/artifacts.h"

#include "plugin/artifact_place.h"
#include "plugin/artifacts_state.h"
#include "plugin/now.h"
#include "plugin/origin.h"
#include "plugin/policy_ceiling.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RETRIES 4

/* ---- shared by all steps ---- */

/* The keys for Google's store. */
static bool read_gcs(const struct artifacts_options *options, struct s3_place *gcs,
                     struct error *err)
{
	struct repository made = {0};
	bool is_there;
	const struct repository_options as_repository = {
	    .endpoint = options->gcs_endpoint != NULL ? options->gcs_endpoint : GCS_ENDPOINT,
	    .bucket = "",
	    .region = "auto",
	    .key_id_file = options->gcs_key_id_file,
	    .secret_file = options->gcs_secret_file,
	};
	if (repository_of_options(&as_repository, &made, &is_there, err)) {
		*gcs = made.place;
		return true;
	}
	error_wrap(err, "--artifact-gcs-…");
	return false;
}

/* A registry that the ceiling lists says where its layers lie, and redirects there; but what trusts
 * its callers for their place must be listed itself. */
static bool may_ask_registry(const void *ceiling, const char *url, struct error *err)
{
	struct origin origin;
	const char *holder;
	return origin_parse(url, strlen(url), &origin, NULL, err) &&
	       (!origin.at.is_address || address_special(&origin.at.address, &holder) == NULL ||
	        policy_ceiling_lets_url(ceiling, url, err));
}

struct artifacts *artifacts_create(const struct artifacts_options *options, struct error *err)
{
	const struct transfer_options transfers = {
	    .connect_seconds = transfer_connect_seconds((unsigned)options->stall_seconds),
	    .stall_seconds = transfer_stall_seconds((unsigned)options->stall_seconds),
	    .stall_option = "--" TRANSFER_STALL_OPTION,
	    .retries = RETRIES};
	struct transfer_options registries = transfers;
	registries.insecure_hosts = getenv("INSECURE_OCI_REGISTRIES");
	registries.reach = options->ceiling != NULL ? REACH_LISTED : REACH_NAMED;
	registries.may_ask = options->ceiling != NULL ? may_ask_registry : NULL;
	registries.may_ask_env = options->ceiling;
	struct artifacts *artifacts = calloc(1, sizeof *artifacts);
	if (artifacts == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for artifacts");
		return NULL;
	}
	artifacts->options = *options;
	if (options->part_size < S3_PART_MIN)
		error_put(err, ERROR_USAGE,
		          "--artifact-part-size is less than %" PRIu64 " bytes, which is "
		          "the least that object stores take",
		          S3_PART_MIN);
	else
		artifacts->transfers = transfers_create(&transfers, err);
	if (artifacts->transfers == NULL ||
	    (artifacts->registry = registry_create(&registries, NULL, err)) == NULL ||
	    !repository_of_options(&options->repository, &artifacts->repository,
	                           &artifacts->has_repository, err) ||
	    !read_gcs(options, &artifacts->gcs, err) ||
	    !kubernetes_create(artifacts->transfers, options->service_account, &artifacts->kubernetes,
	                       err)) {
		artifacts_destroy(artifacts);
		return NULL;
	}
	return artifacts;
}

void artifacts_destroy(struct artifacts *artifacts)
{
	if (artifacts == NULL)
		return;
	kubernetes_destroy(artifacts->kubernetes);
	registry_destroy(artifacts->registry);
	transfers_destroy(artifacts->transfers);
	repository_clear(&artifacts->repository);
	s3_place_clear(&artifacts->gcs);
	free(artifacts);
}

bool artifacts_stopped(const struct artifacts *artifacts)
{
	return artifacts->options.stopping != NULL && atomic_load(artifacts->options.stopping);
}

void artifact_watch_start(struct artifact_watch *watch, const struct artifacts_options *options,
                          struct error *err)
{
	*watch = (struct artifact_watch){
	    .options = options, .until_ms = now_ms() + options->seconds * 1000, .err = err};
}

bool artifact_watch_go_on(void *env, uint64_t done, uint64_t total)
{
	struct artifact_watch *watch = env;
	(void)done;
	(void)total;
	if (watch->options->stopping != NULL && atomic_load(watch->options->stopping)) {
		error_put(watch->err, ERROR_NETWORK, "the plugin is stopping");
		return false;
	}
	if (watch->delivery != NULL && !delivery_is_wanted(watch->delivery))
		return false;
	if (now_ms() < watch->until_ms)
		return true;
	error_put(watch->err, ERROR_LIMIT,
	          "took longer than %llu s (--artifact-timeout), and was given up",
	          (unsigned long long)watch->options->seconds);
	return false;
}

/* ---- a step's ---- */

bool artifacts_store(struct artifacts_run *run, const struct s3_place **place,
                     struct transfers **transfers, struct error *err)
{
	const struct repository *repository;
	if (!artifact_repository(run, &repository, err))
		return false;
	if (repository == NULL)
		return error_set(err, ERROR_USAGE,
		                 "the server has no object store; give it the default artifact repository "
		                 "(--artifact-s3-endpoint, or the cluster's)");
	*place = &repository->place;
	*transfers = run->shared->transfers;
	return true;
}

void artifacts_run_init(struct artifacts_run *run, struct artifacts *shared,
                        const struct request *request, const struct workroot *root,
                        struct workdir *work)
{
	*run = (struct artifacts_run){
	    .shared = shared,
	    .request = request,
	    .root = root,
	    .work = work,
	    .outside = WORKDIR_INIT,
	    .scratch = WORKDIR_INIT,
	};
}

void artifacts_run_clear(struct artifacts_run *run)
{
	workdir_destroy(&run->outside);
	workdir_destroy(&run->scratch);
	for (size_t i = 0; i < run->grant_count; i++)
		free(run->grants[i]);
	free(run->grants);
	repository_clear(&run->repository);
	run->has_repository = false;
	free(run->node);
	run->node = NULL;
	run->grants = NULL;
	run->grant_count = 0;
}

const char *artifacts_node(struct artifacts_run *run)
{
	uint64_t random = 0;
	if (run->node != NULL)
		return run->node;
	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random ||
	    asprintf(&run->node, "%s-%s-%010" PRIu64, run->request->workflow, run->request->template,
	             random % UINT64_C(10000000000)) < 0)
		run->node = NULL;
	return run->node == NULL ? "" : run->node;
}

static bool check_location(const struct artifact *artifact, struct error *err)
{
	const struct location_row *row = location_row(artifact->location);
	if (artifact->location == LOCATION_NONE)
		return artifact->optional || error_set(err, ERROR_USAGE, "has no location");
	if (row == NULL)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "its location is of kind %.60s, which is not known; take s3, gcs, http or "
		                 "raw",
		                 artifact->location_key);
	if (row->advice != NULL)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "its location is of kind %s, which is not supported; %s", row->key,
		                 row->advice);
	if (artifact->location == LOCATION_RAW)
		return artifact_text(artifact->place, "data") != NULL ||
		       error_set(err, ERROR_USAGE, "raw.data: is missing or no text");
	return artifact->location == LOCATION_HTTP ? artifact_check_http(artifact, err)
	                                           : artifact_check_store(artifact, err);
}

static bool check_input(struct artifacts_run *run, const struct artifact *artifact,
                        struct error *err)
{
	struct artifact_place place;
	cleanup_artifact_object struct artifact_object object = {0};
	bool is_stored = artifact->location == LOCATION_S3 || artifact->location == LOCATION_GCS;
	if (check_location(artifact, err) &&
	    artifact_place_find(run->request, artifact, ARTIFACT_IN, &place, err) &&
	    (!is_stored || artifact_object_find(run, artifact, NULL, false, &object, err)))
		return true;
	error_wrap(err, "input artifact %.200s", artifact->name);
	return false;
}

/* That it can be stored is known before the step has run. */
static bool check_output(struct artifacts_run *run, const struct artifact *artifact,
                         struct error *err)
{
	struct artifact_place place;
	cleanup_artifact_object struct artifact_object object = {0};
	const struct location_row *row = location_row(artifact->location);
	if (artifact->location == LOCATION_RAW || artifact->location == LOCATION_HTTP)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "its location is of kind %s, where nothing is stored; give it s3, or no "
		                 "location for the default artifact repository",
		                 row->key);
	return (artifact->location == LOCATION_NONE || check_location(artifact, err)) &&
	       artifact_place_find(run->request, artifact, ARTIFACT_OUT, &place, err) &&
	       artifact_object_find(run, artifact, "probe", false, &object, err);
}

bool artifacts_check(struct artifacts_run *run, struct error *err)
{
	const struct request_artifacts *in = &run->request->artifacts;
	for (size_t i = 0; i < in->count; i++) {
		if (!check_input(run, &in->items[i], err))
			return false;
	}
	const struct request_artifacts *out = &run->request->output_artifacts;
	for (size_t i = 0; i < out->count; i++) {
		if (check_output(run, &out->items[i], err))
			continue;
		error_wrap(err, "output artifact %.200s", out->items[i].name);
		return false;
	}
	return true;
}

/* Says what to do about the disk, and which artifact it is about. */
static bool failed(const char *direction, const char *name, struct error *err)
{
	if (err->sys_errno == ENOSPC)
		error_wrap(err, "the disk of the work directory (--work-dir) is full");
	error_wrap(err, "%s artifact %.200s", direction, name);
	return false;
}

bool artifacts_lay(struct artifacts_run *run, struct error *err)
{
	const struct request_artifacts *in = &run->request->artifacts;
	const struct request_artifacts *out = &run->request->output_artifacts;
	for (size_t i = 0; i < in->count; i++) {
		if (!artifact_input(run, &in->items[i], err))
			return failed("input", in->items[i].name, err);
	}
	/* The folders above them, so that a guest need not make any. */
	for (size_t i = 0; i < out->count; i++) {
		struct artifact_place place;
		if (!artifact_place_find(run->request, &out->items[i], ARTIFACT_OUT, &place, err) ||
		    !artifact_place_prepare(run, &place, err))
			return failed("output", out->items[i].name, err);
	}
	return true;
}

/* The path that result.json has for an output; NULL when it does not name it. */
static const char *reported_path(const struct node *node, const char *name)
{
	const json_t *item;
	size_t i;
	json_array_foreach(node->reported, i, item)
	{
		if (strcmp(artifact_text(item, "name"), name) == 0)
			return artifact_text(item, "path");
	}
	return NULL;
}

static bool is_declared(const struct request_artifacts *declared, const char *name)
{
	for (size_t i = 0; i < declared->count; i++) {
		if (strcmp(declared->items[i].name, name) == 0)
			return true;
	}
	return false;
}

bool artifacts_collect(struct artifacts_run *run, struct node *node, struct error *err)
{
	const struct request_artifacts *declared = &run->request->output_artifacts;
	for (size_t i = 0; i < declared->count; i++) {
		struct artifact artifact = declared->items[i];
		const char *path = reported_path(node, artifact.name);
		if (path != NULL)
			artifact.path = path;
		if (!artifact_output(run, &artifact, node, err))
			return failed("output", artifact.name, err);
	}
	const json_t *item;
	size_t i;
	json_array_foreach(node->reported, i, item)
	{
		const char *name = artifact_text(item, "name");
		struct artifact artifact;
		if (is_declared(declared, name))
			continue;
		if (!artifact_decode(item, name, "outputs.artifacts", ERROR_USAGE, &artifact, err) ||
		    !artifact_output(run, &artifact, node, err))
			return failed("output", name, err);
	}
	return true;
}
