/* plugin/log.h: one line stays one line, whatever stands in it. */
#include "plugin/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_value_cannot_forge_a_line_or_a_field(void **state)
{
	static const struct {
		const char *value, *written;
	} cases[] = {
	    {"plain", " key=plain"},
	    {"Grüße", " key=Grüße"},
	    {"two words", " key=\"two words\""},
	    {"a=b", " key=\"a=b\""},
	    {"say \"x\" \\", " key=\"say \\\"x\\\" \\\\\""},
	    {"x\ntime=0 level=error", " key=\"x\\ntime=0 level=error\""},
	    {"\x1b[2J", " key=\"\\x1b[2J\""},
	    {"\xc2\x9b[2J", " key=\"\\xc2\\x9b[2J\""},  /* CSI as one character */
	    {"a\u202eb", " key=\"a\\xe2\\x80\\xaeb\""}, /* the rest would be shown backwards */
	    {"\xff", " key=\"\\xff\""},
	    {"", ""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct log_line line = {.on = true};
		log_text(&line, "key", cases[i].value);
		assert_string_equal(line.text.data == NULL ? "" : line.text.data, cases[i].written);
		bytes_clear(&line.text);
	}
}

static void levels_are_words_in_any_case(void **state)
{
	(void)state;
	assert_true(log_set_level("WARNING"));
	assert_true(log_is_on(LOG_WARN));
	assert_false(log_is_on(LOG_INFO));
	assert_false(log_set_level("loud"));
	assert_false(log_is_on(LOG_INFO));
	assert_true(log_set_level("trace"));
	assert_true(log_is_on(LOG_DEBUG));
	assert_true(log_set_level("off"));
	assert_false(log_begin(LOG_ERROR, "unseen").on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_value_cannot_forge_a_line_or_a_field),
	    cmocka_unit_test(levels_are_words_in_any_case),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
