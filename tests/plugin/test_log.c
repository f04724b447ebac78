/* plugin/log.h: one line stays one line, whatever stands in it. */
#include "plugin/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

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

/* What a stream of a guest becomes: each line of it one of the log, with all the fields. */
static void a_stream_line_by_line(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *written;
	} cases[] = {
	    {"", 0, ""},
	    {"one", 3, "x=1 line=one\n"},
	    {"one\ntwo\n", 8, "x=1 line=one\nx=1 line=two\n"},
	    {"\n\na b", 5, "x=1 line=\nx=1 line=\nx=1 line=\"a b\"\n"},
	    {"a\0b\nlevel=error", 15, "x=1 line=\"a\\x00b\"\nx=1 line=\"level=error\"\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char got[256];
		int ends[2], kept = dup(STDERR_FILENO);
		struct log_line line = {.on = true};
		assert_int_equal(pipe(ends), 0);
		dup2(ends[1], STDERR_FILENO);
		close(ends[1]);
		bytes_add_text(&line.text, "x=1");
		log_end_lines(&line, "line", cases[i].text, cases[i].size);
		dup2(kept, STDERR_FILENO);
		close(kept);
		ssize_t size = read(ends[0], got, sizeof got - 1);
		close(ends[0]);
		got[size < 0 ? 0 : size] = '\0';
		assert_string_equal(got, cases[i].written);
		assert_null(line.text.data);
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
	    cmocka_unit_test(a_stream_line_by_line),
	    cmocka_unit_test(levels_are_words_in_any_case),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
