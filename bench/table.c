#include "bench/table.h"

#include "caps/cleanup.h"

#include <stdarg.h>
#include <string.h>

void table_init(struct table *table, size_t columns)
{
	*table = (struct table){.columns = columns};
}

void table_clear(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
}

void table_put(struct table *table, const char *fmt, ...)
{
	char **grown = realloc(table->cells, (table->count + 1) * sizeof *grown);
	char *text = NULL;
	va_list args;
	va_start(args, fmt);
	if (grown != NULL)
		table->cells = grown;
	if (grown == NULL || vasprintf(&text, fmt, args) < 0)
		table->is_broken = true;
	else
		table->cells[table->count++] = text;
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

bool table_print(const struct table *table, FILE *out)
{
	cleanup_free size_t *widths = calloc(table->columns + 1, sizeof *widths);
	if (widths == NULL || table->is_broken)
		return false;
	for (size_t i = 0; i < table->count; i++) {
		size_t width = width_of(table->cells[i]);
		if (width > widths[i % table->columns])
			widths[i % table->columns] = width;
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		print_cell(table->cells[i], widths[column], column == 0, out);
		if (column + 1 == table->columns)
			fputs("|\n", out);
		if (i + 1 == table->columns)
			print_rule(widths, table->columns, out);
	}
	return true;
}
