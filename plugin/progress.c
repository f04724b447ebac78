#include "plugin/progress.h"

#include "plugin/now.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_CELLS 24
/* "sha256:" and twelve digits: enough to tell blobs apart. */
#define WHAT_CHARACTERS 19
/* Before that much time a rate says nothing. */
#define RATE_AFTER_MILLISECONDS 300

void progress_init(struct progress *progress)
{
	const char *term = getenv("TERM");
	bool can = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
	*progress = (struct progress){.out = can ? stderr : NULL};
}

static void seconds_text(char *text, size_t size, uint64_t seconds)
{
	if (seconds < 60)
		snprintf(text, size, "%" PRIu64 " s", seconds);
	else if (seconds < 100 * 60)
		snprintf(text, size, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
	else
		snprintf(text, size, "%" PRIu64 " h", seconds / 3600);
}

char *progress_text(char *text, size_t size, const char *what, uint64_t done, uint64_t total,
                    uint64_t elapsed)
{
	char bar[BAR_CELLS + 1];
	double share = total > 0 ? (double)done / (double)total : 1;
	for (unsigned i = 0; i < BAR_CELLS; i++)
		bar[i] = (double)i < share * BAR_CELLS ? '#' : '-';
	bar[BAR_CELLS] = '\0';

	const char *unit = total >= 1024 * 1024 ? "MiB" : total >= 1024 ? "KiB" : "B";
	double scale = total >= 1024 * 1024 ? 1024 * 1024 : total >= 1024 ? 1024 : 1;
	int used = snprintf(text, size, "%.*s [%s] %.1f of %.1f %s", WHAT_CHARACTERS, what, bar,
	                    (double)done / scale, (double)total / scale, unit);
	if (elapsed >= RATE_AFTER_MILLISECONDS && done > 0 && (size_t)used < size) {
		double rate = (double)done * 1000 / (double)elapsed;
		char left[32];
		seconds_text(left, sizeof left, (uint64_t)((double)(total - done) / rate + 0.5));
		snprintf(text + used, size - (size_t)used, "  %.1f %s/s  %s left", rate / scale, unit,
		         left);
	}
	return text;
}

bool progress_moved(void *env, const char *what, uint64_t done, uint64_t total)
{
	struct progress *progress = env;
	if (progress->out == NULL)
		return true;
	if (strcmp(progress->what, what) != 0 || done == 0) {
		snprintf(progress->what, sizeof progress->what, "%s", what);
		progress->began_milliseconds = now_ms();
	}
	char text[200];
	progress_text(text, sizeof text, what, done, total, now_ms() - progress->began_milliseconds);
	fprintf(progress->out, "\r%s\033[K", text);
	fflush(progress->out);
	progress->drawn = true;
	return true;
}

void progress_clear(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", progress->out);
	progress->drawn = false;
}
