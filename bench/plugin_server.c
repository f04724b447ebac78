#include "bench/plugin_server.h"

#include "bench/rootfs.h"
#include "caps/cleanup.h"
#include "plugin/json.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

/* For one request. */
#define REQUEST_SECONDS 60

#define TEXT(text) ((char *)(uintptr_t)(text))

/* A fresh one: whoever else is on the machine is not to have steps run by this user. */
static bool make_token(struct plugin_server *server, const char *log, struct error *err)
{
	unsigned char bytes[(sizeof server->token - 1) / 2];
	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return error_set_errno(err, errno, "no random bytes for a token");
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(server->token + 2 * i, 3, "%02x", bytes[i]);
	int length = snprintf(server->token_file, sizeof server->token_file, "%s.token", log);
	if (length < 0 || (size_t)length >= sizeof server->token_file)
		return error_set(err, ERROR_LIMIT, "%s is too long for a path", log);
	unlink(server->token_file);
	cleanup_close int file =
	    open(server->token_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return (file >= 0 && write(file, server->token, sizeof server->token - 1) ==
	                         (ssize_t)sizeof server->token - 1) ||
	       error_set_errno(err, errno, "cannot write %s", server->token_file);
}

static bool launch(struct plugin_server *server, const struct plugin_server_options *options,
                   struct error *err)
{
	char *argv[32] = {TEXT(options->tiphys),
	                  "serve",
	                  "--listen",
	                  "127.0.0.1:0",
	                  "--token-file",
	                  server->token_file,
	                  "--require-sandbox",
	                  "--work-dir",
	                  server->steps,
	                  "--cache-dir",
	                  TEXT(options->cache),
	                  "--queue",
	                  "20000",
	                  "--max-connections",
	                  "12000",
	                  "--reply-within",
	                  "29"};
	size_t count = 0;
	char places[16];
	while (argv[count] != NULL)
		count++;
	snprintf(places, sizeof places, "%u", options->places);
	if (options->store != NULL) {
		argv[count++] = "--store";
		argv[count++] = TEXT(options->store);
	}
	if (options->places != 0) {
		argv[count++] = "--concurrency";
		argv[count++] = places;
		argv[count++] = "--ready-workers";
		argv[count++] = "0";
	}
	return daemon_start(&server->daemon, argv, options->log, err);
}

void plugin_reply_clear(struct plugin_reply *reply)
{
	free(reply->text);
	*reply = (struct plugin_reply){0};
}

static size_t take_body(char *data, size_t one, size_t count, void *env)
{
	struct plugin_reply *reply = env;
	size_t size = one * count;
	char *grown = realloc(reply->text, reply->size + size + 1);
	if (grown == NULL)
		return 0;
	memcpy(grown + reply->size, data, size);
	reply->text = grown;
	reply->size += size;
	grown[reply->size] = '\0';
	return size;
}

CURL *plugin_server_client(const struct plugin_server *server)
{
	static struct curl_slist type = {.data = (char *)"Content-Type: application/json"};
	CURL *curl = curl_easy_init();
	if (curl == NULL)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_URL, server->url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)REQUEST_SECONDS);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, &type);
	curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
	curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, server->token);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	return curl;
}

bool plugin_server_start(struct plugin_server *server, const struct plugin_server_options *options,
                         struct error *err)
{
	char address[64];
	if (!make_token(server, options->log, err) || !leftover_folder(server->steps, err) ||
	    !launch(server, options, err) ||
	    !daemon_await(&server->daemon, " msg=listening address=", address, sizeof address, err))
		return false;
	snprintf(server->url, sizeof server->url, "http://%s/api/v1/template.execute", address);
	server->curl = plugin_server_client(server);
	return server->curl != NULL || error_set(err, ERROR_NO_MEMORY, "no memory for the client");
}

void plugin_server_end(struct plugin_server *server)
{
	if (server->curl != NULL)
		curl_easy_cleanup(server->curl);
	daemon_end(&server->daemon);
	if (server->token_file[0] != '\0')
		unlink(server->token_file);
	/* Empty, unless the server was killed: then it goes with what is left. */
	if (server->steps[0] != '\0')
		rmdir(server->steps);
	*server = (struct plugin_server){0};
}

bool plugin_server_running(const struct plugin_server *server, uint64_t *steps, struct error *err)
{
	static const char line[] = "\ntiphys_steps_running ";
	struct plugin_reply reply = {0};
	CURL *curl = plugin_server_client(server);
	char url[sizeof server->url];
	snprintf(url, sizeof url, "%.*s/metrics", (int)(strstr(server->url, "/api/") - server->url),
	         server->url);
	if (curl == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	const char *found = code == CURLE_OK && reply.text != NULL ? strstr(reply.text, line) : NULL;
	if (found != NULL)
		*steps = strtoull(found + sizeof line - 1, NULL, 10);
	plugin_reply_clear(&reply);
	return found != NULL || error_set(err, ERROR_NETWORK,
	                                  "tiphys serve does not tell at %s how many steps run", url);
}

char *plugin_request_body(const char *reference, const char *argument)
{
	cleanup_json json_t *request =
	    json_pack("{s:{s:{s:s, s:s, s:s}}, s:{s:s, s:{s:{s:{s:s}, s:[s*]}}}}", "workflow",
	              "metadata", "name", "bench", "namespace", "argo", "uid", "bench", "template",
	              "name", "step", "plugin", "wasm", "module", "oci", reference, "args", argument);
	return request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
}

/* What the node says, as a process would have said it. */
static bool take_node(const char *text, struct process_result *result, bool *is_running,
                      struct error *err)
{
	cleanup_json json_t *reply = json_loads(text, 0, NULL);
	const json_t *node = json_object_get(reply, "node"),
	             *outputs = json_object_get(node, "outputs");
	const char *phase = json_string_value(json_object_get(node, "phase"));
	const char *message = json_string_value(json_object_get(node, "message"));
	const char *output = json_string_value(json_object_get(outputs, "result"));
	const char *code = json_string_value(json_object_get(outputs, "exitCode"));
	if (phase == NULL)
		return error_set(err, ERROR_NETWORK, "tiphys serve answers without a node: %.200s", text);
	*is_running = strcmp(phase, "Running") == 0;
	if (*is_running)
		return true;
	result->status = code != NULL ? atoi(code) : strcmp(phase, "Succeeded") == 0 ? 0 : 1;
	snprintf(result->complaint, sizeof result->complaint, "%s", message != NULL ? message : phase);
	int size = asprintf(&result->output, "%s\n", output != NULL ? output : "");
	if (size < 0) {
		result->output = NULL;
		return error_set(err, ERROR_NO_MEMORY, "no memory for the reply");
	}
	result->output_size = (size_t)size;
	return true;
}

void plugin_request_prepare(const struct plugin_request *request, CURL *curl,
                            struct plugin_reply *reply)
{
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
}

bool plugin_reply_take(CURL *curl, CURLcode code, const struct plugin_reply *reply,
                       struct process_result *result, bool *is_running, struct error *err)
{
	long status = 0;
	const char *text = reply->text != NULL ? reply->text : "";
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		return error_set(err, ERROR_NETWORK, "tiphys serve: %s", curl_easy_strerror(code));
	if (status != 200)
		return error_set(err, ERROR_NETWORK, "tiphys serve answers with status %ld: %.200s", status,
		                 text);
	return take_node(text, result, is_running, err);
}

bool plugin_request_run(void *env, struct process_result *result, struct error *err)
{
	const struct plugin_request *request = env;
	CURL *curl = request->server->curl;
	double began = monotonic_seconds();
	bool went_well = true, is_running = true;
	while (went_well && is_running) {
		struct plugin_reply reply = {0};
		plugin_request_prepare(request, curl, &reply);
		CURLcode code = curl_easy_perform(curl);
		result->wall = monotonic_seconds() - began;
		went_well = plugin_reply_take(curl, code, &reply, result, &is_running, err);
		plugin_reply_clear(&reply);
	}
	return went_well;
}

bool plugin_first_request_run(void *env, struct process_result *result, struct error *err)
{
	const struct plugin_first_request *first = env;
	struct plugin_server server = {0};
	cleanup_process struct process_result ignored = {0};
	struct plugin_request before = {.server = &server, .body = first->before};
	struct plugin_request request = {.server = &server, .body = first->body};
	bool went_well = remove_directory(first->server.cache, err) &&
	                 plugin_server_start(&server, &first->server, err) &&
	                 (first->before == NULL || plugin_request_run(&before, &ignored, err)) &&
	                 plugin_request_run(&request, result, err);
	plugin_server_end(&server);
	return went_well;
}
