/* The inside of struct artifacts, for the files that fetch and store. */
#ifndef PLUGIN_ARTIFACTS_STATE_H
#define PLUGIN_ARTIFACTS_STATE_H

#include "plugin/artifacts.h"
#include "plugin/delivery.h"
#include "plugin/registry.h"
#include "plugin/repository.h"
#include "plugin/s3.h"
#include "plugin/transfer.h"

#include <errno.h>

struct artifacts {
	struct artifacts_options options;
	struct transfers *transfers;
	struct registry *registry;
	struct repository repository; /* of the options */
	bool has_repository;
	struct kubernetes *kubernetes; /* NULL: none */
	struct s3_place gcs;           /* of the options: keys for Google's store */
};

/* Ends the exchanges of one artifact when its time is over, or the server stops: the progress
 * callback of their requests. */
struct artifact_watch {
	const struct artifacts_options *options;
	uint64_t until_ms;               /* CLOCK_MONOTONIC */
	struct error *err;               /* says why, before the exchange is given up */
	const struct delivery *delivery; /* what it is for, or NULL */
};

void artifact_watch_start(struct artifact_watch *watch, const struct artifacts_options *options,
                          struct error *err);
bool artifact_watch_go_on(void *watch, uint64_t done, uint64_t total);

/* ---- artifact_http.c ---- */

/* Gives the artifact at an http location to the sink. */
bool artifact_fetch_http(const struct artifacts_run *run, const struct artifact *artifact,
                         const struct transfer_sink *sink, struct artifact_watch *watch,
                         struct error *err);
/* Whether the location can be fetched at all, before anything is. */
bool artifact_check_http(const struct artifact *artifact, struct error *err);

/* ---- artifact_oci.c: http locations whose URL is oci://… ---- */

bool artifact_is_oci(const struct artifact *artifact);
bool artifact_check_oci(const struct artifact *artifact, struct error *err);
bool artifact_fetch_oci(const struct artifacts_run *run, const struct artifact *artifact,
                        const struct transfer_sink *sink, struct artifact_watch *watch,
                        struct error *err);

/* ---- artifact_store.c: locations in object stores ---- */

/* An object, or everything below a key. */
struct artifact_object {
	struct s3_place place;
	char key[S3_KEY_MAX + 1];
};

void artifact_object_clear(struct artifact_object *object);
#define cleanup_artifact_object __attribute__((cleanup(artifact_object_clear)))

/* Fields of a wrong type, and those that are not supported. */
bool artifact_check_store(const struct artifact *artifact, struct error *err);

/* The bucket and the keys of a location {endpoint, bucket, …} that stands for itself. */
bool artifact_store_place(struct artifacts_run *run, const json_t *location, struct s3_place *place,
                          struct error *err);

/* Where an artifact of kind s3 or gcs lies, or (without a location, or without a key) is to be
 * stored: `name` then ends the key of the default repository. Without `with_keys` no Secret is read
 * that the template names. */
bool artifact_object_find(struct artifacts_run *run, const struct artifact *artifact,
                          const char *name, bool with_keys, struct artifact_object *object,
                          struct error *err);

/* ---- artifact_repository.c: what Kubernetes knows ---- */

/* The value that a field {name, key} of `holder` names, from the workflow's namespace; for the
 * caller to secret_free(). NULL with *err set. */
char *artifact_secret(const struct artifacts_run *run, const json_t *holder, const char *field,
                      struct error *err);

/* The default repository: that of the options, else that of the cluster, which is asked once for
 * each step. *repository is NULL, without an error, where there is none. */
bool artifact_repository(struct artifacts_run *run, const struct repository **repository,
                         struct error *err);

/* ---- artifact_input.c, artifact_folder.c, artifact_output.c ---- */

/* Fetches one input and lays it out; one that is optional may be missing. */
bool artifact_input(struct artifacts_run *run, const struct artifact *artifact, struct error *err);

/* Fetches every object below object->key into a folder. *count is their number. */
bool artifact_folder(struct artifacts_run *run, const struct artifact_object *object, int folder,
                     uint64_t *count, struct error *err);

/* Stores one output, and adds it to the node. `path` is where the guest left it. */
bool artifact_output(struct artifacts_run *run, const struct artifact *artifact, struct node *node,
                     struct error *err);

#endif
