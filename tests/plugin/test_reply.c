/* plugin/reply: what Argo reads. */
#include "plugin/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static const struct reply_limits limits = {.parameter = 100, .outputs = 250};

static void assert_reply(const struct node *node, const char *expected)
{
	char *text = reply_of_node(node);
	assert_string_equal(text, expected);
	free(text);
}

static void succeeded_alone(void **state)
{
	(void)state;
	cleanup_node struct node node = {0};
	assert_reply(&node, "{\"node\":{\"phase\":\"Succeeded\"}}");
}

static void with_everything(void **state)
{
	(void)state;
	cleanup_node struct node node = {.has_exit_code = true, .exit_code = 3};
	struct error err = ERROR_INIT;
	assert_true(node_add_parameter(&node, "x", "\"1\"\n", 4, &limits, &err));
	assert_true(node_add_parameter(&node, "empty", "", 0, &limits, &err));
	assert_true(node_set_result(&node, "out", 3, &limits, &err));
	node_fail(&node, "exit code %d", 3);
	assert_reply(&node, "{\"node\":{\"phase\":\"Failed\",\"message\":\"exit code 3\",\"outputs\":{"
	                    "\"parameters\":[{\"name\":\"x\",\"value\":\"\\\"1\\\"\\n\"},{\"name\":"
	                    "\"empty\",\"value\":\"\"}],\"result\":\"out\",\"exitCode\":\"3\"}}}");
}

static void of_a_step_that_goes_on(void **state)
{
	(void)state;
	static const struct {
		const char *message, *progress, *reply;
	} rows[] = {
	    {NULL, "", "{\"node\":{\"phase\":\"Running\"},\"requeue\":\"1s\"}"},
	    {"waits", "1/2",
	     "{\"node\":{\"phase\":\"Running\",\"message\":\"waits\",\"progress\":\"1/2\"},"
	     "\"requeue\":\"1s\"}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *text = reply_of_running(rows[i].message, rows[i].progress);
		assert_string_equal(text, rows[i].reply);
		free(text);
	}
	cleanup_node struct node node = {.progress = "2/2"};
	assert_reply(&node, "{\"node\":{\"phase\":\"Succeeded\",\"progress\":\"2/2\"}}");
}

static void first_failure_wins(void **state)
{
	(void)state;
	cleanup_node struct node node = {0};
	node_fail(&node, "the cause");
	node_fail(&node, "what followed");
	assert_reply(&node, "{\"node\":{\"phase\":\"Failed\",\"message\":\"the cause\"}}");
}

/* A guest's stderr reaches terminals through the message. */
static void messages_are_cleaned(void **state)
{
	(void)state;
	cleanup_node struct node node = {.failed = true};
	static const char dirty[] = "a\x1b[31m\xff\xc3\xa9\0b\tc\n\xc2\x9b";
	bytes_add(&node.message, dirty, sizeof dirty - 1);
	assert_reply(&node, "{\"node\":{\"phase\":\"Failed\",\"message\":\"a [31m\xef\xbf\xbd\xc3\xa9 "
	                    "b\\tc\\n \"}}");
}

static void long_messages_are_cut_between_characters(void **state)
{
	(void)state;
	cleanup_node struct node node = {.failed = true};
	bytes_add(&node.message, "x", 1);
	for (size_t i = 0; i < REPLY_MESSAGE_MAX; i++)
		bytes_add(&node.message, "\xc3\xa9", 2);
	char *text = reply_of_node(&node);
	json_t *reply = json_loads(text, 0, NULL);
	const char *message =
	    json_string_value(json_object_get(json_object_get(reply, "node"), "message"));
	assert_non_null(message);
	assert_int_equal(strlen(message), REPLY_MESSAGE_MAX - 1);
	json_decref(reply);
	free(text);
}

static void unfit_outputs_are_named(void **state)
{
	(void)state;
	char big[200];
	memset(big, 'a', sizeof big);
	static const struct {
		const char *value;
		size_t size;
		const char *words;
	} rows[] = {
	    {NULL, 101, "101 bytes are more than an output may hold (100, --max-parameter)"},
	    {"\xff\xfe", 2, "is not UTF-8"},
	    {"\xed\xa0\x80", 3, "is not UTF-8"},
	    {"\xc0\xaf", 2, "is not UTF-8"},
	    {"\xf4\x90\x80\x80", 4, "is not UTF-8"},
	    {"\xe2\x82", 2, "is not UTF-8"},
	    {"a\0b", 3, "holds a NUL"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cleanup_node struct node node = {0};
		struct error err = ERROR_INIT, err_result = ERROR_INIT;
		const char *value = rows[i].value == NULL ? big : rows[i].value;
		assert_false(node_add_parameter(&node, "qr", value, rows[i].size, &limits, &err));
		assert_non_null(strstr(err.message, "output parameter qr: "));
		assert_non_null(strstr(err.message, rows[i].words));
		assert_false(node_set_result(&node, value, rows[i].size, &limits, &err_result));
		assert_non_null(strstr(err_result.message, "outputs.result"));
		assert_int_equal(node.parameter_count, 0);
	}
}

static void outputs_together_are_bounded(void **state)
{
	(void)state;
	char big[100];
	memset(big, 'a', sizeof big);
	cleanup_node struct node node = {0};
	struct error err = ERROR_INIT;
	assert_true(node_add_parameter(&node, "a", big, 100, &limits, &err));
	assert_true(node_add_parameter(&node, "b", big, 100, &limits, &err));
	assert_true(node_add_parameter(&node, "c", big, 50, &limits, &err));
	assert_false(node_add_parameter(&node, "d", big, 1, &limits, &err));
	assert_non_null(strstr(err.message, "output parameter d"));
	assert_non_null(strstr(err.message, "--max-outputs"));
}

static void twice_the_same_name(void **state)
{
	(void)state;
	cleanup_node struct node node = {0};
	struct error err = ERROR_INIT;
	assert_true(node_add_parameter(&node, "a", "1", 1, &limits, &err));
	assert_false(node_add_parameter(&node, "a", "2", 1, &limits, &err));
	assert_non_null(strstr(err.message, "output parameter a: is given twice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(succeeded_alone),
	    cmocka_unit_test(with_everything),
	    cmocka_unit_test(of_a_step_that_goes_on),
	    cmocka_unit_test(first_failure_wins),
	    cmocka_unit_test(messages_are_cleaned),
	    cmocka_unit_test(long_messages_are_cut_between_characters),
	    cmocka_unit_test(unfit_outputs_are_named),
	    cmocka_unit_test(outputs_together_are_bounded),
	    cmocka_unit_test(twice_the_same_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
