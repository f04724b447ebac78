#include "plugin/transfer.h"

#include "plugin/json.h"
#include "validator/printable.h"
#include "plugin/reference.h"
#include "caps/cleanup.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define IDLE_MAX 8
#define USER_AGENT "tiphys/" TIPHYS_VERSION

struct transfers {
	struct transfer_options options;
	char *insecure_hosts;
	pthread_mutex_t lock; /* of idle */
	CURL *idle[IDLE_MAX]; /* each with its open connections */
	unsigned idle_count;
};

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct transfers *transfers_create(const struct transfer_options *options, struct error *err)
{
	struct transfers *transfers = calloc(1, sizeof *transfers);
	char *hosts = strdup(options->insecure_hosts != NULL ? options->insecure_hosts : "");
	if (transfers == NULL || hosts == NULL) {
		free(transfers);
		free(hosts);
		error_set(err, ERROR_NO_MEMORY, "no memory for connections");
		return NULL;
	}
	transfers->options = *options;
	transfers->insecure_hosts = hosts;
	transfers->options.insecure_hosts = hosts;
	pthread_mutex_init(&transfers->lock, NULL);
	return transfers;
}

void transfers_destroy(struct transfers *transfers)
{
	if (transfers == NULL)
		return;
	for (unsigned i = 0; i < transfers->idle_count; i++)
		curl_easy_cleanup(transfers->idle[i]);
	pthread_mutex_destroy(&transfers->lock);
	free(transfers->insecure_hosts);
	free(transfers);
}

bool transfers_insecure(const struct transfers *transfers, const char *host)
{
	return reference_host_listed(host, transfers->insecure_hosts);
}

static CURL *take_handle(struct transfers *transfers)
{
	CURL *handle = NULL;
	pthread_mutex_lock(&transfers->lock);
	if (transfers->idle_count > 0)
		handle = transfers->idle[--transfers->idle_count];
	pthread_mutex_unlock(&transfers->lock);
	if (handle != NULL)
		return handle;
	/* Not before the first request: it costs more than all of a run that makes none. */
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_curl);
	return curl_easy_init();
}

static void give_handle(struct transfers *transfers, CURL *handle)
{
	curl_easy_reset(handle); /* keeps the connections */
	pthread_mutex_lock(&transfers->lock);
	bool kept = transfers->idle_count < IDLE_MAX;
	if (kept)
		transfers->idle[transfers->idle_count++] = handle;
	pthread_mutex_unlock(&transfers->lock);
	if (!kept)
		curl_easy_cleanup(handle);
}

/* One exchange with one URL; what the callbacks of libcurl see. */
struct exchange {
	const struct transfer_request *request;
	struct transfer_reply *reply;
	CURL *handle;
	struct error *err;
	size_t error_size;
	uint64_t sent;
	unsigned retry_after;
	bool begun;
	bool abandoned;
};

static void keep_field(char *field, size_t field_size, const char *value, size_t size)
{
	while (size > 0 && (value[size - 1] == '\r' || value[size - 1] == '\n'))
		size--;
	if (size < field_size) {
		memcpy(field, value, size);
		field[size] = '\0';
	}
}

/* The value when the line is of that header, else NULL. */
static const char *header_value(const char *line, size_t size, const char *name, size_t *value_size)
{
	size_t length = strlen(name);
	if (size <= length || strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	size_t at = length + 1;
	while (at < size && (line[at] == ' ' || line[at] == '\t'))
		at++;
	*value_size = size - at;
	return line + at;
}

static size_t on_header(char *line, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	struct transfer_reply *reply = exchange->reply;
	size_t size = unit * count, value_size;
	const char *value;
	if (size > 5 &&
	    strncmp(line, "HTTP/", 5) == 0) { /* a reply of its own, as after 100 Continue */
		reply->content_type[0] = reply->challenge[0] = reply->content_digest[0] = '\0';
		reply->location[0] = '\0';
		exchange->retry_after = 0;
	} else if ((value = header_value(line, size, "Content-Type", &value_size)) != NULL) {
		keep_field(reply->content_type, sizeof reply->content_type, value, value_size);
	} else if ((value = header_value(line, size, "Docker-Content-Digest", &value_size)) != NULL) {
		keep_field(reply->content_digest, sizeof reply->content_digest, value, value_size);
	} else if ((value = header_value(line, size, "WWW-Authenticate", &value_size)) != NULL) {
		size_t used = strlen(reply->challenge);
		if (used + value_size + 2 < sizeof reply->challenge) {
			keep_field(reply->challenge + used, sizeof reply->challenge - used, value, value_size);
			strcat(reply->challenge, "\n");
		}
	} else if ((value = header_value(line, size, "Location", &value_size)) != NULL) {
		keep_field(reply->location, sizeof reply->location, value, value_size);
	} else if ((value = header_value(line, size, "Retry-After", &value_size)) != NULL) {
		char text[16] = "";
		keep_field(text, sizeof text, value, value_size);
		unsigned long seconds = strtoul(text, NULL, 10);
		exchange->retry_after = seconds > TRANSFER_RETRY_AFTER_MAX_SECONDS
		                            ? TRANSFER_RETRY_AFTER_MAX_SECONDS
		                            : (unsigned)seconds;
	}
	return size;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	size_t size = unit * count;
	long status = 0;
	curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299) {
		size_t room = TRANSFER_ERROR_BODY_MAX - exchange->error_size;
		size_t kept = size < room ? size : room;
		memcpy(exchange->reply->error_body + exchange->error_size, bytes, kept);
		exchange->error_size += kept;
		exchange->reply->error_body[exchange->error_size] = '\0';
		return kept; /* an endless error ends here */
	}
	const struct transfer_sink *sink = exchange->request->sink;
	if (sink == NULL)
		return size;
	if (!exchange->begun && !sink->begin(sink->env, exchange->err))
		return 0;
	exchange->begun = true;
	return sink->add(sink->env, bytes, size, exchange->err) ? size : 0;
}

static size_t on_send(char *buffer, size_t unit, size_t count, void *env)
{
	struct exchange *exchange = env;
	const struct transfer_request *request = exchange->request;
	uint64_t left = request->body_size - exchange->sent;
	size_t size = unit * count < left ? unit * count : (size_t)left;
	if (request->body != NULL) {
		memcpy(buffer, (const char *)request->body + exchange->sent, size);
	} else if (size > 0) {
		ssize_t got = pread(request->body_fd, buffer, size, (off_t)exchange->sent);
		if (got <= 0) {
			error_set_errno(exchange->err, got < 0 ? errno : EIO,
			                "the file to send became shorter or unreadable");
			return CURL_READFUNC_ABORT;
		}
		size = (size_t)got;
	}
	exchange->sent += size;
	return size;
}

static int on_seek(void *env, curl_off_t offset, int origin)
{
	struct exchange *exchange = env;
	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	exchange->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *env, curl_off_t total, curl_off_t now, curl_off_t send_total,
                       curl_off_t sent)
{
	struct exchange *exchange = env;
	const struct transfer_request *request = exchange->request;
	bool sends = request->has_body;
	if (request->progress(request->progress_env, (uint64_t)(sends ? sent : now),
	                      (uint64_t)(sends ? send_total : total)))
		return 0;
	exchange->abandoned = true;
	return 1;
}

static struct curl_slist *header_list(const struct transfer_request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	if (request->has_body && list != NULL)
		list = curl_slist_append(list, "Transfer-Encoding:");
	for (unsigned i = 0; i < TRANSFER_HEADERS_MAX && request->headers[i] != NULL && list != NULL;
	     i++)
		list = curl_slist_append(list, request->headers[i]);
	return list;
}

/* The authorities that certificates are verified by: the system's, or what the environment names,
 * as OpenSSL's own programs and Go's have it: for clusters with an authority of their own. */
static void set_authorities(CURL *handle)
{
	const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
	if (file != NULL && file[0] != '\0')
		curl_easy_setopt(handle, CURLOPT_CAINFO, file);
	if (folder != NULL && folder[0] != '\0')
		curl_easy_setopt(handle, CURLOPT_CAPATH, folder);
}

static void set_up(struct exchange *exchange, const struct transfer_options *options,
                   const char *url, struct curl_slist *headers)
{
	CURL *handle = exchange->handle;
	const struct transfer_request *request = exchange->request;
	curl_easy_setopt(handle, CURLOPT_URL, url);
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https"); /* which: may_go() */
	curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
	set_authorities(handle);
	curl_easy_setopt(handle, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, (long)options->connect_seconds);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, (long)options->stall_seconds);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT, (long)request->time_limit_seconds);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
	if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
	} else if (request->has_body) {
		curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
		curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(handle, CURLOPT_READDATA, exchange);
		curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(handle, CURLOPT_SEEKDATA, exchange);
	}
	if (strcmp(request->method, "HEAD") != 0)
		curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->progress != NULL) {
		curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(handle, CURLOPT_XFERINFODATA, exchange);
	}
}

static void free_headers(struct curl_slist **headers)
{
	curl_slist_free_all(*headers);
}

static void free_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void free_text(char **text)
{
	curl_free(*text);
}

/* scheme://host:port of a URL, lower case; false when it is none of ours. */
static bool origin_of(const char *url, char *scheme, size_t scheme_size, char *host,
                      size_t host_size)
{
	__attribute__((cleanup(free_url))) CURLU *parts = curl_url();
	__attribute__((cleanup(free_text))) char *scheme_text = NULL, *host_text = NULL,
	                                         *port_text = NULL;
	if (parts == NULL || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme_text, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_HOST, &host_text, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_PORT, &port_text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	snprintf(scheme, scheme_size, "%s", scheme_text);
	return (size_t)snprintf(host, host_size, "%s:%s", host_text, port_text) < host_size;
}

static bool may_go(const struct transfers *transfers, const char *url, struct error *err)
{
	char scheme[16], host[300], shown[300];
	printable_ascii(url, shown, sizeof shown);
	if (!origin_of(url, scheme, sizeof scheme, host, sizeof host))
		return error_set(err, ERROR_NETWORK, "%s is no URL", shown);
	if (strcasecmp(scheme, "https") == 0)
		return true;
	if (strcasecmp(scheme, "http") != 0)
		return error_set(err, ERROR_DENIED, "%s is neither https nor http", shown);
	/* A listed name without a port, or with 80 where the URL leaves it out, matches either way. */
	if (transfers_insecure(transfers, host))
		return true;
	return error_set(err, ERROR_DENIED,
	                 "%s would be asked by plain http; if that is meant, list %s in "
	                 "INSECURE_OCI_REGISTRIES",
	                 shown, host);
}

bool transfer_same_origin(const char *a, const char *b)
{
	char scheme_a[16], scheme_b[16], host_a[300], host_b[300];
	return origin_of(a, scheme_a, sizeof scheme_a, host_a, sizeof host_a) &&
	       origin_of(b, scheme_b, sizeof scheme_b, host_b, sizeof host_b) &&
	       strcasecmp(scheme_a, scheme_b) == 0 && strcasecmp(host_a, host_b) == 0;
}

static bool wants_retry(CURLcode code, long status)
{
	if (code == CURLE_OK)
		return status == 429 || status == 408 || (status >= 500 && status != 501);
	return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
	       code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	       code == CURLE_PARTIAL_FILE || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_HTTP2 ||
	       code == CURLE_HTTP2_STREAM;
}

/* 0.25 s doubling, or what the server asks for; false when the caller gave up meanwhile. */
static bool back_off(const struct transfer_request *request, unsigned attempt, unsigned retry_after)
{
	uint64_t milliseconds = retry_after > 0 ? retry_after * UINT64_C(1000)
	                                        : UINT64_C(250) << (attempt < 6 ? attempt : 6);
	for (uint64_t slept = 0; slept < milliseconds; slept += 50) {
		if (request->progress != NULL && !request->progress(request->progress_env, 0, 0))
			return false;
		nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
	}
	return true;
}

/* `location` may be relative to `base` (RFC 9110, 10.2.2). What is no URL becomes "". */
static void make_absolute(const char *base, char *location, size_t size)
{
	__attribute__((cleanup(free_url))) CURLU *parts = curl_url();
	__attribute__((cleanup(free_text))) char *whole = NULL;
	bool ok = location[0] != '\0' && parts != NULL &&
	          curl_url_set(parts, CURLUPART_URL, base, 0) == CURLUE_OK &&
	          curl_url_set(parts, CURLUPART_URL, location, 0) == CURLUE_OK &&
	          curl_url_get(parts, CURLUPART_URL, &whole, 0) == CURLUE_OK && strlen(whole) < size;
	strcpy(location, ok ? whole : "");
}

/* One try at one URL. *code tells libcurl's opinion; a set error is final. */
static void attempt(struct transfers *transfers, struct exchange *exchange, const char *url,
                    struct curl_slist *headers, char *detail, CURLcode *code)
{
	struct transfer_reply *reply = exchange->reply;
	CURL *handle = take_handle(transfers);
	if (handle == NULL) {
		error_set(exchange->err, ERROR_NO_MEMORY, "no memory for a connection");
		return;
	}
	*reply = (struct transfer_reply){0};
	exchange->handle = handle;
	exchange->error_size = 0;
	exchange->sent = 0;
	exchange->begun = false;
	set_up(exchange, &transfers->options, url, headers);
	detail[0] = '\0';
	curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
	*code = curl_easy_perform(handle);
	curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply->status);
	if (*code == CURLE_WRITE_ERROR && exchange->err->kind == ERROR_NONE && reply->status >= 300)
		*code = CURLE_OK; /* the error's body was cut short by us */
	/* An empty body never reaches on_body(). */
	const struct transfer_sink *sink = exchange->request->sink;
	if (*code == CURLE_OK && reply->status >= 200 && reply->status <= 299 && sink != NULL &&
	    !exchange->begun)
		sink->begin(sink->env, exchange->err);
	make_absolute(url, reply->location, sizeof reply->location);
	snprintf(reply->url, sizeof reply->url, "%s", url);
	curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, NULL);
	give_handle(transfers, handle);
}

static bool ask(struct transfers *transfers, const struct transfer_request *request,
                const char *url, const char *authorization, struct transfer_reply *reply,
                struct error *err)
{
	__attribute__((cleanup(free_headers))) struct curl_slist *headers = header_list(request);
	if (authorization != NULL && headers != NULL) {
		cleanup_free char *line = NULL;
		if (asprintf(&line, "Authorization: %s", authorization) < 0)
			return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
		headers = curl_slist_append(headers, line);
	}
	if (headers == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");

	for (unsigned tries = 0;; tries++) {
		struct exchange exchange = {.request = request, .reply = reply, .err = err};
		char detail[CURL_ERROR_SIZE];
		CURLcode code = CURLE_OK;
		attempt(transfers, &exchange, url, headers, detail, &code);
		bool failed = err->kind != ERROR_NONE;
		bool again = !failed && !exchange.abandoned && wants_retry(code, reply->status);
		if (again && tries < transfers->options.retries) {
			if (back_off(request, tries, exchange.retry_after))
				continue;
			exchange.abandoned = true;
		}
		if (!failed && !exchange.abandoned && code == CURLE_OK)
			return true;
		char shown[400], why[CURL_ERROR_SIZE];
		printable_ascii(url, shown, sizeof shown);
		printable_ascii(detail[0] != '\0' ? detail : curl_easy_strerror(code), why, sizeof why);
		if (exchange.abandoned)
			error_set(err, ERROR_NETWORK, "given up as asked");
		else if (!failed)
			error_set(err, ERROR_NETWORK, "%s%s%s", why, tries > 0 ? " (tried several times)" : "",
			          code == CURLE_SSL_CONNECT_ERROR
			              ? " (a server that speaks plain http must be listed in "
			                "INSECURE_OCI_REGISTRIES)"
			              : "");
		error_wrap(err, "%s %s", request->method, shown);
		return false;
	}
}

bool transfer(struct transfers *transfers, const struct transfer_request *request,
              struct transfer_reply *reply, struct error *err)
{
	cleanup_free char *url = strdup(request->url);
	for (unsigned hops = 0; url != NULL; hops++) {
		if (!may_go(transfers, url, err))
			return false;
		const char *authorization =
		    transfer_same_origin(url, request->url) ? request->authorization : NULL;
		if (!ask(transfers, request, url, authorization, reply, err))
			return false;
		bool redirect = reply->status == 307 || reply->status == 308 ||
		                (!request->has_body && reply->status >= 301 && reply->status <= 303);
		if (!redirect || reply->location[0] == '\0')
			return true;
		if (hops == TRANSFER_REDIRECTS_MAX)
			return error_set(err, ERROR_NETWORK, "%s %s: more than %d redirects", request->method,
			                 request->url, TRANSFER_REDIRECTS_MAX);
		free(url);
		url = strdup(reply->location);
	}
	return error_set(err, ERROR_NO_MEMORY, "no memory for a URL");
}

/* The first words that the server has for the error, in the shapes that registries and token
 * servers use; "" when there are none. */
static void words_of(const char *body, char *words, size_t size)
{
	words[0] = '\0';
	cleanup_json json_t *root = json_loads(body, 0, NULL);
	const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
	const char *code = json_string_value(json_object_get(first, "code"));
	const char *message = json_string_value(json_object_get(first, "message"));
	if (first == NULL) {
		code = json_string_value(json_object_get(root, "error"));
		message = json_string_value(json_object_get(root, "error_description"));
		if (message == NULL)
			message = json_string_value(json_object_get(root, "details"));
		if (message == NULL)
			message = json_string_value(json_object_get(root, "message"));
	}
	char plain_code[80], plain_message[240];
	printable_ascii(code != NULL ? code : "", plain_code, sizeof plain_code);
	printable_ascii(message != NULL ? message : "", plain_message, sizeof plain_message);
	if (plain_code[0] != '\0' || plain_message[0] != '\0')
		snprintf(words, size, ": %s%s%s", plain_code,
		         plain_code[0] != '\0' && plain_message[0] != '\0' ? ": " : "", plain_message);
}

bool transfer_refused(const struct transfer_request *request, const struct transfer_reply *reply,
                      struct error *err)
{
	char words[340], shown[340];
	words_of(reply->error_body, words, sizeof words);
	printable_ascii(reply->url, shown, sizeof shown);
	enum error_kind kind =
	    reply->status == 401 || reply->status == 403 ? ERROR_DENIED : ERROR_NETWORK;
	return error_set(err, kind, "%s %s: HTTP %ld%s", request->method, shown, reply->status, words);
}
