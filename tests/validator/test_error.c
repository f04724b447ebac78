/* validator/error.c: the contract that error.h states. */
#include "tests/validator/load.h"

static void test_kinds(void **state)
{
	(void)state;
#define X(kind, word, status)                                                                      \
	assert_string_equal(error_kind_word(kind), word);                                              \
	assert_int_equal(error_exit_status(kind), status);
	ERROR_KINDS(X)
#undef X
	/* Every failure of ours ends in a status of failure. */
	for (int kind = ERROR_MALFORMED; kind <= ERROR_NETWORK; kind++)
		if (kind != ERROR_EXIT)
			assert_int_not_equal(error_exit_status((enum error_kind)kind), 0);
}

static void test_first_message_wins(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_false(error_set_at(&err, ERROR_INVALID, 31, "cause %d", 1));
	assert_false(error_set(&err, ERROR_LINK, "later"));
	assert_false(error_set_errno(&err, 2, "later"));
	assert_false(error_set_at(&err, ERROR_LIMIT, 99, "later"));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_int_equal(err.offset, 31);
	assert_int_equal(err.sys_errno, 0);
	assert_string_equal(err.message, "cause 1");
	error_clear(&err);
	assert_int_equal(err.kind, ERROR_NONE);
	assert_string_equal(err.message, "");
	assert_false(error_set(&err, ERROR_LINK, "later"));
	assert_string_equal(err.message, "later");
}

static void test_errno(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_false(error_set_errno(&err, 2, "%s", "/there"));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_int_equal(err.sys_errno, 2);
	assert_string_equal(err.message, "/there: No such file or directory");
}

static void test_wrap(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	error_wrap(&err, "context");
	assert_int_equal(err.kind, ERROR_NONE);
	assert_string_equal(err.message, "");
	error_put_at(&err, ERROR_MALFORMED, 8, "cause");
	error_wrap(&err, "in %s", "there");
	error_wrap(&err, "outer");
	assert_string_equal(err.message, "outer: in there: cause");
	assert_int_equal(err.kind, ERROR_MALFORMED);
	assert_int_equal(err.offset, 8);
}

/* Long texts are cut, never written beyond the message, and always terminated. */
static void test_truncation(void **state)
{
	(void)state;
	char text[2000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (size_t len = 700; len < sizeof text; len += 61) {
		struct error err = ERROR_INIT;
		error_put_errno(&err, 13, "%.*s", (int)len, text);
		assert_true(strlen(err.message) < sizeof err.message);
		error_clear(&err);
		error_put(&err, ERROR_LINK, "the cause %.*s", (int)len, text);
		error_wrap(&err, "context %.*s", (int)len, text);
		assert_true(strlen(err.message) < sizeof err.message);
		/* Of both something remains. */
		assert_memory_equal(err.message, "context ", 8);
		assert_non_null(strstr(err.message, ": the cause"));
		for (int i = 0; i < 10; i++)
			error_wrap(&err, "more");
		assert_memory_equal(err.message, "more: more: ", 12);
	}
}

static void test_format(void **state)
{
	(void)state;
	static const struct {
		uint32_t func;
		uint64_t offset;
		const char *text;
	} cases[] = {
	    {ERROR_NO_FUNC, ERROR_NO_OFFSET, "invalid module: what"},
	    {ERROR_NO_FUNC, 31, "invalid module: offset 0x1f: what"},
	    {3, ERROR_NO_OFFSET, "invalid module: function 3: what"},
	    {3, 31, "invalid module: function 3, offset 0x1f: what"},
	    {0, 0, "invalid module: function 0, offset 0x0: what"},
	    {UINT32_MAX - 1, UINT64_MAX - 1,
	     "invalid module: function 4294967294, offset 0xfffffffffffffffe: what"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct error err = {.kind = ERROR_INVALID,
		                    .func = cases[i].func,
		                    .offset = cases[i].offset,
		                    .message = "what"};
		char text[200];
		assert_ptr_equal(error_format(&err, text, sizeof text), text);
		assert_string_equal(text, cases[i].text);
		/* A short buffer gets the beginning. */
		char little[12];
		error_format(&err, little, sizeof little);
		assert_int_equal(strlen(little), 11);
		assert_memory_equal(little, cases[i].text, 11);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),      cmocka_unit_test(test_first_message_wins),
	    cmocka_unit_test(test_errno),      cmocka_unit_test(test_wrap),
	    cmocka_unit_test(test_truncation), cmocka_unit_test(test_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
