/* plugin/s3_url, plugin/repository: the URLs and keys of objects. */
#include "plugin/repository.h"
#include "plugin/s3_request.h"

#include "tests/plugin/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void urls(void **state)
{
	(void)state;
	static const struct s3_query query[] = {{"prefix", "a b/&"}, {"uploads", ""}, {NULL, NULL}};
	static const struct {
		const char *endpoint, *bucket, *key;
		enum s3_style style;
		const struct s3_query *query;
		const char *url;
	} rows[] = {
	    {"http://minio:9000/", "b", "x/y.tgz", S3_AUTO, NULL, "http://minio:9000/b/x/y.tgz"},
	    {"minio", "b", "a b+c%?#\xc3\xa4~", S3_AUTO, NULL,
	     "https://minio/b/a%20b%2Bc%25%3F%23%C3%A4~"},
	    {"minio", "b", NULL, S3_AUTO, query, "https://minio/b?prefix=a%20b%2F%26&uploads="},
	    {"s3.amazonaws.com", "b", "k", S3_AUTO, NULL, "https://b.s3.amazonaws.com/k"},
	    {"s3.eu-west-1.amazonaws.com:443", "b", "k", S3_AUTO, NULL,
	     "https://b.s3.eu-west-1.amazonaws.com:443/k"},
	    {"s3.amazonaws.com", "dotted.b", "k", S3_AUTO, NULL, "https://s3.amazonaws.com/dotted.b/k"},
	    {"s3.amazonaws.com", "b", "k", S3_PATH, NULL, "https://s3.amazonaws.com/b/k"},
	    {"https://minio", "b", NULL, S3_VIRTUAL, NULL, "https://b.minio/"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_s3_place struct s3_place place = {.style = rows[i].style};
		cleanup_bytes struct bytes url = {0};
		struct error err = ERROR_INIT;
		assert_true(s3_place_set_endpoint(&place, rows[i].endpoint, &err));
		place.bucket = strdup(rows[i].bucket);
		assert_true(s3_url(&place, rows[i].key, rows[i].query, &url, &err));
		assert_string_equal(url.data, rows[i].url);
	}
}

static void endpoints_that_are_none(void **state)
{
	(void)state;
	static const char *const endpoints[] = {"", "http://", "https://minio/path", "minio?x"};
	for (size_t i = 0; i < COUNT(endpoints); i++) {
		cleanup_s3_place struct s3_place place = {0};
		struct error err = ERROR_INIT;
		assert_false(s3_place_set_endpoint(&place, endpoints[i], &err));
		assert_int_equal(err.kind, ERROR_USAGE);
	}
}

static void keys_by_format(void **state)
{
	(void)state;
	char year[8];
	time_t now = time(NULL);
	strftime(year, sizeof year, "%Y", gmtime(&now));
	static const char body[] =
	    "{\"workflow\":{\"metadata\":{\"name\":\"wf\",\"namespace\":\"ns\",\"uid\":\"u\"}},"
	    "\"template\":{\"name\":\"t\",\"inputs\":{\"parameters\":[{\"name\":\"p\",\"value\":1.5}]},"
	    "\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}";
	cleanup_request struct request request;
	struct error err = ERROR_INIT;
	assert_true(request_decode(body, sizeof body - 1, &request, &err));
	const struct {
		const char *format, *key, *words;
	} rows[] = {
	    {NULL, "wf/wf-t-1", NULL},
	    {"x/{{ workflow.namespace }}/{{workflow.uid}}/{{node.name}}", "x/ns/u/wf-t-1", NULL},
	    {"{{inputs.parameters.p}}{{", "1.5{{", NULL},
	    {"{{workflow.creationTimestamp.Y}}", year, NULL},
	    {"{{workflow.labels.team}}/x", NULL,
	     "{{workflow.labels.team}}, which the plugin is not told"},
	    {"{{inputs.parameters.q}}", NULL, "{{inputs.parameters.q}}"},
	    {"", NULL, "makes a key of 0 bytes"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct repository repository = {.key_format = (char *)(uintptr_t)rows[i].format};
		cleanup_bytes struct bytes key = {0};
		err = (struct error)ERROR_INIT;
		bool made = repository_key(&repository, &request, "wf-t-1", &key, &err);
		assert_int_equal(made, rows[i].key != NULL);
		if (made)
			assert_string_equal(key.data, rows[i].key);
		else
			assert_in(rows[i].words, err.message);
	}
}

/* ---- what servers answer ---- */

static bool add_element(void *env, const char *parent, const char *name, const char *text)
{
	return bytes_print(env, "%s>%s=%s;", parent, name, text);
}

static void answers(void **state)
{
	(void)state;
	static const struct {
		const char *xml, *elements;
	} rows[] = {
	    {"<L><T>true</T><C><K>a&amp;b</K><S>1</S></C><C><K>c</K></C></L>",
	     "L>T=true;C>K=a&b;C>S=1;C>K=c;"},
	    {"<?xml version='1.0'?>\n<Error><Code>X</Code></Error>", "Error>Code=X;"},
	    {"<!DOCTYPE a [<!ENTITY b \"c\">]><a><d>&b;</d></a>", NULL},
	    {"<a><b></a>", NULL},
	    {"no xml", NULL},
	    {"", NULL},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct bytes text = {.data = (char *)(uintptr_t)rows[i].xml,
		                           .size = strlen(rows[i].xml)};
		cleanup_bytes struct bytes elements = {0};
		struct error err = ERROR_INIT;
		assert_int_equal(s3_xml(&text, add_element, &elements, &err), rows[i].elements != NULL);
		if (rows[i].elements != NULL)
			assert_string_equal(elements.data, rows[i].elements);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(urls),
	    cmocka_unit_test(endpoints_that_are_none),
	    cmocka_unit_test(keys_by_format),
	    cmocka_unit_test(answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
