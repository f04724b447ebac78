#include "plugin/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

struct row {
	const char *kind, *name, *labels, *help;
};

static const struct row rows[] = {
#define METRIC(id, kind, name, labels, help) [id] = {#kind, name, labels, help},
#include "plugin/metric.def"
#undef METRIC
};

static atomic_uint_fast64_t values[METRIC_COUNT];

#define STEP_SECONDS "tiphys_step_seconds"

/* Upper bounds of the buckets; above the last one there is +Inf. */
static const struct {
	uint64_t milliseconds;
	const char *seconds;
} bounds[] = {{1, "0.001"},  {5, "0.005"},  {10, "0.01"},    {50, "0.05"},
              {100, "0.1"},  {500, "0.5"},  {1000, "1"},     {5000, "5"},
              {30000, "30"}, {60000, "60"}, {300000, "300"}, {1800000, "1800"}};

#define BOUND_COUNT (sizeof bounds / sizeof bounds[0])

static atomic_uint_fast64_t in_bucket[BOUND_COUNT + 1], step_milliseconds;

void metrics_add(enum metric metric, uint64_t amount)
{
	atomic_fetch_add_explicit(&values[metric], amount, memory_order_relaxed);
}

void metrics_set(enum metric metric, uint64_t value)
{
	atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

uint64_t metrics_value(enum metric metric)
{
	return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

void metrics_step_took(uint64_t milliseconds)
{
	size_t i = 0;
	while (i < BOUND_COUNT && milliseconds > bounds[i].milliseconds)
		i++;
	atomic_fetch_add_explicit(&in_bucket[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&step_milliseconds, milliseconds, memory_order_relaxed);
}

static bool write_row(struct bytes *out, enum metric metric)
{
	const struct row *row = &rows[metric];
	bool is_first = metric == 0 || strcmp(rows[metric - 1].name, row->name) != 0;
	if (is_first && !bytes_print(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help,
	                             row->name, row->kind))
		return false;
	bool labelled = *row->labels != '\0';
	return bytes_print(out, "%s%s%s%s %" PRIu64 "\n", row->name, labelled ? "{" : "", row->labels,
	                   labelled ? "}" : "", metrics_value(metric));
}

/* The buckets are cumulative. */
static bool write_steps(struct bytes *out)
{
	uint64_t count = 0;
	bool fine = bytes_print(out, "# HELP " STEP_SECONDS " How long steps ran\n# TYPE " STEP_SECONDS
	                             " histogram\n");
	for (size_t i = 0; fine && i <= BOUND_COUNT; i++) {
		count += atomic_load_explicit(&in_bucket[i], memory_order_relaxed);
		fine = bytes_print(out, STEP_SECONDS "_bucket{le=\"%s\"} %" PRIu64 "\n",
		                   i < BOUND_COUNT ? bounds[i].seconds : "+Inf", count);
	}
	uint64_t sum = atomic_load_explicit(&step_milliseconds, memory_order_relaxed);
	return fine && bytes_print(out,
	                           STEP_SECONDS "_sum %" PRIu64 ".%03" PRIu64 "\n" STEP_SECONDS
	                                        "_count %" PRIu64 "\n",
	                           sum / 1000, sum % 1000, count);
}

bool metrics_write(struct bytes *out)
{
	for (enum metric metric = 0; metric < METRIC_COUNT; metric++) {
		if (!write_row(out, metric))
			return false;
	}
	return write_steps(out);
}
