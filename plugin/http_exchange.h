/* One HTTP request of a run and its answer, redirects included, by libcurl's multi interface. Both
 * bodies stream through buffers of a bounded size: when one is full its side of the connection
 * waits. Driven by whoever drives the CURLM; used by one thread. */
#ifndef PLUGIN_HTTP_EXCHANGE_H
#define PLUGIN_HTTP_EXCHANGE_H

#include "plugin/broker_ask.h"
#include "plugin/http_terms.h"

#include <curl/curl.h>

struct exchange;

/* What a step of an exchange came to. Of the failures err says the sentence, as every negative
 * errno of caps/broker.h has one. */
enum exchange_progress {
	EXCHANGE_WAITS, /* for the network */
	EXCHANGE_DONE,
	EXCHANGE_FAILED,
};

/* Begins the request of an ASK_HTTP. 0, or a negative errno with *err set. */
int exchange_create(CURLM *multi, const struct http_terms *terms, const struct ask *ask,
                    struct exchange **out, struct error *err);
/* NULL is allowed. */
void exchange_destroy(struct exchange *exchange);

/* For each CURLMSG_DONE: the exchange is the handle's CURLOPT_PRIVATE. */
void exchange_finished(CURL *handle, CURLcode code);

/* Takes the bytes once those before them are gone. */
enum exchange_progress exchange_send(struct exchange *exchange, const void *bytes, size_t size);

/* Ends the body. Done: the status and the header lines are there, borrowed. */
enum exchange_progress exchange_answer(struct exchange *exchange, long *status, const char **lines,
                                       size_t *size);

/* Done: *size of at most `room` bytes were written to `to`; 0 at the end. */
enum exchange_progress exchange_receive(struct exchange *exchange, void *to, size_t room,
                                        size_t *size);

/* After EXCHANGE_FAILED: the negative errno and its sentence. */
int exchange_failure(const struct exchange *exchange, const char **sentence);

#endif
