/* What a policy lets a run do by HTTP. */
#ifndef PLUGIN_HTTP_TERMS_H
#define PLUGIN_HTTP_TERMS_H

#include "plugin/origin.h"

/* The methods that can be listed. Not among them: CONNECT
 * and TRACE, which are for proxies, and what is no word of RFC 9110 or 5789. */
#define HTTP_METHODS(X)                                                                            \
	X(GET)                                                                                         \
	X(HEAD)                                                                                        \
	X(POST)                                                                                        \
	X(PUT)                                                                                         \
	X(PATCH)                                                                                       \
	X(DELETE)                                                                                      \
	X(OPTIONS)

enum http_method {
#define X(name) HTTP_##name,
	HTTP_METHODS(X)
#undef X
	    HTTP_METHOD_COUNT,
};

/* NULL when out of range. */
const char *http_method_name(enum http_method method);
/* By name, letter by letter; HTTP_METHOD_COUNT when it is none. */
enum http_method http_method_find(const char *name, size_t size);

#define HTTP_CONCURRENT_DEFAULT 8u
#define HTTP_CONCURRENT_MAX 64u
#define HTTP_BODY_DEFAULT ((uint64_t)64 << 20)
#define HTTP_TIMEOUT_MS_DEFAULT 60000u
#define HTTP_REDIRECTS_MAX 5u      /* followed for one request */
#define HTTP_HEADER_LINES_MAX 256u /* of a request, and of an answer */

struct http_terms {
	struct origins hosts;
	unsigned methods;    /* bits 1 << enum http_method; 0: all */
	unsigned concurrent; /* requests that are open at a time; 0: HTTP_CONCURRENT_DEFAULT */
	uint64_t body_max;   /* of a request, and of an answer; 0: HTTP_BODY_DEFAULT */
	unsigned timeout_ms; /* from the request to the answer's last byte; 0: the default */
	/* Without a byte in either direction; 0: the default of transfers. How long it may be until a
	 * connection stands, TLS included, is the connect_seconds of such ones. */
	unsigned stall_seconds;
	/* For tests alone: answers of the name service, as CURLOPT_RESOLVE writes them; NULL ends. */
	const char *const *names;
};

void http_terms_clear(struct http_terms *terms);

/* Adds a method by its name; ERROR_USAGE for one that cannot be listed. */
bool http_terms_add_method(struct http_terms *terms, const char *name, struct error *err);

#endif
