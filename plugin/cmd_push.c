/* tiphys push FILE REF: publishes a module. */
#include "plugin/modules_command.h"

#include "plugin/command.h"
#include "plugin/reference.h"

#include <stdio.h>

struct push_options {
	struct modules_command places;
	const char *store;
};

static const struct option rows[] = {
    OPTION_TEXT(struct push_options, store, "store", "DIR",
                "put it into this image layout, made when it is missing, instead of a registry"),
    MODULES_COMMAND_ROWS(struct push_options),
};

static const struct command_line line = {
    .name = "push",
    .operands = "FILE REF",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 2,
    .operands_max = 2,
    .notes =
        "FILE is a WebAssembly module, REF is HOST[:PORT]/REPOSITORY[:TAG]. Prints the reference "
        "by digest.\n" MODULES_COMMAND_CREDENTIALS,
};

static bool push(const struct push_options *options, const struct operands *operands,
                 struct progress *progress, struct error *err)
{
	struct reference reference;
	cleanup_modules struct modules *modules =
	    modules_command_create(&options->places, progress, err);
	char manifest[MODULES_DIGEST_SIZE], text[REFERENCE_TEXT_SIZE];
	if (modules == NULL || !reference_parse(&reference, operands->items[1], err) ||
	    !modules_push(modules, operands->items[0], operands->items[1], options->store, manifest,
	                  err))
		return false;
	progress_clear(progress);
	printf("%s@%s\n", reference_name(&reference, text), manifest);
	return true;
}

int cmd_push(int argc, char **argv)
{
	struct push_options options = {0};
	struct operands operands;
	int status;
	if (!options_take(&line, argc, argv, &options, &operands, &status))
		return status;
	struct error err = ERROR_INIT;
	struct progress progress;
	bool ok = push(&options, &operands, &progress, &err);
	progress_clear(&progress);
	return ok ? 0 : modules_command_failed("push", &err);
}
