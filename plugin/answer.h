/* What a request is answered with: status, text, and the headers that depend on it. */
#ifndef PLUGIN_ANSWER_H
#define PLUGIN_ANSWER_H

#include "plugin/bytes.h"

#include <stdbool.h>

/* Starts as {0}. */
struct answer {
	unsigned status; /* 0: undecided */
	const char *type;
	struct bytes body;
	bool retry;        /* send Retry-After */
	const char *allow; /* methods, with status 405 */
};

void answer_clear(struct answer *answer);

/* A status other than 200; Argo shows the text as the message of the step. It goes to the log, too.
 * 503 asks to come again. */
void answer_refuse(struct answer *answer, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* 200 with this JSON; NULL, which is what no memory looks like, is answered with 503. */
void answer_json(struct answer *answer, const char *text);

void answer_text(struct answer *answer, const char *text);

#endif
