#include "plugin/command.h"

#include "plugin/handover.h"
#include "plugin/suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct command_row commands[] = {
#define CORE(name, function, help) {name, "tiphys", help},
#define NET(name, function, help) {name, "tiphys-net", help},
#define SPEC(name, function, help) {name, "tiphys-spec", help},
#define BENCH(name, function, help) {name, "tiphys-bench", help},
    COMMANDS(CORE, NET, SPEC, BENCH)
#undef CORE
#undef NET
#undef SPEC
#undef BENCH
};

const size_t command_count = sizeof commands / sizeof commands[0];

const struct command_row *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_help(FILE *out)
{
	fprintf(out,
	        "tiphys %s: steps of Argo Workflows as WebAssembly modules\n\n"
	        "usage: tiphys COMMAND [OPTIONS] …\n\ncommands:\n",
	        TIPHYS_VERSION);
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].help != NULL)
			fprintf(out, "  %-10s%s\n", commands[i].name, commands[i].help);
	fprintf(out, "  %-10s%s\n", "help", "show this, or the help of a command: tiphys help run");
	fprintf(out, "\nMore: tiphys COMMAND --help; tiphys --version\n");
}

static int unknown(const char *name)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, name);
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].help != NULL)
			suggestion_offer(&suggestion, commands[i].name);
	suggestion_offer(&suggestion, "help");
	fprintf(stderr, "tiphys: unknown command \"%s\"", name);
	if (suggestion.best != NULL)
		fprintf(stderr, "; did you mean \"%s\"?", suggestion.best);
	fprintf(stderr, "\nSee: tiphys help\n");
	return 2;
}

static int run(const struct command_entry *entries, size_t count, int argc, char **argv)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(entries[i].name, argv[0]) == 0)
			return entries[i].function(argc, argv);

	const struct command_row *command = command_find(argv[0]);
	if (command == NULL)
		return unknown(argv[0]);
	return handover(command->executable, argv);
}

int command_main(const struct command_entry *entries, size_t count, int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return 2;
	}
	const char *first = argv[1];
	bool wants_help =
	    strcmp(first, "help") == 0 || strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0;
	if (wants_help && argc > 2) {
		char *help_argv[] = {argv[2], "--help", NULL};
		return run(entries, count, 2, help_argv);
	}
	if (wants_help) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(first, "--version") == 0) {
		printf("tiphys %s\n", TIPHYS_VERSION);
		return 0;
	}
	return run(entries, count, argc - 1, argv + 1);
}
