/* The wall that a step runs behind: the sandbox, measured by what the step may use. */
#ifndef PLUGIN_CONFINE_H
#define PLUGIN_CONFINE_H

#include "plugin/run.h"
#include "plugin/worker_parent.h"

struct confinement {
	const struct worker_terms *terms;
	uint64_t time_ms; /* the step's time limit */
};

/* A run_wall's put_up(); env is a struct confinement. Fails when a part of the sandbox that stood
 * at the server's start does not stand now. */
bool confine(void *env, struct caps *caps, const struct run_needs *needs, struct error *err);

/* `tiphys run` behind the wall, with the options and operands that come through ORDER_ARGS. */
int confine_and_run(const struct run_wall *wall);

#endif
