#include "bench/tables_engine.h"

#include "bench/series.h"
#include "bench/stats.h"
#include "bench/tables.h"
#include "bench/targets.h"
#include "caps/cleanup.h"

#include <string.h>

#define OWN "tiphys"
#define OWN_CACHED "tiphys, cached"

/* ---- who took part ---- */

static void put_words(const json_t *words, FILE *out)
{
	const json_t *word;
	size_t i;
	json_array_foreach(words, i, word)
	    fprintf(out, "%s%s", i > 0 ? " " : "", json_string_value(word));
}

/* The machine, each contender's version and command, and what was refused. */
static void put_notes(const json_t *root, const char *bench, FILE *out)
{
	char machine[1024];
	const json_t *item;
	size_t i;
	fprintf(out, "%s\n", tables_machine(root, machine, sizeof machine));
	json_array_foreach(json_object_get(root, "contenders"), i, item)
	{
		const json_t *words = json_object_get(item, "words");
		fprintf(out, "%s:%s%s", text_of(item, "name"), *text_of(item, "version") != '\0' ? " " : "",
		        text_of(item, "version"));
		if (words != NULL) {
			fputs(*text_of(item, "version") != '\0' ? ", `" : " `", out);
			put_words(words, out);
			fputc('`', out);
		}
		fputs(".\n", out);
	}
	json_array_foreach(json_object_get(root, "refusals"), i, item)
	{
		if (strcmp(text_of(item, "bench"), bench) == 0)
			fprintf(out, "%s refuses %s: %s.\n", text_of(item, "contender"), text_of(item, "job"),
			        text_of(item, "reason"));
	}
}

/* Without the last newline. */
static bool end_notes(FILE *memory, char **text)
{
	if (fclose(memory) != 0 || *text == NULL)
		return false;
	size_t length = strlen(*text);
	while (length > 0 && (*text)[length - 1] == '\n')
		(*text)[--length] = '\0';
	return true;
}

static struct names all_contenders(const json_t *root)
{
	struct names names = {0};
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(root, "contenders"), i, item)
	{
		if (names.count < SERIES_NAMES_MAX)
			names.items[names.count++] = text_of(item, "name");
	}
	return names;
}

/* Who came behind whom: files from before the arguments were kept are of a fixed order. */
static const char *order_of(const json_t *root)
{
	return json_object_get(root, "arguments") != NULL ? "another order each round"
	                                                  : "the same order each round";
}

/* ---- kernels ---- */

struct ratios {
	double items[SERIES_NAMES_MAX];
	size_t count;
};

static void put_ratio(struct sheet *sheet, const json_t *own, const json_t *theirs,
                      struct ratios *ratios)
{
	if (own == NULL || theirs == NULL) {
		sheet_put(sheet, "–");
		return;
	}
	if (!series_is_steady(own) || !series_is_steady(theirs)) {
		double ours = number_of(own, "spread"), others = number_of(theirs, "spread");
		sheet_put(sheet, "spread %.0f %%", 100 * (ours > others ? ours : others));
		return;
	}
	double ratio = number_of(own, "median") / number_of(theirs, "median");
	sheet_put(sheet, "%.2f", ratio);
	if (ratios->count < SERIES_NAMES_MAX)
		ratios->items[ratios->count++] = ratio;
}

static void put_kernel(const json_t *root, struct sheet *sheet, const char *job,
                       const struct names *who, struct ratios *ratios)
{
	const json_t *own = series_find(root, "kernels", job, OWN, "user");
	sheet_put(sheet, "%s", job);
	for (size_t i = 0; i < who->count; i++) {
		const json_t *series = series_find(root, "kernels", job, who->items[i], "user");
		if (series != NULL)
			sheet_put(sheet, "%.3f", number_of(series, "median"));
		else
			sheet_put(sheet, "refuses");
	}
	for (size_t i = 1; i < who->count; i++)
		put_ratio(sheet, own, series_find(root, "kernels", job, who->items[i], "user"), &ratios[i]);
}

/* Of how many kernels a mean is stands beside it: what somebody refuses is in no mean of his. */
static void put_means(struct sheet *sheet, const struct ratios *ratios, size_t count)
{
	sheet_put(sheet, "geometric mean");
	for (size_t i = 0; i < count; i++)
		sheet_put(sheet, "%s", "");
	for (size_t i = 1; i < count; i++) {
		if (ratios[i].count > 0)
			sheet_put(sheet, "%.2f of %zu", geometric_mean(ratios[i].items, ratios[i].count),
			          ratios[i].count);
		else
			sheet_put(sheet, "–");
	}
}

bool tables_kernels(const json_t *root, struct sheet *sheet, char **text)
{
	size_t size;
	struct names jobs = series_jobs(root, "kernels", "user"), who = all_contenders(root);
	if (jobs.count == 0 || who.count == 0)
		return false;
	cleanup_free struct ratios *ratios = calloc(who.count, sizeof *ratios);
	FILE *notes = open_memstream(text, &size);
	if (ratios == NULL || notes == NULL)
		return false;
	sheet_init(sheet, 2 * who.count);
	sheet_put(sheet, "kernel");
	for (size_t i = 0; i < who.count; i++)
		sheet_put(sheet, "%s (s)", who.items[i]);
	for (size_t i = 1; i < who.count; i++)
		sheet_put(sheet, "tiphys/%s", who.items[i]);
	for (size_t i = 0; i < jobs.count; i++)
		put_kernel(root, sheet, jobs.items[i], &who, ratios);
	put_means(sheet, ratios, who.count);
	fprintf(notes,
	        "User time, median of %u interleaved rounds, the contenders in %s. Below a ratio of 1 "
	        "tiphys is faster; there is none where quartiles "
	        "lie further apart than %.0f %% of the median.\n",
	        series_least_count(root, "kernels", "user"), order_of(root), 100 * SPREAD_LIMIT);
	put_notes(root, "kernels", notes);
	return end_notes(notes, text);
}

bool tables_kernels_targets(const json_t *root, struct sheet *sheet, char **text)
{
	*text = strdup("Means are geometric ones; \"which\" is the kernel of the highest ratio, and "
	               "over how many kernels.");
	return *text != NULL && targets_table(root, "kernels", sheet);
}

/* ---- starts ---- */

static void put_to(struct sheet *sheet, const json_t *own, const json_t *theirs)
{
	if (own == NULL || own == theirs)
		sheet_put(sheet, "%s", "");
	else if (!series_is_steady(own) || !series_is_steady(theirs))
		sheet_put(sheet, "–");
	else
		sheet_put(sheet, "%.2f", number_of(own, "median") / number_of(theirs, "median"));
}

/* What processes take has a peak; the others share this process. The first row is of no guest:
 * there the ratio is of the first one. */
static void put_start(const json_t *root, struct sheet *sheet, const json_t *series,
                      const char *first)
{
	const char *job = text_of(series, "job"), *who = text_of(series, "contender");
	const json_t *peak = series_find(root, "start", job, who, "peak");
	bool is_nothing = strcmp(job, "nothing") == 0;
	sheet_put(sheet, "%s, %s", job, who);
	sheet_put(sheet, "%.1f", 1e6 * number_of(series, "median"));
	sheet_put(sheet, "%.1f", 1e6 * number_of(series, "min"));
	sheet_put(sheet, "%.1f", 1e6 * number_of(series, "p95"));
	sheet_put(sheet, "%.0f %%", 100 * number_of(series, "spread"));
	if (peak == NULL) {
		for (int i = 0; i < 3; i++)
			sheet_put(sheet, "%s", "");
		return;
	}
	job = is_nothing ? first : job;
	put_to(sheet, series_find(root, "start", job, OWN, "wall"), series);
	put_to(sheet, series_find(root, "start", job, OWN_CACHED, "wall"), series);
	sheet_put(sheet, "%.2f", number_of(peak, "median") / (1 << 20));
}

/* How much longer a step's worker takes than the same run inside the process. */
static void put_workers(const json_t *root, FILE *out)
{
	const json_t *series;
	size_t i;
	json_array_foreach(json_object_get(root, "series"), i, series)
	{
		const char *measure = text_of(series, "measure");
		if (strcmp(text_of(series, "bench"), "start") != 0 ||
		    strncmp(measure, TABLES_BEYOND, strlen(TABLES_BEYOND)) != 0)
			continue;
		fprintf(out,
		        "%s, %s: %.1f µs a step more than the module in memory (median of the rounds' "
		        "differences; min %.1f, p95 %.1f).\n",
		        text_of(series, "job"), text_of(series, "contender"),
		        1e6 * number_of(series, "median"), 1e6 * number_of(series, "min"),
		        1e6 * number_of(series, "p95"));
	}
}

bool tables_start(const json_t *root, struct sheet *sheet, char **text)
{
	const json_t *series;
	size_t i, size;
	struct names jobs = series_jobs(root, "start", "wall");
	const char *first = "";
	if (jobs.count == 0)
		return false;
	FILE *notes = open_memstream(text, &size);
	if (notes == NULL)
		return false;
	for (size_t j = jobs.count; j > 0; j--)
		if (strcmp(jobs.items[j - 1], "nothing") != 0)
			first = jobs.items[j - 1];
	sheet_init(sheet, 8);
	sheet_put(sheet, "guest, by whom");
	sheet_put(sheet, "median (µs)");
	sheet_put(sheet, "min");
	sheet_put(sheet, "p95");
	sheet_put(sheet, "spread");
	sheet_put(sheet, "tiphys to it");
	sheet_put(sheet, "cached to it");
	sheet_put(sheet, "resident (MiB)");
	json_array_foreach(json_object_get(root, "series"), i, series)
	{
		if (series_is_of(series, "start", "wall"))
			put_start(root, sheet, series, first);
	}
	fprintf(notes,
	        "Time of the clock, median of %u interleaved starts, the contenders in %s; files in "
	        "the page cache. \"tiphys\" neither looks "
	        "for an image nor keeps one; \"first run\" finds none and keeps one; \"cached\" runs "
	        "from it. \"inside\" is without a process of its own: what is done sooner than in a "
	        "millisecond is done up to 15 times one after the other, and the figure of a round is "
	        "their median. Resident: the median of %u "
	        "peaks.\n",
	        series_least_count(root, "start", "wall"), order_of(root),
	        series_least_count(root, "start", "peak"));
	put_workers(root, notes);
	put_notes(root, "start", notes);
	return end_notes(notes, text);
}

bool tables_start_targets(const json_t *root, struct sheet *sheet, char **text)
{
	*text = strdup("Ratios are of medians of this table. Pages touched: those that valgrind's "
	               "lackey sees the process read, write or execute; what the kernel touches for it "
	               "is not among them.");
	return *text != NULL && targets_table(root, "start", sheet);
}
