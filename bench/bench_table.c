/* tiphys bench table RESULTS…: the tables of files of results, as the measurements print them. */
#include "bench/bench.h"
#include "bench/results.h"
#include "bench/tables.h"
#include "plugin/options.h"

#include <stdio.h>

static const struct command_line line = {
    .name = "bench table",
    .operands = "RESULTS…",
    .notes = "RESULTS is a file that --json or --out wrote. The tables are in Markdown.\n",
    .operands_min = 1,
    .operands_max = OPERANDS_ANY,
};

static bool print_file(const char *path, struct error *err)
{
	cleanup_results struct results results = {0};
	return results_read(&results, path, err) &&
	       (tables_print(results.root, stdout) ||
	        error_set(err, ERROR_NO_MEMORY, "no memory for the tables of %s", path));
}

int bench_table(int argc, char **argv)
{
	struct operands given;
	struct error err = ERROR_INIT;
	int status;
	if (!options_take(&line, argc, argv, NULL, &given, &status))
		return status;
	for (unsigned i = 0; i < given.count && err.kind == ERROR_NONE; i++)
		print_file(given.items[i], &err);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench table: %s\n", err.message);
	return error_exit_status(err.kind);
}
