#include "bench/plugin_server.h"

#include "caps/cleanup.h"
#include "plugin/json.h"

#include <string.h>

/* For one request. */
#define REQUEST_SECONDS 60

#define TEXT(text) ((char *)(uintptr_t)(text))

static bool launch(struct plugin_server *server, const struct plugin_server_options *options,
                   struct error *err)
{
	/* The store stands last, so that leaving it out ends the list before it. */
	char *argv[] = {TEXT(options->tiphys), "serve",     "--listen",
	                "127.0.0.1:0",         "--no-auth", "--require-sandbox",
	                "--work-dir",          "/tmp",      "--cache-dir",
	                TEXT(options->cache),  "--queue",   "20000",
	                "--max-connections",   "12000",     options->store != NULL ? "--store" : NULL,
	                TEXT(options->store),  NULL};
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
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	return curl;
}

bool plugin_server_start(struct plugin_server *server, const struct plugin_server_options *options,
                         struct error *err)
{
	char address[64];
	if (!launch(server, options, err) ||
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
	*server = (struct plugin_server){0};
}

char *plugin_request_body(const char *reference)
{
	cleanup_json json_t *request =
	    json_pack("{s:{s:{s:s, s:s, s:s}}, s:{s:s, s:{s:{s:{s:s}, s:[]}}}}", "workflow", "metadata",
	              "name", "bench", "namespace", "argo", "uid", "bench", "template", "name", "step",
	              "plugin", "wasm", "module", "oci", reference, "args");
	return request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
}

/* What the node says, as a process would have said it. */
static bool take_node(const char *text, struct process_result *result, struct error *err)
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
                       struct process_result *result, struct error *err)
{
	long status = 0;
	const char *text = reply->text != NULL ? reply->text : "";
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		return error_set(err, ERROR_NETWORK, "tiphys serve: %s", curl_easy_strerror(code));
	if (status != 200)
		return error_set(err, ERROR_NETWORK, "tiphys serve answers with status %ld: %.200s", status,
		                 text);
	return take_node(text, result, err);
}

bool plugin_request_run(void *env, struct process_result *result, struct error *err)
{
	const struct plugin_request *request = env;
	CURL *curl = request->server->curl;
	struct plugin_reply reply = {0};
	plugin_request_prepare(request, curl, &reply);
	double began = monotonic_seconds();
	CURLcode code = curl_easy_perform(curl);
	result->wall = monotonic_seconds() - began;
	bool went_well = plugin_reply_take(curl, code, &reply, result, err);
	plugin_reply_clear(&reply);
	return went_well;
}
