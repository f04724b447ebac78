#include "plugin/log.h"

#include "validator/printable.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static const char *const words[] = {
#define X(level, word) [level] = word,
    LOG_LEVELS(X)
#undef X
};

static enum log_level threshold = LOG_INFO;

bool log_set_level(const char *word)
{
	if (strcasecmp(word, "trace") == 0)
		word = "debug";
	if (strcasecmp(word, "warning") == 0)
		word = "warn";
	for (int level = LOG_DEBUG; level <= LOG_OFF; level++) {
		if (strcasecmp(word, words[level]) == 0) {
			threshold = (enum log_level)level;
			return true;
		}
	}
	return false;
}

bool log_is_on(enum log_level level)
{
	return level >= threshold;
}

struct log_line log_begin(enum log_level level, const char *message)
{
	struct log_line line = {.on = log_is_on(level)};
	if (line.on) {
		struct timespec now;
		struct tm utc;
		char date[32];
		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &utc);
		strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
		bytes_print(&line.text, "time=%s.%03ldZ level=%s", date, now.tv_nsec / 1000000,
		            words[level]);
		log_text(&line, "msg", message);
	}
	return line;
}

static bool needs_quotes(const char *value, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t length = printable_size(value + at, size - at);
		if (length == 0 || strchr(" \"=\\", value[at]) != NULL)
			return true;
		at += length;
	}
	return false;
}

void log_text(struct log_line *line, const char *key, const char *value)
{
	if (!line->on || value == NULL || *value == '\0')
		return;
	size_t size = strlen(value);
	bytes_print(&line->text, " %s=", key);
	if (!needs_quotes(value, size)) {
		bytes_add(&line->text, value, size);
		return;
	}
	bytes_add(&line->text, "\"", 1);
	for (size_t at = 0; at < size;) {
		const char *p = value + at;
		size_t length = printable_size(p, size - at);
		at += length > 0 ? length : 1;
		if (*p == '"' || *p == '\\')
			bytes_print(&line->text, "\\%c", *p);
		else if (*p == '\n')
			bytes_add(&line->text, "\\n", 2);
		else if (length == 0)
			bytes_print(&line->text, "\\x%02x", (unsigned char)*p);
		else
			bytes_add(&line->text, p, length);
	}
	bytes_add(&line->text, "\"", 1);
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
	if (line->on)
		bytes_print(&line->text, " %s=%" PRId64, key, value);
}

void log_end(struct log_line *line)
{
	if (line->on && bytes_add(&line->text, "\n", 1)) {
		/* There is nowhere to report that the log cannot be written. */
		ssize_t written = write(STDERR_FILENO, line->text.data, line->text.size);
		(void)written;
	}
	bytes_clear(&line->text);
}
