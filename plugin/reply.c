#include "plugin/reply.h"

#include "validator/utf8.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char reply_not_ours[] = "{}";

/* How soon the agent is to ask again. Until then nobody waits for the step, so what this is longer
 * is added to its time. */
#define REQUEUE "1s"

void node_clear(struct node *node)
{
	for (size_t i = 0; i < node->parameter_count; i++) {
		free(node->parameters[i].name);
		bytes_clear(&node->parameters[i].value);
	}
	free(node->parameters);
	bytes_clear(&node->message);
	bytes_clear(&node->result);
	json_decref(node->artifacts);
	json_decref(node->reported);
	*node = (struct node){0};
}

void node_fail(struct node *node, const char *fmt, ...)
{
	if (node->failed && node->message.size > 0)
		return;
	node->failed = true;
	bytes_clear(&node->message);
	va_list args;
	va_start(args, fmt);
	char *text;
	if (vasprintf(&text, fmt, args) >= 0) {
		bytes_add_text(&node->message, text);
		free(text);
	}
	va_end(args);
}

const struct node_parameter *node_parameter(const struct node *node, const char *name)
{
	for (size_t i = 0; i < node->parameter_count; i++) {
		if (strcmp(node->parameters[i].name, name) == 0)
			return &node->parameters[i];
	}
	return NULL;
}

static bool is_fit(struct node *node, const char *what, const char *name, const char *value,
                   size_t size, const struct reply_limits *limits, struct error *err)
{
	if (size > limits->parameter)
		return error_set(err, ERROR_LIMIT,
		                 "%s%.200s: %zu bytes are more than an output may hold (%zu, "
		                 "--max-parameter); pass data of this size on as an artifact",
		                 what, name, size, limits->parameter);
	if (size > limits->outputs - node->output_bytes)
		return error_set(err, ERROR_LIMIT,
		                 "%s%.200s: with it the step's outputs are more than %zu bytes "
		                 "(--max-outputs); pass data of this size on as an artifact",
		                 what, name, limits->outputs);
	if (!utf8_is_whole(value, size))
		return error_set(
		    err, ERROR_USAGE,
		    "%s%.200s: is not UTF-8 text; encode binary data (base64, say) or pass it on "
		    "as an artifact",
		    what, name);
	if (memchr(value, '\0', size) != NULL)
		return error_set(err, ERROR_USAGE, "%s%.200s: holds a NUL character", what, name);
	node->output_bytes += size;
	return true;
}

bool node_add_parameter(struct node *node, const char *name, const char *value, size_t size,
                        const struct reply_limits *limits, struct error *err)
{
	if (node_parameter(node, name) != NULL)
		return error_set(err, ERROR_USAGE, "output parameter %.200s: is given twice", name);
	if (!is_fit(node, "output parameter ", name, value, size, limits, err))
		return false;
	struct node_parameter *grown =
	    realloc(node->parameters, (node->parameter_count + 1) * sizeof *grown);
	if (grown != NULL) {
		node->parameters = grown;
		struct node_parameter *parameter = &grown[node->parameter_count];
		*parameter = (struct node_parameter){.name = strdup(name)};
		if (parameter->name != NULL && bytes_add(&parameter->value, value, size)) {
			node->parameter_count++;
			return true;
		}
		free(parameter->name);
	}
	return error_set(err, ERROR_NO_MEMORY, "output parameter %.200s", name);
}

bool node_set_result(struct node *node, const char *value, size_t size,
                     const struct reply_limits *limits, struct error *err)
{
	if (!is_fit(node, "outputs.result (what the step wrote to stdout)", "", value, size, limits,
	            err))
		return false;
	if (!bytes_add(&node->result, value, size))
		return error_set(err, ERROR_NO_MEMORY, "outputs.result");
	node->has_result = true;
	return true;
}

bool node_add_artifact(struct node *node, json_t *artifact, struct error *err)
{
	if (node->artifacts == NULL)
		node->artifacts = json_array();
	return json_array_append_new(node->artifacts, artifact) == 0 ||
	       error_set(err, ERROR_NO_MEMORY, "outputs.artifacts");
}

static json_t *json_of_bytes(const struct bytes *bytes)
{
	return json_stringn(bytes->size == 0 ? "" : bytes->data, bytes->size);
}

/* A new reference, or NULL without memory. */
static json_t *json_of_message(const struct bytes *message)
{
	cleanup_bytes struct bytes cleaned = {0};
	if (!bytes_add_cleaned(&cleaned, message->data, message->size))
		return NULL;
	size_t size = cleaned.size;
	if (size > REPLY_MESSAGE_MAX) {
		size = REPLY_MESSAGE_MAX;
		while (size > 0 && ((unsigned char)cleaned.data[size] & 0xc0) == 0x80)
			size--;
	}
	return json_stringn(size == 0 ? "" : cleaned.data, size);
}

static json_t *json_of_outputs(const struct node *node)
{
	json_t *outputs = json_object();
	if (node->parameter_count > 0) {
		json_t *array = json_array();
		for (size_t i = 0; i < node->parameter_count; i++)
			json_array_append_new(array,
			                      json_pack("{s:s, s:o}", "name", node->parameters[i].name, "value",
			                                json_of_bytes(&node->parameters[i].value)));
		json_object_set_new(outputs, "parameters", array);
	}
	if (json_array_size(node->artifacts) > 0)
		json_object_set(outputs, "artifacts", node->artifacts);
	if (node->has_result)
		json_object_set_new(outputs, "result", json_of_bytes(&node->result));
	if (node->has_exit_code)
		json_object_set_new(outputs, "exitCode", json_sprintf("%d", node->exit_code));
	return outputs;
}

/* Takes `body`. */
static char *text_of_reply(json_t *body, const char *requeue)
{
	json_t *reply = json_object();
	json_object_set_new(reply, "node", body);
	if (requeue != NULL)
		json_object_set_new(reply, "requeue", json_string(requeue));
	char *text = json_dumps(reply, JSON_COMPACT);
	json_decref(reply);
	return text;
}

char *reply_of_node(const struct node *node)
{
	json_t *body = json_object();
	json_object_set_new(body, "phase", json_string(node->failed ? "Failed" : "Succeeded"));
	if (node->message.size > 0)
		json_object_set_new(body, "message", json_of_message(&node->message));
	json_t *outputs = json_of_outputs(node);
	if (json_object_size(outputs) > 0)
		json_object_set(body, "outputs", outputs);
	json_decref(outputs);
	if (node->progress[0] != '\0')
		json_object_set_new(body, "progress", json_string(node->progress));
	return text_of_reply(body, NULL);
}

char *reply_of_running(const char *message, const char *progress)
{
	json_t *body = json_object();
	json_object_set_new(body, "phase", json_string("Running"));
	if (message != NULL)
		json_object_set_new(body, "message", json_string(message));
	if (*progress != '\0')
		json_object_set_new(body, "progress", json_string(progress));
	return text_of_reply(body, REQUEUE);
}
