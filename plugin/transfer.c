#include "plugin/transfer.h"

#include "plugin/authorities.h"
#include "validator/printable.h"
#include "plugin/now.h"
#include "plugin/reference.h"
#include "plugin/transfer_exchange.h"
#include "caps/cleanup.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define IDLE_MAX 8
/* libcurl ends at a whole millisecond, up to one before its limit by a finer clock: what is within
 * this many of it is over. */
#define CLOCKS_APART_MS 10
#define USER_AGENT "tiphys/" TIPHYS_VERSION

struct transfers {
	struct transfer_options options;
	char *insecure_hosts;
	pthread_mutex_t lock; /* of idle */
	/* Each with its open connections, which are looked at as they are opened: one of a wider reach
	 * must not serve a narrower one. */
	struct idle {
		CURL *handles[IDLE_MAX];
		unsigned count;
	} idle[REACH_COUNT];
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
	for (size_t reach = 0; reach < REACH_COUNT; reach++) {
		for (unsigned i = 0; i < transfers->idle[reach].count; i++)
			curl_easy_cleanup(transfers->idle[reach].handles[i]);
	}
	pthread_mutex_destroy(&transfers->lock);
	free(transfers->insecure_hosts);
	free(transfers);
}

bool transfers_insecure(const struct transfers *transfers, const char *host)
{
	return reference_host_listed(host, transfers->insecure_hosts);
}

static CURL *take_handle(struct transfers *transfers, enum reach reach)
{
	struct idle *idle = &transfers->idle[reach];
	CURL *handle = NULL;
	pthread_mutex_lock(&transfers->lock);
	if (idle->count > 0)
		handle = idle->handles[--idle->count];
	pthread_mutex_unlock(&transfers->lock);
	if (handle != NULL)
		return handle;
	/* Not before the first request: it costs more than all of a run that makes none. */
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_curl);
	return curl_easy_init();
}

static void give_handle(struct transfers *transfers, enum reach reach, CURL *handle)
{
	struct idle *idle = &transfers->idle[reach];
	curl_easy_reset(handle); /* keeps the connections */
	pthread_mutex_lock(&transfers->lock);
	bool kept = idle->count < IDLE_MAX;
	if (kept)
		idle->handles[idle->count++] = handle;
	pthread_mutex_unlock(&transfers->lock);
	if (!kept)
		curl_easy_cleanup(handle);
}

/* Appends a line and frees it; NULL without memory, and then the list is freed too. */
static struct curl_slist *add_line(struct curl_slist *list, const char *line)
{
	struct curl_slist *longer = list != NULL && line != NULL ? curl_slist_append(list, line) : NULL;
	if (longer == NULL)
		curl_slist_free_all(list);
	return longer;
}

static struct curl_slist *add_field(struct curl_slist *list, const char *name, const char *value)
{
	cleanup_free char *line = NULL;
	if (asprintf(&line, "%s: %s", name, value) < 0)
		line = NULL;
	return add_line(list, line);
}

/* `is_private`: url's own origin is asked. */
static struct curl_slist *header_list(const struct transfer_request *request, bool is_private,
                                      const struct resumption *resumption)
{
	/* libcurl 7.88 signs a header that is to be left out as an empty one, which is wrong. */
	bool is_signed = is_private && request->signature != NULL;
	struct curl_slist *list = curl_slist_append(NULL, is_signed ? "Accept: */*" : "Expect:");
	if (request->has_body && !is_signed)
		list = add_line(list, "Transfer-Encoding:");
	for (unsigned i = 0; i < TRANSFER_HEADERS_MAX && request->headers[i] != NULL; i++)
		list = add_line(list, request->headers[i]);
	for (const char *const *at = request->private_headers; is_private && at != NULL && *at != NULL;
	     at++)
		list = add_line(list, *at);
	if (is_private && request->authorization != NULL)
		list = add_field(list, "Authorization", request->authorization);
	if (resumption != NULL && resumption->received > 0) {
		char range[48];
		snprintf(range, sizeof range, "bytes=%" PRIu64 "-", resumption->received);
		list = add_field(list, "Range", range);
		if (resumption->etag[0] != '\0' && strncmp(resumption->etag, "W/", 2) != 0)
			list = add_field(list, "If-Match", resumption->etag);
		else if (resumption->modified[0] != '\0')
			list = add_field(list, "If-Unmodified-Since", resumption->modified);
	}
	return list;
}

static void sign(CURL *handle, const struct transfer_signature *signature)
{
	curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, signature->scope);
	curl_easy_setopt(handle, CURLOPT_USERNAME, signature->key_id);
	curl_easy_setopt(handle, CURLOPT_PASSWORD, signature->secret);
}

/* The address that is looked at is the one that is connected to, whatever the name service says
 * before or after. */
static curl_socket_t on_open(void *env, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct exchange *exchange = env;
	struct address address;
	if (purpose != CURLSOCKTYPE_IPCXN || !address_of(&to->addr, &address) ||
	    !reach_lets(exchange->reach, exchange->host, &address, exchange->err))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* The most that a try may take; 0: anything. */
static unsigned whole_seconds(const struct transfer_options *options,
                              const struct transfer_request *request)
{
	return request->is_bounded
	           ? transfer_whole_seconds(options->stall_seconds, request->expected_size)
	           : 0;
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
	if (exchange->reach != REACH_ANYWHERE) {
		curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, on_open);
		curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, exchange);
		/* A proxy of the environment would go where we do not look. */
		curl_easy_setopt(handle, CURLOPT_PROXY, "");
	}
	authorities_set(handle, request->authorities);
	curl_easy_setopt(handle, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, (long)options->connect_seconds);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, (long)options->stall_seconds);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT, (long)whole_seconds(options, request));
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, transfer_on_header);
	curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, transfer_on_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
	if (exchange->is_private && request->signature != NULL)
		sign(handle, request->signature);
	if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
	} else if (request->has_body) {
		curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
		curl_easy_setopt(handle, CURLOPT_READFUNCTION, transfer_on_send);
		curl_easy_setopt(handle, CURLOPT_READDATA, exchange);
		curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, transfer_on_seek);
		curl_easy_setopt(handle, CURLOPT_SEEKDATA, exchange);
	}
	if (strcmp(request->method, "HEAD") != 0)
		curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->progress != NULL) {
		curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, transfer_on_progress);
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

static bool may_go(const struct transfers *transfers, const struct transfer_request *request,
                   const char *url, struct error *err)
{
	char scheme[16], host[300], shown[300];
	printable_ascii(url, shown, sizeof shown);
	if (!origin_of(url, scheme, sizeof scheme, host, sizeof host))
		return error_set(err, ERROR_NETWORK, "%s is no URL", shown);
	if (strcasecmp(scheme, "https") == 0)
		return true;
	if (strcasecmp(scheme, "http") != 0)
		return error_set(err, ERROR_DENIED, "%s is neither https nor http", shown);
	if (request->permits_http) {
		if (strncasecmp(request->url, "http:", 5) == 0)
			return true;
		return error_set(err, ERROR_DENIED, "%s is plain http, and a redirect of https leads there",
		                 shown);
	}
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
	       code == CURLE_WEIRD_SERVER_REPLY ||
	       code ==
	           CURLE_UNSUPPORTED_PROTOCOL || /* what a server sent too much of before: HTTP/0.9 */
	       code == CURLE_PARTIAL_FILE ||
	       code == CURLE_OPERATION_TIMEDOUT || code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM;
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

static bool is_over(uint64_t ms, unsigned seconds)
{
	return ms + CLOCKS_APART_MS >= seconds * UINT64_C(1000);
}

/* Why a try took too long: it was not connected, or was silent then; else its whole time was over,
 * which libcurl has told. */
static void tell_silence(CURL *handle, const struct transfer_request *request,
                         const struct transfer_options *options, char *detail)
{
	const char *option = options->stall_option;
	curl_off_t connected = 0, total = 0, down = 0;
	long head = 0;
	curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &connected);
	curl_easy_getinfo(handle, CURLINFO_TOTAL_TIME_T, &total);
	curl_easy_getinfo(handle, CURLINFO_HEADER_SIZE, &head);
	curl_easy_getinfo(handle, CURLINFO_SIZE_DOWNLOAD_T, &down);
	unsigned whole = whole_seconds(options, request);
	/* Where nothing came both limits may be over before libcurl looks; what was sent went to the
	 * kernel. */
	bool in_time = whole == 0 || !is_over((uint64_t)total / 1000, whole) || head + down == 0;
	snprintf(detail, CURL_ERROR_SIZE, "%s %u s%s%s%s",
	         !in_time        ? "not whole within"
	         : connected > 0 ? "no byte for"
	                         : "no connection within",
	         !in_time        ? whole
	         : connected > 0 ? options->stall_seconds
	                         : options->connect_seconds,
	         option != NULL ? " (" : "", option != NULL ? option : "", option != NULL ? ")" : "");
}

/* One try at one URL. *code tells libcurl's opinion; a set error is final. */
static void attempt(struct transfers *transfers, struct exchange *exchange, const char *url,
                    struct curl_slist *headers, char *detail, CURLcode *code)
{
	struct transfer_reply *reply = exchange->reply;
	CURL *handle = take_handle(transfers, exchange->reach);
	if (handle == NULL) {
		error_set(exchange->err, ERROR_NO_MEMORY, "no memory for a connection");
		return;
	}
	*reply = (struct transfer_reply){0};
	exchange->handle = handle;
	exchange->error_size = 0;
	exchange->sent = 0;
	exchange->begun = false;
	exchange->heard = false;
	exchange->retry_after = 0;
	exchange->part = (struct part){0};
	if (exchange->resumption != NULL)
		exchange->resumption->judged = false;
	set_up(exchange, &transfers->options, url, headers);
	detail[0] = '\0';
	curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
	*code = curl_easy_perform(handle);
	if (*code == CURLE_OPERATION_TIMEDOUT)
		tell_silence(handle, exchange->request, &transfers->options, detail);
	curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply->status);
	if (*code == CURLE_WRITE_ERROR && exchange->err->kind == ERROR_NONE && reply->status >= 300)
		*code = CURLE_OK; /* the error's body was cut short by us */
	/* An empty body never reaches transfer_on_body(). */
	const struct transfer_sink *sink = exchange->request->sink;
	bool fine = *code == CURLE_OK && reply->status >= 200 && reply->status <= 299;
	if (fine && exchange->resumption != NULL && !exchange->resumption->judged)
		transfer_take_up(exchange, reply->status);
	else if (fine && exchange->resumption == NULL && sink != NULL && !exchange->begun)
		sink->begin(sink->env, exchange->err);
	if (fine && exchange->resumption != NULL && exchange->resumption->skip > 0)
		error_set(exchange->err, ERROR_NETWORK,
		          "it became shorter while it was read, and reading broke off in between; try "
		          "again");
	make_absolute(url, reply->location, sizeof reply->location);
	snprintf(reply->url, sizeof reply->url, "%s", url);
	curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, NULL);
	give_handle(transfers, exchange->reach, handle);
}

/* The URL's host without its port, and how far that may lead. */
static bool find_reach(const struct transfers *transfers, struct exchange *exchange,
                       const char *url, struct error *err)
{
	char scheme[16];
	if (!origin_of(url, scheme, sizeof scheme, exchange->host, sizeof exchange->host))
		return error_set(err, ERROR_NETWORK, "it is no URL");
	bool is_listed = transfers_insecure(transfers, exchange->host);
	exchange->reach = is_listed ? REACH_ANYWHERE : transfers->options.reach;
	if (exchange->request->reach > exchange->reach)
		exchange->reach = exchange->request->reach;
	*strrchr(exchange->host, ':') = '\0';
	const struct transfer_options *options = &transfers->options;
	return reach_lets_host(exchange->reach, exchange->host, err) &&
	       (is_listed || options->may_ask == NULL ||
	        options->may_ask(options->may_ask_env, url, err));
}

static bool ask(struct transfers *transfers, const struct transfer_request *request,
                const char *url, struct transfer_reply *reply, struct error *err)
{
	bool is_private = transfer_same_origin(url, request->url);
	struct resumption resumption = {0};
	struct exchange exchange = {
	    .request = request,
	    .reply = reply,
	    .err = err,
	    .is_private = is_private,
	    .resumption = request->resumes ? &resumption : NULL,
	};
	if (!find_reach(transfers, &exchange, url, err)) {
		char shown[400];
		error_wrap(err, "%s %s", request->method, printable_ascii(url, shown, sizeof shown));
		return false;
	}
	uint64_t silent_since = now_ms();
	for (unsigned tries = 0;; tries++) {
		__attribute__((cleanup(free_headers))) struct curl_slist *headers =
		    header_list(request, is_private, exchange.resumption);
		if (headers == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
		char detail[CURL_ERROR_SIZE];
		CURLcode code = CURLE_OK;
		attempt(transfers, &exchange, url, headers, detail, &code);
		bool failed = err->kind != ERROR_NONE;
		bool again = !failed && !exchange.abandoned && wants_retry(code, reply->status);
		if (exchange.heard)
			silent_since = now_ms();
		else if (exchange.moved > silent_since)
			silent_since = exchange.moved;
		if (!exchange.heard && code == CURLE_OPERATION_TIMEDOUT &&
		    is_over(now_ms() - silent_since, transfers->options.stall_seconds))
			again = false;
		if (again && resumption.received > 0 && resumption.etag[0] == '\0' &&
		    resumption.modified[0] == '\0')
			again = false; /* nothing tells whether it is still the same */
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
			          code == CURLE_SSL_CONNECT_ERROR && !request->permits_http
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
		if (request->may_ask != NULL && !request->may_ask(request->may_ask_env, url, err))
			return false;
		if (!may_go(transfers, request, url, err) || !ask(transfers, request, url, reply, err))
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
