#include "plugin/answer.h"

#include "plugin/log.h"
#include "plugin/metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OK 200
#define SERVICE_UNAVAILABLE 503

static const char plain_text[] = "text/plain; charset=utf-8";

void answer_clear(struct answer *answer)
{
	bytes_clear(&answer->body);
	*answer = (struct answer){0};
}

void answer_refuse(struct answer *answer, unsigned status, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	answer->status = status;
	answer->type = plain_text;
	answer->retry = status == SERVICE_UNAVAILABLE;
	bytes_add_cleaned(&answer->body, text, strlen(text));
	bytes_add(&answer->body, "\n", 1);
	metrics_add(METRIC_REFUSED, 1);
	struct log_line line = log_begin(LOG_WARN, "request refused");
	log_number(&line, "status", status);
	log_text(&line, "message", text);
	log_end(&line);
}

void answer_json(struct answer *answer, const char *text)
{
	if (text == NULL || !bytes_add_text(&answer->body, text)) {
		answer_refuse(answer, SERVICE_UNAVAILABLE, "out of memory");
		return;
	}
	answer->status = OK;
	answer->type = "application/json";
}

void answer_text(struct answer *answer, const char *text)
{
	answer->status = OK;
	answer->type = plain_text;
	bytes_add_text(&answer->body, text);
}
