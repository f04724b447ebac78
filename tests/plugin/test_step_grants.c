/* plugin/step_grants: what a step gets, by its template and its server. */
#include "plugin/step_grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct load_words load;
static const struct step_setting open_setting = {.load = &load,
                                                 .time_ms = 10000,
                                                 .output_bytes = 1000,
                                                 .memory_bytes = 65536 * 16,
                                                 .work_bytes = 500};

static const struct step_setting *setting = &open_setting;

/* wasm: what stands under template.plugin.wasm. */
static bool make(const char *wasm, struct step_grants *grants, struct error *err)
{
	char body[1024];
	cleanup_request struct request request;
	*err = (struct error)ERROR_INIT;
	*grants = (struct step_grants){0};
	snprintf(body, sizeof body,
	         "{\"workflow\":{},\"template\":{\"plugin\":{\"wasm\":{\"module\":\"m\"%s}}}}", wasm);
	return request_decode(body, strlen(body), &request, err) &&
	       step_grants_decide(setting, &request, grants, err) &&
	       step_grants_spell(setting, &request, "/tmp/w", grants, err);
}

static void assert_words(const char *wasm, const char *expected)
{
	struct step_grants grants;
	struct error err;
	char words[512] = "";
	if (!make(wasm, &grants, &err))
		fail_msg("%s: %s", wasm, err.message);
	for (size_t i = 0; i < grants.words.count; i++) {
		strcat(words, i > 0 ? " " : "");
		strcat(words, grants.words.items[i]);
	}
	assert_string_equal(words, expected);
	step_grants_clear(&grants);
}

static void a_template_without_permissions_gets_the_defaults(void **state)
{
	(void)state;
	assert_words("", "--dir=/tmp/w::/work:quota=500 --clock=real --random --memory=1048576");
	assert_words(",\"env\":{\"A\":1},\"stdin\":\"x\"",
	             "--dir=/tmp/w::/work:quota=500 --clock=real --random "
	             "--memory=1048576 --stdin --env=A=1");
}

static void permissions_take_the_place_of_defaults(void **state)
{
	(void)state;
	assert_words(",\"permissions\":{\"clock\":\"none\",\"random\":{\"seed\":3}}",
	             "--dir=/tmp/w::/work:quota=500 --random=3 --memory=1048576");
	assert_words(",\"permissions\":{\"stdio\":[],\"limits\":{\"memory\":\"64K\",\"open_files\":9}}",
	             "--dir=/tmp/w::/work:quota=500 --no-stdout --no-stderr --clock=real --random "
	             "--memory=65536 --open-files=9");
}

static void limits_say_who_set_them(void **state)
{
	struct step_grants grants;
	struct error err;
	(void)state;
	assert_true(make("", &grants, &err));
	assert_int_equal(grants.time.value, 10000);
	assert_string_equal(grants.time.set_by, "--step-timeout");
	assert_int_equal(grants.output.value, 1000);
	assert_string_equal(grants.output.set_by, "--max-output");
	step_grants_clear(&grants);
	assert_true(
	    make(",\"permissions\":{\"limits\":{\"time\":\"2s\",\"output\":10}}", &grants, &err));
	assert_int_equal(grants.time.value, 2000);
	assert_string_equal(grants.time.set_by, "limits.time");
	assert_int_equal(grants.output.value, 10);
	assert_string_equal(grants.output.set_by, "limits.output");
	assert_int_equal(grants.fuel.value, UINT64_MAX);
	step_grants_clear(&grants);
	assert_true(make(",\"permissions\":{\"limits\":{\"fuel\":7}}", &grants, &err));
	assert_int_equal(grants.fuel.value, 7);
	assert_string_equal(grants.fuel.set_by, "limits.fuel");
	step_grants_clear(&grants);
}

static void more_than_the_server_allows_is_denied(void **state)
{
	static const struct {
		const char *wasm, *words;
	} rows[] = {
	    {",\"permissions\":{\"limits\":{\"memory\":\"2M\"}}",
	     "template.plugin.wasm.permissions.limits.memory: asks for 2097152 bytes, this server "
	     "allows 1048576 bytes (--max-memory)"},
	    {",\"permissions\":{\"limits\":{\"time\":\"10500ms\"}}",
	     "template.plugin.wasm.permissions.limits.time: asks for 10.5 s, this server allows 10 s "
	     "(--step-timeout)"},
	    {",\"permissions\":{\"limits\":{\"output\":1001}}", "(--max-output)"},
	    {",\"permissions\":{\"files\":[{\"host\":\"/etc\",\"guest\":\"/etc\"}]}",
	     "template.plugin.wasm.permissions.files: this server grants steps no directory but /work"},
	    {",\"stdin\":\"x\",\"permissions\":{\"stdio\":[\"stdout\"]}", "does not list stdin"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct step_grants grants;
		struct error err;
		assert_false(make(rows[i].wasm, &grants, &err));
		if (strstr(err.message, rows[i].words) == NULL)
			fail_msg("%s: %s", rows[i].wasm, err.message);
		step_grants_clear(&grants);
	}
}

/* ---- under a ceiling ---- */

static void with_ceiling(const char *text, void (*check)(void))
{
	struct step_setting bounded = open_setting;
	struct policy ceiling;
	struct error err = ERROR_INIT;
	json_t *document = json_loads(text, 0, NULL);
	assert_non_null(document);
	if (!policy_read(document, NULL, "ceiling", POLICY_CEILING, &ceiling, &err))
		fail_msg("%s: %s", text, err.message);
	bounded.ceiling = &ceiling;
	setting = &bounded;
	check();
	setting = &open_setting;
	policy_clear(&ceiling);
	json_decref(document);
}

static void empty_ceiling(void)
{
	assert_words("", "--dir=/tmp/w::/work:quota=500 --memory=1048576");
	assert_words(",\"permissions\":{\"clock\":\"none\"}",
	             "--dir=/tmp/w::/work:quota=500 --memory=1048576");
}

static void coarse_ceiling(void)
{
	struct step_grants grants;
	struct error err;
	assert_words("", "--dir=/tmp/w::/work:quota=500 --clock=coarse --memory=4096 --open-files=10");
	assert_true(make("", &grants, &err));
	assert_int_equal(grants.time.value, 1000);
	assert_string_equal(grants.time.set_by, "limits.time of the ceiling");
	step_grants_clear(&grants);
	assert_false(make(",\"permissions\":{\"clock\":\"real\"}", &grants, &err));
	assert_string_equal(err.message,
	                    "template.plugin.wasm.permissions.clock: the real clock is more than the "
	                    "ceiling grants (ceiling.clock)");
	step_grants_clear(&grants);
}

static void wide_ceiling(void)
{
	assert_words(
	    "",
	    "--dir=/tmp/w::/work:quota=500 --clock=real --random --memory=1048576 --open-files=256");
	assert_words(
	    ",\"permissions\":{\"files\":[{\"host\":\"/d\",\"guest\":\"/x\"}]}",
	    "--dir=/tmp/w::/work:quota=500 --dir=/d::/x:ro --clock=real --random --memory=1048576 "
	    "--open-files=256");
}

/* A directory granted as /work once took the work directory's quota, and had none itself. */
static void quota_ceiling(void)
{
	static const char *const names[] = {"/work", "/work/", "work", "//work/a", "./work", "."};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct step_grants grants;
		struct error err;
		char wasm[256], words[64];
		snprintf(wasm, sizeof wasm,
		         ",\"workdir\":\"/work/a\",\"permissions\":{\"files\":[{\"host\":\"/d\","
		         "\"guest\":\"%s\",\"access\":\"rw\",\"quota\":\"8K\"}]}",
		         names[i]);
		snprintf(words, sizeof words, "permissions.files[0]: guest \"%s\" lies where", names[i]);
		assert_false(make(wasm, &grants, &err));
		assert_non_null(strstr(err.message, words));
		step_grants_clear(&grants);
	}
	assert_words(",\"permissions\":{\"clock\":\"none\",\"files\":[{\"host\":\"/d\",\"guest\":"
	             "\"/works\",\"access\":\"rw\",\"quota\":9},{\"host\":\"/d\",\"guest\":\".\"}]}",
	             "--dir=/tmp/w::/work:quota=500 --dir=/d::/works:quota=9 --dir=/d::.:ro "
	             "--memory=1048576");
}

static void module_ceiling(void)
{
	struct step_grants grants;
	struct error err;
	assert_false(make("", &grants, &err));
	assert_string_equal(err.message,
	                    "the ceiling does not list docker.io/library/m (ceiling.registries)");
	step_grants_clear(&grants);
}

static void a_ceiling_bounds_defaults_and_templates(void **state)
{
	(void)state;
	with_ceiling("{}", empty_ceiling);
	with_ceiling("{\"clock\":\"coarse\",\"limits\":{\"memory\":\"4K\",\"time\":\"1s\","
	             "\"open_files\":10}}",
	             coarse_ceiling);
	with_ceiling("{\"clock\":\"real\",\"random\":\"real\",\"files\":[{\"host\":\"/d\"}],"
	             "\"limits\":{\"memory\":\"1G\",\"open_files\":5000}}",
	             wide_ceiling);
	with_ceiling("{\"files\":[{\"host\":\"/d\",\"access\":\"rw\",\"quota\":\"8K\"}]}",
	             quota_ceiling);
	with_ceiling("{\"registries\":[\"docker.io/other\"]}", module_ceiling);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_template_without_permissions_gets_the_defaults),
	    cmocka_unit_test(permissions_take_the_place_of_defaults),
	    cmocka_unit_test(limits_say_who_set_them),
	    cmocka_unit_test(more_than_the_server_allows_is_denied),
	    cmocka_unit_test(a_ceiling_bounds_defaults_and_templates),
	};
	return cmocka_run_group_tests_name("step_grants", tests, NULL, NULL);
}
