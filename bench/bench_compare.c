/* tiphys bench compare OLD NEW: what changed between two files of results, and whether by more than
 * chance. */
#include "bench/bench.h"
#include "bench/results.h"
#include "bench/sheet.h"
#include "bench/stats.h"
#include "caps/cleanup.h"
#include "plugin/options.h"

#include <string.h>

/* Of a change that chance would bring about so rarely, it is said that it is one. */
#define SIGNIFICANT_P 0.01

/* Where there are too few figures for that: when all of them are on one side of all that were
 * before, and the median is so many times as much or as little. */
#define FEW_FACTOR 1.25

static const struct command_line line = {
    .name = "bench compare",
    .operands = "OLD NEW",
    .notes =
        "OLD and NEW are files that --json or --out wrote. A series is compared with the one of "
        "the\n"
        "same bench, job, contender and measure, by the rank sum test of Mann and Whitney; a "
        "change\n"
        "counts when p < 0.01. Some series have too few figures for any p so small. Of these a\n"
        "change counts when every figure of NEW is worse (or better) than every one of OLD, and\n"
        "their medians are a factor of 1.25 or more apart; else they are \"too few to tell\".\n"
        "Figures that are kept as quantiles are of single requests that had the same seconds, and\n"
        "are \"not independent\": of these no change counts. The test tells chance within a run "
        "from\n"
        "a change; it takes a machine that was another one meanwhile, or busier, for a change "
        "too.\n"
        "Exit status: 0 nothing of tiphys became worse, 1 something did.\n",
    .operands_min = 2,
    .operands_max = 2,
};

static const char *text_of(const json_t *series, const char *key)
{
	const char *text = json_string_value(json_object_get(series, key));
	return text != NULL ? text : "";
}

static const json_t *find_series(const json_t *root, const json_t *wanted)
{
	static const char *const keys[] = {"bench", "job", "contender", "measure"};
	const json_t *series;
	size_t i;
	json_array_foreach(json_object_get(root, "series"), i, series)
	{
		size_t same = 0;
		for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
			same += strcmp(text_of(series, keys[k]), text_of(wanted, keys[k])) == 0;
		if (same == sizeof keys / sizeof keys[0])
			return series;
	}
	return NULL;
}

/* The figures, for free(); NULL when there are none or no memory. */
static double *figures_of(const json_t *series, size_t *count)
{
	const json_t *list = json_object_get(series, "figures");
	*count = json_array_size(list);
	double *figures = *count > 0 ? calloc(*count, sizeof *figures) : NULL;
	for (size_t i = 0; figures != NULL && i < *count; i++)
		figures[i] = json_number_value(json_array_get(list, i));
	return figures;
}

/* More is better of what is counted a second, less of all else. */
static bool is_worse(const json_t *series, double change)
{
	return strcmp(text_of(series, "unit"), "1/s") == 0 ? change < 1 : change > 1;
}

static void bounds_of(const double *figures, size_t count, double *least, double *most)
{
	*least = *most = figures[0];
	for (size_t i = 1; i < count; i++) {
		*least = figures[i] < *least ? figures[i] : *least;
		*most = figures[i] > *most ? figures[i] : *most;
	}
}

/* Whether a change of so few figures that the test can find none is one all the same. */
static bool is_change_of_few(const double *old, size_t old_count, const double *new,
                             size_t new_count, double change)
{
	double old_least, old_most, new_least, new_most;
	bounds_of(old, old_count, &old_least, &old_most);
	bounds_of(new, new_count, &new_least, &new_most);
	return (new_least > old_most && change >= FEW_FACTOR) ||
	       (new_most < old_least && change <= 1 / FEW_FACTOR);
}

/* Of more figures than a file keeps it has quantiles (bench/results.h). Those are single requests
 * by the thousand: what one repeat had in common stands in all of its own, so that they would seem
 * to prove the least drift from one repeat to another. */
static bool is_of_quantiles(const json_t *series)
{
	return json_integer_value(json_object_get(series, "count")) >
	       (json_int_t)json_array_size(json_object_get(series, "figures"));
}

/* What the rows come to. */
struct outcome {
	size_t pairs, few; /* few: pairs with too few figures for the test */
	size_t dependent;  /* pairs whose figures are not independent */
	bool worse;        /* tiphys became so, by more than chance */
};

/* A row for the pair. */
static void compare(struct sheet *sheet, const json_t *before, const json_t *after,
                    struct outcome *outcome)
{
	size_t before_count, after_count;
	cleanup_free double *old = figures_of(before, &before_count);
	cleanup_free double *new = figures_of(after, &after_count);
	if (old == NULL || new == NULL)
		return;
	double was = summarize(old, before_count).median, is = summarize(new, after_count).median;
	double p = rank_sum_p(old, before_count, new, after_count);
	double change = was > 0 ? is / was : 1;
	bool is_dependent = is_of_quantiles(before) || is_of_quantiles(after);
	bool is_few = !is_dependent && rank_sum_least_p(before_count, after_count) >= SIGNIFICANT_P;
	bool is_change = is_dependent ? false
	                 : is_few     ? is_change_of_few(old, before_count, new, after_count, change)
	                              : p < SIGNIFICANT_P && change != 1;
	bool worse = is_change && is_worse(after, change);
	sheet_put(sheet, "%s, %s, %s", text_of(after, "bench"), text_of(after, "job"),
	          text_of(after, "measure"));
	sheet_put(sheet, "%s", text_of(after, "contender"));
	sheet_put(sheet, "%.4g", was);
	sheet_put(sheet, "%.4g", is);
	sheet_put(sheet, "%s", text_of(after, "unit"));
	sheet_put(sheet, "%+.1f %%", 100 * (change - 1));
	if (is_dependent)
		sheet_put(sheet, "–");
	else if (is_few)
		sheet_put(sheet, "%zu to %zu", before_count, after_count);
	else
		sheet_put(sheet, "%.3f", p);
	sheet_put(sheet, "%s",
	          is_change      ? (worse ? "worse" : "better")
	          : is_dependent ? "not independent"
	          : is_few       ? "too few to tell"
	                         : "by chance");
	outcome->few += is_few;
	outcome->dependent += is_dependent;
	outcome->worse =
	    outcome->worse || (worse && strncmp(text_of(after, "contender"), "tiphys", 6) == 0);
}

static bool show(const json_t *before, const json_t *after, struct outcome *outcome,
                 struct error *err)
{
	static const char *const head[] = {
	    "bench, job, measure", "by whom", "was", "is", "unit", "change", "p", "so"};
	cleanup_sheet struct sheet sheet = {0};
	const json_t *series;
	size_t i;
	sheet_init(&sheet, sizeof head / sizeof head[0]);
	for (i = 0; i < sizeof head / sizeof head[0]; i++)
		sheet_put(&sheet, "%s", head[i]);
	json_array_foreach(json_object_get(after, "series"), i, series)
	{
		const json_t *old = find_series(before, series);
		if (old == NULL)
			continue;
		outcome->pairs++;
		compare(&sheet, old, series, outcome);
	}
	if (outcome->pairs == 0)
		return error_set(err, ERROR_USAGE, "the files have no series in common");
	if (!sheet_print(&sheet, stdout))
		return error_set(err, ERROR_NO_MEMORY, "no memory for the table");
	if (outcome->few > 0)
		printf("\n%zu of %zu rows have too few figures for a p below %g; instead of p stands how "
		       "many there are. A change of these counts when every figure is on one side of every "
		       "one before and the medians are a factor of %g apart.\n",
		       outcome->few, outcome->pairs, SIGNIFICANT_P, FEW_FACTOR);
	if (outcome->dependent > 0)
		printf(
		    "\n%zu of %zu rows have figures of single requests, which depend on each other: no p "
		    "tells a change of these. Measured anew, they have a figure for each repeat.\n",
		    outcome->dependent, outcome->pairs);
	return true;
}

int bench_compare(int argc, char **argv)
{
	struct operands files;
	struct error err = ERROR_INIT;
	struct outcome outcome = {0};
	int status;
	if (!options_take(&line, argc, argv, NULL, &files, &status))
		return status;
	cleanup_results struct results before = {0}, after = {0};
	if (results_read(&before, files.items[0], &err) && results_read(&after, files.items[1], &err))
		show(before.root, after.root, &outcome, &err);
	if (err.kind != ERROR_NONE) {
		fprintf(stderr, "tiphys bench compare: %s\n", err.message);
		return error_exit_status(err.kind);
	}
	return outcome.worse ? 1 : 0;
}
