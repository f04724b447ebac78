#include "plugin/server.h"

#include "caps/cleanup.h"
#include "plugin/listen.h"
#include "plugin/log.h"
#include "plugin/metrics.h"
#include "plugin/now.h"
#include "plugin/overdue.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* A client that sends on although its request is refused is listened to for this many times
 * --max-body. */
#define REFUSED_BODIES 4

/* A server that is full at every other connection says so no more often. */
#define FULL_TELL_MS 60000

struct server {
	struct server_setting setting;
	char address[LISTEN_ADDRESS_SIZE];
	struct MHD_Daemon *daemon;
	struct executor *executor;
	struct overdue *requests, *replies;
	atomic_uint calls; /* between the first line of a request and the last byte of its reply */
	/* Of libmicrohttpd's thread alone. */
	unsigned connections;
	struct {
		uint64_t told_ms; /* when it was last told that all places are taken; 0: never */
		int64_t times;    /* that they were since */
	} full;
};

/* What is expected on a connection; each is NULL without memory, when it is bounded by its silence
 * alone. */
struct expected {
	struct overdue_line *request, *reply;
};
static struct expected nothing;

/* One request on a connection. Between suspending and resuming the connection it belongs to the
 * executor. */
struct call {
	struct visit visit; /* first */
	struct server *server;
	struct MHD_Connection *connection;
	int fd; /* of the connection, while it sleeps */
	struct bytes body;
	uint64_t received;
};

/* ---- answers ---- */

static struct expected *expected_on(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static enum MHD_Result send_reply(struct call *call)
{
	const struct answer *answer = &call->visit.answer;
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    answer->body.size, answer->body.data == NULL ? "" : answer->body.data,
	    MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
	if (answer->retry)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (answer->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
	enum MHD_Result result = MHD_queue_response(call->connection, answer->status, response);
	MHD_destroy_response(response);
	overdue_expect(call->server->replies, expected_on(call->connection)->reply);
	return result;
}

/* ---- what is asked for ---- */

static const char *header(struct call *call, const char *name)
{
	return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t size = sizeof json - 1;
	return type == NULL || (strncasecmp(type, json, size) == 0 &&
	                        (type[size] == '\0' || type[size] == ';' || type[size] == ' '));
}

/* Judges a request for template.execute by its headers. */
static void check_headers(struct call *call)
{
	const struct server_setting *setting = &call->server->setting;
	const char *type = header(call, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *length = header(call, MHD_HTTP_HEADER_CONTENT_LENGTH);
	switch (token_check(setting->token, header(call, MHD_HTTP_HEADER_AUTHORIZATION))) {
	case TOKEN_MISSING:
		answer_refuse(
		    &call->visit.answer, MHD_HTTP_UNAUTHORIZED,
		    "no bearer token: send \"Authorization: Bearer TOKEN\" with the token that stands "
		    "in %s",
		    setting->token->path);
		return;
	case TOKEN_WRONG:
		answer_refuse(&call->visit.answer, MHD_HTTP_FORBIDDEN,
		              "wrong bearer token: the right one stands in %s", setting->token->path);
		return;
	case TOKEN_GOOD:
		break;
	}
	if (!is_json(type))
		answer_refuse(&call->visit.answer, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
		              "Content-Type is %s, must be application/json", type);
	else if (length != NULL && strtoull(length, NULL, 10) > setting->body_max)
		answer_refuse(&call->visit.answer, MHD_HTTP_CONTENT_TOO_LARGE,
		              "the body of %s bytes is larger than %zu (--max-body)", length,
		              setting->body_max);
}

/* Whether what is refused is answered before its body comes, and the connection closed: to who
 * announces far too much, or waits for a word first. Any other caller would find it closed while it
 * sends, and might never look at the answer. */
static bool is_answered_early(struct call *call)
{
	const char *length = header(call, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (call->visit.answer.status < MHD_HTTP_BAD_REQUEST)
		return false;
	return header(call, MHD_HTTP_HEADER_EXPECT) != NULL ||
	       (length != NULL &&
	        strtoull(length, NULL, 10) / REFUSED_BODIES > call->server->setting.body_max);
}

static void refuse_method(struct call *call, const char *url, const char *allow)
{
	call->visit.answer.allow = allow;
	answer_refuse(&call->visit.answer, MHD_HTTP_METHOD_NOT_ALLOWED, "%s takes %s", url, allow);
}

static bool is_reading(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* Like the health, for whoever asks: numbers alone, no name of a workflow. */
static void answer_metrics(struct call *call)
{
	cleanup_bytes struct bytes text = {0};
	const struct pool_load load = pool_load(call->server->setting.executor.pool);
	metrics_set(METRIC_WAITING, load.waiting);
	metrics_set(METRIC_RUNNING, load.running);
	if (metrics_write(&text))
		answer_text(&call->visit.answer, text.data);
	else
		answer_refuse(&call->visit.answer, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
}

static void check_line(struct call *call, const char *url, const char *method)
{
	if (strcmp(url, "/api/v1/template.execute") == 0) {
		if (strcmp(method, MHD_HTTP_METHOD_POST) == 0)
			check_headers(call);
		else
			refuse_method(call, url, "POST");
	} else if (strcmp(url, "/healthz") == 0) {
		if (is_reading(method))
			answer_text(&call->visit.answer, "ok\n");
		else
			refuse_method(call, url, "GET, HEAD");
	} else if (strcmp(url, "/metrics") == 0) {
		if (is_reading(method))
			answer_metrics(call);
		else
			refuse_method(call, url, "GET, HEAD");
	} else {
		answer_refuse(&call->visit.answer, MHD_HTTP_NOT_FOUND,
		              "there is nothing at %.200s; this is an Argo executor plugin: POST "
		              "/api/v1/template.execute, GET /healthz, GET /metrics",
		              url);
	}
}

/* A token, good or not, lies in the connection's memory until something else is written there. */
static void forget_token(struct call *call)
{
	const char *authorization = header(call, MHD_HTTP_HEADER_AUTHORIZATION);
	if (authorization != NULL)
		OPENSSL_cleanse((void *)(uintptr_t)authorization, strlen(authorization));
}

/* ---- steps ---- */

static void let_sleep(struct visit *visit)
{
	struct call *call = (struct call *)visit;
	call->fd =
	    MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	MHD_suspend_connection(call->connection);
}

static void wake_up(struct visit *visit)
{
	MHD_resume_connection(((struct call *)visit)->connection);
}

/* libmicrohttpd does not look at a connection that sleeps. */
static void look(struct visit *const *visits, size_t count, bool *have_left)
{
	struct pollfd fds[RUNS_LOOK_MAX];
	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){.fd = ((const struct call *)visits[i])->fd, .events = POLLRDHUP};
	bool any = poll(fds, count, 0) > 0;
	for (size_t i = 0; i < count; i++)
		have_left[i] = any && fds[i].revents != 0;
}

/* True when the connection sleeps until the answer is there: then the call is not this thread's any
 * more. */
static bool take_request(struct call *call)
{
	struct bytes body = call->body;
	call->body = (struct bytes){0};
	bool answered = executor_take(call->server->executor, &call->visit,
	                              body.data == NULL ? "" : body.data, body.size);
	bytes_clear(&body);
	return !answered;
}

/* ---- libmicrohttpd's side ---- */

static enum MHD_Result take_body(struct call *call, const char *data, size_t *size)
{
	size_t max = call->server->setting.body_max;
	call->received += *size;
	if (call->visit.answer.status == 0 && call->received > max) {
		bytes_clear(&call->body);
		answer_refuse(&call->visit.answer, MHD_HTTP_CONTENT_TOO_LARGE,
		              "the body is larger than %zu bytes (--max-body)", max);
	}
	if (call->visit.answer.status == 0 && !bytes_add(&call->body, data, *size))
		answer_refuse(&call->visit.answer, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
	*size = 0;
	return call->received / REFUSED_BODIES > max ? MHD_NO : MHD_YES;
}

/* Called at a request's first line, with each piece of its body, at its end, and after a resume. */
static enum MHD_Result handle(void *env, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
	(void)version;
	struct server *server = env;
	struct call *call = *state;
	if (call == NULL) {
		call = calloc(1, sizeof *call);
		if (call == NULL)
			return MHD_NO;
		*call = (struct call){.server = server, .connection = connection};
		*state = call;
		atomic_fetch_add(&server->calls, 1);
		check_line(call, url, method);
		forget_token(call);
		return is_answered_early(call) ? send_reply(call) : MHD_YES;
	}
	if (*size > 0)
		return take_body(call, data, size);
	overdue_met(server->requests, expected_on(connection)->request);
	if (call->visit.answer.status == 0 && take_request(call))
		return MHD_YES;
	return send_reply(call);
}

/* The last place is taken. libmicrohttpd then leaves callers in the kernel's queue and tells
 * nobody: to them the server seems to hang. */
static void tell_full(struct server *server)
{
	uint64_t now = now_ms();
	metrics_add(METRIC_CONNECTIONS_FULL, 1);
	server->full.times++;
	if (server->full.told_ms != 0 && now - server->full.told_ms < FULL_TELL_MS)
		return;
	struct log_line line = log_begin(LOG_WARN, "all connections are taken; more callers wait");
	log_number(&line, "connections", server->connections);
	log_text(&line, "limits", "--max-connections");
	log_number(&line, "times", server->full.times);
	log_end(&line);
	server->full.told_ms = now;
	server->full.times = 0;
}

static void count_connection(struct server *server, bool begins)
{
	server->connections = begins ? server->connections + 1 : server->connections - 1;
	metrics_set(METRIC_CONNECTIONS, server->connections);
	if (begins && server->connections == server->setting.connections_max)
		tell_full(server);
}

/* A connection begins, or ends; its socket is open at both. */
static void connection_changed(void *env, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode code)
{
	struct server *server = env;
	struct expected *expected = *context;
	count_connection(server, code == MHD_CONNECTION_NOTIFY_STARTED);
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		overdue_leave(server->requests, expected->request);
		overdue_leave(server->replies, expected->reply);
		if (expected != &nothing)
			free(expected);
		*context = &nothing;
		return;
	}
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	expected = malloc(sizeof *expected);
	*context = expected != NULL ? expected : &nothing;
	if (expected == NULL)
		return;
	*expected =
	    (struct expected){overdue_enter(server->requests, fd), overdue_enter(server->replies, fd)};
	overdue_expect(server->requests, expected->request);
}

static void call_ended(void *env, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode code)
{
	struct server *server = env;
	struct call *call = *state;
	if (call == NULL)
		return;
	overdue_met(server->replies, expected_on(connection)->reply);
	overdue_expect(server->requests, expected_on(connection)->request);
	executor_done(server->executor, &call->visit, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
	bytes_clear(&call->body);
	free(call);
	*state = NULL;
	atomic_fetch_sub(&server->calls, 1);
}

static void log_daemon(void *env, const char *fmt, va_list args)
{
	(void)env;
	char text[512];
	vsnprintf(text, sizeof text, fmt, args);
	text[strcspn(text, "\n")] = '\0';
	struct log_line line = log_begin(LOG_DEBUG, "http");
	log_text(&line, "detail", text);
	log_end(&line);
}

static bool create_executor(struct server *server, struct error *err)
{
	struct executor_setting setting = server->setting.executor;
	setting.sleep = let_sleep;
	setting.wake = wake_up;
	setting.look = look;
	server->executor = executor_create(&setting, err);
	return server->executor != NULL;
}

static bool create_overdue(struct server *server, struct error *err)
{
	const struct server_setting *setting = &server->setting;
	server->requests = overdue_create(setting->idle_seconds + setting->request_seconds,
	                                  "closed a connection without a whole request",
	                                  "--idle-timeout and --request-timeout", err);
	if (server->requests == NULL)
		return false;
	server->replies =
	    overdue_create(setting->reply_seconds, "closed a connection that did not take its reply",
	                   "--reply-timeout", err);
	return server->replies != NULL;
}

/* Takes the socket. */
static bool start_daemon(struct server *server, int fd, struct error *err)
{
	const struct server_setting *setting = &server->setting;
	server->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_daemon, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, call_ended, server,
	    MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server, MHD_OPTION_CONNECTION_LIMIT,
	    setting->connections_max, MHD_OPTION_CONNECTION_TIMEOUT, setting->idle_seconds,
	    MHD_OPTION_END);
	if (server->daemon != NULL)
		return true;
	error_set_errno(err, errno, "cannot start the HTTP server");
	close(fd);
	return false;
}

struct server *server_create(const struct server_setting *setting, struct error *err)
{
	struct server *server = calloc(1, sizeof *server);
	if (server == NULL) {
		error_set(err, ERROR_NO_MEMORY, "server");
		return NULL;
	}
	server->setting = *setting;
	int fd = listen_on(setting->listen, server->address, err);
	if (fd >= 0 && (!create_executor(server, err) || !create_overdue(server, err))) {
		close(fd);
		fd = -1;
	}
	if (fd < 0 || !start_daemon(server, fd, err)) {
		overdue_destroy(server->requests);
		overdue_destroy(server->replies);
		executor_destroy(server->executor);
		free(server);
		return NULL;
	}
	return server;
}

const char *server_address(const struct server *server)
{
	return server->address;
}

void server_stop(struct server *server)
{
	executor_stop(server->executor);
}

bool server_flush(struct server *server, unsigned ms)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	for (; atomic_load(&server->calls) > 0; ms--) {
		if (ms == 0)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

void server_destroy(struct server *server)
{
	if (server != NULL) {
		MHD_stop_daemon(server->daemon);
		overdue_destroy(server->requests);
		overdue_destroy(server->replies);
		executor_destroy(server->executor);
		free(server);
	}
}
