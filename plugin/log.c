#include "plugin/log.h"

#include "validator/printable.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static const char *const words[] = {
#define X(level, word) [level] = word,
    LOG_LEVELS(X)
#undef X
};

/* Lines of a stream are written together, up to about so many bytes. */
#define WRITE_AT_ONCE 65536

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

static void add_value(struct bytes *text, const char *key, const char *value, size_t size)
{
	bytes_print(text, " %s=", key);
	if (!needs_quotes(value, size)) {
		bytes_add(text, value, size);
		return;
	}
	bytes_add(text, "\"", 1);
	for (size_t at = 0; at < size;) {
		const char *p = value + at;
		size_t length = printable_size(p, size - at);
		at += length > 0 ? length : 1;
		if (*p == '"' || *p == '\\')
			bytes_print(text, "\\%c", *p);
		else if (*p == '\n')
			bytes_add(text, "\\n", 2);
		else if (length == 0)
			bytes_print(text, "\\x%02x", (unsigned char)*p);
		else
			bytes_add(text, p, length);
	}
	bytes_add(text, "\"", 1);
}

void log_text(struct log_line *line, const char *key, const char *value)
{
	if (line->on && value != NULL && *value != '\0')
		add_value(&line->text, key, value, strlen(value));
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
	if (line->on)
		bytes_print(&line->text, " %s=%" PRId64, key, value);
}

/* There is nowhere to report that the log cannot be written. */
static void put_out(const struct bytes *text)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	for (size_t at = 0; at < text->size;) {
		ssize_t written = write(STDERR_FILENO, text->data + at, text->size - at);
		if (written <= 0 && errno != EINTR)
			break;
		at += written > 0 ? (size_t)written : 0;
	}
	pthread_mutex_unlock(&lock);
}

void log_end(struct log_line *line)
{
	if (line->on && bytes_add(&line->text, "\n", 1))
		put_out(&line->text);
	bytes_clear(&line->text);
}

void log_end_lines(struct log_line *line, const char *key, const char *text, size_t size)
{
	cleanup_bytes struct bytes all = {0};
	for (size_t at = 0, length; line->on && at < size; at += length + 1) {
		const char *end = memchr(text + at, '\n', size - at);
		length = end == NULL ? size - at : (size_t)(end - text) - at;
		bytes_add(&all, line->text.data, line->text.size);
		add_value(&all, key, text + at, length);
		bytes_add(&all, "\n", 1);
		if (all.size >= WRITE_AT_ONCE) {
			put_out(&all);
			all.size = 0;
		}
	}
	if (all.size > 0)
		put_out(&all);
	bytes_clear(&line->text);
}
