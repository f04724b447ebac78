#include "plugin/command.h"
#include "plugin/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_row_is_filled_and_named_once(void **state)
{
	static const char *const executables[] = {"tiphys", "tiphys-net", "tiphys-spec",
	                                          "tiphys-bench"};
	(void)state;

	assert_true(command_count > 0);
	for (size_t i = 0; i < command_count; i++) {
		const struct command_row *row = &commands[i];
		bool is_known = false;
		for (size_t j = 0; j < sizeof executables / sizeof executables[0]; j++)
			is_known |= strcmp(row->executable, executables[j]) == 0;
		assert_true(is_known);
		/* The first one found is this one: no name stands twice. */
		assert_ptr_equal(command_find(row->name), row);
		assert_string_not_equal(row->name, "help");
		if (row->help != NULL) {
			size_t len = strlen(row->help);
			assert_in_range(len, 10, 78);
			assert_int_not_equal(row->help[len - 1], '.');
		}
	}
	assert_null(command_find("nothing"));
	assert_null(command_find(""));
}

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
	    {"run", "run", 0},     {"rnu", "run", 1},   {"ru", "run", 1},
	    {"runn", "run", 1},    {"rum", "run", 1},   {"", "run", 3},
	    {"serve", "sevre", 1}, {"pull", "push", 2}, {"inspect", "run", 7},
	};
	char long_name[SUGGEST_NAME_MAX + 2];
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(suggest_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(suggest_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
	memset(long_name, 'x', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_int_equal(suggest_distance(long_name, "run"), SUGGEST_FAR);
}

static const char *suggested(const char *meant)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, meant);
	for (size_t i = 0; i < command_count; i++)
		if (commands[i].help != NULL)
			suggestion_offer(&suggestion, commands[i].name);
	return suggestion.best;
}

static void suggests_what_is_near_and_nothing_else(void **state)
{
	(void)state;
	assert_string_equal(suggested("vaildate"), "validate");
	assert_string_equal(suggested("rnu"), "run");
	assert_string_equal(suggested("serv"), "serve");
	assert_string_equal(suggested("ins"), "inspect");
	assert_null(suggested("frobnicate"));
	assert_null(suggested("x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_row_is_filled_and_named_once),
	    cmocka_unit_test(distances),
	    cmocka_unit_test(suggests_what_is_near_and_nothing_else),
	};
	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
