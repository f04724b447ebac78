/* What one step is granted: the server's own policy for every step, and what its template says
 * under `permissions`, within what the server allows. */
#ifndef PLUGIN_STEP_GRANTS_H
#define PLUGIN_STEP_GRANTS_H

#include "plugin/policy_words.h"
#include "plugin/request.h"
#include "plugin/step.h"

/* A limit and who set it, for the message when it is reached. */
struct step_limit {
	uint64_t value;
	const char *set_by; /* "--step-timeout", "permissions.limits.time" */
};

/* Starts as {0}. */
struct step_grants {
	struct policy_words words; /* of `tiphys run`, up to the module and its arguments */
	struct step_limit time;    /* ms */
	struct step_limit output;  /* bytes of each stream */
};

void step_grants_clear(struct step_grants *grants);

/* `work_dir` becomes /work. ERROR_DENIED for what the server does not allow. */
bool step_grants_make(const struct step_setting *setting, const struct request *request,
                      const char *work_dir, struct step_grants *out, struct error *err);

#endif
