#include "plugin/options.h"

#include "plugin/command.h"
#include "plugin/quantity.h"
#include "plugin/suggest.h"

#include <stdlib.h>
#include <string.h>

void option_texts_clear(struct option_texts *texts)
{
	free(texts->items);
	*texts = (struct option_texts){0};
}

static const struct option *find_row(const struct command_line *line, const char *name, size_t len)
{
	for (size_t i = 0; i < line->row_count; i++)
		if (strlen(line->rows[i].name) == len && memcmp(line->rows[i].name, name, len) == 0)
			return &line->rows[i];
	return NULL;
}

static const struct option *find_letter(const struct command_line *line, char letter)
{
	for (size_t i = 0; i < line->row_count; i++)
		if (line->rows[i].letter == letter)
			return &line->rows[i];
	return NULL;
}

static bool unknown(const struct command_line *line, const char *given, struct error *err)
{
	struct suggestion suggestion;
	char typed[SUGGEST_NAME_MAX + 2];

	snprintf(typed, sizeof typed, "%s", given + strspn(given, "-"));
	typed[strcspn(typed, "=")] = '\0';
	suggestion_init(&suggestion, typed);
	for (size_t i = 0; i < line->row_count; i++)
		suggestion_offer(&suggestion, line->rows[i].name);
	suggestion_offer(&suggestion, "help");
	if (suggestion.best != NULL)
		return error_set(err, ERROR_USAGE, "unknown option %s; did you mean --%s?", given,
		                 suggestion.best);
	return error_set(err, ERROR_USAGE, "unknown option %s", given);
}

static bool add_text(struct option_texts *texts, const char *value, struct error *err)
{
	const char **items = realloc(texts->items, (texts->count + 1) * sizeof *items);
	if (items == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the command line");
	texts->items = items;
	texts->items[texts->count++] = value;
	return true;
}

static bool store(const struct option *row, const char *value, void *into, struct error *err)
{
	void *field = (char *)into + row->field;
	bool is_text = row->kind == OPTION_KIND_TEXT || row->kind == OPTION_KIND_TEXTS;

	if (is_text && !row->may_be_empty && *value == '\0')
		return error_set(err, ERROR_USAGE, "--%s wants a value, not an empty one: --%s %s",
		                 row->name, row->name, row->value);
	switch (row->kind) {
	case OPTION_KIND_FLAG:
		*(bool *)field = true;
		return true;
	case OPTION_KIND_TEXT:
	case OPTION_KIND_OPTIONAL_TEXT:
		*(const char **)field = value;
		return true;
	case OPTION_KIND_TEXTS:
		return add_text(field, value, err);
	case OPTION_KIND_TIME:
		return (duration_parse(value, field) && *(uint64_t *)field != 0) ||
		       error_set(err, ERROR_USAGE,
		                 "--%s wants a time of at most " DURATION_MAX
		                 ", as 30s or 1500ms (ms, s, m, h), not \"%s\"",
		                 row->name, value);
	case OPTION_KIND_BYTES:
	case OPTION_KIND_NUMBER:
		break;
	}

	uint64_t number;
	bool is_bytes = row->kind == OPTION_KIND_BYTES;
	if (!(is_bytes ? size_parse : number_parse)(value, &number))
		return error_set(err, ERROR_USAGE, "--%s wants a number%s, not \"%s\"", row->name,
		                 is_bytes ? " of bytes, as 65536 or 64K (K, M, G)" : "", value);
	if (number < row->min && row->max == UINT64_MAX)
		return error_set(err, ERROR_USAGE, "--%s wants %llu or more, not %s", row->name,
		                 (unsigned long long)row->min, value);
	if (number < row->min || number > row->max)
		return error_set(err, ERROR_USAGE, "--%s wants a number from %llu to %llu, not %s",
		                 row->name, (unsigned long long)row->min, (unsigned long long)row->max,
		                 value);
	*(uint64_t *)field = number;
	return true;
}

struct reader {
	const struct command_line *line;
	int argc;
	char **argv;
	int next;
	void *into;
};

/* Takes the option argv[next] and its value. */
static bool take_option(struct reader *reader, struct error *err)
{
	const char *given = reader->argv[reader->next++];
	bool is_long = given[1] == '-';
	size_t name_len = strcspn(given, "=");
	const char *value = given[name_len] == '=' ? given + name_len + 1 : NULL;
	const struct option *row = NULL;

	if (is_long)
		row = find_row(reader->line, given + 2, name_len - 2);
	else if (name_len == 2)
		row = find_letter(reader->line, given[1]);
	if (row == NULL)
		return unknown(reader->line, given, err);

	if (row->kind == OPTION_KIND_FLAG) {
		if (value != NULL)
			return error_set(err, ERROR_USAGE, "--%s takes no value", row->name);
	} else if (row->kind == OPTION_KIND_OPTIONAL_TEXT) {
		if (value == NULL)
			value = "";
	} else if (value == NULL) {
		if (reader->next >= reader->argc)
			return error_set(err, ERROR_USAGE, "--%s wants a value: --%s %s", row->name, row->name,
			                 row->value);
		value = reader->argv[reader->next++];
	}
	return store(row, value, reader->into, err);
}

static bool is_help(const char *given)
{
	return strcmp(given, "--help") == 0 || strcmp(given, "-h") == 0;
}

/* Moves argv[from] down to argv[to]; what is between moves up by one. */
static void move_down(char **argv, int from, int to)
{
	char *moved = argv[from];
	memmove(argv + to + 1, argv + to, (size_t)(from - to) * sizeof *argv);
	argv[to] = moved;
}

/* What a command reads itself has a name: an empty one is a variable that was not set. What a guest
 * gets behind it may be empty. */
static bool check_operands(const struct command_line *line, const struct operands *operands,
                           struct error *err)
{
	unsigned count = operands->count;
	unsigned read = line->stops_at_operand && count > 1 ? 1 : count;
	if (count < line->operands_min)
		return error_set(err, ERROR_USAGE, "too few operands; usage: tiphys %s [OPTIONS] %s",
		                 line->name, line->operands);
	if (count > line->operands_max)
		return error_set(err, ERROR_USAGE, "too many operands; usage: tiphys %s [OPTIONS] %s",
		                 line->name, line->operands);
	for (unsigned i = 0; i < read; i++)
		if (operands->items[i][0] == '\0')
			return error_set(err, ERROR_USAGE, "operand %u is empty; usage: tiphys %s [OPTIONS] %s",
			                 i + 1, line->name, line->operands);
	return true;
}

static bool is_number(const struct option *row)
{
	return row->kind == OPTION_KIND_BYTES || row->kind == OPTION_KIND_NUMBER ||
	       row->kind == OPTION_KIND_TIME;
}

static bool is_given(const struct option *row, const void *into)
{
	const void *field = (const char *)into + row->field;
	switch (row->kind) {
	case OPTION_KIND_FLAG:
		return *(const bool *)field;
	case OPTION_KIND_TEXT:
	case OPTION_KIND_OPTIONAL_TEXT:
		return *(const char *const *)field != NULL;
	case OPTION_KIND_TEXTS:
		return ((const struct option_texts *)field)->count > 0;
	case OPTION_KIND_BYTES:
	case OPTION_KIND_NUMBER:
	case OPTION_KIND_TIME:
		break;
	}
	return *(const uint64_t *)field != 0;
}

bool options_check(const struct command_line *line, const void *into, struct error *err)
{
	for (size_t i = 0; i < line->row_count; i++) {
		const struct option *row = &line->rows[i];
		if (row->needs == NULL || !is_given(row, into))
			continue;
		const struct option *needed = find_row(line, row->needs, strlen(row->needs));
		if (is_given(needed, into))
			continue;
		if (is_number(needed))
			return error_set(err, ERROR_USAGE,
			                 "--%s does nothing while --%s is 0; leave one of them out", row->name,
			                 needed->name);
		return error_set(err, ERROR_USAGE,
		                 "--%s does nothing without --%s, which is not given; add --%s%s%s, or "
		                 "leave --%s out",
		                 row->name, needed->name, needed->name, needed->value != NULL ? " " : "",
		                 needed->value != NULL ? needed->value : "", row->name);
	}
	return true;
}

enum options_outcome options_parse(const struct command_line *line, int argc, char **argv,
                                   void *into, struct operands *operands, struct error *err)
{
	struct reader reader = {.line = line, .argc = argc, .argv = argv, .next = 1, .into = into};
	int first_operand = 1; /* argv[first_operand … next) are operands already seen */

	while (reader.next < argc) {
		const char *given = argv[reader.next];
		if (given[0] != '-' || given[1] == '\0') {
			if (line->stops_at_operand)
				break;
			reader.next++;
			continue;
		}
		if (is_help(given))
			return OPTIONS_HELP;

		int begin = reader.next;
		bool is_end = strcmp(given, "--") == 0;
		if (is_end)
			reader.next++;
		else if (!take_option(&reader, err))
			return OPTIONS_WRONG;
		for (int i = begin; i < reader.next; i++)
			move_down(argv, i, first_operand++);
		if (is_end)
			break;
	}

	*operands =
	    (struct operands){.items = argv + first_operand, .count = (unsigned)(argc - first_operand)};
	return check_operands(line, operands, err) &&
	               (line->comes_in_parts || options_check(line, into, err))
	           ? OPTIONS_GO_ON
	           : OPTIONS_WRONG;
}

static void print_row(const struct option *row, FILE *out)
{
	enum { COLUMN = 34 };
	char left[128], letter[8] = "    ";
	const char *value = row->value != NULL ? row->value : "";
	const char *form = row->kind == OPTION_KIND_OPTIONAL_TEXT ? "  %s--%s[=%s]"
	                   : row->value != NULL                   ? "  %s--%s %s"
	                                                          : "  %s--%s%s";

	if (row->letter != 0)
		snprintf(letter, sizeof letter, "-%c, ", row->letter);
	int width = snprintf(left, sizeof left, form, letter, row->name, value);
	if (width < COLUMN)
		fprintf(out, "%-*s%s\n", COLUMN, left, row->help);
	else
		fprintf(out, "%s\n%*s%s\n", left, COLUMN, "", row->help);
}

void options_print_help(const struct command_line *line, FILE *out)
{
	const struct command_row *command = command_find(line->name);

	fprintf(out, "usage: tiphys %s [OPTIONS]%s%s\n", line->name, *line->operands ? " " : "",
	        line->operands);
	if (command != NULL && command->help != NULL)
		fprintf(out, "\n%s\n", command->help);
	fprintf(out, "\noptions:\n");
	for (size_t i = 0; i < line->row_count; i++)
		print_row(&line->rows[i], out);
	print_row(&(struct option){.name = "help", .letter = 'h', .help = "show this and stop"}, out);
	if (line->notes != NULL)
		fprintf(out, "\n%s", line->notes);
}

bool options_take(const struct command_line *line, int argc, char **argv, void *into,
                  struct operands *operands, int *status)
{
	struct error err = ERROR_INIT;

	switch (options_parse(line, argc, argv, into, operands, &err)) {
	case OPTIONS_GO_ON:
		return true;
	case OPTIONS_HELP:
		options_print_help(line, stdout);
		*status = 0;
		return false;
	case OPTIONS_WRONG:
		break;
	}
	fprintf(stderr, "tiphys %s: %s\nSee: tiphys %s --help\n", line->name, err.message, line->name);
	*status = error_exit_status(err.kind);
	return false;
}
