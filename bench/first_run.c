#include "bench/first_run.h"

#include "bench/rootfs.h"

#include <stdlib.h>
#include <string.h>

bool first_run_prepare(const struct first_run *first, struct error *err)
{
	return remove_directory(first->cache, err);
}

bool first_run_run(void *env, struct process_result *result, struct error *err)
{
	const struct first_run *first = env;
	return first_run_prepare(first, err) && process_run(first->argv, NULL, result, err);
}

bool validation_run(void *env, struct process_result *result, struct error *err)
{
	const struct validation *validation = env;
	/* wasmi would look for the names of its own functions, which takes longer than all else. */
	char *env_words[] = {"RUST_BACKTRACE=0", NULL};
	const struct process_options options = {.env = env_words};
	if (!process_run(validation->argv, &options, result, err))
		return false;
	/* wasmi lists the module's exports. */
	free(result->output);
	result->output = NULL;
	result->output_size = 0;
	return true;
}
