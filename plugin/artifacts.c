#include "plugin/artifacts.h"

#include "plugin/artifact_place.h"
#include "plugin/artifacts_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_SECONDS 10
#define STALL_SECONDS 30
#define RETRIES 4

/* ---- shared by all steps ---- */

struct artifacts *artifacts_create(const struct artifacts_options *options, struct error *err)
{
	const struct transfer_options transfers = {
	    .connect_seconds = CONNECT_SECONDS, .stall_seconds = STALL_SECONDS, .retries = RETRIES};
	struct artifacts *artifacts = calloc(1, sizeof *artifacts);
	if (artifacts == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for artifacts");
		return NULL;
	}
	artifacts->options = *options;
	artifacts->transfers = transfers_create(&transfers, err);
	if (artifacts->transfers == NULL) {
		artifacts_destroy(artifacts);
		return NULL;
	}
	return artifacts;
}

void artifacts_destroy(struct artifacts *artifacts)
{
	if (artifacts == NULL)
		return;
	transfers_destroy(artifacts->transfers);
	free(artifacts);
}

bool artifacts_stopped(const struct artifacts *artifacts)
{
	return artifacts->options.stopping != NULL && atomic_load(artifacts->options.stopping);
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
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
	if (now_ms() < watch->until_ms)
		return true;
	error_put(watch->err, ERROR_LIMIT,
	          "took longer than %llu s (--artifact-timeout), and was given up",
	          (unsigned long long)watch->options->seconds);
	return false;
}

/* ---- a step's ---- */

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
	run->grants = NULL;
	run->grant_count = 0;
}

static bool check_location(const struct artifact *artifact, struct error *err)
{
	const struct location_row *row = location_row(artifact->location);
	if (artifact->location == LOCATION_NONE)
		return artifact->optional || error_set(err, ERROR_USAGE, "has no location");
	if (row == NULL)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "its location is of kind %.60s, which is not known; take s3, http or raw",
		                 artifact->location_key);
	if (row->advice != NULL)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "its location is of kind %s, which is not supported; %s", row->key,
		                 row->advice);
	if (artifact->location == LOCATION_RAW)
		return artifact_text(artifact->place, "data") != NULL ||
		       error_set(err, ERROR_USAGE, "raw.data: is missing or no text");
	return artifact_check_http(artifact, err);
}

static bool check_input(const struct artifacts_run *run, const struct artifact *artifact,
                        struct error *err)
{
	struct artifact_place place;
	if (check_location(artifact, err) &&
	    artifact_place_find(run->request, artifact, ARTIFACT_IN, &place, err))
		return true;
	error_wrap(err, "input artifact %.200s", artifact->name);
	return false;
}

bool artifacts_check(const struct artifacts_run *run, struct error *err)
{
	const struct request_artifacts *in = &run->request->artifacts;
	for (size_t i = 0; i < in->count; i++) {
		if (!check_input(run, &in->items[i], err))
			return false;
	}
	const struct request_artifacts *out = &run->request->output_artifacts;
	for (size_t i = 0; i < out->count; i++) {
		if (!out->items[i].optional)
			return error_set(err, ERROR_UNSUPPORTED,
			                 "output artifact %.200s: this version of tiphys stores no output "
			                 "artifacts; hand small data on as an output parameter",
			                 out->items[i].name);
	}
	return true;
}

bool artifacts_lay(struct artifacts_run *run, struct error *err)
{
	const struct request_artifacts *in = &run->request->artifacts;
	for (size_t i = 0; i < in->count; i++) {
		if (artifact_input(run, &in->items[i], err))
			continue;
		if (err->sys_errno == ENOSPC)
			error_wrap(err, "the disk of the work directory (--work-dir) is full");
		error_wrap(err, "input artifact %.200s", in->items[i].name);
		return false;
	}
	return true;
}
