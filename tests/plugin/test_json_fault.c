/* What a person reads who wrote JSON that is none. */
#include "plugin/json_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_words(const char *text, size_t size, int flags, const char *expected)
{
	json_error_t fault;
	char words[JSON_FAULT_SIZE];
	json_t *root = json_loadb(text, size, (size_t)flags, &fault);
	assert_null(root);
	assert_string_equal(json_fault_words(&fault, words), expected);
}

/* A result with \u0000 was answered by "is not allowed without JSON_ALLOW_NUL". */
static void no_flag_of_the_library_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} rows[] = {
	    {"", "line 1, column 0: it ends too early: a bracket, a quote or a value is missing"},
	    {"{\"a\":",
	     "line 1, column 5: it ends too early: a bracket, a quote or a value is missing"},
	    {"[1]]", "line 1, column 4: something stands behind its end, at ]"},
	    {"{\"a\" 1}",
	     "line 1, column 6: a quote, comma, colon, bracket or value is missing or wrong, at 1"},
	    {"{'a':1}",
	     "line 1, column 2: a quote, comma, colon, bracket or value is missing or wrong, at '"},
	    {"{\"a\":\"\\u0000\"}",
	     "line 1, column 13: a string holds the character \\u0000, which is not "
	     "taken, at \"\\u0000\""},
	    {"{\"\\u0000a\":1}",
	     "line 1, column 10: a string holds the character \\u0000, which is not "
	     "taken, at \"\\u0000a\""},
	    {"[\"two\nlines\"]", "line 1, column 5: a string holds a line break or another control "
	                         "character as it is; escape it, as \\n, at \"two"},
	    {"[\"\x01\"]",
	     "line 1, column 2: a string holds a line break or another control character as "
	     "it is; escape it, as \\n, at \""},
	    {"[1e999]", "line 1, column 6: a number is too large; write it as a string, at 1e999"},
	    {"{\"a\":1,\"a\":2}", "line 1, column 10: a key stands twice in one object, at \"a\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_words(rows[i].text, strlen(rows[i].text), JSON_REJECT_DUPLICATES, rows[i].words);
}

/* An escape sequence of a module's result reached the terminal of who read the step's message. */
static void bytes_of_the_text_do_not_steer_a_terminal(void **state)
{
	(void)state;
	static const char escape[] = "[\"red\", \x1b]", bytes[] = "[\"\xff\"]";
	expect_words(
	    escape, sizeof escape - 1, 0,
	    "line 1, column 9: a quote, comma, colon, bracket or value is missing or wrong, at ?");
	expect_words(bytes, sizeof bytes - 1, 0,
	             "line 1, column 2: a string is not UTF-8; encode other bytes, as base64, at \"");
}

static void depth_is_told(void **state)
{
	(void)state;
	char deep[4000];
	memset(deep, '[', sizeof deep);
	json_error_t fault;
	char words[JSON_FAULT_SIZE];
	assert_null(json_loadb(deep, sizeof deep, 0, &fault));
	assert_non_null(strstr(json_fault_words(&fault, words), "it nests too deep"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_flag_of_the_library_is_named),
	    cmocka_unit_test(bytes_of_the_text_do_not_steer_a_terminal),
	    cmocka_unit_test(depth_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
