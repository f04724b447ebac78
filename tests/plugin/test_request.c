/* plugin/request: what Argo sends, as structs. */
#include "plugin/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WASM(text)                                                                                 \
	"{\"workflow\":{\"metadata\":{\"name\":\"wf\",\"namespace\":\"argo\",\"uid\":\"u-1\"}},"       \
	"\"template\":{\"name\":\"main\",\"plugin\":{\"wasm\":" text "}}}"
#define TEMPLATE(text)                                                                             \
	"{\"workflow\":{\"metadata\":{\"name\":\"wf\"}},\"template\":{\"name\":\"main\"," text         \
	",\"plugin\":{\"wasm\":{\"module\":\"r/m:1\"}}}}"

static bool decode(const char *body, struct request *request, struct error *err)
{
	*err = (struct error)ERROR_INIT;
	return request_decode(body, strlen(body), request, err);
}

static void assert_decodes(const char *body, struct request *request)
{
	struct error err;
	if (!decode(body, request, &err))
		fail_msg("%s: %s", body, err.message);
}

static void names_come_through(void **state)
{
	(void)state;
	cleanup_request struct request request;
	assert_decodes(WASM("{\"module\":{\"oci\":\"host:5000/a/b:1\"}}"), &request);
	assert_int_equal(request.form, REQUEST_CONTRACT);
	assert_string_equal(request.workflow, "wf");
	assert_string_equal(request.namespace, "argo");
	assert_string_equal(request.uid, "u-1");
	assert_string_equal(request.template, "main");
	assert_string_equal(request.module, "host:5000/a/b:1");
}

/* A result that waits for its caller keeps no request: of megabytes of parameters four names stay.
 */
static void only_names_are_kept(void **state)
{
	(void)state;
	cleanup_request struct request request;
	assert_decodes(
	    "{\"workflow\":{\"metadata\":{\"name\":\"wf\",\"namespace\":\"argo\",\"uid\":\"u-1\"}},"
	    "\"template\":{\"name\":\"main\",\"inputs\":{\"parameters\":[{\"name\":\"p\",\"value\":"
	    "\"large\"}]},\"plugin\":{\"wasm\":{\"module\":{\"oci\":\"h/m:1\"},\"stdin\":\"text\"}}}}",
	    &request);
	assert_int_equal(request_keep_names(&request),
	                 sizeof "wf" + sizeof "argo" + sizeof "u-1" + sizeof "main");
	assert_string_equal(request.workflow, "wf");
	assert_string_equal(request.namespace, "argo");
	assert_string_equal(request.uid, "u-1");
	assert_string_equal(request.template, "main");
	assert_null(request.document);
	assert_null(request.texts);
	assert_null(request.parameters.items);
	assert_null(request.stdin_text);
	/* Once more is no harm. */
	assert_int_equal(request_keep_names(&request),
	                 sizeof "wf" + sizeof "argo" + sizeof "u-1" + sizeof "main");
	assert_string_equal(request.template, "main");
}

static void what_is_not_ours_is_not_looked_at(void **state)
{
	(void)state;
	static const char *const bodies[] = {
	    "{\"template\":{}}",
	    "{\"template\":{\"plugin\":{}}}",
	    "{\"template\":{\"plugin\":null}}",
	    "{\"workflow\":null,\"template\":{\"plugin\":{\"slack\":{\"module\":1}}}}",
	    "{\"template\":{\"inputs\":{\"parameters\":7},\"plugin\":{\"Wasm\":{}}}}",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		cleanup_request struct request request;
		assert_decodes(bodies[i], &request);
		assert_int_equal(request.form, REQUEST_NOT_OURS);
	}
}

/* Each of the keys of the plain-command form turns it on, and null is as good as absent. */
static void form_follows_keys(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		enum request_form form;
	} rows[] = {
	    {WASM("{\"module\":\"m\"}"), REQUEST_CONTRACT},
	    {WASM("{\"module\":\"m\",\"args\":[]}"), REQUEST_COMMAND},
	    {WASM("{\"module\":\"m\",\"args\":null}"), REQUEST_CONTRACT},
	    {WASM("{\"module\":\"m\",\"env\":{}}"), REQUEST_COMMAND},
	    {WASM("{\"module\":\"m\",\"env\":[]}"), REQUEST_COMMAND},
	    {WASM("{\"module\":\"m\",\"stdin\":\"\"}"), REQUEST_COMMAND},
	    {WASM("{\"module\":\"m\",\"other\":1}"), REQUEST_CONTRACT},
	    /* Names that were taken for slips. */
	    {WASM("{\"module\":\"m\",\"versions\":1,\"sessions\":2,\"persons\":3,\"mode\":4}"),
	     REQUEST_CONTRACT},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cleanup_request struct request request;
		assert_decodes(rows[i].body, &request);
		if (request.form != rows[i].form)
			fail_msg("%s: form %d", rows[i].body, request.form);
	}
}

static void scalars_become_texts(void **state)
{
	(void)state;
	cleanup_request struct request request;
	assert_decodes(WASM("{\"module\":\"m\",\"args\":[\"a b\",1,-9007199254740993,0.1,1e21,true,"
	                    "\"\"],\"env\":{\"A\":1.5,\"B\":\"x=y\",\"C\":null,\"D\":false},"
	                    "\"stdin\":12}"),
	               &request);
	static const char *const args[] = {"a b", "1", "-9007199254740993", "0.1", "1e+21", "true", ""};
	assert_int_equal(request.args.count, 7);
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(request.args.items[i], args[i]);
	static const char *const env[] = {"A=1.5", "B=x=y", "C=", "D=false"};
	assert_int_equal(request.env.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(request.env.items[i], env[i]);
	assert_string_equal(request.stdin_text, "12");
}

static void env_as_kubernetes_writes_it(void **state)
{
	(void)state;
	cleanup_request struct request request;
	assert_decodes(WASM("{\"module\":\"m\",\"env\":[{\"name\":\"A\",\"value\":\"1\"},"
	                    "{\"name\":\"B\"}]}"),
	               &request);
	assert_int_equal(request.env.count, 2);
	assert_string_equal(request.env.items[0], "A=1");
	assert_string_equal(request.env.items[1], "B=");
}

static void other_keys_are_plugin_options(void **state)
{
	(void)state;
	cleanup_request struct request request;
	assert_decodes(WASM("{\"zeta\":[1,{\"a\":null}],\"module\":\"m\",\"permissions\":null,"
	                    "\"alpha\":\"x\"}"),
	               &request);
	assert_int_equal(request.options.count, 2);
	assert_string_equal(request.options.items[0].name, "zeta");
	assert_true(json_is_array(request.options.items[0].value));
	assert_string_equal(request.options.items[1].name, "alpha");
}

static void inputs_and_outputs(void **state)
{
	(void)state;
	cleanup_request struct request request;
	assert_decodes(
	    TEMPLATE(
	        "\"inputs\":{\"parameters\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\","
	        "\"value\":2},{\"name\":\"c\"}],\"artifacts\":[{\"name\":\"x\",\"path\":\"/in/x\","
	        "\"archive\":{\"none\":{}},\"raw\":{\"data\":\"hey\"}},{\"name\":\"y\",\"path\":"
	        "\"/y\",\"s3\":{\"key\":\"k\"}},{\"name\":\"z\",\"path\":\"/z\",\"optional\":true}]},"
	        "\"outputs\":{\"parameters\":[{\"name\":\"o\",\"valueFrom\":{\"path\":\"/work/o\","
	        "\"default\":7}},{\"name\":\"p\"}],\"artifacts\":[{\"name\":\"q\",\"path\":\"/q\"}]}"),
	    &request);
	assert_int_equal(request.parameters.count, 3);
	assert_string_equal(json_string_value(request.parameters.items[0].value), "1");
	assert_true(json_is_integer(request.parameters.items[1].value));
	assert_true(json_is_null(request.parameters.items[2].value));
	assert_int_equal(request.artifacts.count, 3);
	assert_int_equal(request.artifacts.items[0].location, LOCATION_RAW);
	assert_string_equal(artifact_text(request.artifacts.items[0].place, "data"), "hey");
	assert_int_equal(request.artifacts.items[0].archive, ARCHIVE_NONE);
	assert_int_equal(request.artifacts.items[1].location, LOCATION_S3);
	assert_string_equal(artifact_key(&request.artifacts.items[1]), "k");
	assert_int_equal(request.artifacts.items[2].location, LOCATION_NONE);
	assert_true(request.artifacts.items[2].optional);
	assert_int_equal(request.outputs.count, 2);
	assert_string_equal(request.outputs.items[0].path, "/work/o");
	assert_string_equal(request.outputs.items[0].otherwise, "7");
	assert_null(request.outputs.items[1].path);
	assert_int_equal(request.output_artifacts.count, 1);
}

/* Whose mistake it is, and where it stands. */
static void mistakes_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		enum error_kind kind;
		const char *words;
	} rows[] = {
	    {"", ERROR_MALFORMED, "not JSON"},
	    {"{", ERROR_MALFORMED, "not JSON: line 1"},
	    {"[]", ERROR_MALFORMED, "the body is an array"},
	    {"3", ERROR_MALFORMED, "not JSON"},
	    {"{} x", ERROR_MALFORMED, "not JSON"},
	    {"{\"a\":\"\xff\"}", ERROR_MALFORMED, "not JSON"},
	    {"{}", ERROR_MALFORMED, "template: is missing"},
	    {"{\"template\":[]}", ERROR_MALFORMED, "body.template: is an array"},
	    {"{\"template\":{\"name\":4}}", ERROR_MALFORMED, "template.name: is a number"},
	    {"{\"template\":{\"plugin\":\"wasm\"}}", ERROR_MALFORMED, "template.plugin: is a string"},
	    {"{\"workflow\":{\"metadata\":{\"name\":{}}},\"template\":{}}", ERROR_MALFORMED,
	     "workflow.metadata.name: is an object"},
	    {TEMPLATE("\"inputs\":[]"), ERROR_MALFORMED, "template.inputs: is an array"},
	    {TEMPLATE("\"inputs\":{\"parameters\":{}}"), ERROR_MALFORMED,
	     "template.inputs.parameters: is an object"},
	    {TEMPLATE("\"inputs\":{\"parameters\":[1]}"), ERROR_MALFORMED,
	     "template.inputs.parameters[0]: is a number"},
	    {TEMPLATE("\"inputs\":{\"parameters\":[{\"value\":1}]}"), ERROR_MALFORMED,
	     "template.inputs.parameters[0].name: is missing"},
	    {TEMPLATE("\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"mode\":\"rwx\"}]}"),
	     ERROR_MALFORMED, "template.inputs.artifacts[0].mode: must be permission bits"},
	    {TEMPLATE("\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"archive\":{\"rar\":{}}}]}"),
	     ERROR_MALFORMED, "template.inputs.artifacts[0].archive.rar: is not known"},
	    {TEMPLATE("\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"archive\":{\"tar\":"
	              "{\"compressionLevel\":10}}}]}"),
	     ERROR_MALFORMED, "compressionLevel: must be a whole number from -1 to 9"},
	    {TEMPLATE("\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"raw\":{},\"s3\":{}}]}"),
	     ERROR_MALFORMED, "template.inputs.artifacts[0]: has two locations, raw and s3"},
	    {TEMPLATE("\"outputs\":{\"parameters\":[{\"name\":\"a\",\"valueFrom\":1}]}"),
	     ERROR_MALFORMED, "template.outputs.parameters[0].valueFrom: is a number"},
	    {WASM("null"), ERROR_USAGE, "template.plugin.wasm: is null"},
	    {WASM("[]"), ERROR_USAGE, "template.plugin.wasm: is an array"},
	    {WASM("{}"), ERROR_USAGE, "template.plugin.wasm.module: is missing"},
	    {WASM("{\"module\":\"\"}"), ERROR_USAGE,
	     "template.plugin.wasm.module: the reference is empty"},
	    {WASM("{\"module\":{}}"), ERROR_USAGE,
	     "template.plugin.wasm.module: the reference is empty"},
	    {WASM("{\"module\":4}"), ERROR_USAGE, "template.plugin.wasm.module: is a number"},
	    {WASM("{\"module\":{\"oci\":[]}}"), ERROR_USAGE,
	     "template.plugin.wasm.module.oci: is an array"},
	    {WASM("{\"module\":{\"file\":\"/x\"}}"), ERROR_USAGE,
	     "template.plugin.wasm.module.file: is not known"},
	    {WASM("{\"module\":\"m\",\"args\":\"a\"}"), ERROR_USAGE,
	     "template.plugin.wasm.args: is a string"},
	    {WASM("{\"module\":\"m\",\"args\":[\"a\",{}]}"), ERROR_USAGE,
	     "template.plugin.wasm.args[1]: is an object"},
	    {WASM("{\"module\":\"m\",\"args\":[null]}"), ERROR_USAGE,
	     "template.plugin.wasm.args[0]: is null"},
	    {WASM("{\"module\":\"m\",\"env\":3}"), ERROR_USAGE,
	     "template.plugin.wasm.env: is a number"},
	    {WASM("{\"module\":\"m\",\"env\":{\"A\":[]}}"), ERROR_USAGE,
	     "template.plugin.wasm.env.A: is an array"},
	    {WASM("{\"module\":\"m\",\"env\":{\"A=B\":\"\"}}"), ERROR_USAGE,
	     "must not be empty or hold '='"},
	    {WASM("{\"module\":\"m\",\"env\":[{\"name\":\"A\",\"valueFrom\":{}}]}"), ERROR_USAGE,
	     "template.plugin.wasm.env[0].valueFrom"},
	    {WASM("{\"module\":\"m\",\"stdin\":[]}"), ERROR_USAGE,
	     "template.plugin.wasm.stdin: is an array"},
	    {WASM("{\"module\":\"m\",\"permissions\":[]}"), ERROR_USAGE,
	     "template.plugin.wasm.permissions: is an array"},
	    {WASM("{\"module\":\"m\",\"permissions\":{\"root\":true}}"), ERROR_USAGE,
	     "template.plugin.wasm.permissions.root: is not known"},
	    {WASM("{\"module\":\"m\",\"permissions\":{\"clock\":[1]}}"), ERROR_USAGE,
	     "template.plugin.wasm.permissions.clock: is an array"},
	    {WASM("{\"module\":\"m\",\"permissions\":{\"limits\":{\"memory\":-1}}}"), ERROR_USAGE,
	     "template.plugin.wasm.permissions.limits.memory: is -1"},
	    {WASM("{\"module\":\"m\",\"args\":[],\"workDir\":\"/work\"}"), ERROR_USAGE,
	     "template.plugin.wasm.workDir: unknown field; did you mean \"workdir\"?"},
	    /* Also a module of the contract has no option whose name is a slip for a field. */
	    {WASM("{\"module\":\"m\",\"permisions\":{}}"), ERROR_USAGE,
	     "template.plugin.wasm.permisions: unknown field; did you mean \"permissions\"?"},
	    {WASM("{\"module\":\"m\",\"Args\":[]}"), ERROR_USAGE,
	     "template.plugin.wasm.Args: unknown field; did you mean \"args\"?"},
	    {WASM("{\"modul\":{\"oci\":\"m\"},\"args\":[]}"), ERROR_USAGE,
	     "template.plugin.wasm.modul: unknown field; did you mean \"module\"?"},
	    {WASM("{\"level\":\"L\",\"module\":null}"), ERROR_USAGE,
	     "template.plugin.wasm.module: is missing"},
	    {WASM("{\"module\":\"m\",\"stdin\":\"\",\"timeout\":\"1s\"}"), ERROR_USAGE,
	     "template.plugin.wasm.timeout: unknown field; a plain command has"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cleanup_request struct request request;
		struct error err;
		if (decode(rows[i].body, &request, &err))
			fail_msg("%s: was taken", rows[i].body);
		if (err.kind != rows[i].kind || strstr(err.message, rows[i].words) == NULL)
			fail_msg("%s: kind %d, %s", rows[i].body, err.kind, err.message);
	}
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	size_t depth = 100000;
	char *body = malloc(depth + 1);
	memset(body, '[', depth);
	body[depth] = '\0';
	cleanup_request struct request request;
	struct error err;
	assert_false(decode(body, &request, &err));
	assert_int_equal(err.kind, ERROR_MALFORMED);
	assert_non_null(strstr(err.message, "nests deeper than 64"));
	free(body);
}

static const char whole[] =
    WASM("{\"module\":{\"oci\":\"h/m:1\"},\"permissions\":{\"clock\":{\"fixed\":\"0\"},\"limits\":{"
         "\"memory\":\"8M\"}},\"args\":[\"x\",1,true],\"env\":{\"A\":\"\\u00e9\"},"
         "\"stdin\":\"in\\n\"}");

/* Every prefix of a request, and every request with one byte changed, is decoded or refused with a
 * message; memory errors are the sanitizer's to find. */
static void damaged_requests_are_survived(void **state)
{
	(void)state;
	static const char poison[] = {'\0', '"', '{', '}', '[',    ']', '\\',
	                              ',',  ':', '9', 'n', '\xff', ' '};
	size_t taken = 0, refused = 0;
	for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
		/* Its own allocation, so that a read beyond the end is seen. */
		char *body = malloc(cut + 1);
		memcpy(body, whole, cut);
		struct request request;
		struct error err = ERROR_INIT;
		assert_false(request_decode(body, cut, &request, &err));
		assert_int_equal(err.kind, ERROR_MALFORMED);
		request_clear(&request);
		free(body);
	}
	for (size_t at = 0; at < sizeof whole - 1; at++) {
		for (size_t p = 0; p < sizeof poison; p++) {
			char *body = malloc(sizeof whole - 1);
			memcpy(body, whole, sizeof whole - 1);
			body[at] = poison[p];
			struct request request;
			struct error err = ERROR_INIT;
			if (request_decode(body, sizeof whole - 1, &request, &err)) {
				taken++;
			} else {
				refused++;
				assert_true(err.kind == ERROR_MALFORMED || err.kind == ERROR_USAGE);
				assert_true(strlen(err.message) > 0);
			}
			request_clear(&request);
			free(body);
		}
	}
	assert_true(taken > 100);
	assert_true(refused > 1000);
}

/* Two valid parts swapped for one another: any JSON value in any place. */
static void any_value_in_any_place(void **state)
{
	(void)state;
	static const char *const values[] = {"null",
	                                     "0",
	                                     "-1",
	                                     "1e300",
	                                     "\"\"",
	                                     "\"x\"",
	                                     "[]",
	                                     "{}",
	                                     "[[]]",
	                                     "[{}]",
	                                     "true",
	                                     "{\"name\":\"a\"}",
	                                     "[{\"name\":\"a\"}]"};
	static const char *const places[] = {
	    "%s",
	    "{\"workflow\":%s,\"template\":{}}",
	    "{\"workflow\":{\"metadata\":%s},\"template\":{}}",
	    "{\"template\":%s}",
	    "{\"template\":{\"plugin\":{\"wasm\":%s}}}",
	    "{\"template\":{\"inputs\":%s,\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}",
	    "{\"template\":{\"inputs\":{\"parameters\":%s},\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}",
	    "{\"template\":{\"inputs\":{\"artifacts\":%s},\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}",
	    "{\"template\":{\"outputs\":%s,\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}",
	    "{\"template\":{\"outputs\":{\"parameters\":%s},\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}",
	    "{\"template\":{\"outputs\":{\"artifacts\":%s},\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}",
	    ("{\"template\":{\"outputs\":{\"parameters\":[{\"name\":\"a\",\"valueFrom\":%s}]},"
	     "\"plugin\":{\"wasm\":{\"module\":\"m\"}}}}"),
	    "{\"template\":{\"plugin\":{\"wasm\":{\"module\":%s}}}}",
	    "{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"m\",\"args\":%s}}}}",
	    "{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"m\",\"env\":%s}}}}",
	    "{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"m\",\"stdin\":%s}}}}",
	    "{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"m\",\"permissions\":%s}}}}",
	    "{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"m\",\"permissions\":{\"http\":%s}}}}}",
	    "{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"m\",\"x\":%s}}}}",
	};
	for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
		for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
			char body[512];
			snprintf(body, sizeof body, places[p], values[v]);
			cleanup_request struct request request;
			struct error err;
			bool taken = decode(body, &request, &err);
			assert_true(taken || strlen(err.message) > 0);
			if (taken && request.form != REQUEST_NOT_OURS)
				assert_non_null(request.module);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_come_through),
	    cmocka_unit_test(only_names_are_kept),
	    cmocka_unit_test(what_is_not_ours_is_not_looked_at),
	    cmocka_unit_test(form_follows_keys),
	    cmocka_unit_test(scalars_become_texts),
	    cmocka_unit_test(env_as_kubernetes_writes_it),
	    cmocka_unit_test(other_keys_are_plugin_options),
	    cmocka_unit_test(inputs_and_outputs),
	    cmocka_unit_test(mistakes_are_named),
	    cmocka_unit_test(nesting_is_bounded),
	    cmocka_unit_test(damaged_requests_are_survived),
	    cmocka_unit_test(any_value_in_any_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
