/* plugin/policy_document: YAML and JSON as one, with the place of each value. */
#include "plugin/policy_document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text, json_t **marks, struct error *err)
{
	json_t *document;
	*err = (struct error)ERROR_INIT;
	if (!policy_document_parse(text, strlen(text), "f.yaml", &document, marks, err)) {
		json_decref(document);
		json_decref(*marks);
		return NULL;
	}
	return document;
}

static void assert_same(const char *yaml, const char *json)
{
	json_t *marks, *document;
	struct error err;
	document = parse(yaml, &marks, &err);
	if (document == NULL)
		fail_msg("%s: %s", yaml, err.message);
	json_t *expected = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(expected);
	if (!json_equal(document, expected))
		fail_msg("%s: is %s", yaml, json_dumps(document, JSON_ENCODE_ANY));
	json_decref(expected);
	json_decref(document);
	json_decref(marks);
}

static void scalars_are_those_of_json(void **state)
{
	(void)state;
	assert_same(
	    "[1, -2, +3, 1.5, 1e3, true, false, null, ~, '1', \"true\", 64M, 1:2, yes, 0x1f, .]",
	    "[1,-2,3,1.5,1000.0,true,false,null,null,\"1\",\"true\",\"64M\",\"1:2\",\"yes\","
	    "\"0x1f\",\".\"]");
	/* Beyond 63 bits no number of jansson's holds it. */
	assert_same("18446744073709551615", "\"18446744073709551615\"");
}

static void json_is_yaml(void **state)
{
	static const char json[] = "{\"a\": [1, {\"b\": \"x\\ny\\u00e9\"}], \"c\":{}, \"d\":\"\\/\"}";
	(void)state;
	assert_same(json, json);
}

static void block_style(void **state)
{
	(void)state;
	assert_same("# a policy\na:\n  - b: 1\n    c: two words\n  - d\ne: {f: g}\n",
	            "{\"a\":[{\"b\":1,\"c\":\"two words\"},\"d\"],\"e\":{\"f\":\"g\"}}");
}

static void each_value_has_its_place(void **state)
{
	static const struct {
		const char *path;
		unsigned line, column;
	} rows[] = {{"", 2, 1},     {"a", 2, 1}, {"a[0]", 3, 5}, {"a[0].b", 3, 5},
	            {"a[1]", 4, 5}, {"e", 5, 1}, {"e.f", 5, 5}};
	json_t *marks;
	struct error err;
	(void)state;
	json_t *document = parse("# a policy\na:\n  - b: 1\n  - d\ne: {f: g}\n", &marks, &err);
	assert_non_null(document);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_int_t at = json_integer_value(json_object_get(marks, rows[i].path));
		if (at >> 16 != rows[i].line || (at & 0xffff) != rows[i].column)
			fail_msg("%s: stands at %d:%d", rows[i].path, (int)(at >> 16), (int)(at & 0xffff));
	}
	json_decref(document);
	json_decref(marks);
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
	    {"", "f.yaml:1:1: is empty"},
	    {"# nothing\n", "f.yaml:1:1: is empty"},
	    {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a is given twice"},
	    {"a: 1\n---\nb: 2\n", "f.yaml:3:1: a second document"},
	    {"a: &x [1]\nb: 1\n", "f.yaml:1:4: anchors, aliases and tags"},
	    {"a: *x\n", "f.yaml:1:4: anchors, aliases and tags"},
	    {"a: !!str 1\n", "f.yaml:1:4: anchors, aliases and tags"},
	    {"? [a]\n: 1\n", "f.yaml:1:3: a name must be a text"},
	    {"a: [1\n", "is no YAML"},
	    {"\ta: 1\n", "f.yaml:1:1: is no YAML"},
	    {"a: \"\\0\"\n", "f.yaml:1:4: holds a NUL"},
	    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "f.yaml:1:17: nests deeper than 16"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *marks;
		struct error err;
		if (parse(rows[i].text, &marks, &err) != NULL)
			fail_msg("%s: was taken", rows[i].text);
		if (strstr(err.message, rows[i].message) == NULL)
			fail_msg("%s: %s", rows[i].text, err.message);
	}
}

/* Each prefix of a document, and each with one byte changed, is read or refused with a message. */
static void damaged_documents_are_survived(void **state)
{
	static const char whole[] =
	    "a: [1, {b: 'x', \"c\": \"\\u00e9\"}]\n# note\nd:\n  - e: ~\n  - f\n";
	static const char poison[] = "\0\t\"'{}[],:&*!|>%@`#-\xff";
	(void)state;
	for (size_t at = 0; at < sizeof whole - 1; at++) {
		for (size_t p = 0; p < sizeof poison; p++) {
			/* Its own allocation, so that a read beyond the end is seen. */
			size_t size = p == sizeof poison - 1 ? at : sizeof whole - 1;
			char *text = malloc(size + 1);
			json_t *document, *marks;
			struct error err = ERROR_INIT;
			memcpy(text, whole, size);
			if (at < size)
				text[at] = poison[p];
			bool ok = policy_document_parse(text, size, "f", &document, &marks, &err);
			assert_int_equal(ok, err.kind == ERROR_NONE);
			assert_true(ok || strlen(err.message) > 0);
			json_decref(document);
			json_decref(marks);
			free(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scalars_are_those_of_json),
	    cmocka_unit_test(json_is_yaml),
	    cmocka_unit_test(block_style),
	    cmocka_unit_test(each_value_has_its_place),
	    cmocka_unit_test(what_is_refused),
	    cmocka_unit_test(damaged_documents_are_survived),
	};
	return cmocka_run_group_tests_name("policy_document", tests, NULL, NULL);
}
