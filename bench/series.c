#include "bench/series.h"

#include "bench/stats.h"

#include <string.h>

const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

bool series_is_of(const json_t *series, const char *bench, const char *measure)
{
	return strcmp(text_of(series, "bench"), bench) == 0 &&
	       strcmp(text_of(series, "measure"), measure) == 0;
}

const json_t *series_find(const json_t *root, const char *bench, const char *job,
                          const char *contender, const char *measure)
{
	const json_t *series;
	size_t i;
	json_array_foreach(json_object_get(root, "series"), i, series)
	{
		if (series_is_of(series, bench, measure) && strcmp(text_of(series, "job"), job) == 0 &&
		    strcmp(text_of(series, "contender"), contender) == 0)
			return series;
	}
	return NULL;
}

static void add_name(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return;
	if (names->count < SERIES_NAMES_MAX)
		names->items[names->count++] = name;
}

/* What series of that have under `key`. */
static struct names values_of(const json_t *root, const char *key, const char *bench,
                              const char *job, const char *measure)
{
	struct names names = {0};
	const json_t *series;
	size_t i;
	json_array_foreach(json_object_get(root, "series"), i, series)
	{
		if (series_is_of(series, bench, measure) &&
		    (job == NULL || strcmp(text_of(series, "job"), job) == 0))
			add_name(&names, text_of(series, key));
	}
	return names;
}

struct names series_contenders(const json_t *root, const char *bench, const char *job,
                               const char *measure)
{
	return values_of(root, "contender", bench, job, measure);
}

struct names series_jobs(const json_t *root, const char *bench, const char *measure)
{
	return values_of(root, "job", bench, NULL, measure);
}

unsigned series_least_count(const json_t *root, const char *bench, const char *measure)
{
	unsigned least = 0;
	const json_t *series;
	size_t i;
	json_array_foreach(json_object_get(root, "series"), i, series)
	{
		unsigned count = (unsigned)number_of(series, "count");
		if (series_is_of(series, bench, measure) && (least == 0 || count < least))
			least = count;
	}
	return least;
}

bool series_is_steady(const json_t *series)
{
	return series != NULL && number_of(series, "count") >= RATIO_FIGURES_MIN &&
	       number_of(series, "spread") <= SPREAD_LIMIT && number_of(series, "median") > 0;
}
