/* plugin/contract: input.json and result.json of the earlier plugin. */
#include "plugin/contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct reply_limits limits = {.parameter = REPLY_PARAMETER_DEFAULT,
                                           .outputs = REPLY_OUTPUTS_DEFAULT};

static void input_is_as_modules_expect_it(void **state)
{
	(void)state;
	static const char body[] =
	    "{\"workflow\":{\"metadata\":{\"name\":\"wf\"}},\"template\":{\"inputs\":{\"parameters\":["
	    "{\"name\":\"text\",\"value\":\"h\\\"i\"},{\"name\":\"n\",\"value\":3},{\"name\":\"none\"}]"
	    ","
	    "\"artifacts\":[{\"name\":\"a\",\"path\":\"/in/"
	    "a\",\"raw\":{\"data\":\"x\"}},{\"name\":\"b\","
	    "\"path\":\"/b\",\"s3\":{\"key\":\"k/"
	    "b\"}}]},\"plugin\":{\"wasm\":{\"module\":{\"oci\":\"m\"},"
	    "\"permissions\":{\"clock\":\"none\"},\"opt\":{\"x\":[1]}}}}}";
	cleanup_request struct request request;
	struct error err = ERROR_INIT;
	assert_true(request_decode(body, sizeof body - 1, &request, &err));
	char *text = contract_input(&request);
	assert_string_equal(
	    text,
	    "{\"workflow_name\":\"wf\",\"plugin_options\":[{\"name\":\"opt\",\"value\":{\"x\":[1]}}],"
	    "\"parameters\":[{\"name\":\"text\",\"value\":\"h\\\"i\"},{\"name\":\"n\",\"value\":3},"
	    "{\"name\":\"none\",\"value\":null}],\"artifacts\":[{\"name\":\"a\",\"path\":\"/in/a\"},"
	    "{\"name\":\"b\",\"path\":\"/b\",\"s3\":{\"key\":\"k/b\"}}]}");
	free(text);
}

static void input_without_anything_has_all_lists(void **state)
{
	(void)state;
	static const char body[] = "{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}";
	cleanup_request struct request request;
	struct error err = ERROR_INIT;
	assert_true(request_decode(body, sizeof body - 1, &request, &err));
	char *text = contract_input(&request);
	assert_string_equal(text, "{\"workflow_name\":\"\",\"plugin_options\":[],\"parameters\":[],"
	                          "\"artifacts\":[]}");
	free(text);
}

static void results_become_nodes(void **state)
{
	(void)state;
	static const struct {
		const char *result, *reply;
	} rows[] = {
	    {"{\"phase\":\"Succeeded\",\"message\":\"fine\",\"outputs\":{\"artifacts\":[],"
	     "\"parameters\":["
	     "{\"name\":\"t\",\"value\":\"v\"}]}}",
	     "{\"node\":{\"phase\":\"Succeeded\",\"message\":\"fine\",\"outputs\":{\"parameters\":[{"
	     "\"name\":\"t\",\"value\":\"v\"}]}}}"},
	    {"{\"phase\":\"Failed\",\"message\":\"no\",\"outputs\":{\"artifacts\":[],\"parameters\":[]}"
	     "}",
	     "{\"node\":{\"phase\":\"Failed\",\"message\":\"no\"}}"},
	    {"{\"phase\":\"Succeeded\"}", "{\"node\":{\"phase\":\"Succeeded\"}}"},
	    {"{\"phase\":\"Succeeded\",\"message\":null,\"outputs\":null}",
	     "{\"node\":{\"phase\":\"Succeeded\"}}"},
	    /* Argo decodes numbers as floating point; as text they stay what they were. */
	    {"{\"phase\":\"Succeeded\",\"outputs\":{\"parameters\":[{\"name\":\"i\",\"value\":"
	     "9007199254740993},{\"name\":\"r\",\"value\":0.1},{\"name\":\"b\",\"value\":false},"
	     "{\"name\":\"z\",\"value\":-1.50e3},{\"name\":\"n\",\"value\":null}]}}",
	     "{\"node\":{\"phase\":\"Succeeded\",\"outputs\":{\"parameters\":[{\"name\":\"i\","
	     "\"value\":"
	     "\"9007199254740993\"},{\"name\":\"r\",\"value\":\"0.1\"},{\"name\":\"b\",\"value\":"
	     "\"false\"},{\"name\":\"z\",\"value\":\"-1500\"}]}}}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cleanup_node struct node node = {0};
		struct error err = ERROR_INIT;
		if (!contract_result(rows[i].result, strlen(rows[i].result), &limits, &node, &err))
			fail_msg("%s: %s", rows[i].result, err.message);
		char *text = reply_of_node(&node);
		assert_string_equal(text, rows[i].reply);
		free(text);
	}
}

#define PARAMETERS(text) "{\"phase\":\"Succeeded\",\"outputs\":{\"parameters\":" text "}}"

static void wrong_results_are_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *result, *words;
	} rows[] = {
	    {"", "is not JSON"},
	    {"{\"phase\":\"Succeeded\"", "is not JSON: line 1"},
	    {"{\"phase\":\"\xff\"}", "is not JSON"},
	    {"[]", "is an array, must be an object"},
	    {"{}", "phase: is missing"},
	    {"{\"phase\":null}", "phase: is null"},
	    {"{\"phase\":\"Running\"}", "phase: is \"Running\", must be"},
	    {"{\"phase\":\"succeeded\"}", "phase: is \"succeeded\""},
	    {"{\"phase\":\"Failed\",\"message\":1}", "message: is a number"},
	    {"{\"phase\":\"Failed\",\"outputs\":[]}", "outputs: is an array"},
	    {PARAMETERS("{}"), "outputs.parameters: is an object"},
	    {PARAMETERS("[1]"), "outputs.parameters[0]: is a number"},
	    {PARAMETERS("[{\"value\":1}]"), "outputs.parameters[0].name: must be a string"},
	    {PARAMETERS("[{\"name\":\"\",\"value\":1}]"), "outputs.parameters[0].name"},
	    {PARAMETERS("[{\"name\":\"o\",\"value\":{}}]"), "outputs.parameters[0] (o): is an object"},
	    {PARAMETERS("[{\"name\":\"o\",\"value\":[1]}]"), "as a JSON string"},
	    {PARAMETERS("[{\"name\":\"o\",\"value\":1},{\"name\":\"o\",\"value\":2}]"),
	     "output parameter o: is given twice"},
	    {"{\"phase\":\"Succeeded\",\"outputs\":{\"artifacts\":{}}}",
	     "outputs.artifacts: is an object"},
	    {"{\"phase\":\"Succeeded\",\"outputs\":{\"artifacts\":[{\"name\":\"a\",\"path\":1}]}}",
	     "outputs.artifacts[0]: must be {name, path}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cleanup_node struct node node = {0};
		struct error err = ERROR_INIT;
		if (contract_result(rows[i].result, strlen(rows[i].result), &limits, &node, &err))
			fail_msg("%s: was taken", rows[i].result);
		if (strstr(err.message, rows[i].words) == NULL)
			fail_msg("%s: %s", rows[i].result, err.message);
	}
}

static void large_parameters_are_refused_by_name(void **state)
{
	(void)state;
	cleanup_bytes struct bytes text = {0};
	bytes_add_text(&text, "{\"phase\":\"Succeeded\",\"outputs\":{\"parameters\":[{\"name\":\"big\","
	                      "\"value\":\"");
	for (size_t i = 0; i < REPLY_PARAMETER_DEFAULT + 1; i++)
		bytes_add(&text, "x", 1);
	bytes_add_text(&text, "\"}]}}");
	cleanup_node struct node node = {0};
	struct error err = ERROR_INIT;
	assert_false(contract_result(text.data, text.size, &limits, &node, &err));
	assert_non_null(strstr(err.message, "output parameter big: 262145 bytes"));
	assert_non_null(strstr(err.message, "artifact"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(input_is_as_modules_expect_it),
	    cmocka_unit_test(input_without_anything_has_all_lists),
	    cmocka_unit_test(results_become_nodes),
	    cmocka_unit_test(wrong_results_are_refused_by_name),
	    cmocka_unit_test(large_parameters_are_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
