/* Log lines on stderr: "time=… level=info msg="step finished" workflow=my-wf ms=12". Lines of
 * threads do not mix. */
#ifndef PLUGIN_LOG_H
#define PLUGIN_LOG_H

#include "plugin/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* Constant, word in LOG_LEVEL and on the line. */
#define LOG_LEVELS(X)                                                                              \
	X(LOG_DEBUG, "debug")                                                                          \
	X(LOG_INFO, "info")                                                                            \
	X(LOG_WARN, "warn")                                                                            \
	X(LOG_ERROR, "error")                                                                          \
	X(LOG_OFF, "off")

enum log_level {
#define X(level, word) level,
	LOG_LEVELS(X)
#undef X
};

/* Sets the level from a word in any case; "trace" is debug, "warning" is warn. False, and the level
 * stays, when it is none. The level is info at first. Call before threads start. */
bool log_set_level(const char *word);

bool log_is_on(enum log_level level);

/* A line is begun, given its fields, and ended, in one thread. Below the level all three do
 * nothing. */
struct log_line {
	bool on;
	struct bytes text;
};

struct log_line log_begin(enum log_level level, const char *message);
/* NULL and "" are left out. Quoted where a reader of key=value needs it. */
void log_text(struct log_line *line, const char *key, const char *value);
void log_number(struct log_line *line, const char *key, int64_t value);
void log_end(struct log_line *line);

/* Ends the line as one line for each line of `text`: all its fields, and key=that line. None for an
 * empty text. */
void log_end_lines(struct log_line *line, const char *key, const char *text, size_t size);

#endif
