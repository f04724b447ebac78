#include "bench/report.h"

#include "bench/chart.h"
#include "bench/job.def"
#include "bench/rootfs.h"
#include "bench/series.h"
#include "bench/sheet.h"
#include "bench/stats.h"
#include "bench/tables.h"
#include "caps/cleanup.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

enum { BARS_MAX = 256, FIGURES_MAX = 100000 };

static bool is_same_chart(const json_t *a, const json_t *b)
{
	return strcmp(text_of(a, "bench"), text_of(b, "bench")) == 0 &&
	       strcmp(text_of(a, "job"), text_of(b, "job")) == 0 &&
	       strcmp(text_of(a, "measure"), text_of(b, "measure")) == 0;
}

/* Throughput is a curve over the concurrency, which its job names. */
static bool is_throughput(const json_t *series)
{
	return strcmp(text_of(series, "measure"), "throughput") == 0;
}

/* Memory over the number of steps is a curve, too, that of tiphys; bars show what one more takes.
 */
static bool is_level(const json_t *series)
{
	return strcmp(text_of(series, "measure"), "resident") == 0 &&
	       strcmp(text_of(series, "job"), "one more") != 0;
}

static bool is_own_level(const json_t *series)
{
	return is_level(series) && strncmp(text_of(series, "contender"), "tiphys", 6) == 0;
}

/* Whether no series before it belongs to the same chart. */
static bool is_first(const json_t *list, size_t index)
{
	const json_t *series = json_array_get(list, index);
	for (size_t i = 0; i < index; i++)
		if (is_same_chart(json_array_get(list, i), series))
			return false;
	return true;
}

/* Seconds are shown as milliseconds, bytes as MiB. */
static double scale_of(const json_t *series, const char **unit)
{
	bool is_time = strcmp(text_of(series, "unit"), "s") == 0;
	bool is_size = strcmp(text_of(series, "unit"), "B") == 0;
	*unit = is_time ? "ms" : is_size ? "MiB" : text_of(series, "unit");
	return is_time ? 1e3 : is_size ? 1.0 / (1 << 20) : 1;
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static struct bar bar_of(const json_t *series)
{
	const json_t *figures = json_object_get(series, "figures");
	size_t count = json_array_size(figures);
	cleanup_free double *sorted = calloc(count + 1, sizeof *sorted);
	const char *unit;
	double scale = scale_of(series, &unit), least = 1e-6;
	struct bar bar = {.label = text_of(series, "contender")};
	bar.is_own = strncmp(bar.label, "tiphys", 6) == 0;
	bar.min = bar.low = bar.median = bar.high = bar.p95 =
	    scale * number_of(series, "median") > least ? scale * number_of(series, "median") : least;
	if (sorted == NULL || count == 0)
		return bar;
	for (size_t i = 0; i < count; i++) {
		sorted[i] = scale * json_number_value(json_array_get(figures, i));
		if (sorted[i] < least)
			sorted[i] = least; /* a logarithmic axis has no 0 */
	}
	qsort(sorted, count, sizeof *sorted, by_size);
	/* Of all runs, where the figures are medians of some. */
	bar.min = fmax(least, scale * number_of(series, "min"));
	bar.low = quantile(sorted, count, 0.25);
	bar.high = quantile(sorted, count, 0.75);
	bar.p95 = fmax(least, scale * number_of(series, "p95"));
	return bar;
}

/* What a job does, or NULL. */
static const char *what_of(const char *job)
{
	static const struct {
		const char *name, *what;
	} jobs[] = {
#define X(name, what) {name, what},
	    JOBS(X)
#undef X
	};
	for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
		if (strcmp(jobs[i].name, job) == 0)
			return jobs[i].what;
	return NULL;
}

static void title_of(const json_t *series, char *title, size_t size)
{
	static const struct {
		const char *measure, *words;
	} words[] = {{"wall", "time of the clock"}, {"user", "user time"},
	             {"peak", "peak memory"},       {"resident", "memory of a step that sleeps"},
	             {"network", "fetched"},        {"disk", "on disk"}};
	static const struct {
		const char *bench, *words;
	} benches[] = {{"steps", "Warm steps"},
	               {"cold", "Cold starts"},
	               {"load", "Under load"},
	               {"density", "Resident steps"}};
	const char *measure = text_of(series, "measure");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].measure, measure) == 0)
			measure = words[i].words;
	const char *bench = text_of(series, "bench"), *job = text_of(series, "job");
	for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
		if (strcmp(benches[i].bench, bench) == 0)
			bench = benches[i].words;
	const char *what = what_of(job);
	snprintf(title, size, "%s: %s%s%s%s, %s", bench, job, what != NULL ? " (" : "",
	         what != NULL ? what : "", what != NULL ? ")" : "", measure);
}

/* ---- HTML ---- */

/* Of the page and of a picture of its own. */
#define COLOURS                                                                                    \
	":root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--faint:#57606a;--grid:#d8dee4;"     \
	"--bar:#9fb3c8;--own:#0b7285;--box:#1b1f2466}\n"                                               \
	"@media(prefers-color-scheme:dark){:root{--paper:#12161b;--ink:#e6edf3;--faint:#9aa7b4;"       \
	"--grid:#2d343c;--bar:#4a5f74;--own:#3bc9db;--box:#e6edf388}}\n"
#define CHARTS                                                                                     \
	"svg text{font:12px system-ui,\"DejaVu Sans\",sans-serif;fill:var(--ink)}\n"                   \
	"svg .label{text-anchor:end}svg .tick{text-anchor:middle;fill:var(--faint)}"                   \
	"svg .start{text-anchor:start}svg .strong{fill:var(--ink)}\n"                                  \
	"svg .figure{text-anchor:end;font-variant-numeric:tabular-nums}svg text.own{font-weight:600}"  \
	"\n"                                                                                           \
	"svg .grid{stroke:var(--grid)}svg .bar{fill:var(--bar)}svg rect.own{fill:var(--own)}\n"        \
	"svg .whisker{stroke:var(--ink);stroke-width:1}svg .box{fill:var(--box)}\n"                    \
	"svg .curve{fill:none;stroke:var(--own);stroke-width:2}svg .dot{fill:var(--own)}\n"

static const char style[] = COLOURS
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;background:var(--paper);"
    "color:var(--ink);font:16px/1.5 system-ui,\"DejaVu Sans\",sans-serif}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2.2rem 0 "
    ".6rem}\n"
    "p,li{color:var(--faint);margin:.3rem 0}\n"
    ".busy{color:var(--ink);font-weight:600}.wide{overflow-x:auto}svg{display:block;width:100%;min-"
    "width:36rem;height:auto}\n" CHARTS
    "table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.25rem .6rem;border-bottom:1px solid var(--grid);text-align:right;"
    "white-space:nowrap}th:first-child,td:first-child{text-align:left}\n";

static const char picture_style[] =
    COLOURS CHARTS "svg .paper{fill:var(--paper)}svg .title{font-size:15px;font-weight:600}\n";

static void put_element(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<%s>", name);
	put_escaped(out, text);
	fprintf(out, "</%s>\n", name);
}

static void put_figures(FILE *out, const struct bar *bars, size_t count, const char *unit)
{
	fprintf(
	    out,
	    "<details><summary>Figures (%s)</summary><div class=\"wide\"><table><tr><th>by whom</th>"
	    "<th>min</th><th>25 %%</th><th>median</th><th>75 %%</th><th>95 %%</th></tr>\n",
	    unit);
	for (size_t i = 0; i < count; i++) {
		fputs("<tr><td>", out);
		put_escaped(out, bars[i].label);
		fprintf(out,
		        "</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td></tr>\n",
		        bars[i].min, bars[i].low, bars[i].median, bars[i].high, bars[i].p95);
	}
	fputs("</table></div></details>\n", out);
}

/* How idle the machine was before what the chart shows. */
static void put_conditions(FILE *out, const json_t *root, const json_t *series)
{
	char text[256];
	bool is_busy = tables_conditions(root, text_of(series, "bench"), text_of(series, "measure"),
	                                 text, sizeof text);
	fputs(is_busy ? "<p class=\"busy\">" : "<p>", out);
	put_escaped(out, text);
	fputs("</p>\n", out);
}

/* Of the chart that the series begins; how many. */
static size_t bars_of(const json_t *list, size_t index, struct bar bars[BARS_MAX])
{
	size_t count = 0;
	for (size_t i = index; i < json_array_size(list) && count < BARS_MAX; i++)
		if (is_same_chart(json_array_get(list, i), json_array_get(list, index)))
			bars[count++] = bar_of(json_array_get(list, i));
	return count;
}

static void put_bars(FILE *out, const json_t *root, size_t index)
{
	const json_t *list = json_object_get(root, "series");
	const json_t *series = json_array_get(list, index);
	struct bar bars[BARS_MAX];
	size_t count = bars_of(list, index, bars);
	const char *unit;
	char title[256];
	scale_of(series, &unit);
	title_of(series, title, sizeof title);
	put_element(out, "h2", title);
	put_conditions(out, root, series);
	fputs("<div class=\"wide\">\n", out);
	chart_bars(out, title, unit, bars, count, NULL);
	fputs("</div>\n", out);
	put_figures(out, bars, count, unit);
}

static void put_curve(FILE *out, const json_t *root, bool (*is_point)(const json_t *),
                      const char *title, const char *x_title, const char *y_title)
{
	const json_t *list = json_object_get(root, "series"), *shown = NULL;
	struct point points[BARS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < json_array_size(list) && count < BARS_MAX; i++) {
		const json_t *series = json_array_get(list, i);
		const char *unit;
		if (!is_point(series))
			continue;
		points[count++] = (struct point){strtod(text_of(series, "job"), NULL),
		                                 scale_of(series, &unit) * number_of(series, "median")};
		shown = series;
	}
	if (count == 0)
		return;
	put_element(out, "h2", title);
	put_conditions(out, root, shown);
	fputs("<div class=\"wide\">\n", out);
	chart_line(out, title, x_title, y_title, points, count);
	fputs("</div>\n", out);
}

static bool is_contender(const json_t *root, const char *name)
{
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(root, "contenders"), i, item)
	{
		if (strcmp(text_of(item, "name"), name) == 0)
			return true;
	}
	return false;
}

/* Why it took no part at all, or NULL. */
static const char *refusal_of(const json_t *root, const char *name)
{
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(root, "refusals"), i, item)
	{
		if (strcmp(text_of(item, "contender"), name) == 0 && *text_of(item, "job") == '\0' &&
		    strcmp(text_of(item, "bench"), "steps") == 0)
			return text_of(item, "reason");
	}
	return NULL;
}

/* Who took part and who did not, a line each. */
static void put_list(FILE *out, const json_t *root, void (*put)(FILE *out, const char *text))
{
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(root, "contenders"), i, item)
	{
		char text[1024];
		const char *version = text_of(item, "version"), *how = text_of(item, "how");
		const char *reason = refusal_of(root, text_of(item, "name"));
		if (reason != NULL)
			snprintf(text, sizeof text, "%s is left out: %s", text_of(item, "name"), reason);
		else
			snprintf(text, sizeof text, "%s: %s%s%s", text_of(item, "name"), version,
			         *version != '\0' && *how != '\0' ? "; " : "", how);
		put(out, text);
	}
	json_array_foreach(json_object_get(root, "refusals"), i, item)
	{
		char text[1024];
		snprintf(text, sizeof text, "%s, left out%s%s: %s", text_of(item, "contender"),
		         *text_of(item, "job") != '\0' ? " of " : "", text_of(item, "job"),
		         text_of(item, "reason"));
		if (!is_contender(root, text_of(item, "contender")) || *text_of(item, "job") != '\0')
			put(out, text);
	}
}

static void put_list_element(FILE *out, const char *text)
{
	put_element(out, "li", text);
}

static void put_item(FILE *out, const char *text)
{
	fprintf(out, "- %s\n", text);
}

static bool put_page(FILE *out, const json_t *root)
{
	const json_t *list = json_object_get(root, "series");
	char text[1024];
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<title>tiphys: what a step costs</title>\n<style>\n",
	      out);
	fputs(style, out);
	fputs("</style></head><body>\n", out);
	put_element(out, "h1", "tiphys: what a step costs");
	put_element(out, "p", tables_machine(root, text, sizeof text));
	put_element(
	    out, "p",
	    "Bars are medians on a logarithmic axis; the box spans the quartiles, the line goes "
	    "from the least to the 95th of a hundred.");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!is_throughput(json_array_get(list, i)) && !is_level(json_array_get(list, i)) &&
		    is_first(list, i))
			put_bars(out, root, i);
	put_curve(out, root, is_throughput, "Throughput of tiphys serve over concurrency",
	          "requests under way at a time", "steps a second");
	put_curve(out, root, is_own_level, "Memory of tiphys serve with steps that sleep",
	          "steps at a time", "MiB");
	put_element(out, "h2", "Contenders");
	fputs("<ul>\n", out);
	put_list(out, root, put_list_element);
	fputs("</ul>\n", out);
	fputs("</body></html>\n", out);
	return true;
}

/* The chart that the first series begins. */
static bool put_picture(FILE *out, const json_t *root)
{
	const json_t *list = json_object_get(root, "series");
	struct bar bars[BARS_MAX];
	size_t count = bars_of(list, 0, bars);
	const char *unit;
	char title[256];
	scale_of(json_array_get(list, 0), &unit);
	title_of(json_array_get(list, 0), title, sizeof title);
	chart_bars(out, title, unit, bars, count, picture_style);
	return true;
}

/* ---- Markdown ---- */

static bool put_all_figures(FILE *out, const json_t *root)
{
	const json_t *item;
	size_t i;
	cleanup_sheet struct sheet sheet = {0};
	sheet_init(&sheet, 8);
	static const char *const head[] = {"bench, job", "by whom", "measure", "median",
	                                   "min",        "p95",     "spread",  "unit"};
	for (i = 0; i < sizeof head / sizeof head[0]; i++)
		sheet_put(&sheet, "%s", head[i]);
	json_array_foreach(json_object_get(root, "series"), i, item)
	{
		const char *unit;
		double scale = scale_of(item, &unit);
		sheet_put(&sheet, "%s, %s", text_of(item, "bench"), text_of(item, "job"));
		sheet_put(&sheet, "%s", text_of(item, "contender"));
		sheet_put(&sheet, "%s", text_of(item, "measure"));
		sheet_put(&sheet, "%.3f", scale * number_of(item, "median"));
		sheet_put(&sheet, "%.3f", scale * number_of(item, "min"));
		sheet_put(&sheet, "%.3f", scale * number_of(item, "p95"));
		sheet_put(&sheet, "%.0f %%", 100 * number_of(item, "spread"));
		sheet_put(&sheet, "%s", unit);
	}
	return sheet_print(&sheet, out);
}

/* What stands between the marks is for the README, word for word. */
static bool put_markdown(FILE *out, const json_t *root)
{
	char text[1024];
	fprintf(out, "# tiphys: what a step costs\n\n<!-- figures -->\n%s\n\n",
	        tables_machine(root, text, sizeof text));
	if (!tables_print(root, out))
		return false;
	fputs("<!-- end of figures -->\n\n## Contenders\n\n", out);
	put_list(out, root, put_item);
	fputs("\n## All figures\n\n", out);
	return put_all_figures(out, root);
}

/* ---- files ---- */

static FILE *open_file(const char *directory, const char *name, struct error *err)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	if (file == NULL)
		error_put_errno(err, errno, "cannot write %s", path);
	return file;
}

static bool close_file(FILE *file, const char *directory, const char *name, struct error *err)
{
	return fclose(file) == 0 || error_set_errno(err, errno, "cannot write %s/%s", directory, name);
}

static bool write_file(const json_t *root, const char *directory, const char *name,
                       bool (*put)(FILE *out, const json_t *root), struct error *err)
{
	FILE *file = open_file(directory, name, err);
	if (file == NULL)
		return false;
	bool is_put = put(file, root);
	return close_file(file, directory, name, err) &&
	       (is_put || error_set(err, ERROR_NO_MEMORY, "no memory for the report"));
}

/* Beside results.json, of which they are made. */
static const struct {
	const char *name;
	bool (*put)(FILE *out, const json_t *root);
} files[] = {{"report.html", put_page}, {"report.md", put_markdown}, {"chart.svg", put_picture}};

#define RESULTS "results.json"

static bool probe_file(const char *directory, const char *name, struct error *err)
{
	char path[4096];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", directory, name);
	/* The figures are read back from there. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_USAGE, "cannot write %s: it is no regular file", path);
	return results_probe(path, err);
}

bool report_probe(const char *directory, struct error *err)
{
	if (*directory == '\0')
		return error_set(err, ERROR_USAGE, "the name of the directory for the report is empty");
	if (!make_directories(directory, err) || !probe_file(directory, RESULTS, err))
		return false;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (!probe_file(directory, files[i].name, err))
			return false;
	return true;
}

bool report_write(const struct results *results, const char *directory, struct error *err)
{
	char path[4096];
	cleanup_results struct results kept = {0};
	snprintf(path, sizeof path, "%s/" RESULTS, directory);
	/* Of what was kept, so that it can be made anew to the letter. */
	if (!report_probe(directory, err) || !results_write(results, path, err) ||
	    !results_read(&kept, path, err))
		return false;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (!write_file(kept.root, directory, files[i].name, files[i].put, err))
			return false;
	return true;
}
