#include "plugin/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct demo {
	bool fast;
	const char *name;
	const char *clock;
	struct option_texts dirs;
	const char *label;
	uint64_t size;
	uint64_t count;
	uint64_t least;
	uint64_t time;
};

static const struct option rows[] = {
    OPTION_FLAG_LETTER(struct demo, fast, 'f', "fast", "go fast"),
    OPTION_TEXT(struct demo, name, "name", "NAME", "the name"),
    OPTION_OPTIONAL_TEXT(struct demo, clock, "clock", "MODE", "the clock"),
    OPTION_TEXTS(struct demo, dirs, "dir", "DIR", "a directory"),
    OPTION_BYTES(struct demo, size, "size", "the size"),
    OPTION_NUMBER(struct demo, count, "count", "N", 2, 9, "how many"),
    OPTION_TEXT_OR_EMPTY(struct demo, label, "label", "TEXT", "the label"),
    OPTION_BYTES_FROM(struct demo, least, "least", 1, "some at least"),
    OPTION_TIME(struct demo, time, "time", "how long", .needs = "size"),
};

static const struct command_line line = {
    .name = "demo",
    .operands = "FILE [MORE]",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 1,
    .operands_max = 3,
    .notes = "A note.\n",
};

#define PARSE(line_, demo_, operands_, err_, ...)                                                  \
	parse(line_, (char *[]){"demo", __VA_ARGS__, NULL}, demo_, operands_, err_)

static enum options_outcome parse(const struct command_line *which, char **argv, struct demo *demo,
                                  struct operands *operands, struct error *err)
{
	int argc = 0;
	while (argv[argc] != NULL)
		argc++;
	*demo = (struct demo){.size = 7};
	error_clear(err);
	return options_parse(which, argc, argv, demo, operands, err);
}

static void takes_every_kind_between_operands(void **state)
{
	struct demo demo;
	struct operands operands;
	struct error err;
	(void)state;

	char *argv[] = {"demo",      "one",   "--name",        "n",       "--dir=a", "two",
	                "-f",        "--dir", "b=c::/d",       "--clock", "--size",  "64K",
	                "--count=9", "three", "--time=1500ms", NULL};
	assert_int_equal(parse(&line, argv, &demo, &operands, &err), OPTIONS_GO_ON);
	assert_true(demo.fast);
	assert_string_equal(demo.name, "n");
	assert_string_equal(demo.clock, "");
	assert_int_equal(demo.dirs.count, 2);
	assert_string_equal(demo.dirs.items[0], "a");
	assert_string_equal(demo.dirs.items[1], "b=c::/d");
	assert_int_equal(demo.size, 65536);
	assert_int_equal(demo.count, 9);
	assert_int_equal(demo.time, 1500);
	assert_int_equal(operands.count, 3);
	assert_string_equal(operands.items[0], "one");
	assert_string_equal(operands.items[1], "two");
	assert_string_equal(operands.items[2], "three");
	option_texts_clear(&demo.dirs);
}

static void leaves_defaults_alone(void **state)
{
	struct demo demo;
	struct operands operands;
	struct error err;
	(void)state;
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "x"), OPTIONS_GO_ON);
	assert_int_equal(demo.size, 7);
	assert_false(demo.fast);
	assert_null(demo.clock);
}

static void an_optional_value_is_never_the_next_word(void **state)
{
	struct demo demo;
	struct operands operands;
	struct error err;
	(void)state;
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "--clock", "fixed"), OPTIONS_GO_ON);
	assert_string_equal(demo.clock, "");
	assert_int_equal(operands.count, 1);
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "--clock=fixed", "x"), OPTIONS_GO_ON);
	assert_string_equal(demo.clock, "fixed");
}

static void two_dashes_end_the_options(void **state)
{
	struct demo demo;
	struct operands operands;
	struct error err;
	(void)state;
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "a", "-f", "--", "--name", "-h"),
	                 OPTIONS_GO_ON);
	assert_true(demo.fast);
	assert_int_equal(operands.count, 3);
	assert_string_equal(operands.items[0], "a");
	assert_string_equal(operands.items[1], "--name");
	assert_string_equal(operands.items[2], "-h");
}

static void a_dash_alone_is_an_operand(void **state)
{
	struct demo demo;
	struct operands operands;
	struct error err;
	(void)state;
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "-"), OPTIONS_GO_ON);
	assert_string_equal(operands.items[0], "-");
}

static void what_follows_the_first_operand_can_be_the_guests(void **state)
{
	struct demo demo;
	struct operands operands;
	struct error err;
	struct command_line guest = line;
	(void)state;

	guest.stops_at_operand = true;
	assert_int_equal(PARSE(&guest, &demo, &operands, &err, "-f", "file", "--help", "--none"),
	                 OPTIONS_GO_ON);
	assert_true(demo.fast);
	assert_int_equal(operands.count, 3);
	assert_string_equal(operands.items[0], "file");
	assert_string_equal(operands.items[1], "--help");
}

static void some_values_may_be_empty(void **state)
{
	struct demo demo;
	struct operands operands;
	struct error err;
	(void)state;
	assert_int_equal(
	    PARSE(&line, &demo, &operands, &err, "x", "--label", "", "--clock=", "--least=1"),
	    OPTIONS_GO_ON);
	assert_string_equal(demo.label, "");
	assert_string_equal(demo.clock, "");
	assert_int_equal(demo.least, 1);
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *argv[4];
		const char *message;
	} cases[] = {
	    {{"x", "--nmae", "y"}, "unknown option --nmae; did you mean --name?"},
	    {{"x", "--nmae=y"}, "unknown option --nmae=y; did you mean --name?"},
	    {{"x", "--zzzzzzzz"}, "unknown option --zzzzzzzz"},
	    {{"x", "-z"}, "unknown option -z"},
	    {{"x", "-ff"}, "unknown option -ff"},
	    {{"x", "--hlep"}, "unknown option --hlep; did you mean --help?"},
	    {{"x", "--fast=1"}, "--fast takes no value"},
	    {{"x", "--name"}, "--name wants a value: --name NAME"},
	    {{"x", "--size", "12Q"},
	     "--size wants a number of bytes, as 65536 or 64K (K, M, G), not \"12Q\""},
	    {{"x", "--size="}, "--size wants a number of bytes, as 65536 or 64K (K, M, G), not \"\""},
	    {{"x", "--count", "-3"}, "--count wants a number, not \"-3\""},
	    {{"x", "--count", "10"}, "--count wants a number from 2 to 9, not 10"},
	    {{"x", "--count", "1"}, "--count wants a number from 2 to 9, not 1"},
	    {{"x", "--least", "0"}, "--least wants 1 or more, not 0"},
	    {{"x", "--time", "never"},
	     "--time wants a time of at most 8760h, as 30s or 1500ms (ms, s, m, h), not \"never\""},
	    {{"x", "--time", "0s"},
	     "--time wants a time of at most 8760h, as 30s or 1500ms (ms, s, m, h), not \"0s\""},
	    {{"x", "--time="},
	     "--time wants a time of at most 8760h, as 30s or 1500ms (ms, s, m, h), not \"\""},
	    /* A variable that was not set became the path of the root directory. */
	    {{"x", "--name", ""}, "--name wants a value, not an empty one: --name NAME"},
	    {{"x", "--dir="}, "--dir wants a value, not an empty one: --dir DIR"},
	    {{"--fast"}, "too few operands; usage: tiphys demo [OPTIONS] FILE [MORE]"},
	    {{"a", ""}, "operand 2 is empty; usage: tiphys demo [OPTIONS] FILE [MORE]"},
	    {{"a", "b", "c", "d"}, "too many operands; usage: tiphys demo [OPTIONS] FILE [MORE]"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct demo demo;
		struct operands operands;
		struct error err = ERROR_INIT;
		char *argv[6] = {"demo"};
		for (int j = 0; j < 4; j++)
			argv[j + 1] = (char *)(uintptr_t)cases[i].argv[j];
		assert_int_equal(parse(&line, argv, &demo, &operands, &err), OPTIONS_WRONG);
		assert_string_equal(err.message, cases[i].message);
		assert_int_equal(error_exit_status(err.kind), 2);
	}
}

static void help_shows_each_row(void **state)
{
	char text[4096] = "";
	(void)state;

	FILE *out = fmemopen(text, sizeof text, "w");
	assert_non_null(out);
	options_print_help(&line, out);
	fclose(out);
	assert_non_null(strstr(text, "usage: tiphys demo [OPTIONS] FILE [MORE]\n"));
	for (size_t i = 0; i < line.row_count; i++) {
		char name[64];
		snprintf(name, sizeof name, "--%s", rows[i].name);
		assert_non_null(strstr(text, name));
		assert_non_null(strstr(text, rows[i].help));
	}
	assert_non_null(strstr(text, "-f, --fast"));
	assert_non_null(strstr(text, "--clock[=MODE]"));
	assert_non_null(strstr(text, "--name NAME"));
	assert_non_null(strstr(text, "-h, --help"));
	assert_non_null(strstr(text, "A note.\n"));
}

static void help_may_stand_anywhere_before_two_dashes(void **state)
{
	struct demo demo;
	struct operands operands;
	struct error err;
	(void)state;
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "--help"), OPTIONS_HELP);
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "a", "b", "-h"), OPTIONS_HELP);
}

struct lamp {
	bool on;
	const char *colour;
	struct option_texts sides;
	uint64_t watts;
};

static const struct option lamp_rows[] = {
    OPTION_FLAG(struct lamp, on, "on", "give light"),
    OPTION_TEXT(struct lamp, colour, "colour", "NAME", "of the light", .needs = "on"),
    OPTION_TEXTS(struct lamp, sides, "side", "SIDE", "to there alone"),
    OPTION_NUMBER(struct lamp, watts, "watts", "N", 1, 9, "of a side", .needs = "side"),
};

/* Was taken, and did nothing. */
static void what_qualifies_an_option_wants_it(void **state)
{
	const struct command_line lamp = {.name = "lamp",
	                                  .operands = "",
	                                  .rows = lamp_rows,
	                                  .row_count = sizeof lamp_rows / sizeof lamp_rows[0]};
	struct command_line in_parts = lamp;
	struct operands operands;
	struct error err = ERROR_INIT;
	struct lamp read = {0}, part = {0};
	(void)state;
	char *colour[] = {"lamp", "--colour", "red", NULL};
	assert_int_equal(options_parse(&lamp, 3, colour, &read, &operands, &err), OPTIONS_WRONG);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_string_equal(err.message, "--colour does nothing without --on, which is not given; add "
	                                 "--on, or leave --colour out");
	error_clear(&err);
	read = (struct lamp){0};
	char *watts[] = {"lamp", "--watts=5", "--on", NULL};
	assert_int_equal(options_parse(&lamp, 3, watts, &read, &operands, &err), OPTIONS_WRONG);
	assert_string_equal(err.message, "--watts does nothing without --side, which is not given; add "
	                                 "--side SIDE, or leave --watts out");
	error_clear(&err);
	read = (struct lamp){0};
	char *whole[] = {"lamp", "--watts=5", "--colour", "red", "--on", "--side", "left", NULL};
	assert_int_equal(options_parse(&lamp, 7, whole, &read, &operands, &err), OPTIONS_GO_ON);
	option_texts_clear(&read.sides);

	in_parts.comes_in_parts = true;
	assert_int_equal(options_parse(&in_parts, 3, colour, &part, &operands, &err), OPTIONS_GO_ON);
	assert_false(options_check(&in_parts, &part, &err));
	error_clear(&err);
	char *rest[] = {"lamp", "--on", NULL};
	assert_int_equal(options_parse(&in_parts, 2, rest, &part, &operands, &err), OPTIONS_GO_ON);
	assert_true(options_check(&in_parts, &part, &err));

	struct demo demo;
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "x", "--time", "5s"), OPTIONS_GO_ON);
	assert_int_equal(PARSE(&line, &demo, &operands, &err, "x", "--time", "5s", "--size", "0"),
	                 OPTIONS_WRONG);
	assert_string_equal(err.message,
	                    "--time does nothing while --size is 0; leave one of them out");
	error_clear(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_every_kind_between_operands),
	    cmocka_unit_test(leaves_defaults_alone),
	    cmocka_unit_test(an_optional_value_is_never_the_next_word),
	    cmocka_unit_test(two_dashes_end_the_options),
	    cmocka_unit_test(a_dash_alone_is_an_operand),
	    cmocka_unit_test(what_follows_the_first_operand_can_be_the_guests),
	    cmocka_unit_test(some_values_may_be_empty),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(help_shows_each_row),
	    cmocka_unit_test(help_may_stand_anywhere_before_two_dashes),
	    cmocka_unit_test(what_qualifies_an_option_wants_it),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
