#include "tests/plugin/server.h"

#include "tests/plugin/table.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <time.h>

struct server {
	struct MHD_Daemon *daemon;
	server_handler *handler;
	void *env;
	char host[32];
};

static enum MHD_Result answer(void *env, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
	static int seen;
	struct server *server = env;
	(void)version;
	(void)upload;
	if (*state == NULL) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		*upload_size = 0;
		return MHD_YES;
	}
	const char *authorization =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	const char *scope = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "scope");
	const char *service = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "service");
	char query[512];
	snprintf(query, sizeof query, "scope=%s&service=%s", scope != NULL ? scope : "",
	         service != NULL ? service : "");
	const char *after =
	    MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "continuation-token");
	if (after == NULL)
		after = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "start-after");
	struct server_request request = {method, url, authorization != NULL ? authorization : "", query,
	                                 after != NULL ? after : ""};
	struct server_reply reply = {.status = 404};
	server->handler(server->env, &request, &reply);
	nanosleep(&(struct timespec){reply.delay_milliseconds / 1000,
	                             reply.delay_milliseconds % 1000 * 1000000L},
	          NULL);
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    reply.size, (void *)(uintptr_t)reply.body, MHD_RESPMEM_MUST_COPY);
	for (size_t i = 0; i + 1 < COUNT(reply.headers) && reply.headers[i] != NULL; i += 2)
		MHD_add_response_header(response, reply.headers[i], reply.headers[i + 1]);
	enum MHD_Result result = MHD_queue_response(connection, reply.status, response);
	MHD_destroy_response(response);
	return result;
}

struct server *server_start(server_handler *handler, void *env)
{
	struct server *server = calloc(1, sizeof *server);
	assert_non_null(server);
	server->handler = handler;
	server->env = env;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	server->daemon = MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL, NULL, answer,
	    server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_END);
	assert_non_null(server->daemon);
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
	snprintf(server->host, sizeof server->host, "127.0.0.1:%u", (unsigned)info->port);
	return server;
}

void server_stop(struct server *server)
{
	MHD_stop_daemon(server->daemon);
	free(server);
}

const char *server_host(const struct server *server)
{
	return server->host;
}
