#include "plugin/contract.h"

#include "plugin/json_fault.h"
#include "plugin/scalar.h"

#include <string.h>

/* ---- input.json ---- */

static json_t *list_of_values(const struct request_values *values)
{
	json_t *array = json_array();
	for (size_t i = 0; i < values->count; i++)
		json_array_append_new(array, json_pack("{s:s, s:O}", "name", values->items[i].name, "value",
		                                       values->items[i].value));
	return array;
}

static json_t *list_of_artifacts(const struct request_artifacts *artifacts)
{
	json_t *array = json_array();
	for (size_t i = 0; i < artifacts->count; i++) {
		const struct artifact *artifact = &artifacts->items[i];
		json_t *item = json_pack("{s:s, s:s}", "name", artifact->name, "path", artifact->path);
		if (artifact->location == LOCATION_S3 && artifact_key(artifact) != NULL)
			json_object_set_new(item, "s3", json_pack("{s:s}", "key", artifact_key(artifact)));
		json_array_append_new(array, item);
	}
	return array;
}

char *contract_input(const struct request *request)
{
	json_t *input = json_pack("{s:s, s:o, s:o, s:o}", "workflow_name", request->workflow,
	                          "plugin_options", list_of_values(&request->options), "parameters",
	                          list_of_values(&request->parameters), "artifacts",
	                          list_of_artifacts(&request->artifacts));
	char *text = json_dumps(input, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(input);
	return text;
}

/* ---- result.json ---- */

static bool read_phase(const json_t *result, struct node *node, struct error *err)
{
	const json_t *phase = json_object_get(result, "phase");
	const char *word = json_string_value(phase);
	if (phase == NULL)
		return error_set(err, ERROR_USAGE, "phase: is missing; write \"Succeeded\" or \"Failed\"");
	if (word == NULL || (strcmp(word, "Succeeded") != 0 && strcmp(word, "Failed") != 0))
		return error_set(err, ERROR_USAGE,
		                 "phase: is %s%.60s%s, must be \"Succeeded\" or \"Failed\"",
		                 word == NULL ? json_kind(phase) : "\"", word == NULL ? "" : word,
		                 word == NULL ? "" : "\"");
	node->failed = strcmp(word, "Failed") == 0;
	return true;
}

static bool read_message(const json_t *result, struct node *node, struct error *err)
{
	const json_t *message = json_object_get(result, "message");
	if (message == NULL || json_is_null(message))
		return true;
	if (!json_is_string(message))
		return error_set(err, ERROR_USAGE, "message: is %s, must be a string", json_kind(message));
	return bytes_add(&node->message, json_string_value(message), json_string_length(message)) ||
	       error_set(err, ERROR_NO_MEMORY, "message");
}

static bool read_parameter(const json_t *item, size_t index, const struct reply_limits *limits,
                           struct node *node, struct error *err)
{
	if (!json_is_object(item))
		return error_set(err, ERROR_USAGE, "outputs.parameters[%zu]: is %s, must be an object",
		                 index, json_kind(item));
	const char *name = json_string_value(json_object_get(item, "name"));
	if (name == NULL || *name == '\0')
		return error_set(err, ERROR_USAGE, "outputs.parameters[%zu].name: must be a string", index);
	const json_t *value = json_object_get(item, "value");
	if (value == NULL || json_is_null(value))
		return true;
	if (json_is_object(value) || json_is_array(value))
		return error_set(
		    err, ERROR_USAGE,
		    "outputs.parameters[%zu] (%.200s): is %s, which Argo cannot read; write it "
		    "as a JSON string",
		    index, name, json_kind(value));
	json_t *text = scalar_to_string(value);
	if (text == NULL)
		return error_set(err, ERROR_NO_MEMORY, "outputs.parameters[%zu]", index);
	bool added = node_add_parameter(node, name, json_string_value(text), json_string_length(text),
	                                limits, err);
	json_decref(text);
	return added;
}

static bool read_outputs(const json_t *result, const struct reply_limits *limits, struct node *node,
                         struct error *err)
{
	const json_t *outputs = json_object_get(result, "outputs");
	if (outputs == NULL || json_is_null(outputs))
		return true;
	if (!json_is_object(outputs))
		return error_set(err, ERROR_USAGE, "outputs: is %s, must be an object", json_kind(outputs));

	const json_t *parameters = json_object_get(outputs, "parameters"), *item;
	size_t i;
	if (parameters != NULL && !json_is_null(parameters) && !json_is_array(parameters))
		return error_set(err, ERROR_USAGE, "outputs.parameters: is %s, must be an array",
		                 json_kind(parameters));
	json_array_foreach(parameters, i, item)
	{
		if (!read_parameter(item, i, limits, node, err))
			return false;
	}

	const json_t *artifacts = json_object_get(outputs, "artifacts");
	if (artifacts != NULL && !json_is_null(artifacts) && !json_is_array(artifacts))
		return error_set(err, ERROR_USAGE, "outputs.artifacts: is %s, must be an array",
		                 json_kind(artifacts));
	json_array_foreach(artifacts, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *path = json_string_value(json_object_get(item, "path"));
		if (name == NULL || *name == '\0' || path == NULL || *path == '\0')
			return error_set(err, ERROR_USAGE,
			                 "outputs.artifacts[%zu]: must be {name, path}, both of them strings",
			                 i);
	}
	node->reported = json_incref((json_t *)(uintptr_t)artifacts);
	return true;
}

bool contract_result(const char *text, size_t size, const struct reply_limits *limits,
                     struct node *node, struct error *err)
{
	json_error_t fault;
	char words[JSON_FAULT_SIZE];
	json_t *result = json_loadb(text, size, 0, &fault);
	if (result == NULL)
		return error_set(err, ERROR_USAGE, "is not JSON: %s", json_fault_words(&fault, words));
	bool done = json_is_object(result)
	                ? read_phase(result, node, err) && read_message(result, node, err) &&
	                      read_outputs(result, limits, node, err)
	                : error_set(err, ERROR_USAGE, "is %s, must be an object", json_kind(result));
	json_decref(result);
	return done;
}
