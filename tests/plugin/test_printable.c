#include "plugin/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void writes_nothing_that_a_terminal_obeys(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *written;
	} cases[] = {
	    {"plain name", 10, "plain name"},
	    {"Grüße 日本 🙂", 19, "Grüße 日本 🙂"},
	    {"\x1b[31mred", 8, "\\x1b[31mred"},
	    {"a\nb\tc\rd\x7f", 8, "a\\x0ab\\x09c\\x0dd\\x7f"},
	    {"a\0b", 3, "a\\x00b"},
	    {"\xc2\x9b"
	     "31m",
	     5, "\\xc2\\x9b31m"},
	    {"back\\slash", 10, "back\\x5cslash"},
	    {"\xff\xfe", 2, "\\xff\\xfe"},
	    {"cut \xe6\x97", 6, "cut \\xe6\\x97"},
	    {"\x80stray", 6, "\\x80stray"},
	    {"", 0, ""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[128] = "";
		FILE *out = fmemopen(text, sizeof text, "w");
		assert_non_null(out);
		size_t written = printable_write(cases[i].text, cases[i].len, out);
		fclose(out);
		assert_string_equal(text, cases[i].written);
		assert_int_equal(written, strlen(cases[i].written));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_nothing_that_a_terminal_obeys),
	};
	return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
