#include "bench/sheet.h"

#include "caps/cleanup.h"

#include <stdarg.h>
#include <string.h>

void sheet_init(struct sheet *sheet, size_t columns)
{
	*sheet = (struct sheet){.columns = columns};
}

void sheet_clear(struct sheet *sheet)
{
	for (size_t i = 0; i < sheet->count; i++)
		free(sheet->cells[i]);
	free(sheet->cells);
	*sheet = (struct sheet){0};
}

void sheet_put(struct sheet *sheet, const char *fmt, ...)
{
	char **grown = realloc(sheet->cells, (sheet->count + 1) * sizeof *grown);
	char *text = NULL;
	va_list args;
	va_start(args, fmt);
	if (grown != NULL)
		sheet->cells = grown;
	if (grown == NULL || vasprintf(&text, fmt, args) < 0)
		sheet->is_broken = true;
	else
		sheet->cells[sheet->count++] = text;
	va_end(args);
}

/* Characters of UTF-8. */
static size_t width_of(const char *text)
{
	size_t width = 0;
	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(const char *text, size_t width, bool is_left, FILE *out)
{
	int pad = (int)(width - width_of(text));
	if (is_left)
		fprintf(out, "| %s%*s ", text, pad, "");
	else
		fprintf(out, "| %*s%s ", pad, "", text);
}

static void print_rule(const size_t *widths, size_t columns, FILE *out)
{
	for (size_t column = 0; column < columns; column++) {
		fputc('|', out);
		for (size_t i = 0; i < widths[column] + 1; i++)
			fputc('-', out);
		fputc(column == 0 ? '-' : ':', out);
	}
	fputs("|\n", out);
}

bool sheet_print(const struct sheet *sheet, FILE *out)
{
	cleanup_free size_t *widths = calloc(sheet->columns + 1, sizeof *widths);
	if (widths == NULL || sheet->is_broken)
		return false;
	for (size_t i = 0; i < sheet->count; i++) {
		size_t width = width_of(sheet->cells[i]);
		if (width > widths[i % sheet->columns])
			widths[i % sheet->columns] = width;
	}
	for (size_t i = 0; i < sheet->count; i++) {
		size_t column = i % sheet->columns;
		print_cell(sheet->cells[i], widths[column], column == 0, out);
		if (column + 1 == sheet->columns)
			fputs("|\n", out);
		if (i + 1 == sheet->columns)
			print_rule(widths, sheet->columns, out);
	}
	return true;
}
