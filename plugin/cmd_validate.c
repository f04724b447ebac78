/* tiphys validate FILE…: are these valid modules? */
#include "plugin/command.h"
#include "plugin/load_rules.h"
#include "plugin/module_file.h"
#include "plugin/options.h"

struct validate_options {
	bool verbose;
	struct load_words load;
};

static const struct option rows[] = {
    OPTION_FLAG_LETTER(struct validate_options, verbose, 'v', "verbose",
                       "say a line for each valid file too"),
    OPTION_ENABLE(struct validate_options),
    OPTION_LIMIT(struct validate_options),
    OPTION_THREADS(struct validate_options),
};

static const struct command_line line = {
    .name = "validate",
    .operands = "FILE…",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 1,
    .operands_max = OPERANDS_ANY,
    .notes = "Silent when all are valid. Exit status: 0 all valid, 1 not, 2 wrong usage.\n",
};

static int validate(const char *path, const struct load_rules *rules, bool verbose)
{
	struct error err = ERROR_INIT;
	cleanup_module_file struct module_file file = {0};

	if (!module_file_load(&file, path, rules, &err)) {
		char text[sizeof err.message + 128];
		fprintf(stderr, "%s: %s\n", path, error_format(&err, text, sizeof text));
		return error_exit_status(err.kind);
	}
	if (verbose)
		printf("%s: valid, %zu bytes, %u functions\n", path, file.size, file.module->func_count);
	return 0;
}

int cmd_validate(int argc, char **argv)
{
	struct validate_options options = {0};
	struct operands files;
	int status;
	if (!options_take(&line, argc, argv, &options, &files, &status))
		return status;

	struct error err = ERROR_INIT;
	struct load_rules rules;
	status = 0;
	if (!load_rules_read(&options.load, &rules, &err)) {
		fprintf(stderr, "tiphys validate: %s\n", err.message);
		status = error_exit_status(err.kind);
		files.count = 0;
	}
	for (unsigned i = 0; i < files.count; i++) {
		int one = validate(files.items[i], &rules, options.verbose);
		if (one != 0)
			status = one;
	}
	load_words_clear(&options.load);
	return status;
}
