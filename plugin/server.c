#include "plugin/server.h"

#include "caps/cleanup.h"
#include "plugin/listen.h"
#include "plugin/log.h"
#include "plugin/reply.h"
#include "plugin/request.h"

#include <inttypes.h>
#include <microhttpd.h>
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

struct server {
	struct server_setting setting;
	char address[LISTEN_ADDRESS_SIZE];
	struct MHD_Daemon *daemon;
	atomic_uint calls; /* between the first line of a request and the last byte of its reply */
};

/* One request on a connection. Between suspending and resuming the connection it belongs to the
 * pool. */
struct call {
	struct pool_job job;
	struct server *server;
	struct MHD_Connection *connection;
	struct bytes body;
	struct request request;
	uint64_t received;
	unsigned status; /* 0: undecided */
	const char *type;
	struct bytes reply;
	bool retry;        /* send Retry-After */
	const char *allow; /* methods, with status 405 */
};

/* ---- answers ---- */

static void refuse(struct call *call, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A status other than 200; Argo shows the text as the message of the step. */
static void refuse(struct call *call, unsigned status, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	call->status = status;
	call->type = "text/plain; charset=utf-8";
	call->retry = status == MHD_HTTP_SERVICE_UNAVAILABLE;
	bytes_add_cleaned(&call->reply, text, strlen(text));
	bytes_add(&call->reply, "\n", 1);
	struct log_line line = log_begin(LOG_WARN, "request refused");
	log_number(&line, "status", status);
	log_text(&line, "message", text);
	log_end(&line);
}

static void answer_json(struct call *call, const char *text)
{
	if (text == NULL || !bytes_add_text(&call->reply, text)) {
		refuse(call, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
		return;
	}
	call->status = MHD_HTTP_OK;
	call->type = "application/json";
}

static void answer_node(struct call *call, const struct node *node)
{
	cleanup_free char *text = reply_of_node(node);
	answer_json(call, text);
}

static enum MHD_Result send_reply(struct call *call)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    call->reply.size, call->reply.data == NULL ? "" : call->reply.data, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, call->type);
	if (call->retry)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (call->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (call->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, call->allow);
	enum MHD_Result result = MHD_queue_response(call->connection, call->status, response);
	MHD_destroy_response(response);
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
		refuse(call, MHD_HTTP_UNAUTHORIZED,
		       "no bearer token: send \"Authorization: Bearer TOKEN\" with the token that stands "
		       "in %s",
		       setting->token->path);
		return;
	case TOKEN_WRONG:
		refuse(call, MHD_HTTP_FORBIDDEN, "wrong bearer token: the right one stands in %s",
		       setting->token->path);
		return;
	case TOKEN_GOOD:
		break;
	}
	if (!is_json(type))
		refuse(call, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
		       "Content-Type is %s, must be application/json", type);
	else if (length != NULL && strtoull(length, NULL, 10) > setting->body_max)
		refuse(call, MHD_HTTP_CONTENT_TOO_LARGE,
		       "the body of %s bytes is larger than %zu (--max-body)", length, setting->body_max);
}

static void refuse_method(struct call *call, const char *url, const char *allow)
{
	call->allow = allow;
	refuse(call, MHD_HTTP_METHOD_NOT_ALLOWED, "%s takes %s", url, allow);
}

static void check_line(struct call *call, const char *url, const char *method)
{
	if (strcmp(url, "/api/v1/template.execute") == 0) {
		if (strcmp(method, MHD_HTTP_METHOD_POST) == 0)
			check_headers(call);
		else
			refuse_method(call, url, "POST");
	} else if (strcmp(url, "/healthz") == 0) {
		if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) {
			call->status = MHD_HTTP_OK;
			call->type = "text/plain; charset=utf-8";
			bytes_add_text(&call->reply, "ok\n");
		} else {
			refuse_method(call, url, "GET, HEAD");
		}
	} else {
		refuse(call, MHD_HTTP_NOT_FOUND,
		       "there is nothing at %.200s; this is an Argo executor plugin: POST "
		       "/api/v1/template.execute, GET /healthz",
		       url);
	}
}

/* ---- steps ---- */

static void run_call(struct pool_job *job, bool stopping)
{
	struct call *call = (struct call *)job;
	cleanup_node struct node node = {0};
	if (!stopping && step_run(call->server->setting.step, &call->request, &node))
		answer_node(call, &node);
	else
		refuse(call, MHD_HTTP_SERVICE_UNAVAILABLE, "the plugin is stopping");
	MHD_resume_connection(call->connection);
}

/* Decides on a whole request. True when it is a step: then the connection sleeps until the pool has
 * run it, and the call is not this thread's any more. */
static bool take_request(struct call *call)
{
	struct error err = ERROR_INIT;
	const char *body = call->body.data == NULL ? "" : call->body.data;
	if (!request_decode(body, call->body.size, &call->request, &err)) {
		struct node node = {0};
		if (err.kind == ERROR_MALFORMED) {
			refuse(call, MHD_HTTP_BAD_REQUEST, "not an ExecuteTemplateRequest: %s", err.message);
		} else if (err.kind == ERROR_USAGE) {
			node_fail(&node, "%s", err.message);
			answer_node(call, &node);
			node_clear(&node);
		} else {
			refuse(call, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", err.message);
		}
		return false;
	}
	bytes_clear(&call->body);
	if (call->request.form == REQUEST_NOT_OURS) {
		answer_json(call, reply_not_ours);
		return false;
	}
	MHD_suspend_connection(call->connection);
	if (!pool_submit(call->server->setting.pool, &call->job)) {
		refuse(call, MHD_HTTP_SERVICE_UNAVAILABLE,
		       "all workers are busy and the queue is full (--concurrency, --queue); try again");
		MHD_resume_connection(call->connection);
	}
	return true;
}

/* ---- libmicrohttpd's side ---- */

static enum MHD_Result take_body(struct call *call, const char *data, size_t *size)
{
	size_t max = call->server->setting.body_max;
	call->received += *size;
	if (call->status == 0 && call->received > max) {
		bytes_clear(&call->body);
		refuse(call, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than %zu bytes (--max-body)",
		       max);
	}
	if (call->status == 0 && !bytes_add(&call->body, data, *size))
		refuse(call, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
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
		*call = (struct call){.job = {.run = run_call}, .server = server, .connection = connection};
		request_clear(&call->request);
		*state = call;
		atomic_fetch_add(&server->calls, 1);
		check_line(call, url, method);
		/* Closes the connection, without reading what may be endless. */
		return call->status == MHD_HTTP_CONTENT_TOO_LARGE ? send_reply(call) : MHD_YES;
	}
	if (*size > 0)
		return take_body(call, data, size);
	if (call->status == 0 && take_request(call))
		return MHD_YES;
	return send_reply(call);
}

static void call_ended(void *env, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode code)
{
	(void)connection;
	(void)code;
	struct server *server = env;
	struct call *call = *state;
	if (call == NULL)
		return;
	request_clear(&call->request);
	bytes_clear(&call->body);
	bytes_clear(&call->reply);
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

struct server *server_create(const struct server_setting *setting, struct error *err)
{
	struct server *server = calloc(1, sizeof *server);
	if (server == NULL) {
		error_set(err, ERROR_NO_MEMORY, "server");
		return NULL;
	}
	server->setting = *setting;
	int fd = listen_on(setting->listen, server->address, err);
	if (fd < 0) {
		free(server);
		return NULL;
	}
	server->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_daemon, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, call_ended, server,
	    MHD_OPTION_CONNECTION_LIMIT, setting->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
	    setting->idle_seconds, MHD_OPTION_END);
	if (server->daemon == NULL) {
		error_set_errno(err, errno, "cannot start the HTTP server");
		close(fd);
		free(server);
		return NULL;
	}
	return server;
}

const char *server_address(const struct server *server)
{
	return server->address;
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
		free(server);
	}
}
