/* tiphys bench WHAT …: finds the measurement in bench.def and runs it. */
#include "bench/bench.h"
#include "plugin/command.h"
#include "plugin/suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *help;
} benches[] = {
#define X(name, function, help) {name, function, help},
    BENCHES(X)
#undef X
};

enum { BENCH_COUNT = sizeof benches / sizeof benches[0] };

static int help(FILE *out)
{
	fprintf(out, "usage: tiphys bench WHAT [OPTIONS] …\n\n%s\n\nwhat:\n",
	        command_find("bench")->help);
	for (size_t i = 0; i < BENCH_COUNT; i++)
		fprintf(out, "  %-10s%s\n", benches[i].name, benches[i].help);
	fprintf(out, "\nMore: tiphys bench WHAT --help\n");
	return out == stdout ? 0 : 2;
}

int cmd_bench(int argc, char **argv)
{
	if (argc < 2)
		return help(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(stdout);

	struct suggestion suggestion;
	suggestion_init(&suggestion, argv[1]);
	for (size_t i = 0; i < BENCH_COUNT; i++) {
		if (strcmp(benches[i].name, argv[1]) == 0)
			return benches[i].function(argc - 1, argv + 1);
		suggestion_offer(&suggestion, benches[i].name);
	}
	fprintf(stderr, "tiphys bench: there is no \"%s\" to measure", argv[1]);
	if (suggestion.best != NULL)
		fprintf(stderr, "; did you mean \"%s\"?", suggestion.best);
	fprintf(stderr, "\nSee: tiphys bench --help\n");
	return 2;
}
