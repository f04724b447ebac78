#include "validator/printable.h"

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
	    {"\xc0\x9b[2J", 5, "\\xc0\\x9b[2J"},    /* ESC in two bytes, as lax decoders read it */
	    {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}, /* half of a surrogate pair */
	    {"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
	    {"a\u202eb", 5, "a\\xe2\\x80\\xaeb"},            /* what follows would be shown backwards */
	    {"a\u2028b", 5, "a\\xe2\\x80\\xa8b"},            /* a new line, for some who show logs */
	    {"", 0, ""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[128] = "", copy[128];
		FILE *out = fmemopen(text, sizeof text, "w");
		assert_non_null(out);
		size_t written = printable_write(cases[i].text, cases[i].len, out);
		fclose(out);
		assert_string_equal(text, cases[i].written);
		assert_int_equal(written, strlen(cases[i].written));
		printable_text(cases[i].text, cases[i].len, copy, sizeof copy);
		assert_string_equal(copy, cases[i].written);
	}
}

static void a_name_is_cut_after_a_whole_character(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *written;
	} cases[] = {
	    {"abcdefg", 8, "abcdefg"}, {"abcdefgh", 8, "abcd…"}, {"ab日本", 8, "ab…"},
	    {"日本", 7, "日本"},       {"日本語", 8, "日…"},     {"\x1b\x1b\x1b", 12, "\\x1b\\x1b…"},
	    {"\x1b\x1b", 5, "…"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[16];
		memset(text, '#', sizeof text);
		printable_text(cases[i].text, strlen(cases[i].text), text, cases[i].size);
		assert_string_equal(text, cases[i].written);
		assert_int_equal(text[cases[i].size], '#');
	}
}

static void ascii_is_cut_to_fit_with_marks_for_the_rest(void **state)
{
	char text[8];
	(void)state;
	assert_string_equal(printable_ascii("a\x1b[m~", text, sizeof text), "a?[m~");
	assert_string_equal(printable_ascii("é\n", text, sizeof text), "???");
	assert_string_equal(printable_ascii("12345678", text, sizeof text), "1234567");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_nothing_that_a_terminal_obeys),
	    cmocka_unit_test(a_name_is_cut_after_a_whole_character),
	    cmocka_unit_test(ascii_is_cut_to_fit_with_marks_for_the_rest),
	};
	return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
