/* The official WASI programs as a criterion suite: one parameterised test for each, in a process of
 * its own, stopped after 5 seconds as the suite's own runner does.
 *
 * wasi-expected.tsv says how many programs there are for each language, so that none gets lost;
 * wasi-failures.tsv names those that are known to fail, each with its reason. A known failure that
 * passes is a failure of the list. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spec-tests/unpack.h"
#include "spec-tests/wasi_program.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARCHIVE_NAME "wasi-p1.tar.xz"
#define FOLDER_NAME "wasi-p1-stripped"
#define ROOT_VARIABLE "TIPHYS_WASI_SUITE"

static const char missing[] =
    "NO WASI SUITE: nothing was tested. Name the folder that holds " ARCHIVE_NAME
    " by TIPHYS_SPEC_SUITE.";

struct program_case {
	char title[128];
	char known_failure[256]; /* the reason; empty: it has to pass */
};

/* ---- the lists ---- */

/* Calls each() for the two fields of every line that is no comment. */
static void read_pairs(const char *name, void (*each)(void *env, char *first, char *second),
                       void *env)
{
	char path[PATH_MAX], line[512];
	path_join(path, sizeof path, SPEC_TESTS_DIR, name);
	FILE *file = fopen(path, "r");
	if (!file) {
		perror(path);
		abort();
	}
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		char *tab = strchr(line, '\t');
		if (line[0] == '#' || !tab)
			continue;
		*tab = '\0';
		each(env, line, tab + 1);
	}
	fclose(file);
}

static void match_failure(void *env, char *title, char *reason)
{
	struct program_case *test = env;
	if (strcmp(test->title, title) == 0)
		snprintf(test->known_failure, sizeof test->known_failure, "%s", reason);
}

static void check_count(void *env, char *language, char *count)
{
	char pattern[PATH_MAX];
	const char *root = env;
	glob_t found;
	snprintf(pattern, sizeof pattern, "%s/%s/*.wasm", root, language);
	int rc = glob(pattern, 0, NULL, &found);
	size_t got = rc == 0 ? found.gl_pathc : 0;
	if (rc == 0)
		globfree(&found);
	cr_expect(got == strtoul(count, NULL, 10), "%s: %s programs were expected, %zu are there",
	          language, count, got);
}

Test(wasi, counts)
{
	read_pairs("wasi-expected.tsv", check_count, getenv(ROOT_VARIABLE));
}

/* ---- the programs ---- */

ParameterizedTestParameters(wasi, program)
{
	/* main() has found or unpacked the suite and left its place in the environment. */
	const char *root = getenv(ROOT_VARIABLE);
	char pattern[PATH_MAX];
	glob_t found;
	snprintf(pattern, sizeof pattern, "%s/*/*.wasm", root);
	if (glob(pattern, 0, NULL, &found) != 0) {
		fprintf(stderr, "%s: no programs\n", root);
		abort();
	}
	struct program_case *cases = cr_malloc(found.gl_pathc * sizeof *cases);
	size_t count = found.gl_pathc;
	for (size_t i = 0; i < count; i++) {
		const char *title = found.gl_pathv[i] + strlen(root) + 1;
		cases[i] = (struct program_case){0};
		snprintf(cases[i].title, sizeof cases[i].title, "%.*s", (int)(strlen(title) - 5), title);
		read_pairs("wasi-failures.tsv", match_failure, &cases[i]);
	}
	globfree(&found);
	return cr_make_param_array(struct program_case, cases, count);
}

ParameterizedTest(struct program_case *test, wasi, program, .timeout = 5)
{
	struct error err = ERROR_INIT;
	bool is_right = wasi_program_run(getenv(ROOT_VARIABLE), test->title, &err);
	if (!test->known_failure[0])
		cr_assert(is_right, "%s: %s", test->title, err.message);
	cr_assert(!is_right || !test->known_failure[0], "%s passes: take it off wasi-failures.tsv (%s)",
	          test->title, test->known_failure);
	if (!is_right)
		cr_skip("%s: known to fail: %s", test->title, test->known_failure);
}

/* ---- where the suite is ---- */

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Fills root with a folder that holds LANGUAGE/NAME.wasm; unpacked names what is to be removed. */
static bool find(const char *place, char root[PATH_MAX], char unpacked[PATH_MAX], struct error *err)
{
	char archive[PATH_MAX];
	if (!place || !*place)
		return false;
	if (path_join(root, PATH_MAX, place, FOLDER_NAME) && is_folder(root))
		return true;
	if (is_folder(place))
		path_join(archive, sizeof archive, place, ARCHIVE_NAME);
	else
		snprintf(archive, sizeof archive, "%s", place);
	const char *name = strrchr(archive, '/');
	if (!name || strcmp(name + 1, ARCHIVE_NAME) != 0 || access(archive, R_OK) != 0 ||
	    !unpack(archive, unpacked, err))
		return false;
	return path_join(root, PATH_MAX, unpacked, FOLDER_NAME) && is_folder(root);
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	char root[PATH_MAX], unpacked[PATH_MAX] = "";
	int status = 0;
	if (find(getenv("TIPHYS_SPEC_SUITE"), root, unpacked, &err) ||
	    (!err.kind && find(SPEC_TESTS_DIR "/../../shared/suites", root, unpacked, &err))) {
		setenv(ROOT_VARIABLE, root, 1);
		struct criterion_test_set *tests = criterion_initialize();
		if (criterion_handle_args(argc, argv, true))
			status = !criterion_run_all_tests(tests);
		criterion_finalize(tests);
	} else if (err.kind) {
		fprintf(stderr, "%s\n", err.message);
		status = 1;
	} else {
		fprintf(stderr, "%s\n", missing);
		printf("TAP version 13\n1..0 # SKIP %s\n", missing);
	}
	if (unpacked[0])
		remove_tree(unpacked);
	return status;
}
