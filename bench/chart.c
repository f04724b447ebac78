#include "bench/chart.h"

#include <math.h>

/* In units of the view box, which are pixels where the page is wide enough. */
enum {
	WIDTH = 760,
	LABELS = 214,  /* where labels end */
	FIGURES = 296, /* where figures end: beside the label, to be seen where the page is narrow */
	BARS = 308,
	ROW = 24,
	AXIS = 26,
	LINE_HEIGHT = 260,
	LINE_TOP = 8, /* for the letters of the title, which stand above the first line */
	LINE_LEFT = 64,
	LINE_BOTTOM = 44,
	MARGIN = 12,
	TITLE = 36, /* of a picture of its own */
};

void put_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			fputc(*text, out);
	}
}

/* Three digits, without an exponent. */
static const char *figure(double value, char *text, size_t size)
{
	int digits = value >= 100 || value == 0 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
	snprintf(text, size, "%.*f", digits, value);
	return text;
}

/* `top`: of what is above the chart itself, which begins at 0. */
static void begin(FILE *out, const char *title, int top, int height)
{
	fprintf(out,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"%d %d %d %d\" role=\"img\" "
	        "aria-label=\"",
	        -MARGIN, -top, WIDTH + 2 * MARGIN, height + top);
	put_escaped(out, title);
	fputs("\">\n", out);
}

static void put_text(FILE *out, double x, double y, const char *kind, const char *text)
{
	fprintf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", kind, x, y);
	put_escaped(out, text);
	fputs("</text>\n", out);
}

/* ---- bars ---- */

/* Powers of ten around all bars, and where a value lies between them. */
struct axis {
	int first, last;
	double left, width;
};

static struct axis log_axis(const struct bar *bars, size_t count)
{
	double least = bars[0].min, most = bars[0].p95;
	for (size_t i = 1; i < count; i++) {
		least = fmin(least, bars[i].min);
		most = fmax(most, bars[i].p95);
	}
	struct axis axis = {.first = (int)floor(log10(least)),
	                    .last = (int)ceil(log10(most)),
	                    .left = BARS,
	                    .width = WIDTH - BARS - 34};
	if (axis.last == axis.first)
		axis.last++;
	return axis;
}

static double place(const struct axis *axis, double value)
{
	double part = (log10(value) - axis->first) / (axis->last - axis->first);
	return axis->left + axis->width * fmax(0, fmin(1, part));
}

static void put_grid(FILE *out, const struct axis *axis, size_t count, const char *unit)
{
	double bottom = (double)count * ROW + 4;
	for (int power = axis->first; power <= axis->last; power++) {
		char text[48], words[64];
		double x = place(axis, pow(10, power));
		snprintf(text, sizeof text, "%.*f", power < 0 ? -power : 0, pow(10, power));
		snprintf(words, sizeof words, "%s %s", text, unit);
		fprintf(out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%.1f\"/>\n", x, x,
		        bottom);
		put_text(out, x, bottom + 16, "tick", words);
	}
}

static void put_bar(FILE *out, const struct axis *axis, const struct bar *bar, double top,
                    const char *unit)
{
	char text[48], words[64];
	double middle = top + ROW / 2.0, median = place(axis, bar->median);
	double low = place(axis, bar->low), high = place(axis, bar->high);
	put_text(out, LABELS, middle + 4, bar->is_own ? "label own" : "label", bar->label);
	fprintf(out,
	        "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n",
	        bar->is_own ? "bar own" : "bar", axis->left, top + 4, fmax(1, median - axis->left),
	        ROW - 8);
	if (bar->p95 > bar->min) {
		fprintf(out, "<line class=\"whisker\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
		        place(axis, bar->min), place(axis, bar->p95), middle, middle);
		fprintf(out, "<rect class=\"box\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>\n",
		        low, top + 8, fmax(1, high - low), ROW - 16);
	}
	snprintf(words, sizeof words, "%s %s", figure(bar->median, text, sizeof text), unit);
	put_text(out, FIGURES, middle + 4, "figure", words);
}

void chart_bars(FILE *out, const char *title, const char *unit, const struct bar *bars,
                size_t count, const char *style)
{
	if (count == 0)
		return;
	struct axis axis = log_axis(bars, count);
	int height = (int)count * ROW + AXIS;
	begin(out, title, style != NULL ? TITLE : 0, height);
	if (style != NULL) {
		fprintf(out,
		        "<style>%s</style>\n<rect class=\"paper\" x=\"%d\" y=\"%d\" width=\"%d\" "
		        "height=\"%d\"/>\n",
		        style, -MARGIN, -TITLE, WIDTH + 2 * MARGIN, height + TITLE);
		put_text(out, 0, -TITLE / 2.0, "start strong title", title);
	}
	put_grid(out, &axis, count, unit);
	for (size_t i = 0; i < count; i++)
		put_bar(out, &axis, &bars[i], (double)i * ROW, unit);
	fputs("</svg>\n", out);
}

/* ---- lines ---- */

/* The next of 1, 2, 5, 10, 20 … at or above it. */
static double round_up(double value)
{
	double power = pow(10, floor(log10(value)));
	double part = value / power;
	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

void chart_line(FILE *out, const char *title, const char *x_title, const char *y_title,
                const struct point *points, size_t count)
{
	enum { STEPS = 4 };
	if (count == 0)
		return;
	double most = 0, right = WIDTH - MARGIN - 24, bottom = LINE_HEIGHT - LINE_BOTTOM;
	for (size_t i = 0; i < count; i++)
		most = fmax(most, points[i].y);
	double top = round_up(fmax(most, 1e-9));
	double first = log10(points[0].x), last = fmax(log10(points[count - 1].x), first + 1);
	begin(out, title, LINE_TOP, LINE_HEIGHT);
	for (int i = 0; i <= STEPS; i++) {
		char text[48];
		double y = bottom - (bottom - MARGIN) * i / STEPS;
		fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
		        LINE_LEFT, right, y, y);
		put_text(out, LINE_LEFT - 8, y + 4, "label", figure(top * i / STEPS, text, sizeof text));
	}
	fputs("<polyline class=\"curve\" points=\"", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%.1f,%.1f ",
		        LINE_LEFT + (right - LINE_LEFT) * (log10(points[i].x) - first) / (last - first),
		        bottom - (bottom - MARGIN) * points[i].y / top);
	fputs("\"/>\n", out);
	for (size_t i = 0; i < count; i++) {
		char text[48];
		double x = LINE_LEFT + (right - LINE_LEFT) * (log10(points[i].x) - first) / (last - first);
		double y = bottom - (bottom - MARGIN) * points[i].y / top;
		snprintf(text, sizeof text, "%.0f", points[i].x);
		fprintf(out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", x, y);
		put_text(out, x, bottom + 18, "tick", text);
		/* The first stands on the axis, and its figure beside what is written there. */
		put_text(out, i == 0 ? x + 6 : x, y - 9, i == 0 ? "tick strong start" : "tick strong",
		         figure(points[i].y, text, sizeof text));
	}
	put_text(out, (LINE_LEFT + right) / 2, LINE_HEIGHT - 6, "tick", x_title);
	put_text(out, LINE_LEFT, 9, "tick start", y_title);
	fputs("</svg>\n", out);
}
