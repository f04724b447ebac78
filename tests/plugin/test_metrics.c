/* plugin/metrics: the text that Prometheus reads. */
#include "plugin/metrics.h"
#include "tests/plugin/table.h"

static char *text(struct bytes *bytes)
{
	bytes_clear(bytes);
	assert_true(metrics_write(bytes));
	return bytes->data;
}

static void counters_and_gauges(void **state)
{
	(void)state;
	cleanup_bytes struct bytes bytes = {0};
	assert_in("\ntiphys_steps_waiting 0\n", text(&bytes));
	metrics_add(METRIC_SUCCEEDED, 2);
	metrics_add(METRIC_SUCCEEDED, 1);
	metrics_add(METRIC_FAILED, 1);
	metrics_set(METRIC_WAITING, 7);
	metrics_set(METRIC_WAITING, 4);
	assert_in("# HELP tiphys_steps_total Steps that have ended, by phase\n"
	          "# TYPE tiphys_steps_total counter\n"
	          "tiphys_steps_total{phase=\"Succeeded\"} 3\n"
	          "tiphys_steps_total{phase=\"Failed\"} 1\n"
	          "# HELP tiphys_steps_waiting Steps that wait for their turn\n"
	          "# TYPE tiphys_steps_waiting gauge\n"
	          "tiphys_steps_waiting 4\n",
	          text(&bytes));
}

static void durations(void **state)
{
	(void)state;
	static const uint64_t took[] = {0, 1, 2, 100, 2000000};
	cleanup_bytes struct bytes bytes = {0};
	for (size_t i = 0; i < COUNT(took); i++)
		metrics_step_took(took[i]);
	assert_in("tiphys_step_seconds_bucket{le=\"0.001\"} 2\n"
	          "tiphys_step_seconds_bucket{le=\"0.005\"} 3\n",
	          text(&bytes));
	assert_in("tiphys_step_seconds_bucket{le=\"0.05\"} 3\n"
	          "tiphys_step_seconds_bucket{le=\"0.1\"} 4\n",
	          text(&bytes));
	assert_in("tiphys_step_seconds_bucket{le=\"1800\"} 4\n"
	          "tiphys_step_seconds_bucket{le=\"+Inf\"} 5\n"
	          "tiphys_step_seconds_sum 2000.103\n"
	          "tiphys_step_seconds_count 5\n",
	          text(&bytes));
}

/* Every name is told of once, before its numbers. */
static void each_name_has_one_help(void **state)
{
	(void)state;
	static const char *const names[] = {
#define METRIC(id, kind, name, labels, help) name,
#include "plugin/metric.def"
#undef METRIC
	};
	cleanup_bytes struct bytes bytes = {0};
	text(&bytes);
	for (size_t i = 0; i < COUNT(names); i++) {
		char help[128];
		snprintf(help, sizeof help, "# HELP %s ", names[i]);
		const char *first = strstr(bytes.data, help);
		assert_non_null(first);
		assert_null(strstr(first + 1, help));
		assert_true(first[strlen(help)] != '\n');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counters_and_gauges),
	    cmocka_unit_test(durations),
	    cmocka_unit_test(each_name_has_one_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
