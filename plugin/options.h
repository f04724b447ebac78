/* The one option parser of all commands. A command describes itself by a struct command_line; the
 * parser and `--help` read the same rows.
 *
 *   struct pull_options { bool insecure; const char *store; struct option_texts headers; };
 *   static const struct option pull_rows[] = {
 *       OPTION_FLAG(struct pull_options, insecure, "insecure", "speak plain HTTP"),
 *       OPTION_TEXT(struct pull_options, store, "store", "DIR", "the image layout to read from"),
 *   };
 *   static const struct command_line pull_line = {
 *       .name = "pull", .operands = "REF", .rows = pull_rows, .row_count = 2,
 *       .operands_min = 1, .operands_max = 1};
 *
 *   struct pull_options options = {0};
 *   struct operands operands;
 *   int status;
 *   if (!options_take(&pull_line, argc, argv, &options, &operands, &status))
 *       return status;
 *
 * Options may stand before, between and behind the operands (but see .stops_at_operand), as
 * `--name value`, `--name=value`, or `-x value` where the row has a letter; `--` ends them. Every
 * command has `--help` and `-h`. Values are borrowed from argv. */
#ifndef PLUGIN_OPTIONS_H
#define PLUGIN_OPTIONS_H

#include "validator/error.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Every value of an option that may be given several times, in order. Starts as {0}. */
struct option_texts {
	const char **items;
	size_t count;
};

/* Frees the list, not the texts. */
void option_texts_clear(struct option_texts *texts);
#define cleanup_option_texts __attribute__((cleanup(option_texts_clear)))

enum option_kind {
	OPTION_KIND_FLAG,          /* bool: given */
	OPTION_KIND_TEXT,          /* const char *: the last one wins */
	OPTION_KIND_OPTIONAL_TEXT, /* const char *: `--name=value`, or `--name` alone for "" */
	OPTION_KIND_TEXTS,         /* struct option_texts */
	OPTION_KIND_BYTES,         /* uint64_t: as size_parse() reads it */
	OPTION_KIND_NUMBER,        /* uint64_t: a decimal number in min … max */
	OPTION_KIND_TIME, /* uint64_t: milliseconds, more than none, as duration_parse() reads them */
};

struct option {
	const char *name;  /* without dashes */
	const char *value; /* how help calls the value; NULL for a flag */
	const char *help;  /* one sentence without full stop, lower case */
	size_t field;      /* offset of the field in the command's struct */
	enum option_kind kind;
	char letter;       /* of the short form, or 0 */
	uint64_t min, max; /* of a number or bytes */
	bool may_be_empty; /* of texts: else an empty value is a variable that was not set */
	/* The option whose grant this one only qualifies: to give it alone is refused, for it would do
	 * nothing. NULL: none. This one's field holds zero unless it is given; the other's while it
	 * grants nothing, which for a number only `--name 0` says: it has a default. */
	const char *needs;
};

#define OPTION_ROW(type, field_, field_type, ...)                                                  \
	{.field =                                                                                      \
	     offsetof(type, field_) + 0 * sizeof(char[_Generic(((type *)0)->field_, field_type: 1)]),  \
	 __VA_ARGS__}

/* Behind the help of each may stand further members, as .needs = "http". */
#define OPTION_FLAG(type, field_, name_, ...)                                                      \
	OPTION_ROW(type, field_, bool, .kind = OPTION_KIND_FLAG, .name = name_, .help = __VA_ARGS__)
#define OPTION_FLAG_LETTER(type, field_, letter_, name_, ...)                                      \
	OPTION_ROW(type, field_, bool, .kind = OPTION_KIND_FLAG, .letter = letter_, .name = name_,     \
	           .help = __VA_ARGS__)
#define OPTION_TEXT(type, field_, name_, value_, ...)                                              \
	OPTION_ROW(type, field_, const char *, .kind = OPTION_KIND_TEXT, .name = name_,                \
	           .value = value_, .help = __VA_ARGS__)
#define OPTION_TEXT_OR_EMPTY(type, field_, name_, value_, ...)                                     \
	OPTION_ROW(type, field_, const char *, .kind = OPTION_KIND_TEXT, .name = name_,                \
	           .value = value_, .may_be_empty = true, .help = __VA_ARGS__)
#define OPTION_OPTIONAL_TEXT(type, field_, name_, value_, ...)                                     \
	OPTION_ROW(type, field_, const char *, .kind = OPTION_KIND_OPTIONAL_TEXT, .name = name_,       \
	           .value = value_, .help = __VA_ARGS__)
#define OPTION_TEXTS(type, field_, name_, value_, ...)                                             \
	OPTION_ROW(type, field_, struct option_texts, .kind = OPTION_KIND_TEXTS, .name = name_,        \
	           .value = value_, .help = __VA_ARGS__)
#define OPTION_BYTES(type, field_, name_, ...)                                                     \
	OPTION_ROW(type, field_, uint64_t, .kind = OPTION_KIND_BYTES, .name = name_, .value = "BYTES", \
	           .max = UINT64_MAX, .help = __VA_ARGS__)
#define OPTION_BYTES_FROM(type, field_, name_, min_, ...)                                          \
	OPTION_ROW(type, field_, uint64_t, .kind = OPTION_KIND_BYTES, .name = name_, .value = "BYTES", \
	           .min = min_, .max = UINT64_MAX, .help = __VA_ARGS__)
#define OPTION_NUMBER(type, field_, name_, value_, min_, max_, ...)                                \
	OPTION_ROW(type, field_, uint64_t, .kind = OPTION_KIND_NUMBER, .name = name_, .value = value_, \
	           .min = min_, .max = max_, .help = __VA_ARGS__)
#define OPTION_TIME(type, field_, name_, ...)                                                      \
	OPTION_ROW(type, field_, uint64_t, .kind = OPTION_KIND_TIME, .name = name_, .value = "TIME",   \
	           .help = __VA_ARGS__)

struct command_line {
	const char *name;     /* as in plugin/command.def, whose help line is shown above the options */
	const char *operands; /* for the usage line: "FILE [ARGS…]"; "" for none */
	const struct option *rows;
	size_t row_count;
	const char *notes; /* shown below the options, or NULL; lines end in \n */
	unsigned operands_min, operands_max;
	bool stops_at_operand; /* what follows the first operand belongs to the guest */
	bool comes_in_parts;   /* its options come by more than one way: the command itself calls
	                          options_check() when all are there */
};

#define OPERANDS_ANY UINT_MAX

struct operands {
	char **items; /* borrowed: a part of argv */
	unsigned count;
};

enum options_outcome { OPTIONS_GO_ON, OPTIONS_HELP, OPTIONS_WRONG };

/* Reads argv[1 …] into the command's struct, which holds the defaults. Operands are moved to the
 * end of argv. OPTIONS_HELP when help was asked for; OPTIONS_WRONG with *err set (ERROR_USAGE). */
enum options_outcome options_parse(const struct command_line *line, int argc, char **argv,
                                   void *into, struct operands *operands, struct error *err);

/* options_parse(), with help written to stdout and errors to stderr. True: go on; else *status is
 * what the command returns. */
bool options_take(const struct command_line *line, int argc, char **argv, void *into,
                  struct operands *operands, int *status);

/* False with *err set (ERROR_USAGE) when an option was given without the one that it needs. */
bool options_check(const struct command_line *line, const void *into, struct error *err);

void options_print_help(const struct command_line *line, FILE *out);

#endif
