/* The page and the file of results, made of real figures. */
#include "tests/plugin/table.h"

#include "bench/chart.h"
#include "bench/report.h"
#include "bench/tables.h"
#include "plugin/json.h"

#include <unistd.h>

static char *read_file(const char *directory, const char *name)
{
	char path[256];
	char *text = calloc(1, 1 << 20);
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "r");
	if (file == NULL || text == NULL)
		fail_msg("cannot read %s", path);
	size_t size = fread(text, 1, (1 << 20) - 1, file);
	text[size] = '\0';
	fclose(file);
	return text;
}

static void fill(struct results *results)
{
	static const double fast[] = {0.001, 0.002, 0.003, 0.004, 0.005};
	static const double slow[] = {0.1, 0.1, 0.1, 0.1, 0.1}, rate[] = {1500, 1600, 1700};
	results_contender(results, "tiphys run", "tiphys 0", NULL);
	results_contender(results, "<other>", "1 & 2", "with \"flags\"");
	results_series(results, "steps", "line", "tiphys run", "wall", "s", fast, 5);
	results_series(results, "steps", "line", "<other>", "wall", "s", slow, 5);
	results_series(results, "load", "10", "tiphys serve", "throughput", "1/s", rate, 3);
	results_refusal(results, "steps", "line", "absent", "is not installed");
}

#define REPORT_TEMPLATE "/tmp/tiphys-report-XXXXXX"

/* Makes the directory of the template, and in it a report of what fill() has. */
static void make_report(char *directory)
{
	struct error err = ERROR_INIT;
	cleanup_results struct results results = {0};
	assert_non_null(mkdtemp(directory));
	assert_true(results_init(&results, "test", &err));
	fill(&results);
	assert_true(report_write(&results, directory, &err));
}

/* With its files, beside which there are no others. */
static void remove_report(const char *directory)
{
	static const char *const names[] = {"report.html", "report.md", "results.json", "chart.svg"};
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[64];
		snprintf(path, sizeof path, "%s/%s", directory, names[i]);
		assert_int_equal(0, remove(path));
	}
	assert_int_equal(0, rmdir(directory));
}

static void directory_holds_the_files(void **state)
{
	(void)state;
	char directory[] = REPORT_TEMPLATE;
	make_report(directory);

	char *page = read_file(directory, "report.html");
	assert_in("prefers-color-scheme:dark", page);
	assert_in("Warm steps: line (prints a line), time of the clock", page);
	assert_in("&lt;other&gt;: 1 &amp; 2; with &quot;flags&quot;", page);
	assert_in("absent, left out of line: is not installed", page);
	assert_in(">3.00 ms<", page);
	assert_in("class=\"curve\"", page);
	assert_null(strstr(page, "<other>"));
	/* Self-contained: nothing is fetched. */
	assert_null(strstr(page, "src="));
	assert_null(strstr(page, "href="));
	assert_null(strstr(page, "url("));
	free(page);

	char *markdown = read_file(directory, "report.md");
	assert_in("| steps, line |   tiphys run |       wall |    3.000 |    1.000 |    4.800 |   67 % "
	          "|   ms |",
	          markdown);
	free(markdown);

	char *text = read_file(directory, "results.json");
	cleanup_json json_t *root = json_loads(text, 0, NULL);
	free(text);
	const json_t *series = json_array_get(json_object_get(root, "series"), 0);
	assert_int_equal(5, json_array_size(json_object_get(series, "figures")));
	assert_string_equal("tiphys run", json_string_value(json_object_get(series, "contender")));
	remove_report(directory);
}

/* What report.md has between its marks is for the README. */
static void tables_stand_between_the_marks(void **state)
{
	(void)state;
	char directory[] = REPORT_TEMPLATE;
	make_report(directory);
	char *markdown = read_file(directory, "report.md");
	char *begin = strstr(markdown, "<!-- figures -->\n"),
	     *end = strstr(markdown, "<!-- end of figures -->\n");
	assert_true(begin != NULL && end != NULL && begin < end);
	*end = '\0';
	assert_in("| tiphys run   | 3.00 | 1.00 | 4.80 |   67 % |        – |\n", begin);
	assert_in("| 10                 |    1600 |", begin);
	free(markdown);
	remove_report(directory);
}

static char *table_text(const struct results *results, enum table_kind table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_true(table_print(results->root, table, out));
	fclose(out);
	return text;
}

static void assert_table(const struct results *results, enum table_kind table, const char *words)
{
	char *text = table_text(results, table);
	assert_in(words, text);
	free(text);
}

/* A ratio of what scatters would say nothing, nor would one of four figures. */
static void ratio_stands_only_where_nothing_scatters(void **state)
{
	(void)state;
	static const double even[] = {0.001, 0.001, 0.001, 0.001, 0.001},
	                    double_even[] = {0.002, 0.002, 0.002, 0.002, 0.002},
	                    odd[] = {0.001, 0.001, 0.002, 0.009, 0.009};
	struct error err = ERROR_INIT;
	for (size_t rounds = 4; rounds <= 5; rounds++) {
		cleanup_results struct results results = {0};
		assert_true(results_init(&results, "test", &err));
		results_series(&results, "steps", "line", TABLES_REFERENCE, "wall", "s", even, rounds);
		results_series(&results, "steps", "line", "twice", "wall", "s", double_even, 5);
		results_series(&results, "steps", "line", "scatters", "wall", "s", odd, 5);
		results_series(&results, "steps", "line", "few", "wall", "s", double_even, 4);
		const char *twice =
		    rounds < 5 ? "| twice                   | 2.00 | 2.00 | 2.00 |    0 % |        – |"
		               : "| twice                   | 2.00 | 2.00 | 2.00 |    0 % |     2.00 |";
		assert_table(&results, TABLE_WARM, twice);
		assert_table(&results, TABLE_WARM,
		             "| scatters                | 2.00 | 1.00 | 9.00 |  400 % |        – |");
		assert_table(&results, TABLE_WARM,
		             "| few                     | 2.00 | 2.00 | 2.00 |    0 % |        – |");
	}
}

/* Who reads a spread must know by what rule the rounds ended. */
static void when_rounds_ended_is_told(void **state)
{
	(void)state;
	static const double figures[] = {1, 1, 1};
	struct error err = ERROR_INIT;
	cleanup_results struct results results = {0};
	assert_true(results_init(&results, "test", &err));
	results_series(&results, "steps", "line", TABLES_REFERENCE, "wall", "s", figures, 3);
	assert_table(&results, TABLE_WARM, " When rounds ended: not recorded. ");
	results_number(&results, "rounds", 11);
	results_number(&results, "rounds_max", 44);
	results_number(&results, "within", 0);
	results_number(&results, "settle", 0);
	assert_table(&results, TABLE_WARM, " 11 rounds were planned. How idle");
	results_number(&results, "within", 150);
	results_number(&results, "settle", 30);
	assert_table(
	    &results, TABLE_WARM,
	    " 11 rounds were planned, of which none after the first 5 began later than 150 s. "
	    "What then spread by more than 30 % went on, and tiphys serve, in memory in turns "
	    "with it, until it did not, for 30 s and to 44 rounds at most: such a stop flatters "
	    "the spread. How idle");
}

/* The idle share before the last series once stood above the first table. */
static void each_table_tells_how_idle_it_was_before_its_own_series(void **state)
{
	(void)state;
	static const double figures[] = {1, 1, 1};
	struct error err = ERROR_INIT;
	cleanup_results struct results results = {0};
	assert_true(results_init(&results, "test", &err));
	results_series(&results, "cold", "line", "tiphys run", "wall", "s", figures, 3);
	results.is_settled = true;
	static const struct {
		double idle;
		const char *bench, *job, *measure;
	} series[] = {
	    {0.97, "steps", "line", "wall"},   {0.25, "steps", "line", "peak"},
	    {-1, "load", "1", "throughput"},   {0.92, "density", "1", "resident"},
	    {0.5, "density", "2", "resident"},
	};
	for (size_t i = 0; i < COUNT(series); i++) {
		results.idle = series[i].idle;
		results.load = 1 + (double)i;
		results_series(&results, series[i].bench, series[i].job, "tiphys serve", series[i].measure,
		               "s", figures, 3);
	}
	assert_table(&results, TABLE_WARM,
	             " Before it, 97 % of the machine's time was free; load 1.00.\n");
	char *peaks = table_text(&results, TABLE_PEAK);
	assert_ptr_equal(peaks,
	                 strstr(peaks, "**The machine was NOT IDLE before this: only 25 % of its "
	                               "time was free, load 2.00. Other work distorts the "
	                               "figures.**\n\n| by whom"));
	free(peaks);
	assert_table(&results, TABLE_COLD, " How idle the machine was before it: not recorded.\n");
	assert_table(&results, TABLE_LOAD,
	             " How idle the machine was before it is not known; load 3.00.\n");
	assert_table(&results, TABLE_DENSITY, "only 50 % of its time was free, load 5.00.");
}

/* How many fit is reckoned from the last level and what one more takes. */
static void room_is_reckoned_from_what_one_more_takes(void **state)
{
	(void)state;
	static const double level[] = {10 << 20, 208 << 20}, more[] = {2 << 20};
	struct error err = ERROR_INIT;
	cleanup_results struct results results = {0};
	assert_true(results_init(&results, "test", &err));
	results_number(&results, "budget", (double)((uint64_t)1 << 30));
	results_series(&results, "density", "1", "a", "resident", "B", &level[0], 1);
	results_series(&results, "density", "100", "a", "resident", "B", &level[1], 1);
	results_series(&results, "density", "one more", "a", "resident", "B", more, 1);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_true(table_print(results.root, TABLE_DENSITY, out));
	fclose(out);
	assert_in("| a                 |   100 |     208.0 |           2.00 |      508 |", text);
	free(text);
}

/* "in 0.0625 GiB" was no size that anybody had given. */
static void room_is_told_as_a_size(void **state)
{
	(void)state;
	static const double level[] = {10 << 20}, more[] = {2 << 20};
	static const struct {
		double bytes;
		const char *head;
	} rows[] = {{64 << 20, "in 64 MiB |"},
	            {(double)((uint64_t)4 << 30), "in 4 GiB |"},
	            {(double)((uint64_t)1536 << 20), "in 1.5 GiB |"}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = ERROR_INIT;
		cleanup_results struct results results = {0};
		assert_true(results_init(&results, "test", &err));
		results_number(&results, "budget", rows[i].bytes);
		results_series(&results, "density", "1", "a", "resident", "B", level, 1);
		results_series(&results, "density", "one more", "a", "resident", "B", more, 1);
		assert_table(&results, TABLE_DENSITY, rows[i].head);
	}
}

static void many_figures_are_kept_as_quantiles(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	cleanup_results struct results results = {0};
	double *figures = calloc(5000, sizeof *figures);
	assert_true(results_init(&results, "test", &err));
	for (int i = 0; i < 5000; i++)
		figures[i] = 5000 - i;
	results_series(&results, "load", "latency", "a", "wall", "s", figures, 5000);
	free(figures);
	const json_t *series = json_array_get(json_object_get(results.root, "series"), 0);
	const json_t *list = json_object_get(series, "figures");
	assert_int_equal(RESULTS_FIGURES_MAX, json_array_size(list));
	assert_int_equal(5000, json_integer_value(json_object_get(series, "count")));
	assert_true(json_number_value(json_array_get(list, 0)) == 1);
	assert_true(json_number_value(json_array_get(list, RESULTS_FIGURES_MAX - 1)) == 5000);
}

/* A bar twice as long as another on the page is ten times the figure, not twice. */
static void axis_is_logarithmic(void **state)
{
	(void)state;
	const struct bar bars[] = {
	    {.label = "a", .min = 1, .low = 1, .median = 1, .high = 1, .p95 = 1},
	    {.label = "b", .min = 10, .low = 10, .median = 10, .high = 10, .p95 = 10},
	    {.label = "c", .min = 100, .low = 100, .median = 100, .high = 100, .p95 = 100}};
	double widths[3];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	chart_bars(out, "bars", "ms", bars, 3, NULL);
	fclose(out);
	const char *at = text;
	for (size_t i = 0; i < 3; i++) {
		at = strstr(at, "<rect class=\"bar\"");
		assert_non_null(at);
		at = strstr(at, "width=\"");
		widths[i] = strtod(at + strlen("width=\""), NULL);
	}
	free(text);
	assert_true(widths[0] < 2);
	assert_true(widths[2] - 2 * widths[1] < 0.2 && widths[2] - 2 * widths[1] > -0.2);
}

static void report_into_a_file_is_refused(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	cleanup_results struct results results = {0};
	assert_true(results_init(&results, "test", &err));
	assert_false(report_write(&results, "/dev/null/report", &err));
	assert_in("/dev/null", err.message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(directory_holds_the_files),
	    cmocka_unit_test(tables_stand_between_the_marks),
	    cmocka_unit_test(ratio_stands_only_where_nothing_scatters),
	    cmocka_unit_test(when_rounds_ended_is_told),
	    cmocka_unit_test(each_table_tells_how_idle_it_was_before_its_own_series),
	    cmocka_unit_test(room_is_reckoned_from_what_one_more_takes),
	    cmocka_unit_test(room_is_told_as_a_size),
	    cmocka_unit_test(many_figures_are_kept_as_quantiles),
	    cmocka_unit_test(axis_is_logarithmic),
	    cmocka_unit_test(report_into_a_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
