/* What one step is granted: the server's own policy for every step, and what its template says
 * under `permissions`, within what the server allows. */
#ifndef PLUGIN_STEP_GRANTS_H
#define PLUGIN_STEP_GRANTS_H

#include "plugin/broker_terms.h"
#include "plugin/policy_words.h"
#include "plugin/request.h"
#include "plugin/step.h"

/* A limit and who set it, for the message when it is reached. */
struct step_limit {
	uint64_t value;
	char set_by[48]; /* "--step-timeout", "limits.time", "limits.time of the ceiling" */
};

/* Starts as {0}. */
struct step_grants {
	struct policy policy;       /* what is granted; its lists are the request's and the ceiling's */
	struct step_limit memory;   /* bytes */
	struct broker_terms broker; /* what a broker of its own does for it */
	struct step_limit fuel;     /* instructions; UINT64_MAX: no limit */
	struct step_limit time;     /* ms */
	struct step_limit output;   /* bytes of each stream */
	struct policy_words words;  /* of `tiphys run`, up to the module and its arguments */
};

void step_grants_clear(struct step_grants *grants);

/* Decides, before anything is fetched for the step. ERROR_DENIED for what the server or its ceiling
 * does not allow, the module's registry included. */
bool step_grants_decide(const struct step_setting *setting, const struct request *request,
                        struct step_grants *out, struct error *err);

/* Fills .words; `work_dir` becomes /work. */
bool step_grants_spell(const struct step_setting *setting, const struct request *request,
                       const char *work_dir, struct step_grants *out, struct error *err);

#endif
