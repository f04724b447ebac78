/* kubernetes_server PORTFILE CERTIFICATE KEY TOKEN FOLDER LOG: the part of the Kubernetes API that
 * the plugin reads, with TLS and a bearer token that is checked. Debian packages no API server, so
 * this one stands in: GET /api/v1/namespaces/NS/KIND/NAME answers the object in
 * FOLDER/NS/KIND/NAME, byte for byte as the test wrote it, or Status objects as the real one sends
 * them: 401 without the token, 403 when a file FOLDER/NS/KIND/NAME.forbidden is there, 404. LOG
 * gets a line for each request. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *token, *folder, *log_path;

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return NULL;
	char *text = calloc(1, 1 << 20);
	if (text != NULL)
		text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(text), (void *)(unsigned long)text, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(response, "Content-Type", "application/json");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *reason, const char *message)
{
	char text[1024];
	snprintf(text, sizeof text,
	         "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
	         "\"message\":\"%s\",\"reason\":\"%s\",\"code\":%u}\n",
	         message, reason, status);
	return reply(connection, status, text);
}

static enum MHD_Result answer(void *env, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
	static int seen;
	static const char prefix[] = "/api/v1/namespaces/";
	(void)env;
	(void)version;
	(void)upload;
	(void)upload_size;
	if (*state == NULL) {
		*state = &seen;
		return MHD_YES;
	}
	FILE *log = fopen(log_path, "a");
	if (log != NULL) {
		fprintf(log, "%s %s\n", method, url);
		fclose(log);
	}
	const char *authorization =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	char wanted[300], path[1024], forbidden[1100];
	snprintf(wanted, sizeof wanted, "Bearer %s", token);
	if (authorization == NULL || strcmp(authorization, wanted) != 0)
		return refuse(connection, 401, "Unauthorized", "Unauthorized");
	if (strcmp(method, "GET") != 0 || strncmp(url, prefix, strlen(prefix)) != 0 ||
	    strstr(url, "..") != NULL)
		return refuse(connection, 404, "NotFound",
		              "the server could not find the requested resource");
	snprintf(path, sizeof path, "%s/%s", folder, url + strlen(prefix));
	snprintf(forbidden, sizeof forbidden, "%s.forbidden", path);
	if (access(forbidden, F_OK) == 0)
		return refuse(connection, 403, "Forbidden", "cannot get resource in API group");
	char *object = read_file(path);
	if (object == NULL)
		return refuse(connection, 404, "NotFound", "not found");
	enum MHD_Result result = reply(connection, 200, object);
	free(object);
	return result;
}

int main(int argc, char **argv)
{
	if (argc != 7)
		return 2;
	char *certificate = read_file(argv[2]), *key = read_file(argv[3]);
	token = argv[4];
	folder = argv[5];
	log_path = argv[6];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct MHD_Daemon *daemon = MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer, NULL,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_HTTPS_MEM_CERT, certificate,
	    MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_END);
	if (daemon == NULL)
		return 1;
	char name[1100];
	snprintf(name, sizeof name, "%s.new", argv[1]);
	FILE *file = fopen(name, "w");
	if (file == NULL)
		return 1;
	fprintf(file, "%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	fclose(file);
	rename(name, argv[1]);
	for (;;)
		pause();
}
