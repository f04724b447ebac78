/* plugin/policy: what a document grants, and how it is refused. */
#include "plugin/policy.h"
#include "plugin/policy_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static bool decode(const char *text, enum policy_role role, struct policy *policy,
                   struct error *err)
{
	json_error_t where;
	json_t *document = json_loads(text, 0, &where);
	if (document == NULL)
		fail_msg("%s: %s", text, where.text);
	*err = (struct error)ERROR_INIT;
	bool ok = policy_read(document, NULL, "here", role, policy, err);
	json_decref(document);
	return ok;
}

static void take(const char *text, struct policy *policy)
{
	struct error err;
	if (!decode(text, POLICY_GRANTS, policy, &err))
		fail_msg("%s: %s", text, err.message);
}

static void an_empty_document_grants_nothing(void **state)
{
	cleanup_policy struct policy policy;
	struct error err = ERROR_INIT;
	cleanup_policy_words struct policy_words words = {0};
	(void)state;
	take("{}", &policy);
	for (int i = 0; i < POLICY_FIELD_COUNT; i++)
		assert_false(policy.is_given[i]);
	assert_true(policy_words_add(&words, &policy, &err));
	assert_int_equal(words.count, 0);
}

static void each_field_comes_through(void **state)
{
	cleanup_policy struct policy policy;
	(void)state;
	take("{\"args\":[\"a\",1],\"env\":{\"A\":\"x=y\",\"B\":2},\"stdio\":[\"stdin\",\"stderr\"],"
	     "\"files\":[{\"host\":\"/d\",\"guest\":\"/data\"},{\"host\":\"/o\",\"guest\":\"/out\","
	     "\"access\":\"rw\"}],\"clock\":{\"fixed\":\"2024-01-31T12:00:00Z\"},\"random\":{\"seed\":"
	     "7},"
	     "\"limits\":{\"memory\":\"64M\",\"time\":\"1m\",\"output\":4096,\"open_files\":16,"
	     "\"processes\":0}}",
	     &policy);
	assert_int_equal(policy.args.count, 2);
	assert_string_equal(policy.args.items[1].text, "1");
	assert_int_equal(policy.env.count, 2);
	assert_string_equal(policy.env.items[0].text, "A=x=y");
	assert_string_equal(policy.env.items[1].text, "B=2");
	assert_true(policy.stdio.in && !policy.stdio.out && policy.stdio.err);
	assert_int_equal(policy.files.count, 2);
	assert_int_equal(policy.files.items[0].access, POLICY_READ);
	assert_int_equal(policy.files.items[1].access, POLICY_READ_WRITE);
	assert_true(policy.clock.granted && policy.clock.mode == CAPS_CLOCK_FIXED);
	assert_int_equal(policy.clock.fixed_ns, 1706702400 * SECOND);
	assert_true(policy.random.granted && policy.random.is_seeded);
	assert_int_equal(policy.random.seed, 7);
	assert_int_equal(policy.limits.memory, 64 << 20);
	assert_int_equal(policy.limits.time_ms, 60000);
	assert_int_equal(policy.limits.output, 4096);
	assert_int_equal(policy.limits.open_files, 16);
}

static void as_words_of_the_command_line(void **state)
{
	static const char *const expected[] = {
	    "--stdin",
	    "--no-stderr",
	    "--dir=/d::/data:ro",
	    "--dir=/o=x::/out",
	    "--dir=/q::/q:quota=2048",
	    "--env=A=x=y",
	    "--clock=coarse",
	    "--random=7",
	    "--memory=1024",
	    "--stdout-limit=9",
	    "--stderr-limit=9",
	    "--open-files=16",
	};
	cleanup_policy struct policy policy;
	cleanup_policy_words struct policy_words words = {0};
	struct error err = ERROR_INIT;
	(void)state;
	take("{\"env\":{\"A\":\"x=y\"},\"stdio\":[\"stdin\",\"stdout\"],"
	     "\"files\":[{\"host\":\"/d\",\"guest\":\"/data\"},{\"host\":\"/o=x\",\"guest\":\"/out\","
	     "\"access\":\"rw\"},{\"host\":\"/n\",\"guest\":\"/n\",\"access\":\"none\"},"
	     "{\"host\":\"/q\",\"guest\":\"/q\",\"access\":\"rw\",\"quota\":\"2K\"}],"
	     "\"clock\":\"coarse\",\"random\":{\"seed\":7},"
	     "\"limits\":{\"memory\":\"1K\",\"output\":9,\"open_files\":16}}",
	     &policy);
	assert_true(policy_words_add(&words, &policy, &err));
	assert_int_equal(words.count, sizeof expected / sizeof expected[0]);
	for (size_t i = 0; i < words.count; i++)
		assert_string_equal(words.items[i], expected[i]);
}

static void access_is_the_most_that_any_item_has(void **state)
{
	cleanup_policy struct policy policy;
	(void)state;
	take("{\"files\":[{\"host\":\"/a\",\"guest\":\"/a\"},{\"host\":\"/b\",\"guest\":\"/"
	     "b\",\"access\":"
	     "\"none\"}],\"clock\":\"real\"}",
	     &policy);
	assert_true(policy_grants(&policy, CAP_FILES));
	assert_true(policy_grants_reading_alone(&policy, CAP_FILES));
	assert_false(policy_grants_reading_alone(&policy, CAP_CLOCK));
	policy.files.items[1].access = POLICY_READ_WRITE;
	assert_false(policy_grants_reading_alone(&policy, CAP_FILES));
	policy.files.count = 0;
	assert_false(policy_grants(&policy, CAP_FILES));
	assert_false(policy_grants_reading_alone(&policy, CAP_FILES));
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *words;
		enum policy_role role;
	} rows[] = {
	    {"[]", "here: is an array, must be an object", POLICY_GRANTS},
	    {"{\"clocks\":\"real\"}", "here.clocks: is not known; did you mean clock?", POLICY_GRANTS},
	    {"{\"limits\":{\"memmory\":1}}", "here.limits.memmory: is not known; did you mean memory?",
	     POLICY_GRANTS},
	    {"{\"zzzzzz\":1}", "here.zzzzzz: is not known; there are args, env, stdio, files",
	     POLICY_GRANTS},
	    {"{\"limits.memory\":1}", "here.limits.memory: ", POLICY_GRANTS},
	    {"{\"limits\":7}", "here.limits: is a number, must be an object", POLICY_GRANTS},
	    {"{\"clock\":true}", "here.clock: is a boolean, must be real, coarse, none", POLICY_GRANTS},
	    {"{\"clock\":\"rael\"}", "here.clock: is \"rael\", must be real", POLICY_GRANTS},
	    {"{\"clock\":{\"fixd\":1}}", "here.clock.fixd: is not known; did you mean fixed?",
	     POLICY_GRANTS},
	    {"{\"clock\":{\"fixed\":\"noon\"}}", "here.clock.fixed: is \"noon\", must be a time",
	     POLICY_GRANTS},
	    {"{\"clock\":{}}", "here.clock: has no fixed", POLICY_GRANTS},
	    {"{\"random\":{\"seed\":\"x\"}}", "here.random.seed: is a string", POLICY_GRANTS},
	    {"{\"random\":{\"seed\":-1}}", "here.random.seed: is -1", POLICY_GRANTS},
	    {"{\"env\":[\"A=1\"]}", "here.env: is an array, must be an object of NAME", POLICY_GRANTS},
	    {"{\"env\":{\"A\":[]}}", "here.env.A: is an array", POLICY_GRANTS},
	    {"{\"env\":{\"A=B\":1}}", "must not be empty or hold '='", POLICY_GRANTS},
	    {"{\"stdio\":[\"sdtin\"]}", "here.stdio[0]: is not known; did you mean stdin?",
	     POLICY_GRANTS},
	    {"{\"files\":{\"host\":\"/\"}}", "here.files: is an object, must be a list of directories",
	     POLICY_GRANTS},
	    {"{\"files\":[{\"guest\":\"/x\"}]}", "here.files[0]: has no host", POLICY_GRANTS},
	    {"{\"files\":[{\"host\":\"/x\"}]}", "here.files[0]: has no guest", POLICY_GRANTS},
	    {"{\"files\":[{\"host\":\"/x\",\"guest\":\"/y\",\"acess\":\"ro\"}]}",
	     "here.files[0].acess: is not known; did you mean access?", POLICY_GRANTS},
	    {"{\"files\":[{\"host\":\"/x\",\"guest\":\"/y\",\"access\":\"wo\"}]}",
	     "here.files[0].access: is \"wo\", must be ro, rw or none", POLICY_GRANTS},
	    {"{\"files\":[{\"host\":\"/x\",\"guest\":\"/y::z\"}]}", "must not hold \"::\"",
	     POLICY_GRANTS},
	    {"{\"files\":[{\"host\":\"/x\",\"guest\":\"/y:ro\"}]}", "must not end in \":ro\"",
	     POLICY_GRANTS},
	    {"{\"files\":[{\"host\":\"/x\",\"guest\":\"/y\"}]}",
	     "here.files[0].guest: a ceiling bounds", POLICY_CEILING},
	    {"{\"files\":[{\"host\":\"/x\",\"guest\":\"/y\",\"quota\":1}]}",
	     "here.files[0].quota: limits what is written, and access is not rw", POLICY_GRANTS},
	    {"{\"files\":[{\"host\":\"/x\",\"guest\":\"/y:quota=1\"}]}", "must not hold \":quota=\"",
	     POLICY_GRANTS},
	    {"{\"files\":[{\"host\":\"/a\",\"guest\":\"/x\"},{\"host\":\"/b\",\"guest\":\"/x\"}]}",
	     "here.files[1]: guest \"/x\" is the name of an earlier directory", POLICY_GRANTS},
	    {"{\"limits\":{\"memory\":0}}", "here.limits.memory: is 0", POLICY_GRANTS},
	    {"{\"limits\":{\"memory\":\"0K\"}}", "here.limits.memory: is 0", POLICY_GRANTS},
	    {"{\"limits\":{\"memory\":\"1T\"}}", "here.limits.memory: is \"1T\", must be bytes",
	     POLICY_GRANTS},
	    {"{\"limits\":{\"memory\":1.5}}", "here.limits.memory: is a number", POLICY_GRANTS},
	    {"{\"limits\":{\"time\":31536001}}", "here.limits.time: must be a time of at most 8760h",
	     POLICY_GRANTS},
	    {"{\"limits\":{\"time\":\"8761h\"}}",
	     "here.limits.time: is \"8761h\", must be a time of at most 8760h", POLICY_GRANTS},
	    {"{\"limits\":{\"time\":\"5 minutes\"}}", "here.limits.time: is \"5 minutes\"",
	     POLICY_GRANTS},
	    {"{\"limits\":{\"open_files\":3}}", "here.limits.open_files: is 3, must be from 4",
	     POLICY_GRANTS},
	    {"{\"limits\":{\"processes\":1}}", "here.limits.processes: must be 0", POLICY_GRANTS},
	    {"{\"args\":[]}", "here.args: no ceiling bounds it", POLICY_CEILING},
	    /* Ceilings that no module could come through. */
	    {"{\"registries\":[\"a.io\",\"https://mod.example\"]}",
	     "here.registries[1]: no module comes from \"https://mod.example\": it has a scheme; leave "
	     "that out (expected host[:port][/repository], as ghcr.io/team)",
	     POLICY_CEILING},
	    {"{\"registries\":[\"mod.example/\"]}", "it ends in a slash", POLICY_CEILING},
	    {"{\"registries\":[\"MOD.example\"]}", "the host's name has capitals", POLICY_CEILING},
	    {"{\"registries\":[\"\"]}", "here.registries[0]: is empty", POLICY_CEILING},
	    {"{\"registries\":[7]}", "here.registries[0]: is a number", POLICY_CEILING},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cleanup_policy struct policy policy;
		struct error err;
		if (decode(rows[i].text, rows[i].role, &policy, &err))
			fail_msg("%s: was taken", rows[i].text);
		if (strstr(err.message, rows[i].words) == NULL || err.kind != ERROR_USAGE)
			fail_msg("%s: %s", rows[i].text, err.message);
	}
}

/* Was taken, and did nothing. */
static void what_qualifies_nothing_is_refused(void **state)
{
	static const struct {
		const char *field, *value;
	} rows[] = {{"methods", "[\"GET\"]"},
	            {"max_concurrent_requests", "2"},
	            {"max_body", "\"1K\""},
	            {"timeout", "\"1s\""}};
	static const char *const hosts[] = {"", "\"allowed_hosts\":null,", "\"allowed_hosts\":[],"};
	(void)state;
	for (size_t i = 0; i < 3 * sizeof rows / sizeof rows[0]; i++) {
		const char *field = rows[i / 3].field, *none = hosts[i % 3];
		char text[160], words[160];
		for (int role = POLICY_GRANTS; role <= POLICY_CEILING; role++) {
			cleanup_policy struct policy policy;
			struct error err;
			snprintf(text, sizeof text, "{\"http\":{%s\"%s\":%s}}", none, field, rows[i / 3].value);
			snprintf(words, sizeof words,
			         "here.http.%s: does nothing without http.allowed_hosts, which %s; list there",
			         field, strchr(none, '[') != NULL ? "lists nothing" : "is not given");
			assert_false(decode(text, (enum policy_role)role, &policy, &err));
			assert_int_equal(err.kind, ERROR_USAGE);
			if (strstr(err.message, words) == NULL)
				fail_msg("%s: %s", text, err.message);
		}
		cleanup_policy struct policy whole;
		snprintf(text, sizeof text, "{\"http\":{\"%s\":%s,\"allowed_hosts\":[\"http://a\"]}}",
		         field, rows[i / 3].value);
		take(text, &whole);
	}
}

/* A row of the table that nothing provides is refused wherever a policy names it; one that is
 * provided is not. */
static void what_is_not_provided_is_refused_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < POLICY_FIELD_COUNT; i++) {
		const struct policy_row *row = policy_row(i);
		const struct capability_row *capability =
		    row->capability < 0 ? NULL : capability_row((enum capability)row->capability);
		const struct limit_row *limit =
		    row->limit < 0 ? NULL : limit_row((enum run_limit)row->limit);
		const char *name = capability != NULL ? capability->name : limit != NULL ? limit->name : "";
		bool is_provided =
		    (capability == NULL || capability->provider) && (limit == NULL || limit->provider);
		cleanup_policy struct policy policy;
		struct error err;
		char text[128];
		const char *dot = strchr(row->path, '.');
		size_t group = strcspn(row->path, ".");
		/* A value of no kind: what is provided is refused for that. */
		if (dot != NULL)
			snprintf(text, sizeof text, "{\"%.*s\":{\"%s\":false}}", (int)(dot - row->path),
			         row->path, dot + 1);
		else
			snprintf(text, sizeof text, "{\"%s\":false}", row->path);
		assert_false(decode(text, row->of_policy ? POLICY_GRANTS : POLICY_CEILING, &policy, &err));
		if (err.kind != (is_provided ? ERROR_USAGE : ERROR_UNSUPPORTED) ||
		    strncmp(err.message + strlen("here."), row->path, group) != 0)
			fail_msg("%s: %s", text, err.message);
		if (!is_provided)
			assert_non_null(strstr(err.message, name));
	}
}

static void every_row_can_be_named(void **state)
{
	bool has_capability[CAPABILITY_COUNT] = {0}, has_limit[LIMIT_COUNT] = {0};
	(void)state;
	for (int i = 0; i < POLICY_FIELD_COUNT; i++) {
		const struct policy_row *row = policy_row(i);
		assert_true(row->of_policy || row->of_ceiling);
		assert_true((row->capability < 0) != (row->limit < 0) || !row->of_policy);
		if (row->capability >= 0)
			has_capability[row->capability] = true;
		if (row->limit >= 0)
			has_limit[row->limit] = true;
		for (int other = 0; other < i; other++)
			assert_string_not_equal(row->path, policy_row(other)->path);
	}
	/* The three streams are one field. */
	has_capability[CAP_STDIN] = has_capability[CAP_STDERR] = has_capability[CAP_STDOUT];
	for (int id = 0; id < CAPABILITY_COUNT; id++)
		assert_true(has_capability[id]);
	for (int id = 0; id < LIMIT_COUNT; id++)
		assert_true(has_limit[id]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_document_grants_nothing),
	    cmocka_unit_test(each_field_comes_through),
	    cmocka_unit_test(as_words_of_the_command_line),
	    cmocka_unit_test(access_is_the_most_that_any_item_has),
	    cmocka_unit_test(mistakes_are_named),
	    cmocka_unit_test(what_qualifies_nothing_is_refused),
	    cmocka_unit_test(what_is_not_provided_is_refused_by_name),
	    cmocka_unit_test(every_row_can_be_named),
	};
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
