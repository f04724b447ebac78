/* tiphys pull REF: makes a module available as a local file. */
#include "plugin/modules_command.h"

#include "plugin/command.h"
#include "caps/cleanup.h"

#include <stdio.h>

struct pull_options {
	struct modules_command places;
	const char *store;
	bool refresh;
};

static const struct option rows[] = {
    OPTION_TEXT(struct pull_options, store, "store", "DIR",
                "take REF from this image layout; what it lacks is fetched into it"),
    OPTION_FLAG(struct pull_options, refresh, "refresh",
                "with --store: ask the registry what a tag means now, and let the layout's follow"),
    MODULES_COMMAND_ROWS(struct pull_options),
};

static const struct command_line line = {
    .name = "pull",
    .operands = "REF",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 1,
    .operands_max = 1,
    .notes =
        "REF is HOST[:PORT]/REPOSITORY[:TAG][@sha256:…]. Prints the module's digest, a tab and its "
        "path.\n" MODULES_COMMAND_CREDENTIALS,
};

int cmd_pull(int argc, char **argv)
{
	struct pull_options options = {0};
	struct operands operands;
	int status;
	if (!options_take(&line, argc, argv, &options, &operands, &status))
		return status;
	if (options.refresh && options.store == NULL) {
		fprintf(stderr, "tiphys pull: --refresh wants --store; without one each pull asks the "
		                "registry what a tag means\n");
		return error_exit_status(ERROR_USAGE);
	}
	struct error err = ERROR_INIT;
	struct progress progress;
	cleanup_modules struct modules *modules =
	    modules_command_create(&options.places, &progress, &err);
	cleanup_free char *path = NULL;
	char digest[MODULES_DIGEST_SIZE];
	const char *ref = operands.items[0];
	bool ok = modules != NULL &&
	          (options.store != NULL ? modules_mirror(modules, ref, options.store, options.refresh,
	                                                  &path, digest, &err)
	                                 : modules_get(modules, ref, &path, digest, &err));
	progress_clear(&progress);
	if (!ok)
		return modules_command_failed("pull", &err);
	printf("%s\t%s\n", digest, path);
	return 0;
}
