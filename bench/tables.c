#include "bench/tables.h"

#include "bench/job.def"
#include "bench/machine.h"
#include "bench/series.h"
#include "bench/sheet.h"
#include "bench/stats.h"
#include "bench/tables_engine.h"

#include <string.h>

static const char *const jobs[] = {
#define X(name, what) name,
    JOBS(X)
#undef X
};

enum { JOB_COUNT = sizeof jobs / sizeof jobs[0] };

/* ---- cells ---- */

static void put_head(struct sheet *sheet, const char *const *head, size_t count)
{
	sheet_init(sheet, count);
	for (size_t i = 0; i < count; i++)
		sheet_put(sheet, "%s", head[i]);
}

#define HEAD(sheet, ...)                                                                           \
	put_head(sheet, (const char *const[]){__VA_ARGS__},                                            \
	         sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *))

static void put_number(struct sheet *sheet, double number)
{
	sheet_put(sheet, number < 10 ? "%.2f" : number < 100 ? "%.1f" : "%.0f", number);
}

static void put_milliseconds(struct sheet *sheet, const json_t *series, const char *key)
{
	if (series == NULL)
		sheet_put(sheet, "–");
	else
		put_number(sheet, 1e3 * number_of(series, key));
}

/* The spread, and how many times as long as the reference: a ratio of what scatters too much, or of
 * a few figures, would say nothing, so there stands none. */
static void put_spread_and_ratio(struct sheet *sheet, const json_t *series, const json_t *reference)
{
	if (series == NULL) {
		sheet_put(sheet, "–");
		sheet_put(sheet, "–");
		return;
	}
	double spread = number_of(series, "spread");
	sheet_put(sheet, "%.0f %%", 100 * spread);
	if (!series_is_steady(series) || !series_is_steady(reference))
		sheet_put(sheet, "–");
	else
		put_number(sheet, number_of(series, "median") / number_of(reference, "median"));
}

static void put_size(struct sheet *sheet, double bytes)
{
	if (bytes < 1 << 20)
		sheet_put(sheet, "%.0f KiB", bytes / 1024);
	else
		sheet_put(sheet, "%.1f MiB", bytes / (1 << 20));
}

/* ---- the tables: *text, where it is not NULL, is for free() ---- */

/* When the rounds of warm steps ended, in sentences. */
static void stopping_rule(const json_t *root, char *text, size_t size)
{
	double within = number_of(root, "within"), settle = number_of(root, "settle");
	char cut[96] = "";
	if (json_object_get(root, "rounds") == NULL) {
		snprintf(text, size, "When rounds ended: not recorded.");
		return;
	}
	if (within > 0)
		snprintf(cut, sizeof cut, ", of which none after the first %d began later than %.0f s",
		         RATIO_FIGURES_MIN, within);
	int length =
	    snprintf(text, size, "%.0f rounds were planned%s.", number_of(root, "rounds"), cut);
	if (settle > 0 && (size_t)length < size)
		snprintf(text + length, size - (size_t)length,
		         " What then spread by more than %.0f %% went on, and " TABLES_REFERENCE
		         " in turns with it, until it did not, for %.0f s and to %.0f rounds at most: such "
		         "a stop flatters the spread.",
		         100 * SPREAD_LIMIT, settle, number_of(root, "rounds_max"));
}

static bool warm(const json_t *root, struct sheet *sheet, char **text)
{
	const char *shown[JOB_COUNT];
	size_t count = 0;
	for (size_t i = 0; i < JOB_COUNT; i++)
		if (series_contenders(root, "steps", jobs[i], "wall").count > 0)
			shown[count++] = jobs[i];
	if (count == 0)
		return false;
	struct names names = series_contenders(root, "steps", NULL, "wall");
	const json_t *reference = series_find(root, "steps", shown[0], TABLES_REFERENCE, "wall");
	char rule[512];
	stopping_rule(root, rule, sizeof rule);
	sheet_init(sheet, 5 + count);
	sheet_put(sheet, "by whom (ms)");
	sheet_put(sheet, "%s", shown[0]);
	sheet_put(sheet, "min");
	sheet_put(sheet, "p95");
	sheet_put(sheet, "spread");
	sheet_put(sheet, "to serve");
	for (size_t i = 1; i < count; i++)
		sheet_put(sheet, "%s", shown[i]);
	for (size_t i = 0; i < names.count; i++) {
		const json_t *first = series_find(root, "steps", shown[0], names.items[i], "wall");
		sheet_put(sheet, "%s", names.items[i]);
		put_milliseconds(sheet, first, "median");
		put_milliseconds(sheet, first, "min");
		put_milliseconds(sheet, first, "p95");
		put_spread_and_ratio(sheet, first, reference);
		for (size_t j = 1; j < count; j++)
			put_milliseconds(sheet, series_find(root, "steps", shown[j], names.items[i], "wall"),
			                 "median");
	}
	return asprintf(
	           text,
	           "Time of the clock from before the start to after the end, in ms: the median of "
	           "%u interleaved rounds or more, warm (images unpacked, files in the page "
	           "cache). What is done sooner than in %d ms is done several times in a round, "
	           "whose figure is their median; min and p95 are of single runs. The spread is "
	           "the distance of the rounds' quartiles as a part of the median; how runs scatter "
	           "within a round, only min and p95 tell. With a spread above %.0f %% or fewer than "
	           "%d rounds there is no ratio \"to serve\", that is to " TABLES_REFERENCE ". %s",
	           series_least_count(root, "steps", "wall"), (int)number_of(root, "burst_ms"),
	           100 * SPREAD_LIMIT, RATIO_FIGURES_MIN, rule) >= 0;
}

static bool cold(const json_t *root, struct sheet *sheet, char **text)
{
	struct names names = series_contenders(root, "cold", NULL, "wall");
	const json_t *reference = series_find(root, "cold", "line", "tiphys serve", "wall");
	if (names.count == 0)
		return false;
	HEAD(sheet, "cold, by whom (ms)", "line", "min", "p95", "spread", "to serve", "fetched",
	     "on disk");
	for (size_t i = 0; i < names.count; i++) {
		const json_t *wall = series_find(root, "cold", "line", names.items[i], "wall");
		sheet_put(sheet, "%s", names.items[i]);
		put_milliseconds(sheet, wall, "median");
		put_milliseconds(sheet, wall, "min");
		put_milliseconds(sheet, wall, "p95");
		put_spread_and_ratio(sheet, wall, reference);
		put_size(sheet,
		         number_of(series_find(root, "cold", "line", names.items[i], "network"), "median"));
		put_size(sheet,
		         number_of(series_find(root, "cold", "line", names.items[i], "disk"), "median"));
	}
	return asprintf(text,
	                "Fetched from a docker-registry on 127.0.0.1 and run, the store proved empty "
	                "each time; median of %u rounds, and no ratio of fewer than %d. On disk: the "
	                "store after it; containerd's also "
	                "holds the warm images.",
	                series_least_count(root, "cold", "wall"), RATIO_FIGURES_MIN) >= 0;
}

static bool peak(const json_t *root, struct sheet *sheet, char **text)
{
	struct names names = series_contenders(root, "steps", NULL, "peak");
	if (names.count == 0)
		return false;
	HEAD(sheet, "by whom", "peak memory (MiB)");
	for (size_t i = 0; i < names.count; i++) {
		const json_t *series = NULL;
		for (size_t j = 0; j < JOB_COUNT && series == NULL; j++)
			series = series_find(root, "steps", jobs[j], names.items[i], "peak");
		sheet_put(sheet, "%s", names.items[i]);
		sheet_put(sheet, "%.2f", number_of(series, "median") / (1 << 20));
	}
	*text = strdup("The peaks of resident memory of all processes that the command started for the "
	               "first job, summed; daemons that were there before (containerd) are not among "
	               "them. Requests and pods are not commands: see how many fit into the memory.");
	return *text != NULL;
}

static bool load(const json_t *root, struct sheet *sheet, char **text)
{
	const json_t *series;
	size_t i, count = 0;
	HEAD(sheet, "requests at a time", "steps/s", "latency (ms)", "p95");
	json_array_foreach(json_object_get(root, "series"), i, series)
	{
		char who[96];
		if (!series_is_of(series, "load", "throughput"))
			continue;
		snprintf(who, sizeof who, "%s, %s at a time", text_of(series, "contender"),
		         text_of(series, "job"));
		const json_t *latency = series_find(root, "load", "latency", who, "wall");
		sheet_put(sheet, "%s", text_of(series, "job"));
		sheet_put(sheet, "%.0f", number_of(series, "median"));
		put_milliseconds(sheet, latency, "median");
		put_milliseconds(sheet, latency, "p95");
		count++;
	}
	*text = strdup("Requests to one tiphys serve for the first job, as many at a time as the row "
	               "says, each step in a sandboxed process of its own; the client takes its share "
	               "of the same processors.");
	return count > 0 && *text != NULL;
}

static bool density(const json_t *root, struct sheet *sheet, char **text)
{
	struct names names = series_contenders(root, "density", NULL, "resident");
	double budget = number_of(root, "budget");
	if (names.count == 0)
		return false;
	sheet_init(sheet, 5);
	sheet_put(sheet, "resident, by whom");
	sheet_put(sheet, "steps");
	sheet_put(sheet, "all (MiB)");
	sheet_put(sheet, "one more (MiB)");
	if (budget < (double)(1 << 30))
		sheet_put(sheet, "in %.4g MiB", budget / (1 << 20));
	else
		sheet_put(sheet, "in %.4g GiB", budget / (double)(1 << 30));
	for (size_t i = 0; i < names.count; i++) {
		const json_t *last = NULL, *series;
		const json_t *more = series_find(root, "density", "one more", names.items[i], "resident");
		size_t j;
		json_array_foreach(json_object_get(root, "series"), j, series)
		{
			if (series_is_of(series, "density", "resident") && series != more &&
			    strcmp(text_of(series, "contender"), names.items[i]) == 0)
				last = series;
		}
		double slope = number_of(more, "median"), all = number_of(last, "median");
		double steps = strtod(text_of(last, "job"), NULL);
		sheet_put(sheet, "%s", names.items[i]);
		sheet_put(sheet, "%.0f", steps);
		sheet_put(sheet, "%.1f", all / (1 << 20));
		put_number(sheet, slope / (1 << 20));
		if (slope > 0)
			sheet_put(sheet, "%.0f", steps + (budget - all) / slope);
		else
			sheet_put(sheet, "–");
	}
	*text = strdup(
	    "Steps that sleep, all at a time. Memory is the proportional set size and the page tables "
	    "of all processes that stand for them: tiphys serve and its workers, or what the engine "
	    "leaves standing for each container; daemons that were there before are not among them. "
	    "One more: the median of the steps between the levels that were measured. The last column "
	    "is reckoned from it.");
	return *text != NULL;
}

/* ---- all of them ---- */

bool tables_conditions(const json_t *root, const char *bench, const char *measure, char *text,
                       size_t size)
{
	const json_t *series, *busiest = NULL;
	size_t i;
	json_array_foreach(json_object_get(root, "series"), i, series)
	{
		if (series_is_of(series, bench, measure) && json_object_get(series, "idle") != NULL &&
		    (busiest == NULL || number_of(series, "idle") < number_of(busiest, "idle")))
			busiest = series;
	}
	double idle = number_of(busiest, "idle"), busy_load = number_of(busiest, "load");
	if (busiest == NULL)
		snprintf(text, size, "How idle the machine was before it: not recorded.");
	else if (idle < 0)
		snprintf(text, size, "How idle the machine was before it is not known; load %.2f.",
		         busy_load);
	else if (idle >= MACHINE_IDLE_ENOUGH)
		snprintf(text, size, "Before it, %.0f %% of the machine's time was free; load %.2f.",
		         100 * idle, busy_load);
	else
		snprintf(text, size,
		         "The machine was NOT IDLE before this: only %.0f %% of its time was free, load "
		         "%.2f. Other work distorts the figures.",
		         100 * idle, busy_load);
	return busiest != NULL && idle >= 0 && idle < MACHINE_IDLE_ENOUGH;
}

char *tables_machine(const json_t *root, char *text, size_t size)
{
	const json_t *machine = json_object_get(root, "machine");
	int nice = (int)number_of(machine, "nice");
	char priority[32] = "";
	if (nice != 0)
		snprintf(priority, sizeof priority, ", all at nice %d", nice);
	snprintf(text, size, "%s. %.0f × %s, %.1f GiB, %s, %s, %s, cgroups %s%s.",
	         text_of(root, "date"), number_of(machine, "processors"), text_of(machine, "processor"),
	         number_of(machine, "memory") / (double)(1 << 30), text_of(machine, "virtualisation"),
	         text_of(machine, "kernel"), text_of(machine, "system"), text_of(machine, "cgroups"),
	         priority);
	return text;
}

bool table_print(const json_t *root, enum table_kind table, FILE *out)
{
	static const struct {
		bool (*make)(const json_t *, struct sheet *, char **);
		const char *bench, *measure;
	} makers[] = {
#define X(id, function, bench, measure) [id] = {function, bench, measure},
	    TABLES(X)
#undef X
	};
	cleanup_sheet struct sheet sheet = {0};
	char *text = NULL, conditions[256];
	bool is_busy = tables_conditions(root, makers[table].bench, makers[table].measure, conditions,
	                                 sizeof conditions);
	bool is_made = makers[table].make(root, &sheet, &text);
	if (is_made && is_busy)
		fprintf(out, "**%s**\n\n", conditions);
	bool went_well = !is_made || (sheet_print(&sheet, out) &&
	                              fprintf(out, "\n%s%s%s\n", text, is_busy ? "" : " ",
	                                      is_busy ? "" : conditions) >= 0);
	free(text);
	return went_well && !sheet.is_broken;
}

bool tables_print(const json_t *root, FILE *out)
{
	for (int table = 0; table < TABLE_COUNT; table++) {
		char *text = NULL;
		size_t size = 0;
		FILE *memory = open_memstream(&text, &size);
		bool went_well = memory != NULL && table_print(root, (enum table_kind)table, memory);
		went_well = memory != NULL && fclose(memory) == 0 && went_well;
		if (went_well && size > 0)
			fprintf(out, "%s\n", text);
		free(text);
		if (!went_well)
			return false;
	}
	return true;
}
