/* The guests' JSON, and the contract of a step on top of it. */
#include "examples/common/json.h"
#include "examples/common/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct json_case {
	const char *text;
	const char *why; /* NULL: it is JSON */
	size_t at;
};

static const struct json_case cases[] = {
    {"null", NULL, 0},
    {" \t\r\n true ", NULL, 0},
    {"false", NULL, 0},
    {"0", NULL, 0},
    {"-0.5e+10", NULL, 0},
    {"1E9", NULL, 0},
    {"\"\"", NULL, 0},
    {"[]", NULL, 0},
    {"[ ]", NULL, 0},
    {"{}", NULL, 0},
    {"[1,[2,{\"a\":[]}],\"x\"]", NULL, 0},
    {"{\"a\":1,\"b\":{\"a\":2}}", NULL, 0},
    {"\"\\ud83e\\udd80\"", NULL, 0},
    {"", "a value is due", 0},
    {"nul", "a value is due", 0},
    {"True", "a value is due", 0},
    {"'a'", "a value is due", 0},
    {"+1", "a value is due", 0},
    {".5", "a value is due", 0},
    {"01", "text behind the value", 1},
    {"-", "a digit is due", 1},
    {"1.", "a digit is due", 2},
    {"1e", "a digit is due", 2},
    {"1e+", "a digit is due", 3},
    {"1 2", "text behind the value", 2},
    {"[1,]", "a value is due", 3},
    {"[1 2]", "a comma or the end is due", 3},
    {"[", "a value is due", 1},
    {"[1", "a comma or the end is due", 2},
    {"{\"a\"}", "a colon is due", 4},
    {"{\"a\":}", "a value is due", 5},
    {"{\"a\":1,}", "a string is due", 7},
    {"{a:1}", "a string is due", 1},
    {"{\"a\":1,\"a\":2}", "a name that the object has already", 10},
    {"\"a", "a string without its closing quote", 2},
    {"\"a\nb\"", "a control character in a string", 2},
    {"\"\\x\"", "an unknown escape", 2},
    {"\"\\", "an unknown escape", 2},
    {"\"\\u12g4\"", "\\u wants four hexadecimal digits", 5},
    {"\"\\ud800\"", "a surrogate without its pair", 7},
    {"\"\\udc00\"", "a surrogate without its pair", 7},
    {"\"\\ud800\\u0041\"", "a surrogate without its pair", 13},
    {"\"\xc3\"", "text that is not UTF-8", 1},
    {"\"\xc0\x80\"", "text that is not UTF-8", 1},
    {"\"\xed\xa0\x80\"", "text that is not UTF-8", 1},
    {"\"\xf4\x90\x80\x80\"", "text that is not UTF-8", 1},
    {"\"\xff\"", "text that is not UTF-8", 1},
};

/* Every text in memory of its exact size, so that a sanitizer sees a byte too far. */
static struct json *parse(const char *text, size_t len, const char **why, size_t *at)
{
	char *copy = malloc(len ? len : 1);
	memcpy(copy, text, len);
	struct json *json = json_parse(copy, len, why, at);
	free(copy);
	return json;
}

static void test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *why = NULL;
		size_t at = 0;
		struct json *json = parse(cases[i].text, strlen(cases[i].text), &why, &at);
		if (!json != !!cases[i].why)
			fail_msg("%s: %s", cases[i].text, why ? why : "was taken");
		if (!json) {
			if (strcmp(why, cases[i].why) != 0 || at != cases[i].at)
				fail_msg("%s: byte %zu: %s", cases[i].text, at, why);
		}
		json_free(json);
	}
}

/* A text cut anywhere is refused, and read no further. */
static void test_cut_text_is_refused(void **state)
{
	static const char text[] =
	    "{\"a\":[1.5e3,\"\\ud83e\\udd80\xc3\xa9\",true,null,false],\"b\":{}}";
	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		const char *why;
		size_t at = 0;
		assert_null(parse(text, len, &why, &at));
		assert_true(at <= len);
	}
}

static void test_depth(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 3];
	const char *why;
	size_t at;
	(void)state;
	for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		struct json *json = parse(text, 2 * depth, &why, &at);
		assert_int_equal(!!json, depth == JSON_DEPTH_MAX);
		json_free(json);
	}
	assert_string_equal(why, "nested too deeply");
}

static void test_strings_come_back(void **state)
{
	static const char text[] =
	    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u00e9\\u20ac\\ud83e\\udd80\"";
	static const char plain[] = "\"\\/\b\f\n\r\t\0\x1f\u00e9\u20ac\U0001f980";
	static const char written[] =
	    "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u00e9\u20ac\U0001f980\"";
	const char *why;
	char *out;
	size_t at, size;
	(void)state;
	struct json *json = parse(text, strlen(text), &why, &at);
	assert_non_null(json);
	assert_int_equal(json->len, sizeof plain - 1);
	assert_memory_equal(json->text, plain, sizeof plain);
	FILE *file = open_memstream(&out, &size);
	assert_true(json_write_string(file, json->text, json->len));
	assert_false(json_write_string(file, "\xff", 1));
	fclose(file);
	assert_string_equal(out, written);
	free(out);
	json_free(json);
}

/* ---- the contract ---- */

static char folder[] = "/tmp/tiphys-step-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static void path_of(char path[64], const char *name)
{
	snprintf(path, 64, "%s/%s", folder, name);
}

static int remove_folder(void **state)
{
	char path[64];
	(void)state;
	path_of(path, "input.json");
	unlink(path);
	path_of(path, "result.json");
	unlink(path);
	return rmdir(folder);
}

static void write_input(const char *text)
{
	char path[64];
	path_of(path, "input.json");
	FILE *file = fopen(path, "wb");
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void check_result(const char *text)
{
	char path[64], got[512] = "";
	path_of(path, "result.json");
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_true(fread(got, 1, sizeof got - 1, file) > 0);
	fclose(file);
	assert_string_equal(got, text);
}

static void test_step(void **state)
{
	struct step step;
	size_t len;
	(void)state;
	write_input(
	    "{\"workflow_name\":\"w\",\"plugin_options\":[{\"name\":\"level\",\"value\":\"H\"}],"
	    "\"parameters\":[{\"name\":\"other\",\"value\":\"no\"},{\"name\":\"text\",\"value\":"
	    "\"a\\u0000b\"},"
	    "{\"name\":\"n\",\"value\":1.50},{\"name\":\"b\",\"value\":true}],\"artifacts\":[]}");
	assert_true(step_is_here(folder));
	assert_true(step_open(&step, folder));
	assert_memory_equal(step_parameter(&step, "text", &len), "a\0b", 4);
	assert_int_equal(len, 3);
	assert_string_equal(step_parameter(&step, "n", NULL), "1.50");
	assert_string_equal(step_parameter(&step, "b", &len), "true");
	assert_int_equal(len, 4);
	assert_null(step_parameter(&step, "level", NULL));
	assert_string_equal(step_option(&step, "level", NULL), "H");
	assert_true(step_succeed(&step, "all \"well\"", "out", "x\n", 2));
	check_result(
	    "{\"phase\":\"Succeeded\",\"message\":\"all \\\"well\\\"\",\"outputs\":{\"artifacts\":[],"
	    "\"parameters\":[{\"name\":\"out\",\"value\":\"x\\n\"}]}}\n");
	step_close(&step);
}

static void test_step_with_bad_input(void **state)
{
	static const char *const inputs[][2] = {
	    {"{\"parameters\":", "input.json: byte 14: a value is due"},
	    {"[]", "input.json: is no object"},
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct step step;
		write_input(inputs[i][0]);
		assert_false(step_open(&step, folder));
		assert_non_null(strstr(step.why, inputs[i][1]));
		assert_true(step_fail(&step));
		step_close(&step);
	}
	struct step step;
	assert_false(step_is_here("/nonexistent"));
	assert_false(step_open(&step, "/nonexistent"));
	assert_non_null(strstr(step.why, "/nonexistent/input.json: No such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grammar), cmocka_unit_test(test_cut_text_is_refused),
	    cmocka_unit_test(test_depth),   cmocka_unit_test(test_strings_come_back),
	    cmocka_unit_test(test_step),    cmocka_unit_test(test_step_with_bad_input),
	};
	return cmocka_run_group_tests_name("guest json", tests, make_folder, remove_folder);
}
