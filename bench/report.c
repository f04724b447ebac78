#include "bench/report.h"

#include "bench/chart.h"
#include "bench/rootfs.h"
#include "bench/sheet.h"
#include "bench/stats.h"
#include "caps/cleanup.h"

#include <string.h>

enum { BARS_MAX = 256, FIGURES_MAX = 100000 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static bool is_same_chart(const json_t *a, const json_t *b)
{
	return strcmp(text_of(a, "bench"), text_of(b, "bench")) == 0 &&
	       strcmp(text_of(a, "job"), text_of(b, "job")) == 0 &&
	       strcmp(text_of(a, "measure"), text_of(b, "measure")) == 0;
}

/* Throughput is a curve over the concurrency, which its job names. */
static bool is_curve(const json_t *series)
{
	return strcmp(text_of(series, "measure"), "throughput") == 0;
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
	bar.min = sorted[0];
	bar.low = quantile(sorted, count, 0.25);
	bar.high = quantile(sorted, count, 0.75);
	bar.p95 = quantile(sorted, count, 0.95);
	return bar;
}

static void title_of(const json_t *series, char *title, size_t size)
{
	static const struct {
		const char *measure, *words;
	} words[] = {{"wall", "time of the clock"},
	             {"user", "user time"},
	             {"peak", "peak memory"},
	             {"network", "fetched"},
	             {"disk", "on disk"}};
	const char *measure = text_of(series, "measure");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].measure, measure) == 0)
			measure = words[i].words;
	snprintf(title, size, "%s, %s: %s", text_of(series, "bench"), text_of(series, "job"), measure);
}

/* ---- HTML ---- */

static const char style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--faint:#57606a;--grid:#d8dee4;"
    "--bar:#9fb3c8;--own:#0b7285;--box:#1b1f2466}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#12161b;--ink:#e6edf3;--faint:#9aa7b4;"
    "--grid:#2d343c;--bar:#4a5f74;--own:#3bc9db;--box:#e6edf388}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;background:var(--paper);"
    "color:var(--ink);font:16px/1.5 system-ui,\"DejaVu Sans\",sans-serif}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2.2rem 0 "
    ".6rem}\n"
    "p,li{color:var(--faint);margin:.3rem 0}\n"
    ".wide{overflow-x:auto}svg{display:block;width:100%;min-width:36rem;height:auto}\n"
    "svg text{font:12px system-ui,\"DejaVu Sans\",sans-serif;fill:var(--ink)}\n"
    "svg .label{text-anchor:end}svg .tick{text-anchor:middle;fill:var(--faint)}"
    "svg .start{text-anchor:start}svg .strong{fill:var(--ink)}\n"
    "svg .figure{text-anchor:end;font-variant-numeric:tabular-nums}svg text.own{font-weight:600}\n"
    "svg .grid{stroke:var(--grid)}svg .bar{fill:var(--bar)}svg rect.own{fill:var(--own)}\n"
    "svg .whisker{stroke:var(--ink);stroke-width:1}svg .box{fill:var(--box)}\n"
    "svg .curve{fill:none;stroke:var(--own);stroke-width:2}svg .dot{fill:var(--own)}\n"
    "table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.25rem .6rem;border-bottom:1px solid var(--grid);text-align:right;"
    "white-space:nowrap}th:first-child,td:first-child{text-align:left}\n";

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

static void put_bars(FILE *out, const json_t *list, size_t index)
{
	const json_t *series = json_array_get(list, index);
	struct bar bars[BARS_MAX];
	size_t count = 0;
	const char *unit;
	char title[256];
	scale_of(series, &unit);
	title_of(series, title, sizeof title);
	for (size_t i = index; i < json_array_size(list) && count < BARS_MAX; i++)
		if (is_same_chart(json_array_get(list, i), series))
			bars[count++] = bar_of(json_array_get(list, i));
	put_element(out, "h2", title);
	fputs("<div class=\"wide\">\n", out);
	chart_bars(out, title, unit, bars, count);
	fputs("</div>\n", out);
	put_figures(out, bars, count, unit);
}

static void put_curve(FILE *out, const json_t *list)
{
	struct point points[BARS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < json_array_size(list) && count < BARS_MAX; i++) {
		const json_t *series = json_array_get(list, i);
		if (is_curve(series))
			points[count++] =
			    (struct point){strtod(text_of(series, "job"), NULL), number_of(series, "median")};
	}
	if (count == 0)
		return;
	put_element(out, "h2", "Throughput of tiphys serve over concurrency");
	fputs("<div class=\"wide\">\n", out);
	chart_line(out, "Throughput over concurrency", "requests under way at a time", "steps a second",
	           points, count);
	fputs("</div>\n", out);
}

static void put_lists(FILE *out, const json_t *root)
{
	const json_t *contenders = json_object_get(root, "contenders");
	const json_t *refusals = json_object_get(root, "refusals");
	const json_t *item;
	size_t i;
	put_element(out, "h2", "Contenders");
	fputs("<ul>\n", out);
	json_array_foreach(contenders, i, item)
	{
		char text[1024];
		const char *version = text_of(item, "version"), *how = text_of(item, "how");
		snprintf(text, sizeof text, "%s: %s%s%s", text_of(item, "name"), version,
		         *version != '\0' && *how != '\0' ? "; " : "", how);
		put_element(out, "li", text);
	}
	json_array_foreach(refusals, i, item)
	{
		char text[1024];
		snprintf(text, sizeof text, "%s, left out%s%s: %s", text_of(item, "contender"),
		         *text_of(item, "job") != '\0' ? " of " : "", text_of(item, "job"),
		         text_of(item, "reason"));
		put_element(out, "li", text);
	}
	fputs("</ul>\n", out);
}

static char *machine_line(const json_t *root, char *text, size_t size)
{
	const json_t *machine = json_object_get(root, "machine");
	snprintf(
	    text, size,
	    "%s. %.0f × %s, %.1f GiB, %s, %s, %s, cgroups %s; %.0f %% idle when it began, load %.2f.",
	    text_of(root, "date"), number_of(machine, "processors"), text_of(machine, "processor"),
	    number_of(machine, "memory") / (double)(1 << 30), text_of(machine, "virtualisation"),
	    text_of(machine, "kernel"), text_of(machine, "system"), text_of(machine, "cgroups"),
	    100 * number_of(machine, "idle"), number_of(machine, "load"));
	return text;
}

static void put_page(FILE *out, const json_t *root)
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
	put_element(out, "p", machine_line(root, text, sizeof text));
	put_element(
	    out, "p",
	    "Bars are medians on a logarithmic axis; the box spans the quartiles, the line goes "
	    "from the least to the 95th of a hundred.");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!is_curve(json_array_get(list, i)) && is_first(list, i))
			put_bars(out, list, i);
	put_curve(out, list);
	put_lists(out, root);
	fputs("</body></html>\n", out);
}

/* ---- Markdown ---- */

static bool put_markdown(FILE *out, const json_t *root)
{
	const json_t *list = json_object_get(root, "series"), *item;
	char text[1024];
	size_t i;
	cleanup_sheet struct sheet sheet = {0};
	sheet_init(&sheet, 8);
	static const char *const head[] = {"bench, job", "by whom", "measure", "median",
	                                   "min",        "p95",     "spread",  "unit"};
	for (i = 0; i < sizeof head / sizeof head[0]; i++)
		sheet_put(&sheet, "%s", head[i]);
	json_array_foreach(list, i, item)
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
	fprintf(out, "# tiphys: what a step costs\n\n%s\n\n", machine_line(root, text, sizeof text));
	return sheet_print(&sheet, out);
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

bool report_write(const struct results *results, const char *directory, struct error *err)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/results.json", directory);
	if (!make_directories(directory, err) || !results_write(results, path, err))
		return false;
	FILE *page = open_file(directory, "report.html", err);
	if (page == NULL)
		return false;
	put_page(page, results->root);
	if (!close_file(page, directory, "report.html", err))
		return false;
	FILE *markdown = open_file(directory, "report.md", err);
	if (markdown == NULL)
		return false;
	bool is_put = put_markdown(markdown, results->root);
	return close_file(markdown, directory, "report.md", err) &&
	       (is_put || error_set(err, ERROR_NO_MEMORY, "no memory for the report"));
}
