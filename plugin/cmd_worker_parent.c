/* tiphys worker-parent: started by `tiphys serve`, for its steps. */
#include "interp/image.h"
#include "plugin/command.h"
#include "plugin/confine.h"
#include "plugin/image_job.h"
#include "plugin/worker_parent.h"

#include <stdio.h>

static int do_job(const struct worker_terms *terms, const struct worker_job *job)
{
	struct confinement confinement = {.terms = terms, .time_ms = job->time_ms};
	if (job->kind == JOB_COMPILE)
		return confine_and_compile(terms, job);
	const struct run_wall wall = {
	    .put_up = confine, .env = &confinement, .say_end = worker_say_end};
	return confine_and_run(&wall);
}

int cmd_worker_parent(int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "tiphys %s: takes no arguments; `tiphys serve` starts it\n", argv[0]);
		return 2;
	}
	const struct store_options defaults = {0};
	struct worker_work work = {.run = do_job, .image_mode = image_mode(&defaults)};
	if (!image_build(&work.build))
		work.build = 0;
	return worker_parent(&work, true);
}
