#include "bench/progress.h"

#include "bench/process.h"

#include <unistd.h>

void progress_line_init(struct progress_line *line, const char *title)
{
	*line = (struct progress_line){
	    .out = isatty(STDERR_FILENO) ? stderr : NULL, .title = title, .began = monotonic_seconds()};
}

char *progress_line_text(char *text, size_t size, const char *title, size_t done, size_t all,
                         const char *what, double elapsed)
{
	int length = snprintf(text, size, "%s: %zu of %zu, %s", title, done, all, what);
	if (done > 0 && length > 0 && (size_t)length < size)
		snprintf(text + length, size - (size_t)length, ", %.0f s left",
		         elapsed / (double)done * (double)(all - done));
	return text;
}

void progress_line_show(const struct progress_line *line, size_t done, size_t all, const char *what)
{
	char text[256];
	if (line->out == NULL)
		return;
	fprintf(line->out, "\r\033[K%.100s",
	        progress_line_text(text, sizeof text, line->title, done, all, what,
	                           monotonic_seconds() - line->began));
	fflush(line->out);
}

void progress_line_clear(const struct progress_line *line)
{
	if (line->out != NULL) {
		fprintf(line->out, "\r\033[K");
		fflush(line->out);
	}
}
