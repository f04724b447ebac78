/* tiphys bench report RESULTS DIR: the report anew, from a file of results that was kept. */
#include "bench/bench.h"
#include "bench/report.h"
#include "plugin/options.h"

#include <stdio.h>

static const struct command_line line = {
    .name = "bench report",
    .operands = "RESULTS DIR",
    .notes =
        "RESULTS is a file that --json or --out wrote. Writes results.json, report.md, report.html "
        "and\nchart.svg to DIR.\n",
    .operands_min = 2,
    .operands_max = 2,
};

int bench_report(int argc, char **argv)
{
	struct operands given;
	struct error err = ERROR_INIT;
	cleanup_results struct results results = {0};
	int status;
	if (!options_take(&line, argc, argv, NULL, &given, &status))
		return status;
	if (results_read(&results, given.items[0], &err) &&
	    report_write(&results, given.items[1], &err))
		return 0;
	fprintf(stderr, "tiphys bench report: %s\n", err.message);
	return error_exit_status(err.kind);
}
