/* One HTTP exchange by libcurl, with what every client of servers needs: time-outs, size bounds,
 * retries with backoff, redirects that are looked at, and errors that name URL and status. */
#ifndef PLUGIN_TRANSFER_H
#define PLUGIN_TRANSFER_H

#include "plugin/reach.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSFER_REDIRECTS_MAX 5
#define TRANSFER_HEADERS_MAX 4
#define TRANSFER_ETAG_MAX 256
/* Defaults. */
#define TRANSFER_CONNECT_SECONDS 10
#define TRANSFER_STALL_SECONDS 30
/* The option that sets the latter, of every command that has transfers. */
#define TRANSFER_STALL_OPTION "stall-timeout"
#define TRANSFER_STALL_SECONDS_MAX 3600
/* Bytes kept of a header's value, and of the body of a reply that is an error. */
#define TRANSFER_FIELD_MAX 4096
#define TRANSFER_ERROR_BODY_MAX (16 * 1024)
/* The longest that a server's Retry-After is obeyed. */
#define TRANSFER_RETRY_AFTER_MAX_SECONDS 10

struct transfer_options {
	unsigned connect_seconds;
	unsigned stall_seconds;   /* an exchange without a byte for so long is ended; a server that says
	                             nothing at all for so long, over all tries, is not asked again */
	const char *stall_option; /* that sets it, for messages; NULL: none */
	unsigned retries;
	const char *insecure_hosts; /* comma list (reference_host_listed()) of those that may be asked
	                               by plain http; every other URL is https with verification by
	                               the system's authorities, or $SSL_CERT_FILE, $SSL_CERT_DIR */
	enum reach reach;           /* of every URL whose host is not one of insecure_hosts */
	/* Asked before each URL of such a host, as may_ask of a request below. */
	bool (*may_ask)(const void *env, const char *url, struct error *err);
	const void *may_ask_env;
};

/* `given`, or the default for 0. */
static inline unsigned transfer_stall_seconds(unsigned given)
{
	return given != 0 ? given : TRANSFER_STALL_SECONDS;
}

/* How long a connection may take beside such a stall_seconds: the same when one was given. */
static inline unsigned transfer_connect_seconds(unsigned given)
{
	return given != 0 ? given : TRANSFER_CONNECT_SECONDS;
}

/* A server that drips bytes must not hold a step for ever: what is small comes whole within twice
 * the time that a server may be silent for, what is large no more slowly than this besides. */
#define TRANSFER_SLOWEST_BYTES_PER_SECOND (16 * 1024)
static inline unsigned transfer_whole_seconds(unsigned stall_seconds, uint64_t size)
{
	uint64_t seconds = 2 * stall_seconds + size / TRANSFER_SLOWEST_BYTES_PER_SECOND;
	return seconds > 24 * 3600 ? 24 * 3600 : (unsigned)seconds;
}

/* Connections that are kept between exchanges. Thread-safe. */
struct transfers;

struct transfers *transfers_create(const struct transfer_options *options, struct error *err);
void transfers_destroy(struct transfers *transfers);

/* Whether `host` is spoken to by plain http. */
bool transfers_insecure(const struct transfers *transfers, const char *host);

/* Where the body of a reply with a status of 2xx goes; `begin` before the first byte of each try.
 * false stops the exchange with the error they set. */
struct transfer_sink {
	bool (*begin)(void *env, struct error *err);
	bool (*add)(void *env, const void *bytes, size_t size, struct error *err);
	void *env;
};

/* AWS Signature Version 4, made by libcurl over every header of the request, which must have
 * x-amz-content-sha256 among its private headers. */
struct transfer_signature {
	const char *scope; /* CURLOPT_AWS_SIGV4: "aws:amz:us-east-1:s3" */
	const char *key_id;
	const char *secret;
};

struct transfer_request {
	const char *method; /* "GET", "HEAD", "POST", "PUT", "DELETE" */
	const char *url;
	const char *headers[TRANSFER_HEADERS_MAX]; /* "Name: value"; NULL ends them */
	/* What follows goes to url's origin only, not along a redirect to another one. */
	const char *authorization;                  /* whole value, or NULL */
	const char *const *private_headers;         /* "Name: value", NULL at the end; or NULL */
	const struct transfer_signature *signature; /* or NULL */
	const char
	    *authorities;  /* PEM: certificates are verified by these alone; NULL: the usual ones */
	enum reach reach;  /* the narrower one of this and the options' holds; only REACH_ANYWHERE goes
	                    * by the proxy that http_proxy, https_proxy or all_proxy name */
	bool permits_http; /* the one who wrote the URL may choose plain http */
	/* Asked before each URL, those that redirects lead to included; NULL: any will do. */
	bool (*may_ask)(const void *env, const char *url, struct error *err);
	const void *may_ask_env;
	const void *body; /* of PUT and POST, from memory or else from body_fd */
	uint64_t body_size;
	int body_fd; /* read by pread from 0; unused when body != NULL */
	bool has_body;
	/* A body that breaks off is asked for from there on, as long as it is the same one (ETag or
	 * Last-Modified); the sink's begin() is called once. Without it each try begins anew. */
	bool resumes;
	/* One try takes no longer than what is small may, and `expected_size` bytes besides
	 * (transfer_whole_seconds()); else only the stall ends it. */
	bool is_bounded;
	uint64_t expected_size;
	const struct transfer_sink *sink;                           /* NULL: the body is thrown away */
	bool (*progress)(void *env, uint64_t done, uint64_t total); /* false gives up; NULL: none */
	void *progress_env;
};

struct transfer_reply {
	long status;
	char content_type[256];
	char location[TRANSFER_FIELD_MAX];  /* absolute, or "" */
	char challenge[TRANSFER_FIELD_MAX]; /* every WWW-Authenticate value, a line each */
	char content_digest[160];           /* Docker-Content-Digest */
	char etag[TRANSFER_ETAG_MAX];
	char modified[64];            /* Last-Modified */
	char sha256[80];              /* x-amz-checksum-sha256 (base64), or "" */
	char meta_sha256[80];         /* x-amz-meta-sha256 (hexadecimal), or "" */
	char url[TRANSFER_FIELD_MAX]; /* that answered, after redirects */
	char error_body[TRANSFER_ERROR_BODY_MAX + 1];
};

/* Whether both URLs have the same scheme, host and port, so that what one may know the other may.
 */
bool transfer_same_origin(const char *a, const char *b);

/* True when a server answered, whatever the status. False when none did (ERROR_NETWORK), when the
 * sink stopped it, or when a redirect leads where we do not go (ERROR_DENIED). */
bool transfer(struct transfers *transfers, const struct transfer_request *request,
              struct transfer_reply *reply, struct error *err);

/* Sets an error for a reply that is not the one wanted: "GET URL: HTTP 404: MANIFEST_UNKNOWN:
 * manifest unknown". The server's words come from its JSON body (distribution spec, errors), a
 * token server's "details" or "error_description", or S3's XML (Code, Message). err->sys_errno is
 * ENOENT for a 404 and a 410. */
bool transfer_refused(const struct transfer_request *request, const struct transfer_reply *reply,
                      struct error *err);

#endif
