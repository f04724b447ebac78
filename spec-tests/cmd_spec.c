/* tiphys spec: the official suite as a command. */
#include "plugin/command.h"
#include "plugin/load_rules.h"
#include "plugin/options.h"
#include "spec-tests/jobs.h"

#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	EXIT_RIGHT = 0,
	EXIT_WRONG = 1,
	EXIT_USAGE = 2,
	EXIT_SKIPPED = 77, /* there is no suite; the number that build systems take for "skipped" */
	FAILURES_SHOWN = 10,
	SECONDS_A_SCRIPT = 120,
	SCRIPTS_MAX = 4096,
};

struct table {
	struct run_result total;
	size_t scripts, wrong;
	bool is_verbose;
};

static void print_row(const char *title, const struct run_result *result, const char *remark)
{
	printf("%-46s %7" PRIu32 " %6" PRIu32 " %7" PRIu32 " %5" PRIu32 "  %s", title, result->passed,
	       result->failed + result->broken, result->skipped, result->text, remark);
}

static void print_job(const struct job *job, void *env)
{
	struct table *table = env;
	print_row(job->title, job->result, job->is_right ? "" : "FAILED ");
	for (uint32_t i = 0; i < job->result->skip_count; i++)
		printf("%s%s", i ? ", " : "skips ", job->result->skips[i].feature);
	printf("\n%s", job->log ? job->log : "");
	fflush(stdout);
	run_result_add(&table->total, job->result);
	table->scripts++;
	table->wrong += !job->is_right;
}

static void print_total(const struct table *table)
{
	const struct run_result *total = &table->total;
	char title[64];
	snprintf(title, sizeof title, "total of %zu scripts", table->scripts);
	print_row(title, total, table->wrong ? "FAILED" : "");
	printf("\n%" PRIu32 " assertions", total->assertions);
	if (total->rejections)
		printf("; %" PRIu32 " of %" PRIu32 " rejections have the suite's words (%.1f %%)",
		       total->worded, total->rejections, 100.0 * total->worded / total->rejections);
	printf("\n");
	for (uint32_t i = 0; i < total->skip_count; i++)
		printf("%s%s %" PRIu32 "%s", i ? ", " : "skipped by feature: ", total->skips[i].feature,
		       total->skips[i].assertions, i + 1 == total->skip_count ? "\n" : "");
	if (table->wrong)
		printf("%zu scripts FAILED\n", table->wrong);
}

/* ---- which scripts ---- */

struct list {
	struct job *jobs;
	size_t count;
	const struct expectation *expectations;
	size_t expectation_count;
	const char *pattern;
	size_t seen; /* scripts, those that the pattern leaves out too */
};

static const char *base_name(const char *title)
{
	const char *slash = strrchr(title, '/');
	return slash ? slash + 1 : title;
}

static bool add(struct list *list, const char *title, const char *path)
{
	list->seen++;
	if (list->pattern && fnmatch(list->pattern, title, 0) != 0 &&
	    fnmatch(list->pattern, base_name(title), 0) != 0)
		return true;
	if (list->count == SCRIPTS_MAX)
		return false;
	struct job *job = &list->jobs[list->count++];
	*job = (struct job){0};
	snprintf(job->path, sizeof job->path, "%s", path);
	snprintf(job->title, sizeof job->title, "%s", title);
	for (size_t i = 0; i < list->expectation_count; i++) {
		if (strcmp(list->expectations[i].title, title) == 0)
			job->expected = &list->expectations[i];
	}
	return true;
}

static bool add_suite(struct list *list, const struct suite *suite)
{
	for (size_t i = 0; i < list->expectation_count; i++) {
		char path[PATH_MAX + 256];
		suite_script_path(suite, list->expectations[i].title, path, sizeof path);
		if (!add(list, list->expectations[i].title, path))
			return false;
	}
	return true;
}

/* nftw() has no argument for its function. */
static struct list *walked;

static int add_file(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)ftw;
	size_t len = strlen(path);
	if (flag != FTW_F || len < 5 || strcmp(path + len - 5, ".json") != 0)
		return 0;
	/* Its title is the end of its path: "…/core/address/address.json". */
	char title[PATH_MAX];
	snprintf(title, sizeof title, "%.*s", (int)(len - 5), path);
	char *slash = strrchr(title, '/');
	const char *start = slash ? slash + 1 : title;
	if (slash) {
		*slash = 0;
		const char *folder = base_name(title);
		bool is_suite_path = strcmp(folder, start) == 0;
		const char *group = strstr(title, "/proposals/");
		if (is_suite_path && group)
			start = group + 1;
		else if (is_suite_path && folder > title) {
			title[folder - title - 1] = 0;
			start = base_name(title);
			title[folder - title - 1] = '/';
		}
	}
	return add(walked, start, path) ? 0 : 1;
}

/* A tar of the suite, or a folder that has one, is unpacked to *suite. */
static bool add_packed(struct list *list, const char *path, struct suite *suite, struct error *err)
{
	if (suite->root[0])
		return error_set(err, ERROR_USAGE, "%s: a second suite in a tar; name one at a time", path);
	if (!suite_open(suite, path, err)) {
		error_wrap(err, "no script (NAME.json) there, and no suite");
		return false;
	}
	return add_suite(list, suite) ||
	       error_set(err, ERROR_LIMIT, "more than %d scripts", SCRIPTS_MAX);
}

static bool add_named(struct list *list, char **paths, int count, struct suite *suite,
                      struct error *err)
{
	walked = list;
	for (int i = 0; i < count; i++) {
		size_t before = list->seen;
		char path[PATH_MAX];
		if (!realpath(paths[i], path))
			return error_set_errno(err, errno, "%s", paths[i]);
		int status = nftw(path, add_file, 16, FTW_PHYS);
		if (status > 0)
			return error_set(err, ERROR_LIMIT, "more than %d scripts", SCRIPTS_MAX);
		if (status < 0)
			return error_set_errno(err, errno, "%s", path);
		if (list->seen == before && !add_packed(list, path, suite, err))
			return false;
	}
	return true;
}

static int compare_titles(const void *a, const void *b)
{
	return strcmp(((const struct job *)a)->title, ((const struct job *)b)->title);
}

/* ---- the command ---- */

struct spec_options {
	const char *suite, *pattern;
	bool unfolded, collect_always, checked_memory, images, verbose;
	struct load_words load;
	uint64_t jobs, seconds;
};

static const struct option rows[] = {
    OPTION_TEXT(struct spec_options, suite, "suite", "DIR|TAR",
                "where the suite is (else TIPHYS_SPEC_SUITE, ../shared/suites, or what "
                "spec-tests/fetch made)"),
    OPTION_TEXT_OR_EMPTY(struct spec_options, pattern, "script", "NAME",
                         "only scripts of that name, as core/address or address; * and ? match"),
    OPTION_ENABLE(struct spec_options),
    OPTION_FLAG(struct spec_options, unfolded, "unfolded", "lower without folding operands"),
    OPTION_FLAG(struct spec_options, collect_always, "collect-always",
                "collect garbage at every allocation"),
    OPTION_FLAG(struct spec_options, checked_memory, "checked-memory",
                "check each access to memory, as where address space is short"),
    OPTION_FLAG(struct spec_options, images, "images",
                "write the image of each module, and run it from there"),
    OPTION_NUMBER(struct spec_options, jobs, "jobs", "N", 1, 4096,
                  "processes at a time (default: processors)"),
    OPTION_NUMBER(struct spec_options, seconds, "timeout", "SECONDS", 1, 86400,
                  "for one script (default: 120)"),
    OPTION_FLAG_LETTER(struct spec_options, verbose, 'v', "verbose",
                       "every failure, not the first 10 of a script"),
};

static const struct command_line line = {
    .name = "spec",
    .operands = "[DIR|TAR|FILE.json …]",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .notes = "Runs the official WebAssembly suite, or the scripts that are named.\n"
             "Exit status: 0 nothing failed, 1 something did, 2 usage, 77 there is no suite.\n",
    .operands_max = OPERANDS_ANY,
};

static int run(struct list *list, const char *pattern, const struct jobs_options *options,
               struct error *err)
{
	struct table table = {0};
	qsort(list->jobs, list->count, sizeof *list->jobs, compare_titles);
	if (!list->count) {
		error_set(err, ERROR_USAGE, "no script is named \"%s\"", pattern);
		return EXIT_USAGE;
	}
	printf("%-46s %7s %6s %7s %5s\n", "script", "passed", "failed", "skipped", "text");
	bool is_run = jobs_run(list->jobs, list->count, options, print_job, &table, err);
	if (is_run)
		print_total(&table);
	jobs_clear(list->jobs, list->count);
	return is_run && !table.wrong ? EXIT_RIGHT : EXIT_WRONG;
}

int cmd_spec(int argc, char **argv)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct spec_options options = {.jobs = processors > 0 ? (uint64_t)processors : 1,
	                               .seconds = SECONDS_A_SCRIPT};
	struct operands named;
	int status;
	if (!options_take(&line, argc, argv, &options, &named, &status))
		return status;
	struct jobs_options jobs = {.unfolded = options.unfolded,
	                            .collect_always = options.collect_always,
	                            .checked_memory = options.checked_memory,
	                            .images = options.images,
	                            .failures_shown = options.verbose ? 0 : FAILURES_SHOWN,
	                            .at_a_time = (unsigned)options.jobs,
	                            .seconds = (unsigned)options.seconds};

	struct error err = ERROR_INIT;
	struct suite suite = {0};
	size_t count = 0;
	struct expectation *expectations = expectations_load(NULL, &count, &err);
	struct list list = {.jobs = calloc(SCRIPTS_MAX, sizeof *list.jobs),
	                    .expectations = expectations,
	                    .expectation_count = count,
	                    .pattern = options.pattern};
	bool is_named = named.count > 0;
	status = EXIT_USAGE;
	struct load_rules rules;
	bool is_known = load_rules_read(&options.load, &rules, &err);
	load_words_clear(&options.load);
	jobs.features = rules.features;
	if (!is_known)
		;
	else if (!list.jobs)
		error_set(&err, ERROR_NO_MEMORY, "the list of scripts");
	else if (!expectations)
		;
	else if (is_named ? add_named(&list, named.items, (int)named.count, &suite, &err)
	                  : suite_open(&suite, options.suite, &err)) {
		if (!is_named && !suite.root[0]) {
			fprintf(stderr, "%s\n", suite_missing);
			status = EXIT_SKIPPED;
		} else {
			if (!is_named)
				add_suite(&list, &suite);
			status = run(&list, options.pattern, &jobs, &err);
		}
	}
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys spec: %s\n", err.message);
	suite_close(&suite);
	free(list.jobs);
	free(expectations);
	return status;
}
