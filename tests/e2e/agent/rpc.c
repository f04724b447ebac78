#include "tests/e2e/agent/rpc.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_S 30.0
#define TRIES 5
#define FIRST_WAIT_S 1.0

/* ---- decoding ---- */

/* Absent, null, or a string, as for a Go string. */
static bool is_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return value == NULL || json_is_null(value) || json_is_string(value);
}

/* Argo's AnyString. */
static bool is_any_string(const json_t *value)
{
	return value == NULL || json_is_null(value) || json_is_string(value) || json_is_number(value) ||
	       json_is_boolean(value);
}

static bool are_named_objects(const json_t *array)
{
	const json_t *item;
	size_t i;
	if (array != NULL && !json_is_null(array) && !json_is_array(array))
		return false;
	json_array_foreach(array, i, item)
	{
		if (!json_is_object(item) || !is_text(item, "name"))
			return false;
	}
	return true;
}

static bool is_phase(const char *phase)
{
	static const char *const phases[] = {"Pending", "Running", "Succeeded", "Failed", "Error"};
	for (size_t i = 0; phase != NULL && i < sizeof phases / sizeof phases[0]; i++) {
		if (strcmp(phase, phases[i]) == 0)
			return true;
	}
	return false;
}

/* What is wrong with it; NULL when Go would read it, and the controller would know its phase. */
static const char *fault_of_node(const json_t *node)
{
	const json_t *outputs = json_object_get(node, "outputs"), *item;
	const json_t *parameters = json_object_get(outputs, "parameters");
	size_t i;
	if (!json_is_object(node))
		return "node is no object";
	if (!is_phase(json_string_value(json_object_get(node, "phase"))))
		return "node.phase is none";
	if (!is_text(node, "message") || !is_text(node, "progress"))
		return "node.message or node.progress is no string";
	if (outputs != NULL && !json_is_null(outputs) && !json_is_object(outputs))
		return "node.outputs is no object";
	if (!is_text(outputs, "result") || !is_text(outputs, "exitCode"))
		return "outputs.result or outputs.exitCode is no string";
	if (!are_named_objects(parameters) || !are_named_objects(json_object_get(outputs, "artifacts")))
		return "outputs.parameters or outputs.artifacts is no array of named objects";
	json_array_foreach(parameters, i, item)
	{
		if (!is_any_string(json_object_get(item, "value")))
			return "the value of an output parameter is neither string, number nor boolean";
	}
	return NULL;
}

/* Go's time.ParseDuration, for positive ones. False when it is none. */
static bool parse_duration(const char *text, double *seconds)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
	*seconds = 0;
	if (*text == '\0')
		return false;
	while (*text != '\0') {
		char *end;
		double number = strtod(text, &end);
		size_t i, letters = strspn(end, "hmnsu");
		if (end == text)
			return false;
		for (i = 0; i < sizeof units / sizeof units[0]; i++) {
			if (letters == strlen(units[i].unit) && strncmp(end, units[i].unit, letters) == 0)
				break;
		}
		if (i == sizeof units / sizeof units[0])
			return false;
		*seconds += number * units[i].seconds;
		text = end + letters;
	}
	return true;
}

static enum rpc_outcome decode(const char *text, json_t **node, double *requeue,
                               char message[RPC_MESSAGE_SIZE])
{
	json_error_t where;
	json_t *reply = json_loads(text, 0, &where);
	const json_t *after = json_object_get(reply, "requeue");
	const char *fault = NULL;
	*requeue = 0;
	if (!json_is_object(reply))
		fault = "the reply is no JSON object";
	else if (json_object_get(reply, "node") == NULL) {
		json_decref(reply);
		return RPC_NOT_OURS;
	} else if (after != NULL && !json_is_null(after) &&
	           (!json_is_string(after) || !parse_duration(json_string_value(after), requeue)))
		fault = "requeue is no duration";
	else
		fault = fault_of_node(json_object_get(reply, "node"));
	if (fault != NULL)
		snprintf(message, RPC_MESSAGE_SIZE, "unreadable: %s: %.2000s", fault, text);
	else
		*node = json_incref(json_object_get(reply, "node"));
	json_decref(reply);
	return fault != NULL ? RPC_FAILED : RPC_NODE;
}

/* ---- calling ---- */

struct text {
	char *data;
	size_t size;
};

static size_t take(char *data, size_t one, size_t size, void *env)
{
	struct text *text = env;
	text->data = realloc(text->data, text->size + size + 1);
	memcpy(text->data + text->size, data, size);
	text->size += size;
	text->data[text->size] = '\0';
	return one * size;
}

/* The status, or 0 without one; then `message` says why. */
static long call_once(const struct rpc_setting *setting, const char *body, struct text *reply,
                      char message[RPC_MESSAGE_SIZE])
{
	char authorization[512];
	long status = 0;
	CURL *curl = curl_easy_init();
	snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", setting->token);
	struct curl_slist *headers = curl_slist_append(NULL, authorization);
	headers = curl_slist_append(headers, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_URL, setting->url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(TIMEOUT_S * 1000 / setting->time_scale));
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	CURLcode code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	else
		snprintf(message, RPC_MESSAGE_SIZE, "%s", curl_easy_strerror(code));
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return status;
}

static void wait_seconds(double seconds)
{
	const struct timespec time = {.tv_sec = (time_t)seconds,
	                              .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nanosleep(&time, NULL);
}

enum rpc_outcome rpc_execute(const struct rpc_setting *setting, const char *body, json_t **node,
                             double *requeue, char message[RPC_MESSAGE_SIZE])
{
	double wait = FIRST_WAIT_S / setting->time_scale;
	for (int tries = 1;; tries++, wait *= 2) {
		struct text reply = {0};
		long status = call_once(setting, body, &reply, message);
		enum rpc_outcome outcome = RPC_FAILED;
		bool passes = status == 0 || status == 503;
		if (status == 200)
			outcome = decode(reply.data == NULL ? "" : reply.data, node, requeue, message);
		else if (status != 0)
			snprintf(message, RPC_MESSAGE_SIZE, "status %ld: %.2000s", status,
			         reply.data == NULL ? "" : reply.data);
		free(reply.data);
		if (!passes || tries == TRIES)
			return outcome;
		wait_seconds(wait);
	}
}
