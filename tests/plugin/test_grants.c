#include "plugin/grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool apply(const struct grants *grants, struct caps *caps, struct error *err)
{
	error_clear(err);
	return grants_apply(grants, caps, err);
}

static void nothing_given_grants_the_output_streams_alone(void **state)
{
	struct caps *caps = caps_create();
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(apply(&(struct grants){0}, caps, &err));
	for (int id = 0; id < CAPABILITY_COUNT; id++)
		assert_int_equal(caps_is_granted(caps, id), id == CAP_STDOUT || id == CAP_STDERR);
	caps_destroy(caps);
}

static void each_word_grants_its_capability_alone(void **state)
{
	static const char *dir[] = {"/::/here"}, *env[] = {"A=b=c"};
	static const struct {
		struct grants grants;
		enum capability id;
	} cases[] = {
	    {{.dirs = {dir, 1}}, CAP_FILES},  {{.env = {env, 1}}, CAP_ENV},
	    {{.has_stdin = true}, CAP_STDIN}, {{.clock = ""}, CAP_CLOCK},
	    {{.clock = "coarse"}, CAP_CLOCK}, {{.clock = "fixed"}, CAP_CLOCK},
	    {{.random = ""}, CAP_RANDOM},     {{.random = "42"}, CAP_RANDOM},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct caps *caps = caps_create();
		struct error err = ERROR_INIT;
		assert_true(apply(&cases[i].grants, caps, &err));
		for (int id = 0; id < CAPABILITY_COUNT; id++)
			assert_int_equal(caps_is_granted(caps, id),
			                 id == CAP_STDOUT || id == CAP_STDERR || id == (int)cases[i].id);
		caps_destroy(caps);
	}
}

static void a_stream_can_be_kept_back(void **state)
{
	struct caps *caps = caps_create();
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(apply(&(struct grants){.no_stdout = true, .no_stderr = true}, caps, &err));
	for (int id = 0; id < CAPABILITY_COUNT; id++)
		assert_false(caps_is_granted(caps, id));
	caps_destroy(caps);
}

static void a_fixed_clock_stands_where_it_is_set(void **state)
{
	struct caps *caps = caps_create();
	struct error err = ERROR_INIT;
	int64_t ns;
	(void)state;

	assert_true(apply(&(struct grants){.clock = "fixed:2024-01-31T12:00:00Z"}, caps, &err));
	assert_int_equal(caps_clock_time(caps, CLOCK_REALTIME, &ns), 0);
	assert_int_equal(ns, INT64_C(1706702400) * 1000000000);
	caps_destroy(caps);
}

static void a_variable_may_hold_equals_signs(void **state)
{
	static const char *env[] = {"A=b=c", "EMPTY="};
	struct caps *caps = caps_create();
	struct error err = ERROR_INIT;
	(void)state;

	assert_true(apply(&(struct grants){.env = {env, 2}}, caps, &err));
	struct caps_strings strings = caps_env(caps);
	assert_int_equal(strings.count, 2);
	assert_string_equal(strings.items[0], "A=b=c");
	assert_string_equal(strings.items[1], "EMPTY=");
	caps_destroy(caps);
}

static void a_directory_is_read_only_when_it_says_so(void **state)
{
	static const char *dirs[] = {"/tmp::/rw", "/tmp::/ro:ro"};
	struct caps *caps = caps_create();
	struct error err = ERROR_INIT;
	struct caps_fd_info info;
	(void)state;

	assert_true(apply(&(struct grants){.dirs = {dirs, 2}}, caps, &err));
	assert_int_equal(caps_fd_info(caps, 3, &info), 0);
	assert_string_equal(info.preopen, "/rw");
	assert_false(info.is_read_only);
	assert_int_equal(caps_fd_info(caps, 4, &info), 0);
	assert_string_equal(info.preopen, "/ro");
	assert_true(info.is_read_only);
	caps_destroy(caps);
}

/* A work directory below such a one was once taken apart at the wrong place. */
static void a_host_path_may_hold_colons(void **state)
{
	char parent[] = "/tmp/test_grants.XXXXXX", host[64], dir[80];
	const char *dirs[] = {dir};
	struct caps *caps = caps_create();
	struct error err = ERROR_INIT;
	struct caps_fd_info info;
	(void)state;

	assert_non_null(mkdtemp(parent));
	snprintf(host, sizeof host, "%s/a::b:", parent);
	assert_int_equal(mkdir(host, 0700), 0);
	snprintf(dir, sizeof dir, "%s::/work", host);
	assert_true(apply(&(struct grants){.dirs = {dirs, 1}}, caps, &err));
	assert_int_equal(caps_fd_info(caps, 3, &info), 0);
	assert_string_equal(info.preopen, "/work");
	caps_destroy(caps);
	rmdir(host);
	rmdir(parent);
}

static void says_what_is_wrong(void **state)
{
	static const char *no_guest[] = {"/tmp"}, *empty_guest[] = {"/tmp::"}, *empty_host[] = {"::/x"},
	                  *ro_quota[] = {"/tmp::/x:quota=1:ro"}, *no_quota[] = {"/tmp::/x:quota=lots"},
	                  *upper_case[] = {"/tmp::/x:RO"}, *two_terms[] = {"/tmp::/x:ro:rw"},
	                  *odd_quota[] = {"/tmp::/x:rx:quota=1"}, *missing[] = {"/no/such/place::/x"},
	                  *no_value[] = {"A"}, *no_name[] = {"=b"}, *shares[] = {"/tmp::/x:quota=/y"},
	                  *shares_ro[] = {"/tmp::/x:ro:quota=/y"},
	                  *twice[] = {"/tmp::/x", "/::/x:quota=1"};
	static const struct {
		struct grants grants;
		const char *message;
		enum error_kind kind;
	} cases[] = {
	    {{.dirs = {no_guest, 1}}, "--dir wants HOST::GUEST", ERROR_USAGE},
	    {{.dirs = {empty_guest, 1}}, "--dir wants HOST::GUEST", ERROR_USAGE},
	    {{.dirs = {empty_host, 1}}, "--dir wants HOST::GUEST", ERROR_USAGE},
	    {{.dirs = {ro_quota, 1}}, ":ro, :rw or :quota=BYTES", ERROR_USAGE},
	    {{.dirs = {no_quota, 1}}, ":ro, :rw or :quota=BYTES", ERROR_USAGE},
	    {{.dirs = {shares_ro, 1}}, ":ro, :rw or :quota=BYTES", ERROR_USAGE},
	    {{.dirs = {shares, 1}},
	     "--dir /tmp::/x:quota=/y: no directory is granted as /y before it",
	     ERROR_USAGE},
	    /* These were writable directories of odd names. */
	    {{.dirs = {upper_case, 1}}, ":ro, :rw or :quota=BYTES", ERROR_USAGE},
	    {{.dirs = {odd_quota, 1}}, ":ro, :rw or :quota=BYTES", ERROR_USAGE},
	    {{.dirs = {two_terms, 1}}, ":ro, :rw or :quota=BYTES", ERROR_USAGE},
	    {{.dirs = {missing, 1}},
	     "--dir /no/such/place::/x: No such file or directory",
	     ERROR_SYSTEM},
	    {{.dirs = {twice, 2}},
	     "--dir /::/x:quota=1: another directory is granted as /x already",
	     ERROR_USAGE},
	    {{.env = {no_value, 1}}, "--env wants NAME=VALUE, not \"A\"", ERROR_USAGE},
	    {{.env = {no_name, 1}}, "--env wants NAME=VALUE, not \"=b\"", ERROR_USAGE},
	    {{.clock = "atomic"}, "--clock is real, coarse, fixed or fixed:TIME", ERROR_USAGE},
	    {{.clock = "fixed:noon"}, "--clock=fixed: wants a time", ERROR_USAGE},
	    {{.clock = "fixed:"}, "--clock=fixed: wants a time", ERROR_USAGE},
	    {{.random = "dice"}, "--random wants a number as its seed, not \"dice\"", ERROR_USAGE},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct caps *caps = caps_create();
		struct error err = ERROR_INIT;
		assert_false(apply(&cases[i].grants, caps, &err));
		assert_non_null(strstr(err.message, cases[i].message));
		assert_int_equal(err.kind, cases[i].kind);
		caps_destroy(caps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_given_grants_the_output_streams_alone),
	    cmocka_unit_test(each_word_grants_its_capability_alone),
	    cmocka_unit_test(a_stream_can_be_kept_back),
	    cmocka_unit_test(a_fixed_clock_stands_where_it_is_set),
	    cmocka_unit_test(a_variable_may_hold_equals_signs),
	    cmocka_unit_test(a_directory_is_read_only_when_it_says_so),
	    cmocka_unit_test(a_host_path_may_hold_colons),
	    cmocka_unit_test(says_what_is_wrong),
	};
	return cmocka_run_group_tests_name("grants", tests, NULL, NULL);
}
