/* One step: from a decoded request to the node that is reported. */
#ifndef PLUGIN_STEP_H
#define PLUGIN_STEP_H

#include "plugin/load_rules.h"
#include "plugin/modules.h"
#include "plugin/reply.h"
#include "plugin/request.h"
#include "plugin/worker.h"
#include "plugin/workdir.h"

/* What all steps of a server share. Borrowed; used by many threads at once. */
struct step_setting {
	struct workers *workers;
	struct modules *modules;
	const struct workroot *root;
	struct reply_limits limits;
	const struct load_words *load; /* --enable, --limit */
	uint64_t time_ms;              /* --step-timeout */
	uint64_t output_bytes;         /* --max-output */
	uint64_t memory_bytes;         /* --max-memory */
};

/* Runs a step of form REQUEST_CONTRACT or REQUEST_COMMAND; blocks until it is over. Every failure
 * is the node's. False when the step was killed because the server stops: then there is no outcome.
 */
bool step_run(const struct step_setting *setting, const struct request *request, struct node *node);

#endif
