#include "plugin/load_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool read_limit(const char *text, struct load_rules *rules, struct error *err)
{
	const struct load_words words = {.limits = {&text, 1}};
	error_clear(err);
	return load_rules_read(&words, rules, err);
}

static void nothing_given_is_the_defaults(void **state)
{
	struct load_rules rules;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(load_rules_read(&(struct load_words){0}, &rules, &err));
	assert_int_equal(rules.features, FEATURES_DEFAULT);
	assert_memory_equal(&rules.limits, &load_limits_default, sizeof rules.limits);
}

static void each_limit_is_set_by_its_name_up_to_its_highest(void **state)
{
	(void)state;
	for (int i = 0; i < LOAD_LIMIT_COUNT; i++) {
		const struct load_limit_row *row = &load_limit_rows[i];
		struct load_rules rules;
		struct error err = ERROR_INIT;
		char text[64];

		snprintf(text, sizeof text, "%s=7", row->name);
		assert_true(read_limit(text, &rules, &err));
		for (int j = 0; j < LOAD_LIMIT_COUNT; j++)
			assert_int_equal(rules.limits.of[j], i == j ? 7 : load_limit_rows[j].value);

		snprintf(text, sizeof text, "%s=%llu", row->name, (unsigned long long)row->highest);
		assert_true(read_limit(text, &rules, &err));
		assert_int_equal(rules.limits.of[i], row->highest);

		snprintf(text, sizeof text, "%s=%llu", row->name, (unsigned long long)row->highest + 1);
		assert_false(read_limit(text, &rules, &err));
		assert_non_null(strstr(err.message, row->what));
	}
}

static void wrong_words_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
	    {"nesting", "wants NAME=N"},
	    {"=4", "wants NAME=N"},
	    {"nesting=", "is no number"},
	    {"nesting=-1", "is no number"},
	    {"nesting=1x", "is no number"},
	    {"nestin=4", "did you mean \"nesting\"?"},
	    {"zzzzzz=4", "unknown limit \"zzzzzz\"; there are module-bytes, types, "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct load_rules rules;
		struct error err = ERROR_INIT;
		assert_false(read_limit(cases[i].text, &rules, &err));
		assert_int_equal(err.kind, ERROR_USAGE);
		assert_non_null(strstr(err.message, cases[i].message));
	}
}

static void features_are_added_by_name(void **state)
{
	const char *names[] = {"threads", "wide-arithmetic"}, *wrong = "treads";
	struct load_rules rules;
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(load_rules_read(&(struct load_words){.enable = {names, 2}}, &rules, &err));
	assert_int_equal(rules.features,
	                 FEATURES_DEFAULT | FEATURE_BIT(THREADS) | FEATURE_BIT(WIDE_ARITHMETIC));
	assert_false(load_rules_read(&(struct load_words){.enable = {&wrong, 1}}, &rules, &err));
	assert_non_null(strstr(err.message, "did you mean \"threads\"?"));
	const char *list = "threads,legacy-exceptions";
	error_clear(&err);
	assert_false(load_rules_read(&(struct load_words){.enable = {&list, 1}}, &rules, &err));
	assert_string_equal(err.message,
	                    "--enable: unknown feature \"threads,legacy-exceptions\"; --help "
	                    "lists them, and each takes an --enable of its own");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_given_is_the_defaults),
	    cmocka_unit_test(each_limit_is_set_by_its_name_up_to_its_highest),
	    cmocka_unit_test(wrong_words_are_refused),
	    cmocka_unit_test(features_are_added_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
