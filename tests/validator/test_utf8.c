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

/* ASCII is passed over in eights: what is none is found wherever it stands. */
static void a_stray_byte_is_found_at_every_place(void **state)
{
	(void)state;
	char text[40];
	for (size_t len = 1; len <= sizeof text; len++) {
		for (size_t at = 0; at < len; at++) {
			for (size_t i = 0; i < len; i++)
				text[i] = (char)('!' + i);
			assert_true(utf8_is_whole(text, len));
			text[at] = (char)0x80;
			assert_false(utf8_is_whole(text, len));
			/* After a lead it is none: the last of them has no byte behind it. */
			if (at > 0)
				text[at - 1] = (char)0xc2;
			assert_int_equal(utf8_is_whole(text, len), at > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_bounds_of_each_length),
	    cmocka_unit_test(text_is_whole_to_its_end),
	    cmocka_unit_test(a_stray_byte_is_found_at_every_place),
	};
	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
