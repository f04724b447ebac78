/* tiphys run-ref [--store DIR] … REF run … REF …: what `tiphys run` hands over when its module is
 * in a registry. The module is fetched, and `tiphys run` started anew with the file's path where
 * REF stood. */
#include "plugin/modules_command.h"

#include "plugin/command.h"
#include "plugin/handover.h"
#include "caps/cleanup.h"

#include <string.h>

struct run_ref_options {
	struct modules_command places;
};

static const struct option rows[] = {
    OPTION_TEXTS(struct run_ref_options, places.stores, "store", "DIR",
                 "look for REF in this image layout before any registry"),
    MODULES_COMMAND_ROWS(struct run_ref_options),
};

static const struct command_line line = {
    .name = "run-ref",
    .operands = "REF run … REF …",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 3,
    .operands_max = OPERANDS_ANY,
    .stops_at_operand = true,
};

static void clear(struct run_ref_options *options)
{
	option_texts_clear(&options->places.stores);
}

int cmd_run_ref(int argc, char **argv)
{
	__attribute__((cleanup(clear))) struct run_ref_options options = {0};
	struct operands operands;
	int status;
	if (!options_take(&line, argc, argv, &options, &operands, &status))
		return status;
	const char *ref = operands.items[0];
	char **run = operands.items + 1;
	struct error err = ERROR_INIT;
	if (strcmp(run[0], "run") != 0) {
		error_set(&err, ERROR_USAGE, "run-ref is for tiphys itself: run-ref REF run … REF …");
		return modules_command_failed("run-ref", &err);
	}
	struct progress progress;
	cleanup_modules struct modules *modules =
	    modules_command_create(&options.places, &progress, &err);
	cleanup_free char *path = NULL;
	char digest[MODULES_DIGEST_SIZE];
	bool ok = modules != NULL && modules_get(modules, ref, &path, digest, &err);
	progress_clear(&progress);
	if (!ok)
		return modules_command_failed("run", &err);
	for (char **at = run + 1; *at != NULL; at++) {
		if (strcmp(*at, ref) == 0) {
			*at = path;
			return handover(command_find("run")->executable, run);
		}
	}
	error_set(&err, ERROR_USAGE, "%s does not stand in the command to run", ref);
	return modules_command_failed("run-ref", &err);
}
