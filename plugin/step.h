/* One step: from a decoded request to the node that is reported. */
#ifndef PLUGIN_STEP_H
#define PLUGIN_STEP_H

#include "plugin/load_rules.h"
#include "plugin/artifacts.h"
#include "plugin/compiler.h"
#include "plugin/kv_store.h"
#include "plugin/log.h"
#include "plugin/modules.h"
#include "plugin/policy.h"
#include "plugin/reply.h"
#include "plugin/request.h"
#include "plugin/step_progress.h"
#include "plugin/workdir.h"
#include "plugin/worker.h"

#include <pthread.h>

/* What all steps of a server share. Borrowed; used by many threads at once. */
struct step_setting {
	struct workers *workers;
	struct modules *modules;
	struct artifacts *artifacts;
	const struct workroot *root;
	struct reply_limits limits;
	uint64_t blob_bytes;           /* --blob-bytes */
	unsigned stall_seconds;        /* --stall-timeout */
	struct kv_store *kv;           /* what workflows keep */
	const struct policy *ceiling;  /* --policy-ceiling; NULL: none */
	const struct load_words *load; /* --enable, --limit */
	const char *cache_dir;         /* whose images workers start from; NULL: there is no place */
	struct compiler *compiler;     /* has them made; NULL: nobody does */
	uint64_t time_ms;              /* --step-timeout */
	uint64_t output_bytes;         /* --max-output */
	uint64_t memory_bytes;         /* --max-memory */
	uint64_t work_bytes;           /* --max-work */
};

/* What others may know of a step before, while and after it runs. */
struct step_watch {
	const struct request *request; /* borrowed */
	unsigned long id;              /* of the run, in the log */
	pthread_mutex_t lock;
	struct workdir *dir; /* under the lock; NULL but while the guest runs */
};

/* The request may be decoded later, before step_run(). */
void step_watch_init(struct step_watch *watch, const struct request *request);
void step_watch_clear(struct step_watch *watch);

/* What the guest has written to /work/progress. False, with `progress` untouched, when there is
 * nothing that Argo can read. From any thread. */
bool step_watch_progress(struct step_watch *watch, char progress[STEP_PROGRESS_SIZE]);

/* Adds the fields that tell which step a line is about. */
void step_watch_log(const struct step_watch *watch, struct log_line *line);

/* What is left of a step whose node is known: nobody need wait until it is cleared away. */
struct step_rest {
	const struct step_setting *setting;
	struct hand *worker; /* NULL, or killed and not yet gone */
	struct workdir dir;
	char *module; /* its file; NULL: none is held */
};

/* Runs a step of form REQUEST_CONTRACT or REQUEST_COMMAND; blocks until its node is known. Every
 * failure is the node's. False when the step was killed because the server stops: then there is no
 * outcome. In both cases *rest is for step_end(). */
bool step_run(const struct step_setting *setting, struct step_watch *watch, struct node *node,
              struct step_rest *rest);

/* Clears away what a step left; blocks until its process is gone. The step's request may be gone by
 * then. Does nothing when called again. */
void step_end(struct step_rest *rest);

#endif
