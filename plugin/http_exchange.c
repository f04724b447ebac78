#include "plugin/http_exchange.h"

#include "plugin/authorities.h"
#include "plugin/bytes.h"
#include "plugin/http_headers.h"
#include "plugin/now.h"
#include "plugin/transfer.h"
#include "validator/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define USER_AGENT "tiphys/" TIPHYS_VERSION

/* libcurl brings up to CURL_MAX_WRITE_SIZE bytes at once, and does not bring less again. */
#define INBOX_SIZE (BROKER_CHUNK_MAX + CURL_MAX_WRITE_SIZE)

struct exchange {
	CURLM *multi;
	CURL *handle;
	const struct http_terms *terms;
	uint64_t deadline_ms;

	/* the request */
	struct origin origin; /* of this hop */
	char *url;            /* of this hop */
	enum http_method method;
	char *lines; /* the guest's header lines */
	size_t lines_size;
	struct curl_slist *headers, *names;
	bool follow;
	bool has_strayed;  /* to another origin; what is for the first alone stays away for good */
	bool body_dropped; /* by a redirect that turned the method into GET */
	unsigned hops;

	/* its body */
	uint64_t body_size; /* BROKER_STREAMED: as long as it gets */
	uint64_t body_taken;
	char outbox[BROKER_CHUNK_MAX];
	size_t out_at, out_size;
	bool out_ended;
	int paused; /* CURLPAUSE_SEND, CURLPAUSE_RECV */

	/* the answer */
	long status;
	bool head_done, redirects;
	char location[URL_MAX + 1];
	struct bytes head;
	unsigned head_lines;
	char inbox[INBOX_SIZE];
	size_t in_at, in_size;
	uint64_t received;

	bool over; /* nothing more comes from libcurl */
	int failure;
	struct error
	    err; /* the sentence for `failure`; an address that was refused stands here early */
	char curl_error[CURL_ERROR_SIZE];
};

static uint64_t body_max(const struct exchange *exchange)
{
	return exchange->terms->body_max != 0 ? exchange->terms->body_max : HTTP_BODY_DEFAULT;
}

static bool has_body(const struct exchange *exchange)
{
	return exchange->body_size != 0 && !exchange->body_dropped;
}

/* Fails for the first reason alone. Answers false. */
#define FAIL(exchange, errno_, ...)                                                                \
	(__extension__({                                                                               \
		if ((exchange)->failure == 0) {                                                            \
			(exchange)->failure = -(errno_);                                                       \
			error_clear(&(exchange)->err);                                                         \
			error_set(&(exchange)->err, ERROR_NETWORK, __VA_ARGS__);                               \
		}                                                                                          \
		false;                                                                                     \
	}))

/* ---- libcurl's calls ---- */

/* The address that is looked at is the one that is connected to, whatever the name service says
 * before or after. */
static curl_socket_t on_open(void *env, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct exchange *exchange = env;
	struct address address;
	if (purpose != CURLSOCKTYPE_IPCXN || to->socktype != SOCK_STREAM ||
	    !address_of(&to->addr, &address) ||
	    !origins_let(&exchange->terms->hosts, &exchange->origin, &address, &exchange->err))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static bool has_name(const char *line, size_t size, const char *name)
{
	size_t length = strlen(name);
	return size > length && strncasecmp(line, name, length) == 0 && line[length] == ':';
}

/* Whether a redirect of this kind is gone along with. One that wants the body once more is not: it
 * has gone by. The guest then sees the redirect itself. */
static bool is_followed(const struct exchange *exchange)
{
	switch (exchange->status) {
	case 303:
		return exchange->follow;
	case 301:
	case 302:
		return exchange->follow && (!has_body(exchange) || exchange->method == HTTP_POST);
	case 307:
	case 308:
		return exchange->follow && !has_body(exchange);
	default:
		return false;
	}
}

/* Keeps "name:value\n", the name in lower case. */
static bool keep_line(struct exchange *exchange, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	if (colon == NULL)
		return true;
	size_t name = (size_t)(colon - line), value = name + 1;
	while (value < size && (line[value] == ' ' || line[value] == '\t'))
		value++;
	if (++exchange->head_lines > HTTP_HEADER_LINES_MAX ||
	    exchange->head.size + size + 1 > BROKER_ANSWER_HEADERS_MAX)
		return FAIL(exchange, EFBIG, "the answer's head has more than %u lines or %u bytes",
		            HTTP_HEADER_LINES_MAX, BROKER_ANSWER_HEADERS_MAX);
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			return FAIL(exchange, EPROTO, "the answer's head holds a control character");
	}
	char *to = bytes_reserve(&exchange->head, size + 2);
	if (to == NULL)
		return FAIL(exchange, ENOMEM, "no memory for the answer's head");
	for (size_t i = 0; i < name; i++)
		to[i] = line[i] >= 'A' && line[i] <= 'Z' ? (char)(line[i] - 'A' + 'a') : line[i];
	to[name] = ':';
	memcpy(to + name + 1, line + value, size - value);
	to[name + 1 + size - value] = '\n';
	bytes_grown(&exchange->head, name + 2 + size - value);
	return true;
}

/* Where a redirect that is followed leads. */
static bool keep_location(struct exchange *exchange, const char *value, size_t size)
{
	while (size > 0 && (*value == ' ' || *value == '\t'))
		value++, size--;
	if (size > URL_MAX)
		return FAIL(exchange, EPROTO, "the answer redirects to a URL of more than %u bytes",
		            URL_MAX);
	memcpy(exchange->location, value, size);
	exchange->location[size] = '\0';
	exchange->redirects = true;
	return true;
}

/* Each line of each head: of 100 Continue, of the answer, of trailers, which are thrown away. */
static size_t on_header(char *line, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	size_t all = unit * count, size = all;
	if (exchange->head_done)
		return all;
	while (size > 0 && (line[size - 1] == '\r' || line[size - 1] == '\n'))
		size--;
	if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		exchange->head.size = 0;
		exchange->head_lines = 0;
		exchange->redirects = false;
		curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &exchange->status);
	} else if (size == 0) {
		exchange->head_done = exchange->status >= 200;
	} else {
		if (has_name(line, size, "Location") && is_followed(exchange) &&
		    !keep_location(exchange, line + sizeof "Location", size - sizeof "Location"))
			return 0;
		if (!keep_line(exchange, line, size))
			return 0;
	}
	return all;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	size_t size = unit * count;
	if (exchange->redirects)
		return 0; /* nobody reads it; exchange_finished() goes on */
	exchange->head_done = true;
	if (exchange->in_at == exchange->in_size)
		exchange->in_at = exchange->in_size = 0;
	if (size > INBOX_SIZE - exchange->in_size) {
		exchange->paused |= CURLPAUSE_RECV;
		return CURL_WRITEFUNC_PAUSE;
	}
	exchange->received += size;
	if (exchange->received > body_max(exchange))
		return FAIL(exchange, EFBIG, "the answer has more than %llu bytes",
		            (unsigned long long)body_max(exchange));
	memcpy(exchange->inbox + exchange->in_size, bytes, size);
	exchange->in_size += size;
	return size;
}

static size_t on_send(char *buffer, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	size_t left = exchange->out_size - exchange->out_at;
	size_t size = unit * count < left ? unit * count : left;
	if (size == 0 && !exchange->out_ended) {
		exchange->paused |= CURLPAUSE_SEND;
		return CURL_READFUNC_PAUSE;
	}
	memcpy(buffer, exchange->outbox + exchange->out_at, size);
	exchange->out_at += size;
	return size;
}

static void go_on(struct exchange *exchange, int direction)
{
	if ((exchange->paused & direction) == 0 || exchange->over)
		return;
	exchange->paused &= ~direction;
	curl_easy_pause(exchange->handle, exchange->paused);
}

/* ---- a hop ---- */

/* The URL of the next hop, looked at as if it were the first. ERROR_DENIED is what the module tried
 * to do (caps_note_denied()). */
static int admit(struct exchange *exchange, const char *url, size_t size, struct error *err)
{
	char text[ORIGIN_TEXT_SIZE], shown[PRINTABLE_NAME_SIZE];
	const char *rest;
	struct origin before = exchange->origin;
	if (!origin_parse(url, size, &exchange->origin, &rest, err)) {
		error_wrap(err, "%s", printable_text(url, size, shown, sizeof shown));
		return -EINVAL;
	}
	origin_text(&exchange->origin, text);
	if (exchange->hops > 0 && !origin_equal(&before, &exchange->origin))
		exchange->has_strayed = true;
	if (!origins_hold(&exchange->terms->hosts, &exchange->origin)) {
		if (exchange->hops > 0)
			error_set(err, ERROR_DENIED, "follow a redirect from %s to %s, which is not listed",
			          printable_text(exchange->url, strlen(exchange->url), shown, sizeof shown),
			          text);
		else
			error_set(err, ERROR_DENIED, "send a request to %s, which is not listed", text);
		return -EACCES;
	}
	if (exchange->terms->methods != 0 && (exchange->terms->methods & 1u << exchange->method) == 0) {
		error_set(err, ERROR_DENIED, "use the method %s at %s, which is not listed",
		          http_method_name(exchange->method), text);
		return -EPERM;
	}
	free(exchange->url);
	exchange->url = origin_url(&exchange->origin, rest, size - (size_t)(rest - url));
	if (exchange->url == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for a URL");
		return -ENOMEM;
	}
	return 0;
}

static int read_headers(struct exchange *exchange, struct error *err)
{
	curl_slist_free_all(exchange->headers);
	exchange->headers = curl_slist_append(NULL, "Expect:");
	if (exchange->headers == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for headers");
		return -ENOMEM;
	}
	if (http_headers_read(exchange->lines, exchange->lines_size, exchange->has_strayed,
	                      exchange->body_dropped, &exchange->headers, err))
		return 0;
	return err->kind == ERROR_NO_MEMORY ? -ENOMEM : -EINVAL;
}

static void set_up_body(struct exchange *exchange)
{
	CURL *handle = exchange->handle;
	bool takes_one = exchange->method == HTTP_POST || exchange->method == HTTP_PUT ||
	                 exchange->method == HTTP_PATCH;
	if (exchange->method == HTTP_HEAD) {
		curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
		return;
	}
	if (has_body(exchange) || takes_one) {
		curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE,
		                 exchange->body_size == BROKER_STREAMED ? (curl_off_t)-1
		                                                        : (curl_off_t)exchange->body_size);
		curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(handle, CURLOPT_READDATA, exchange);
	}
	curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, http_method_name(exchange->method));
}

static unsigned stall_seconds(const struct exchange *exchange)
{
	return transfer_stall_seconds(exchange->terms->stall_seconds);
}

static void set_up(struct exchange *exchange)
{
	CURL *handle = exchange->handle;
	uint64_t now = now_ms();
	curl_easy_setopt(handle, CURLOPT_PRIVATE, exchange);
	curl_easy_setopt(handle, CURLOPT_URL, exchange->url);
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, exchange->origin.is_https ? "https" : "http");
	/* Of HTTP/2 libcurl takes a window of 32 MiB for each stream that waits. */
	curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(handle, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(handle, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L); /* no waiting for the name service */
	curl_easy_setopt(handle, CURLOPT_RESOLVE, exchange->names);
	curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, exchange);
	authorities_set(handle, NULL);
	curl_easy_setopt(handle, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, exchange->headers);
	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT,
	                 (long)transfer_connect_seconds(exchange->terms->stall_seconds));
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS,
	                 exchange->deadline_ms > now ? (long)(exchange->deadline_ms - now) : 1L);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, (long)stall_seconds(exchange));
	curl_easy_setopt(handle, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)body_max(exchange));
	curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->curl_error);
	curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
	set_up_body(exchange);
}

static int start_hop(struct exchange *exchange, const char *url, size_t size, struct error *err)
{
	int failure = admit(exchange, url, size, err);
	if (failure == 0)
		failure = read_headers(exchange, err);
	if (failure != 0)
		return failure;
	exchange->head_done = exchange->redirects = false;
	set_up(exchange);
	if (curl_multi_add_handle(exchange->multi, exchange->handle) == CURLM_OK)
		return 0;
	error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	return -ENOMEM;
}

static void abandon(struct exchange *exchange)
{
	if (!exchange->over)
		curl_multi_remove_handle(exchange->multi, exchange->handle);
	exchange->over = true;
}

/* The location, which may be relative, as a whole URL: for curl_free(). NULL when it is none. It is
 * only put together here; admit() judges it. */
static char *whole_location(const struct exchange *exchange)
{
	CURLU *url = curl_url();
	char *whole = NULL;
	if (url != NULL && curl_url_set(url, CURLUPART_URL, exchange->url, 0) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_URL, exchange->location, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		curl_url_get(url, CURLUPART_URL, &whole, 0);
	curl_url_cleanup(url);
	return whole;
}

static void free_whole(char **whole)
{
	curl_free(*whole);
}

static bool follow(struct exchange *exchange)
{
	__attribute__((cleanup(free_whole))) char *to = whole_location(exchange);
	char shown[PRINTABLE_NAME_SIZE];
	if (to == NULL)
		return FAIL(
		    exchange, EPROTO, "the answer redirects to what is no URL: %s",
		    printable_text(exchange->location, strlen(exchange->location), shown, sizeof shown));
	printable_text(exchange->url, strlen(exchange->url), shown, sizeof shown);
	if (exchange->hops++ == HTTP_REDIRECTS_MAX)
		return FAIL(exchange, ELOOP, "%s is the end of %u redirects, and one more", shown,
		            HTTP_REDIRECTS_MAX);
	bool becomes_get =
	    exchange->status == 303 ||
	    (exchange->status != 307 && exchange->status != 308 && exchange->method == HTTP_POST);
	if (becomes_get && exchange->method != HTTP_HEAD) {
		exchange->method = HTTP_GET;
		exchange->body_dropped = true;
	}
	exchange->paused = 0;
	curl_easy_reset(exchange->handle);
	error_clear(&exchange->err);
	exchange->failure = start_hop(exchange, to, strlen(to), &exchange->err);
	if (exchange->failure != 0 && exchange->err.kind != ERROR_DENIED)
		error_wrap(&exchange->err, "by a redirect from %s", shown);
	return exchange->failure == 0;
}

/* ---- its life ---- */

int exchange_create(CURLM *multi, const struct http_terms *terms, const struct ask *ask,
                    struct exchange **out, struct error *err)
{
	const struct ask_part *method = &ask->parts[0], *url = &ask->parts[1], *lines = &ask->parts[2];
	char shown[PRINTABLE_NAME_SIZE];
	struct exchange *exchange = calloc(1, sizeof *exchange);
	int failure = -ENOMEM;
	if (exchange == NULL || (exchange->handle = curl_easy_init()) == NULL ||
	    (exchange->lines = strndup(lines->bytes, lines->size)) == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for a request");
		exchange_destroy(exchange);
		return failure;
	}
	exchange->multi = multi;
	exchange->terms = terms;
	exchange->over = true; /* until it stands among the multi's */
	exchange->err = (struct error)ERROR_INIT;
	exchange->method = http_method_find(method->bytes, method->size);
	exchange->lines_size = strlen(exchange->lines);
	exchange->body_size = ask->number;
	exchange->follow = (ask->flags & BROKER_FOLLOW) != 0;
	exchange->deadline_ms =
	    now_ms() + (terms->timeout_ms != 0 ? terms->timeout_ms : HTTP_TIMEOUT_MS_DEFAULT);
	for (size_t i = 0; terms->names != NULL && terms->names[i] != NULL; i++)
		exchange->names = curl_slist_append(exchange->names, terms->names[i]);
	if (exchange->lines_size != lines->size) {
		failure = -EINVAL;
		error_set(err, ERROR_USAGE, "the headers hold a NUL");
	} else if (exchange->method == HTTP_METHOD_COUNT) {
		failure = -EPERM;
		error_set(err, ERROR_DENIED, "use the method %s, which nobody may",
		          printable_text(method->bytes, method->size, shown, sizeof shown));
	} else if (exchange->body_size != BROKER_STREAMED && exchange->body_size > body_max(exchange)) {
		failure = -EFBIG;
		error_set(err, ERROR_LIMIT, "the body of the request has more than %llu bytes",
		          (unsigned long long)body_max(exchange));
	} else if (exchange->method == HTTP_HEAD && has_body(exchange)) {
		failure = -EINVAL;
		error_set(err, ERROR_USAGE, "a HEAD request has no body");
	} else {
		failure = start_hop(exchange, url->bytes, url->size, err);
	}
	if (failure != 0) {
		exchange_destroy(exchange);
		return failure;
	}
	exchange->over = false;
	*out = exchange;
	return 0;
}

void exchange_destroy(struct exchange *exchange)
{
	if (exchange == NULL)
		return;
	abandon(exchange);
	curl_easy_cleanup(exchange->handle);
	curl_slist_free_all(exchange->headers);
	curl_slist_free_all(exchange->names);
	bytes_clear(&exchange->head);
	free(exchange->lines);
	free(exchange->url);
	free(exchange);
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return ECONNRESET;
	case CURLE_FILESIZE_EXCEEDED:
		return EFBIG;
	case CURLE_OUT_OF_MEMORY:
		return ENOMEM;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_BAD_CONTENT_ENCODING:
		return EPROTO;
	default:
		return EIO;
	}
}

/* What ended an exchange that took too long. */
static const char *limit_met(const struct exchange *exchange)
{
	return now_ms() >= exchange->deadline_ms ? " (--http-timeout, http.timeout)"
	                                         : " (--" TRANSFER_STALL_OPTION ")";
}

static void fail_by(struct exchange *exchange, CURLcode code)
{
	char shown[PRINTABLE_NAME_SIZE], words[CURL_ERROR_SIZE];
	if (exchange->failure != 0)
		return;
	if (code == CURLE_COULDNT_CONNECT && exchange->err.kind == ERROR_DENIED) {
		exchange->failure = -EACCES;
		return;
	}
	printable_ascii(*exchange->curl_error != '\0' ? exchange->curl_error : curl_easy_strerror(code),
	                words, sizeof words);
	FAIL(exchange, errno_of(code), "%s %s: %s%s", http_method_name(exchange->method),
	     printable_text(exchange->url, strlen(exchange->url), shown, sizeof shown), words,
	     code == CURLE_OPERATION_TIMEDOUT ? limit_met(exchange) : "");
}

void exchange_finished(CURL *handle, CURLcode code)
{
	struct exchange *exchange = NULL;
	curl_easy_getinfo(handle, CURLINFO_PRIVATE, (char **)&exchange);
	curl_multi_remove_handle(exchange->multi, handle);
	bool has_ended = code == CURLE_OK || code == CURLE_WRITE_ERROR;
	if (exchange->redirects && exchange->head_done && has_ended && exchange->failure == 0) {
		if (!follow(exchange))
			exchange->over = true;
		return;
	}
	exchange->over = true;
	if (code != CURLE_OK)
		fail_by(exchange, code);
	else if (!exchange->head_done)
		FAIL(exchange, EPROTO, "the answer has no head");
}

/* ---- the run's side ---- */

enum exchange_progress exchange_send(struct exchange *exchange, const void *bytes, size_t size)
{
	if (exchange->failure != 0)
		return EXCHANGE_FAILED;
	/* Who has answered already wants no more of it. */
	if (exchange->over || exchange->head_done || exchange->body_dropped)
		return EXCHANGE_DONE;
	uint64_t room =
	    (exchange->body_size == BROKER_STREAMED ? body_max(exchange) : exchange->body_size) -
	    exchange->body_taken;
	if (exchange->out_ended || size > room) {
		FAIL(exchange, exchange->body_size == BROKER_STREAMED ? EFBIG : EINVAL,
		     "the body of the request is longer than it was said to be, or than it may be");
		abandon(exchange);
		return EXCHANGE_FAILED;
	}
	if (exchange->out_at < exchange->out_size)
		return EXCHANGE_WAITS;
	memcpy(exchange->outbox, bytes, size);
	exchange->out_at = 0;
	exchange->out_size = size;
	exchange->body_taken += size;
	go_on(exchange, CURLPAUSE_SEND);
	return EXCHANGE_DONE;
}

static bool end_body(struct exchange *exchange)
{
	if (exchange->out_ended)
		return true;
	if (!exchange->over && !exchange->head_done && has_body(exchange) &&
	    exchange->body_size != BROKER_STREAMED && exchange->body_taken < exchange->body_size) {
		FAIL(exchange, EINVAL, "the body of the request ended after %llu of %llu bytes",
		     (unsigned long long)exchange->body_taken, (unsigned long long)exchange->body_size);
		abandon(exchange);
		return false;
	}
	exchange->out_ended = true;
	go_on(exchange, CURLPAUSE_SEND);
	return true;
}

enum exchange_progress exchange_answer(struct exchange *exchange, long *status, const char **lines,
                                       size_t *size)
{
	bool is_there = exchange->head_done && !exchange->redirects;
	if (!is_there && (exchange->failure != 0 || !end_body(exchange)))
		return EXCHANGE_FAILED;
	if (!exchange->head_done || exchange->redirects)
		return EXCHANGE_WAITS;
	*status = exchange->status;
	*lines = exchange->head.size > 0 ? exchange->head.data : "";
	*size = exchange->head.size;
	return EXCHANGE_DONE;
}

enum exchange_progress exchange_receive(struct exchange *exchange, void *to, size_t room,
                                        size_t *size)
{
	size_t there = exchange->in_size - exchange->in_at;
	if (there > 0) {
		*size = there < room ? there : room;
		memcpy(to, exchange->inbox + exchange->in_at, *size);
		exchange->in_at += *size;
		if (exchange->in_at == exchange->in_size)
			go_on(exchange, CURLPAUSE_RECV);
		return EXCHANGE_DONE;
	}
	if (exchange->failure != 0 || !end_body(exchange))
		return EXCHANGE_FAILED;
	*size = 0;
	return exchange->over ? EXCHANGE_DONE : EXCHANGE_WAITS;
}

int exchange_failure(const struct exchange *exchange, const char **sentence)
{
	*sentence = exchange->err.message;
	return exchange->failure;
}
