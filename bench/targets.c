#include "bench/targets.h"

#include "bench/series.h"
#include "bench/stats.h"
#include "bench/target.def"

#include <stdio.h>
#include <string.h>

#define OWN "tiphys"
#define LARGE_BYTES 50e6

/* fib(38) as it stands in the source: 2 fib(39) - 1 calls. */
#define FIB_CALLS 126491971.0

enum sense { AT_MOST, LESS_THAN, AT_LEAST };

struct verdict {
	double value;
	char which[128]; /* what has that value, or of how many it is the mean; or "" */
	bool is_steady;
};

struct target {
	const char *bench;
	bool (*measure)(const json_t *root, const struct target *target, struct verdict *verdict);
	const char *first, *second;
	enum sense sense;
	double bound;
	const char *unit, *what;
};

/* ---- over kernels ---- */

struct ratios {
	double items[SERIES_NAMES_MAX];
	const char *jobs[SERIES_NAMES_MAX];
	size_t count, unsteady;
};

/* Of each kernel that both have done, ours by theirs. */
static struct ratios ratios_to(const json_t *root, const char *peer)
{
	struct ratios ratios = {0};
	struct names jobs = series_jobs(root, "kernels", "user");
	for (size_t i = 0; i < jobs.count; i++) {
		const json_t *own = series_find(root, "kernels", jobs.items[i], OWN, "user");
		const json_t *theirs = series_find(root, "kernels", jobs.items[i], peer, "user");
		if (own == NULL || theirs == NULL)
			continue;
		if (!series_is_steady(own) || !series_is_steady(theirs)) {
			ratios.unsteady++;
			continue;
		}
		ratios.jobs[ratios.count] = jobs.items[i];
		ratios.items[ratios.count++] = number_of(own, "median") / number_of(theirs, "median");
	}
	return ratios;
}

static void invert(struct ratios *ratios)
{
	for (size_t i = 0; i < ratios->count; i++)
		ratios->items[i] = 1 / ratios->items[i];
}

static bool take_mean(const struct ratios *ratios, struct verdict *verdict)
{
	if (ratios->count == 0)
		return false;
	verdict->value = geometric_mean(ratios->items, ratios->count);
	verdict->is_steady = ratios->unsteady == 0;
	snprintf(verdict->which, sizeof verdict->which, "of %zu", ratios->count);
	return true;
}

static bool take_worst(const struct ratios *ratios, struct verdict *verdict)
{
	size_t worst = 0;
	if (ratios->count == 0)
		return false;
	for (size_t i = 1; i < ratios->count; i++)
		if (ratios->items[i] > ratios->items[worst])
			worst = i;
	verdict->value = ratios->items[worst];
	verdict->is_steady = ratios->unsteady == 0;
	snprintf(verdict->which, sizeof verdict->which, "%s, of %zu", ratios->jobs[worst],
	         ratios->count);
	return true;
}

static bool mean_to(const json_t *root, const struct target *target, struct verdict *verdict)
{
	struct ratios ratios = ratios_to(root, target->first);
	return take_mean(&ratios, verdict);
}

static bool worst_to(const json_t *root, const struct target *target, struct verdict *verdict)
{
	struct ratios ratios = ratios_to(root, target->first);
	return take_worst(&ratios, verdict);
}

static bool mean_of(const json_t *root, const struct target *target, struct verdict *verdict)
{
	struct ratios ratios = ratios_to(root, target->first);
	invert(&ratios);
	return take_mean(&ratios, verdict);
}

static bool worst_of(const json_t *root, const struct target *target, struct verdict *verdict)
{
	struct ratios ratios = ratios_to(root, target->first);
	invert(&ratios);
	return take_worst(&ratios, verdict);
}

/* ---- of single figures ---- */

static bool divide(const json_t *over, const json_t *under, struct verdict *verdict)
{
	if (over == NULL || under == NULL || number_of(under, "median") <= 0)
		return false;
	verdict->value = number_of(over, "median") / number_of(under, "median");
	verdict->is_steady = series_is_steady(over) && series_is_steady(under);
	return true;
}

static bool scale(const json_t *series, double factor, struct verdict *verdict)
{
	verdict->value = factor * number_of(series, "median");
	verdict->is_steady = series_is_steady(series);
	return series != NULL;
}

static bool speedup(const json_t *root, const struct target *target, struct verdict *verdict)
{
	return divide(series_find(root, "kernels", target->first, OWN, "user"),
	              series_find(root, "kernels", target->second, OWN, "user"), verdict);
}

static bool call(const json_t *root, const struct target *target, struct verdict *verdict)
{
	return scale(series_find(root, "kernels", target->first, OWN, "user"), 1e9 / FIB_CALLS,
	             verdict);
}

/* The series of "guest, by whom": what is before the first comma is the guest. */
static const json_t *find_start(const json_t *root, const char *text)
{
	char job[64];
	const char *comma = strstr(text, ", ");
	snprintf(job, sizeof job, "%.*s", (int)(comma - text), text);
	return series_find(root, "start", job, comma + 2, "wall");
}

static bool ratio(const json_t *root, const struct target *target, struct verdict *verdict)
{
	return divide(find_start(root, target->first), find_start(root, target->second), verdict);
}

static bool micros(const json_t *root, const struct target *target, struct verdict *verdict)
{
	return scale(find_start(root, target->first), 1e6, verdict);
}

static const json_t *find_guest(const json_t *root, const char *name)
{
	const json_t *guest, *largest = NULL;
	size_t i;
	json_array_foreach(json_object_get(root, "guests"), i, guest)
	{
		if (name != NULL && strcmp(text_of(guest, "name"), name) == 0)
			return guest;
		if (name == NULL && number_of(guest, "bytes") >= LARGE_BYTES &&
		    number_of(guest, "bytes") > number_of(largest, "bytes"))
			largest = guest;
	}
	return largest;
}

static bool rate(const json_t *root, const struct target *target, struct verdict *verdict)
{
	const json_t *series = find_start(root, target->first);
	const json_t *guest = find_guest(root, text_of(series, "job"));
	if (series == NULL || guest == NULL || number_of(series, "median") <= 0)
		return false;
	verdict->value = number_of(guest, "bytes") / number_of(series, "median") / 1e6;
	verdict->is_steady = series_is_steady(series);
	return true;
}

static bool large(const json_t *root, const struct target *target, struct verdict *verdict)
{
	const char *name = text_of(find_guest(root, NULL), "name");
	snprintf(verdict->which, sizeof verdict->which, "%.100s", name);
	return scale(series_find(root, "start", name, target->first, "wall"), 1e6, verdict);
}

static bool resident(const json_t *root, const struct target *target, struct verdict *verdict)
{
	const char *name = text_of(find_guest(root, NULL), "name");
	const json_t *peak = series_find(root, "start", name, target->first, "peak");
	const json_t *touched = series_find(root, "start", name, target->first, "touched");
	snprintf(verdict->which, sizeof verdict->which, "%.100s", name);
	if (!divide(peak, touched, verdict))
		return false;
	/* What was touched is counted once: it is the same each time. */
	verdict->is_steady = series_is_steady(peak);
	return true;
}

/* ---- the table ---- */

static const struct target targets[] = {
#define X(bench, measure, first, second, sense, bound, unit, what)                                 \
	{bench, measure, first, second, sense, bound, unit, what},
    TARGETS(X)
#undef X
};

static bool is_met(const struct target *target, double value)
{
	return target->sense == AT_MOST     ? value <= target->bound
	       : target->sense == LESS_THAN ? value < target->bound
	                                    : value >= target->bound;
}

/* As many digits as a bound is written with. */
static void put_value(struct sheet *sheet, const char *before, double value,
                      const struct target *target)
{
	sheet_put(sheet,
	          target->bound < 3    ? "%s%.2f%s"
	          : target->bound < 15 ? "%s%.1f%s"
	                               : "%s%.0f%s",
	          before, value, target->unit);
}

static void put_row(struct sheet *sheet, const struct target *target, const struct verdict *verdict)
{
	static const char *const signs[] = {[AT_MOST] = "≤ ", [LESS_THAN] = "< ", [AT_LEAST] = "≥ "};
	sheet_put(sheet, "%s", target->what);
	put_value(sheet, signs[target->sense], target->bound, target);
	put_value(sheet, "", verdict->value, target);
	sheet_put(sheet, "%s", verdict->which);
	sheet_put(sheet, "%s%s", is_met(target, verdict->value) ? "met" : "not met",
	          verdict->is_steady ? "" : ", scatters");
}

bool targets_table(const json_t *root, const char *bench, struct sheet *sheet)
{
	sheet_init(sheet, 5);
	sheet_put(sheet, "what should hold");
	sheet_put(sheet, "target");
	sheet_put(sheet, "measured");
	sheet_put(sheet, "which");
	sheet_put(sheet, "met?");
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		struct verdict verdict = {0};
		if (strcmp(targets[i].bench, bench) == 0 && targets[i].measure(root, &targets[i], &verdict))
			put_row(sheet, &targets[i], &verdict);
	}
	return sheet->count > sheet->columns;
}
