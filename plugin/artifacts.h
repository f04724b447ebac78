/* The artifacts of a step: what they are fetched from, where they lie for the guest, and what is
 * stored of those that it made.
 *
 * A module of the contract finds an input at /work/artifacts-in/PATH and leaves an output at
 * /work/artifacts-out/PATH, PATH being the artifact's without its leading slash. A plain command
 * finds both at the artifact's own path: below /work it is a part of the work directory; elsewhere
 * the folder above it is granted to the run, an otherwise empty one. */
#ifndef PLUGIN_ARTIFACTS_H
#define PLUGIN_ARTIFACTS_H

#include "plugin/artifact.h"
#include "plugin/reply.h"
#include "plugin/repository.h"
#include "plugin/kubernetes.h"
#include "plugin/request.h"
#include "plugin/transfer.h"
#include "plugin/unarchive.h"
#include "plugin/workdir.h"
#include "validator/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARTIFACT_SECONDS_DEFAULT 3600
#define GCS_ENDPOINT "storage.googleapis.com"

struct artifacts_options {
	struct archive_limits limits;
	uint64_t seconds;       /* --artifact-timeout: for one artifact, tries and all */
	uint64_t stall_seconds; /* --stall-timeout: how long a server may be silent; 0: the default */
	uint64_t part_size;     /* --artifact-part-size: larger ones are sent in parts */
	uint64_t parallel;      /* --artifact-parallel: parts that are sent at a time */
	struct repository_options repository;
	const char *service_account; /* a folder: KUBERNETES_ACCOUNT */
	const char *gcs_endpoint;    /* NULL: GCS_ENDPOINT */
	const char *gcs_key_id_file, *gcs_secret_file;
	const struct policy *ceiling; /* bounds where artifacts may lie; NULL: none does */
	const atomic_bool *stopping;  /* a transfer is given up when it becomes true */
};

#define ARTIFACTS_OPTIONS_DEFAULT                                                                  \
	{.limits = ARCHIVE_LIMITS_DEFAULT,                                                             \
	 .seconds = ARTIFACT_SECONDS_DEFAULT,                                                          \
	 .part_size = (uint64_t)64 << 20,                                                              \
	 .parallel = 2,                                                                                \
	 .service_account = KUBERNETES_ACCOUNT}

/* What all steps of a server share. Thread-safe. */
struct artifacts;

struct artifacts *artifacts_create(const struct artifacts_options *options, struct error *err);
/* No step may be under way. NULL is allowed. */
void artifacts_destroy(struct artifacts *artifacts);

/* Whether transfers are given up because the server stops. */
bool artifacts_stopped(const struct artifacts *artifacts);

/* A step's. All pointers are borrowed. */
struct artifacts_run {
	struct artifacts *shared;
	const struct request *request;
	const struct workroot *root;
	struct workdir *work; /* /work */
	struct workdir
	    outside; /* what stands for "/" where a plain command's artifacts lie elsewhere */
	struct workdir scratch;       /* for what is on its way; the guest does not see it */
	struct repository repository; /* of the cluster, when it was asked for */
	bool has_repository;
	char *node;    /* see artifacts_node() */
	char **grants; /* "HOST::GUEST", for --dir */
	size_t grant_count;
};

void artifacts_run_init(struct artifacts_run *run, struct artifacts *shared,
                        const struct request *request, const struct workroot *root,
                        struct workdir *work);
void artifacts_run_clear(struct artifacts_run *run);

/* Before anything is fetched: what can be known to fail. The error names the artifact. */
bool artifacts_check(struct artifacts_run *run, struct error *err);

/* Fetches the inputs and lays them out, and makes the folders of the outputs. The grants are known
 * afterwards. */
bool artifacts_lay(struct artifacts_run *run, struct error *err);

/* Stores the outputs: those that the template declares, and what else result.json names
 * (node->reported). The node says where. */
bool artifacts_collect(struct artifacts_run *run, struct node *node, struct error *err);

/* The default repository's store, for a step's own use: borrowed until artifacts_run_clear(). False
 * with *err set when there is none. */
bool artifacts_store(struct artifacts_run *run, const struct s3_place **place,
                     struct transfers **transfers, struct error *err);

/* The name of this run where Argo has that of a node's pod, "WORKFLOW-TEMPLATE-DIGITS": a key of no
 * other run has it. "" without memory. */
const char *artifacts_node(struct artifacts_run *run);

#endif
