#include "plugin/log.h"

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

static bool needs_quotes(const char *value)
{
	for (const char *p = value; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
			return true;
	}
	return false;
}

void log_text(struct log_line *line, const char *key, const char *value)
{
	if (!line->on || value == NULL || *value == '\0')
		return;
	bytes_print(&line->text, " %s=", key);
	if (!needs_quotes(value)) {
		bytes_add_text(&line->text, value);
		return;
	}
	bytes_add(&line->text, "\"", 1);
	for (const char *p = value; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			bytes_print(&line->text, "\\%c", c);
		else if (c == '\n')
			bytes_add(&line->text, "\\n", 2);
		else if (c < 0x20 || c == 0x7f)
			bytes_print(&line->text, "\\x%02x", c);
		else
			bytes_add(&line->text, p, 1);
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
