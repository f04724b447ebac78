#include "validator/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void the_bounds_of_each_length(void **state)
{
	static const struct {
		const char *text;
		size_t len, size;
	} cases[] = {
	    {"", 0, 0},
	    {"\0", 1, 1},
	    {"\x7f", 1, 1},
	    {"\x80", 1, 0},
	    {"\xc1\xbf", 2, 0},         /* U+007F in two bytes */
	    {"\xc2\x80", 2, 2},         /* U+0080 */
	    {"\xdf\xbf", 2, 2},         /* U+07FF */
	    {"\xdf", 1, 0},             /* cut */
	    {"\xdf\x7f", 2, 0},         /* the second byte is none of it */
	    {"\xe0\x9f\xbf", 3, 0},     /* U+07FF in three bytes */
	    {"\xe0\xa0\x80", 3, 3},     /* U+0800 */
	    {"\xed\x9f\xbf", 3, 3},     /* U+D7FF */
	    {"\xed\xa0\x80", 3, 0},     /* U+D800, a surrogate */
	    {"\xee\x80\x80", 3, 3},     /* U+E000 */
	    {"\xef\xbf\xbf", 3, 3},     /* U+FFFF */
	    {"\xef\xbf\xbf", 2, 0},     /* cut */
	    {"\xf0\x8f\xbf\xbf", 4, 0}, /* U+FFFF in four bytes */
	    {"\xf0\x90\x80\x80", 4, 4}, /* U+10000 */
	    {"\xf4\x8f\xbf\xbf", 4, 4}, /* U+10FFFF */
	    {"\xf4\x90\x80\x80", 4, 0}, /* U+110000 */
	    {"\xf5\x80\x80\x80", 4, 0},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(utf8_size(cases[i].text, cases[i].len), cases[i].size);
		if (cases[i].len > 0)
			assert_int_equal(utf8_is_whole(cases[i].text, cases[i].len), cases[i].size > 0);
	}
}

static void text_is_whole_to_its_end(void **state)
{
	(void)state;
	assert_true(utf8_is_whole("", 0));
	assert_true(utf8_is_whole("a\0Grüße 日本", 16));
	assert_false(utf8_is_whole("a\0Grüße 日本", 15));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_bounds_of_each_length),
	    cmocka_unit_test(text_is_whole_to_its_end),
	};
	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
