/* The table of commands, and the part that is the same in each executable's main(). */
#ifndef PLUGIN_COMMAND_H
#define PLUGIN_COMMAND_H

#include "plugin/command.def"

#include <stddef.h>

/* Runs with argv[0] = the command's name; returns the exit status. */
typedef int command_function(int argc, char **argv);

#define X(name, function, help) command_function function;
COMMANDS(X, X, X, X)
#undef X

struct command_row {
	const char *name;
	const char *executable; /* which holds it: "tiphys", "tiphys-net", … */
	const char *help;       /* NULL: not shown */
};

extern const struct command_row commands[];
extern const size_t command_count;

/* NULL when there is none of that name. */
const struct command_row *command_find(const char *name);

/* What an executable holds itself. */
struct command_entry {
	const char *name;
	command_function *function;
};

/* For expanding COMMANDS in an executable's main file. */
#define COMMAND_ENTRY(name, function, help) {name, function},
#define COMMAND_ELSEWHERE(name, function, help)

/* main(): `help`, `--help`, `--version`, and the command named by argv[1], run here or handed over
 * to the executable that holds it. Returns the exit status. */
int command_main(const struct command_entry *entries, size_t count, int argc, char **argv);

#endif
