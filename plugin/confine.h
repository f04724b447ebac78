/* The wall that a step runs behind: the sandbox, measured by what the step may use. */
#ifndef PLUGIN_CONFINE_H
#define PLUGIN_CONFINE_H

#include "caps/sandbox.h"
#include "plugin/run.h"
#include "plugin/worker_parent.h"

struct confinement {
	const struct worker_terms *terms;
	uint64_t time_ms; /* the step's time limit */
};

/* Memory beside a guest's own for a module of that size: as it is decoded and lowered. */
uint64_t confine_data_bytes(uint64_t module_bytes);

/* Enters the sandbox. Fails when a part of it that stood at the server's start does not stand now.
 */
bool confine_within(const struct worker_terms *terms, struct caps *caps,
                    const struct sandbox_limits *limits, struct error *err);

/* A run_wall's put_up(); env is a struct confinement. */
bool confine(void *env, struct caps *caps, const struct run_needs *needs, struct error *err);

/* `tiphys run` behind the wall, with the options and operands that come through ORDER_ARGS. */
int confine_and_run(const struct run_wall *wall);

#endif
