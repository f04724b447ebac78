#include "spec-tests/suite.h"

#include "spec-tests/unpack.h"

#include "validator/feature.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SPEC_TESTS_DIR: this folder in the source tree, from meson. */
#define ARCHIVE_NAME "wasm-spec.tar.xz"

const char *const suite_missing = "NO SPEC SUITE: nothing was tested. Name a folder or tar by "
                                  "--suite or TIPHYS_SPEC_SUITE, or run "
                                  "spec-tests/fetch.";

void suite_close(struct suite *suite)
{
	if (suite->unpacked[0])
		remove_tree(suite->unpacked);
	*suite = (struct suite){0};
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Below `folder`, the scripts stand in json/ or right there. */
static bool find_root(struct suite *suite, const char *folder)
{
	static const char *const places[] = {"json", "."};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		char core[PATH_MAX];
		if (!path_join(suite->root, sizeof suite->root, folder, places[i]) ||
		    !path_join(core, sizeof core, suite->root, "core"))
			break;
		if (is_folder(core))
			return true;
	}
	suite->root[0] = 0;
	return false;
}

static bool open_archive(struct suite *suite, const char *path, struct error *err)
{
	if (!unpack(path, suite->unpacked, err))
		return false;
	if (find_root(suite, suite->unpacked))
		return true;
	error_set(err, ERROR_USAGE, "%s: holds no core/ and no json/core/", path);
	suite_close(suite);
	return false;
}

static bool open_place(struct suite *suite, const char *place, struct error *err)
{
	char archive[PATH_MAX];
	if (!is_folder(place)) {
		if (access(place, R_OK) != 0)
			return error_set_errno(err, errno, "%s", place);
		return open_archive(suite, place, err);
	}
	if (find_root(suite, place))
		return true;
	if (path_join(archive, sizeof archive, place, ARCHIVE_NAME) && access(archive, R_OK) == 0)
		return open_archive(suite, archive, err);
	return error_set(err, ERROR_USAGE, "%s: holds no core/, json/core/ or " ARCHIVE_NAME, place);
}

bool suite_open(struct suite *suite, const char *given, struct error *err)
{
	return suite_open_from(suite, given, SPEC_TESTS_DIR, err);
}

bool suite_open_from(struct suite *suite, const char *given, const char *folder, struct error *err)
{
	static const char *const usual[] = {"../../shared/suites", "checkout"};
	*suite = (struct suite){0};
	if (!given)
		given = getenv("TIPHYS_SPEC_SUITE");
	if (given && *given)
		return open_place(suite, given, err);
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
		struct error ignored = ERROR_INIT;
		char place[PATH_MAX];
		if (path_join(place, sizeof place, folder, usual[i]) && open_place(suite, place, &ignored))
			return true;
	}
	return true;
}

struct expectation *expectations_load(const char *path, size_t *count, struct error *err)
{
	if (!path)
		path = SPEC_TESTS_DIR "/expected.tsv";
	FILE *file = fopen(path, "r");
	if (!file) {
		error_set_errno(err, errno, "%s", path);
		return NULL;
	}
	struct expectation *list = NULL;
	char line[256];
	*count = 0;
	while (fgets(line, sizeof line, file)) {
		if (line[0] == '#')
			continue;
		struct expectation *more = realloc(list, (*count + 1) * sizeof *list);
		if (!more) {
			error_set(err, ERROR_NO_MEMORY, "%s", path);
			break;
		}
		list = more;
		struct expectation *next = &list[*count];
		if (sscanf(line, "%95s %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32, next->title,
		           &next->commands, &next->assertions, &next->text, &next->unworded) != 5) {
			error_set(err, ERROR_USAGE, "%s: line %zu of counts cannot be read", path, *count + 1);
			break;
		}
		++*count;
	}
	if (!*count)
		error_set(err, ERROR_USAGE, "%s: holds no counts", path);
	fclose(file);
	if (err->kind == ERROR_NONE)
		return list;
	free(list);
	return NULL;
}

uint64_t suite_features(const char *title)
{
	static const struct {
		const char *group;
		uint64_t with, without;
	} groups[] = {
	    {"legacy/", FEATURE_BIT(LEGACY_EXCEPTIONS) | FEATURE_BIT(COMPACT_IMPORTS), 0},
	    /* Written when two memories and two tables were still invalid. */
	    {"proposals/threads/", FEATURE_BIT(THREADS),
	     FEATURE_BIT(MULTI_MEMORY) | FEATURE_BIT(REFERENCE_TYPES)},
	    {"proposals/custom-page-sizes/", FEATURE_BIT(CUSTOM_PAGE_SIZES), 0},
	    {"proposals/wide-arithmetic/", FEATURE_BIT(WIDE_ARITHMETIC), 0},
	};
	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
		if (strncmp(title, groups[i].group, strlen(groups[i].group)) == 0)
			return (FEATURES_DEFAULT | groups[i].with) & ~groups[i].without;
	}
	return FEATURES_DEFAULT;
}

void suite_script_path(const struct suite *suite, const char *title, char *path, size_t size)
{
	const char *slash = strrchr(title, '/');
	snprintf(path, size, "%s/%s/%s.json", suite->root, title, slash ? slash + 1 : title);
}

bool suite_run(const char *path, const char *title, const struct expectation *expected,
               struct run_options options, struct run_result *result, FILE *log, struct error *err)
{
	if (expected && strncmp(title, "legacy/", 7) == 0 && access(path, F_OK) != 0) {
		*result = (struct run_result){.commands = expected->commands,
		                              .assertions = expected->assertions,
		                              .skipped = expected->assertions - expected->text,
		                              .text = expected->text,
		                              .skip_count = 1};
		snprintf(result->skips[0].feature, sizeof result->skips[0].feature, "not in this checkout");
		result->skips[0].assertions = result->skipped;
		return true;
	}
	struct script *script = script_load(path, err);
	options.features = suite_features(title) | (options.features & ~FEATURES_DEFAULT);
	bool is_run = script && run_script(script, &options, result, log, err);
	script_destroy(script);
	return is_run;
}

static bool check_count(const char *title, const char *what, uint32_t expected, uint32_t got,
                        FILE *log)
{
	if (expected != got)
		fprintf(log, "  %s: %" PRIu32 " %s were counted, the suite has %" PRIu32 "\n", title, got,
		        what, expected);
	return expected == got;
}

/* Not while a feature is off, by whose name then many are rejected. */
static bool check_words(const char *title, const struct expectation *expected,
                        const struct run_result *result, FILE *log)
{
	uint32_t unworded = result->rejections - result->worded;
	if (result->skipped > 0 || unworded == expected->unworded)
		return true;
	fprintf(log,
	        "  %s: %" PRIu32 " rejections lack the suite's words, not %" PRIu32
	        "; `tiphys spec --verbose` lists them\n",
	        title, unworded, expected->unworded);
	return false;
}

bool suite_check(const char *title, const struct expectation *expected,
                 const struct run_result *result, FILE *log)
{
	bool is_right = result->failed == 0 && result->broken == 0;
	uint32_t sum = result->passed + result->failed + result->skipped + result->text;
	is_right &= check_count(title, "outcomes", result->assertions, sum, log);
	if (expected) {
		is_right &= check_count(title, "commands", expected->commands, result->commands, log);
		is_right &= check_count(title, "assertions", expected->assertions, result->assertions, log);
		is_right &= check_count(title, "assertions on text", expected->text, result->text, log);
		is_right &= check_words(title, expected, result, log);
	}
	return is_right;
}
