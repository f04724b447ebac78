/* The options that only a broker can grant: shared by `tiphys run`, which takes them from people,
 * and `tiphys broker`, which `run` starts with them. */
#ifndef PLUGIN_BROKER_OPTIONS_H
#define PLUGIN_BROKER_OPTIONS_H

#include "plugin/options.h"
#include "plugin/transfer.h"

struct broker_options {
	struct option_texts http, http_methods, sockets, blobs;
	const char *blob_endpoint, *blob_region;         /* NULL: the environment's */
	uint64_t blob_bytes, http_concurrent, http_body; /* 0: the default */
	uint64_t http_timeout;                           /* ms; 0: the default */
	const char *kv;                                  /* NULL, "" or "rw", "ro" */
	uint64_t stall_seconds;                          /* 0: the default */
};

/* Rows of a command whose struct `type` holds a struct broker_options as `broker`. */
#define BROKER_ROWS(type)                                                                          \
	OPTION_TEXTS(type, broker.http, "http", "SCHEME://HOST[:PORT]",                                \
	             "grant HTTP requests to that host; may be given again"),                          \
	    OPTION_TEXTS(type, broker.http_methods, "http-method", "METHOD",                           \
	                 "grant this method and no other that is not given (all)", .needs = "http"),   \
	    OPTION_NUMBER(type, broker.http_concurrent, "http-concurrent", "N", 1, 64,                 \
	                  "requests that may be open at a time (8); in a policy "                      \
	                  "http.max_concurrent_requests",                                              \
	                  .needs = "http"),                                                            \
	    OPTION_BYTES_FROM(type, broker.http_body, "http-body", 1,                                  \
	                      "size of a body, of a request or an answer (64M)", .needs = "http"),     \
	    OPTION_TIME(type, broker.http_timeout, "http-timeout",                                     \
	                "time for a request and its answer, as 1500ms (ms, s, m, h; 60s)",             \
	                .needs = "http"),                                                              \
	    OPTION_TEXTS(type, broker.sockets, "socket", "HOST:PORT",                                  \
	                 "grant a TCP connection to there, made before the run; may be given again"),  \
	    OPTION_TEXTS(                                                                              \
	        type, broker.blobs, "blob", "BUCKET[/PREFIX][:rw]",                                    \
	        "grant objects of an S3 bucket, to read, or also to write; may be given again"),       \
	    OPTION_TEXT(                                                                               \
	        type, broker.blob_endpoint, "blob-endpoint", "URL",                                    \
	        "where the bucket is ($AWS_ENDPOINT_URL); the keys are those that an SDK finds",       \
	        .needs = "blob"),                                                                      \
	    OPTION_TEXT(type, broker.blob_region, "blob-region", "NAME",                               \
	                "its region ($AWS_REGION, us-east-1)", .needs = "blob"),                       \
	    OPTION_BYTES_FROM(type, broker.blob_bytes, "blob-bytes", 1, "size of an object (1G)",      \
	                      .needs = "blob"),                                                        \
	    OPTION_OPTIONAL_TEXT(                                                                      \
	        type, broker.kv, "kv", "ro|rw",                                                        \
	        "grant small values that are kept (rw); here as long as the run lasts"),               \
	    OPTION_NUMBER(type, broker.stall_seconds, TRANSFER_STALL_OPTION, "SECONDS", 1,             \
	                  TRANSFER_STALL_SECONDS_MAX,                                                  \
	                  "how long the registry of REF, the store of --blob or a server of --http "   \
	                  "may send no byte (30), or these and those of --socket take to answer a "    \
	                  "connection (10)")

void broker_options_clear(struct broker_options *options);

/* Whether anything is granted that needs a broker. */
bool broker_options_grant(const struct broker_options *options);

/* The same options as words behind the `first_count` words of `first`, ended by NULL: one block for
 * the caller to free(). NULL without memory. */
char **broker_options_words(const struct broker_options *options, const char *const *first,
                            size_t first_count);

#endif
