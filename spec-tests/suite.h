/* Where the official suite is found, which scripts it has, and how many commands each must have. */
#ifndef SPEC_TESTS_SUITE_H
#define SPEC_TESTS_SUITE_H

#include "spec-tests/run_script.h"

#include <limits.h>

struct suite {
	char root[PATH_MAX]; /* holds core/NAME/NAME.json and its like; empty when there is no suite */
	char unpacked[PATH_MAX]; /* a folder that suite_close() removes; empty for a suite on disk */
};

/* Looks for the suite: `given` (a folder or a tar, NULL for none), then the folder or tar named by
 * TIPHYS_SPEC_SUITE, then ../shared/suites beside the source tree, then the checkout that
 * spec-tests/fetch makes. With `given` or the variable nothing else is looked at. False with an
 * error for what was named but cannot be used; true with an empty root when there is none at all.
 */
bool suite_open(struct suite *suite, const char *given, struct error *err);
/* The same with another folder in the place of spec-tests/, for tests. */
bool suite_open_from(struct suite *suite, const char *given, const char *folder, struct error *err);
void suite_close(struct suite *suite);

/* The one loud line for a machine without a suite. */
extern const char *const suite_missing;

/* A line of spec-tests/expected.tsv. */
struct expectation {
	char title[96]; /* "core/address" */
	uint32_t commands;
	uint32_t assertions;
	uint32_t text;
	uint32_t unworded; /* rejections whose message lacks the suite's words */
};

/* All lines, in their order; path NULL: the one of the source tree. NULL with an error. Freed by
 * free(). */
struct expectation *expectations_load(const char *path, size_t *count, struct error *err);

/* The features that the scripts of this title's group are written for: 3.0 for core, more or other
 * ones for proposals. */
uint64_t suite_features(const char *title);

/* Where the script of that title lies. */
void suite_script_path(const struct suite *suite, const char *title, char *path, size_t size);

/* Loads and runs the script at path, whose title is given, with its group's features and those of
 * options that are not on by default. A script of old exception handling that
 * the suite lacks (spec-tests/fetch cannot convert those) counts as skipped; `expected` then says
 * how many assertions that are. As run_script() otherwise. */
bool suite_run(const char *path, const char *title, const struct expectation *expected,
               struct run_options options, struct run_result *result, FILE *log, struct error *err);

/* Is the result of a script as it must be: nothing failed, nothing was dropped? Writes to log what
 * is not. expected NULL: a script outside of the list, of which only the failures are known. */
bool suite_check(const char *title, const struct expectation *expected,
                 const struct run_result *result, FILE *log);

#endif
