#include "tests/e2e/serve/client.h"

#include "tests/e2e/serve/server.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

/* Between two calls for a step that still runs. */
#define AGAIN_MS 200

static size_t take_body(char *data, size_t one, size_t size, void *env)
{
	struct answer *answer = env;
	size *= one;
	answer->body = realloc(answer->body, answer->size + size + 1);
	memcpy(answer->body + answer->size, data, size);
	answer->size += size;
	answer->body[answer->size] = '\0';
	return size;
}

static size_t take_header(char *data, size_t one, size_t size, void *env)
{
	static const char *const names[] = {"Allow:", "Retry-After:", "WWW-Authenticate:"};
	struct answer *answer = env;
	size *= one;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t name = strlen(names[i]);
		if (size > name && strncasecmp(data, names[i], name) == 0)
			snprintf(answer->header, sizeof answer->header, "%.*s", (int)(size - name - 3),
			         data + name + 1);
	}
	return size;
}

struct answer client_call(const char *address, struct call call)
{
	struct answer answer = {0};
	char url[256], authorization[256], type[128];
	CURL *curl = curl_easy_init();
	snprintf(url, sizeof url, "http://%s%s", address,
	         call.path == NULL ? "/api/v1/template.execute" : call.path);
	snprintf(authorization, sizeof authorization, "Authorization: %s",
	         call.authorization == NULL ? "Bearer " SERVER_TOKEN : call.authorization);
	snprintf(type, sizeof type, "Content-Type: %s",
	         call.type == NULL ? "application/json" : call.type);
	struct curl_slist *headers = curl_slist_append(NULL, type);
	if (call.authorization == NULL || *call.authorization != '\0')
		headers = curl_slist_append(headers, authorization);
	if (call.chunked)
		headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CALL_S);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
	if (call.body != NULL) {
		size_t size = call.size == 0 ? strlen(call.body) : call.size;
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body);
	}
	if (call.method != NULL)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return answer;
}

void answer_clear(struct answer *answer)
{
	free(answer->body);
	*answer = (struct answer){0};
}

/* As strict as Go's NodeResult: known phases, strings where strings are due. */
static void check_node(const json_t *node, const char *body)
{
	const char *phase = json_string_value(json_object_get(node, "phase"));
	const json_t *message = json_object_get(node, "message"), *parameter;
	const json_t *outputs = json_object_get(node, "outputs");
	const json_t *parameters = json_object_get(outputs, "parameters");
	const json_t *result = json_object_get(outputs, "result");
	const json_t *exit_code = json_object_get(outputs, "exitCode");
	size_t i;
	if (phase == NULL || (strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0) ||
	    (message != NULL && !json_is_string(message)) ||
	    (result != NULL && !json_is_string(result)) ||
	    (exit_code != NULL && !json_is_string(exit_code)))
		fail_msg("no node that Argo can read: %s", body);
	json_array_foreach(parameters, i, parameter)
	{
		if (!json_is_string(json_object_get(parameter, "name")) ||
		    !json_is_string(json_object_get(parameter, "value")))
			fail_msg("no parameter that Argo can read: %s", body);
	}
}

/* The node; NULL when it is to be asked for again, a moment later. */
static json_t *ask(const char *address, const char *body)
{
	cleanup_answer struct answer answer = client_call(address, (struct call){.body = body});
	if (answer.status != 200)
		fail_msg("status %ld: %s", answer.status, answer.body);
	json_t *reply = json_loadb(answer.body, answer.size, 0, NULL);
	json_t *node = json_incref(json_object_get(reply, "node"));
	bool again =
	    strcmp(node_text(node, "phase"), "Running") == 0 && *node_text(reply, "requeue") != '\0';
	json_decref(reply);
	if (again) {
		json_decref(node);
		sleep_ms(AGAIN_MS);
		return NULL;
	}
	check_node(node, answer.body);
	return node;
}

json_t *client_execute(const char *address, const char *wasm, const char *template)
{
	size_t size = strlen(wasm) + strlen(template) + 256;
	char *body = malloc(size);
	snprintf(
	    body, size,
	    "{\"workflow\":{\"metadata\":{\"name\":\"wf\",\"namespace\":\"argo\",\"uid\":\"u-1\"}},"
	    "\"template\":{\"name\":\"main\"%s,\"metadata\":{},\"plugin\":{\"wasm\":%s}}}",
	    template, wasm);
	json_t *node = NULL;
	while (node == NULL)
		node = ask(address, body);
	free(body);
	return node;
}

void client_wait_for_metric(const char *address, const char *name, unsigned value)
{
	char line[128];
	bool found = false;
	snprintf(line, sizeof line, "\n%s %u\n", name, value);
	for (double until = now_ms() + PATIENCE_MS; !found && now_ms() < until;) {
		cleanup_answer struct answer answer =
		    client_call(address, (struct call){.path = "/metrics"});
		found = answer.body != NULL && strstr(answer.body, line) != NULL;
		if (!found)
			sleep_ms(10);
	}
	if (!found)
		fail_msg("%s is not %u", name, value);
}

const char *node_text(const json_t *node, const char *key)
{
	const char *text = json_string_value(json_object_get(node, key));
	return text == NULL ? "" : text;
}

const char *node_output(const json_t *node, const char *key)
{
	return json_string_value(json_object_get(json_object_get(node, "outputs"), key));
}

const char *node_parameter_text(const json_t *node, const char *name)
{
	const json_t *parameter;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(node, "outputs"), "parameters"), i,
	                   parameter)
	{
		if (strcmp(node_text(parameter, "name"), name) == 0)
			return node_text(parameter, "value");
	}
	return NULL;
}
