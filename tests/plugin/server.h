/* A small HTTP server (libmicrohttpd) that plays a registry which misbehaves in a chosen way; what
 * a well-behaved one does is tested against a real one (tests/e2e/registry.bash). */
#ifndef TESTS_PLUGIN_SERVER_H
#define TESTS_PLUGIN_SERVER_H

#include <stdatomic.h>
#include <stddef.h>

struct server_request {
	const char *method, *path, *authorization; /* authorization: "" without one */
	const char *query;                         /* "scope=…" and "service=…", joined by '&' */
	const char *after; /* a listing's continuation-token or else start-after; "" without */
};

struct server_reply {
	unsigned status;
	const char *headers[4]; /* name, value, … */
	const void *body;
	size_t size;
	unsigned delay_milliseconds;
};

struct server;
typedef void server_handler(void *env, const struct server_request *request,
                            struct server_reply *reply);

/* Listens at a free port of 127.0.0.1, a thread for each connection. */
struct server *server_start(server_handler *handler, void *env);
void server_stop(struct server *server);
/* "127.0.0.1:port" */
const char *server_host(const struct server *server);

#endif
