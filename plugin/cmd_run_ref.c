/* tiphys run-ref [--store DIR] … REF run … REF …: what `tiphys run` hands over when its module is
 * in a registry. The module is fetched, and `tiphys run` started anew with the file's path where
 * REF stood. */
#include "plugin/modules_command.h"

#include "plugin/command.h"
#include "plugin/handover.h"
#include "plugin/reference.h"
#include "caps/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Starts the command, with the module's file in the place of its reference, and its name told: what
 * it has in the registry comes before the options, so that one of the user's takes its place. */
static int run_instead(const char *ref, char *path, char **run)
{
	struct error err = ERROR_INIT;
	struct reference reference;
	cleanup_free char *name = NULL;
	size_t count = 0, at = 0;
	while (run[count] != NULL)
		count++;
	while (at < count && strcmp(run[at], ref) != 0)
		at++;
	cleanup_free char **argv = calloc(count + 2, sizeof *argv);
	if (argv == NULL || !reference_parse(&reference, ref, &err) ||
	    asprintf(&name, "--name=%s", reference_program(&reference)) < 0)
		error_set(&err, ERROR_NO_MEMORY, "no memory for a command line");
	else if (at == count)
		error_set(&err, ERROR_USAGE, "%s does not stand in the command to run", ref);
	if (err.kind != ERROR_NONE)
		return modules_command_failed("run-ref", &err);
	argv[0] = run[0];
	argv[1] = name;
	memcpy(argv + 2, run + 1, (count - 1) * sizeof *argv);
	argv[at + 1] = path;
	return handover(command_find("run")->executable, argv);
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
	return run_instead(ref, path, run);
}
