/* tiphys worker-parent: started by `tiphys serve`, for its steps. */
#include "plugin/command.h"
#include "plugin/confine.h"
#include "plugin/worker_parent.h"

#include <stdio.h>

static int run_step(const struct worker_terms *terms, uint64_t time_ms)
{
	struct confinement confinement = {.terms = terms, .time_ms = time_ms};
	const struct run_wall wall = {.put_up = confine, .env = &confinement};
	return confine_and_run(&wall);
}

int cmd_worker_parent(int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "tiphys %s: takes no arguments; `tiphys serve` starts it\n", argv[0]);
		return 2;
	}
	return worker_parent(run_step, true);
}
