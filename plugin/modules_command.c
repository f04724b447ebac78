#include "plugin/modules_command.h"

#include <stdio.h>

struct modules *modules_command_create(const struct modules_command *places,
                                       struct progress *progress, struct error *err)
{
	progress_init(progress);
	struct modules_options options = {
	    .cache_dir = places->cache,
	    .stores = places->stores.items,
	    .store_count = places->stores.count,
	    .insecure_registries = places->insecure,
	    .max_module_bytes = places->max_module_bytes,
	    .stall_seconds = (unsigned)places->stall_seconds,
	    .stall_option = "--" TRANSFER_STALL_OPTION,
	    .progress = progress->out != NULL ? progress_moved : NULL,
	    .env = progress,
	};
	return modules_create(&options, err);
}

int modules_command_failed(const char *command, const struct error *err)
{
	char text[sizeof err->message + 128];
	fprintf(stderr, "tiphys %s: %s\n", command, error_format(err, text, sizeof text));
	return error_exit_status(err->kind);
}
