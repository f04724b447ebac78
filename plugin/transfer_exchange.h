/* Inside transfer*.c: one exchange with one URL, and the callbacks by which libcurl reads what is
 * sent and tells what is answered. Their last argument is the exchange. */
#ifndef PLUGIN_TRANSFER_EXCHANGE_H
#define PLUGIN_TRANSFER_EXCHANGE_H

#include "plugin/reach.h"
#include "plugin/transfer.h"

#include <curl/curl.h>

#define TRANSFER_HOST_MAX 300

/* Content-Range: bytes FIRST-LAST/TOTAL (RFC 9110, 14.4). */
struct part {
	bool is_told; /* in that form; TOTAL may be "*", which is UINT64_MAX here */
	uint64_t first, last, total;
};

/* What is known of a body over all tries that fetch it. */
struct resumption {
	uint64_t received; /* bytes that the sink has */
	uint64_t skip;     /* bytes of this reply that the sink has already */
	char etag[TRANSFER_ETAG_MAX], modified[64];
	bool begun;
	bool judged; /* this reply's first byte was seen */
};

struct exchange {
	const struct transfer_request *request;
	struct transfer_reply *reply;
	CURL *handle;
	struct error *err;
	size_t error_size;
	uint64_t sent;
	uint64_t moved; /* now_ms() of the last byte sent; 0: none */
	unsigned retry_after;
	struct part part; /* of this reply */
	bool begun;
	bool heard; /* a byte of an answer to this try */
	bool abandoned;
	enum reach reach;
	char host[TRANSFER_HOST_MAX];  /* of the URL, without a port */
	bool is_private;               /* url's own origin is asked */
	struct resumption *resumption; /* NULL: each try begins anew */
};

/* Judges a reply by its status before its first byte goes to the sink: a part from where the last
 * try broke off (206), or all of it from a server that knows no ranges. False, with err
 * set, when the reply cannot be used. */
bool transfer_take_up(struct exchange *exchange, long status);

size_t transfer_on_header(char *line, size_t unit, size_t count, void *env);
size_t transfer_on_body(char *bytes, size_t unit, size_t count, void *env);
size_t transfer_on_send(char *buffer, size_t unit, size_t count, void *env);
int transfer_on_seek(void *env, curl_off_t offset, int origin);
int transfer_on_progress(void *env, curl_off_t total, curl_off_t now, curl_off_t send_total,
                         curl_off_t sent);

#endif
