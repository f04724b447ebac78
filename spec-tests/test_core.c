/* The official suite as a criterion suite: one parameterised test for each script, folded, or (with
 * TIPHYS_SPEC_UNFOLDED set) unfolded, (TIPHYS_SPEC_CHECKED) without guard pages,
 * (TIPHYS_SPEC_COLLECT_ALWAYS) with a collection at every allocation, or (TIPHYS_SPEC_IMAGES) each
 * module from an image that was written of it. Criterion gives each its own process.
 *
 * A script passes when nothing that ran failed; what it skipped stands in its output. One of which
 * nothing ran counts as skipped. */
#include "spec-tests/suite.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct script_case {
	char path[PATH_MAX];
	struct expectation expected;
};

ParameterizedTestParameters(spec, script)
{
	struct error err = ERROR_INIT;
	struct suite suite;
	size_t count;
	struct expectation *list = expectations_load(NULL, &count, &err);
	/* main() has found or unpacked the suite and left its place in the environment. */
	if (!list || !suite_open(&suite, NULL, &err)) {
		fprintf(stderr, "%s\n", err.message);
		abort();
	}
	struct script_case *cases = cr_malloc(count * sizeof *cases);
	for (size_t i = 0; i < count; i++) {
		suite_script_path(&suite, list[i].title, cases[i].path, sizeof cases[i].path);
		cases[i].expected = list[i];
	}
	free(list);
	return cr_make_param_array(struct script_case, cases, count);
}

ParameterizedTest(struct script_case *test, spec, script, .timeout = 300)
{
	struct error err = ERROR_INIT;
	struct run_options options = {
	    .unfolded = getenv("TIPHYS_SPEC_UNFOLDED"),
	    .collect_always = getenv("TIPHYS_SPEC_COLLECT_ALWAYS"),
	    .checked_memory = getenv("TIPHYS_SPEC_CHECKED"),
	    .images = getenv("TIPHYS_SPEC_IMAGES"),
	    .failures_shown = 10,
	};
	struct run_result result;
	bool is_run = suite_run(test->path, test->expected.title, &test->expected, options, &result,
	                        stderr, &err);
	cr_assert(is_run, "%s: %s", test->expected.title, err.message);

	for (uint32_t i = 0; i < result.skip_count; i++)
		fprintf(stderr, "  %s: %" PRIu32 " skipped: %s\n", test->expected.title,
		        result.skips[i].assertions, result.skips[i].feature);
	cr_assert(suite_check(test->expected.title, &test->expected, &result, stderr),
	          "%s: %" PRIu32 " passed, %" PRIu32 " failed", test->expected.title, result.passed,
	          result.failed + result.broken);
	if (result.passed == 0)
		cr_skip("%s: nothing of it ran", test->expected.title);
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct suite suite;
	if (!suite_open(&suite, NULL, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	if (!suite.root[0]) {
		fprintf(stderr, "%s\n", suite_missing);
		printf("TAP version 13\n1..0 # SKIP %s\n", suite_missing);
		return 0;
	}
	setenv("TIPHYS_SPEC_SUITE", suite.root, 1);
	struct criterion_test_set *tests = criterion_initialize();
	int status = 0;
	if (criterion_handle_args(argc, argv, true))
		status = !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	suite_close(&suite);
	return status;
}
