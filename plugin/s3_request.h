/* The inside of the S3 client: one signed exchange, and its XML. */
#ifndef PLUGIN_S3_REQUEST_H
#define PLUGIN_S3_REQUEST_H

#include "plugin/bytes.h"
#include "plugin/s3.h"

/* One field of a URL's query; NULL name ends a list, which stands in the order of the names. */
struct s3_query {
	const char *name;
	const char *value;
};

/* Adds the URL of an object, or of the bucket when key is NULL. */
bool s3_url(const struct s3_place *place, const char *key, const struct s3_query *query,
            struct bytes *url, struct error *err);

struct s3_exchange {
	const char *method;
	const char *key; /* NULL: the bucket */
	const struct s3_query *query;
	const char *headers[3]; /* beside those that every request has; NULL ends them */
	const void *body;       /* or else `file`, when has_body */
	int file;
	uint64_t size;
	bool has_body;
	const char *sha256; /* of the body, in hexadecimal; NULL: there is none */
	const struct transfer_sink *sink;
	bool resumes;
};

/* True for a status of 2xx, or 404 when `may_miss`: see reply->status. */
bool s3_ask(const struct s3 *s3, const struct s3_exchange *exchange, bool may_miss,
            struct transfer_reply *reply, struct error *err);

/* As s3_ask(), with a small body of the reply kept. */
bool s3_ask_text(const struct s3 *s3, const struct s3_exchange *exchange, struct bytes *text,
                 struct transfer_reply *reply, struct error *err);

/* Calls each() for every element that holds text alone, with its parent's name, in the document's
 * order. */
typedef bool s3_element(void *env, const char *parent, const char *name, const char *text);
bool s3_xml(const struct bytes *text, s3_element *each, void *env, struct error *err);

#endif
