#include "tests/e2e/agent/workflow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text == NULL ? "" : text;
}

static const json_t *named(const json_t *array, const char *name)
{
	const json_t *item;
	size_t i;
	json_array_foreach(array, i, item)
	{
		if (strcmp(text_of(item, "name"), name) == 0)
			return item;
	}
	return NULL;
}

static const json_t *spec_of(const struct workflow *workflow)
{
	return json_object_get(workflow->document, "spec");
}

static const json_t *template_of(const struct workflow *workflow, const char *name)
{
	return named(json_object_get(spec_of(workflow), "templates"), name);
}

/* ---- {{…}} ---- */

static struct workflow_node *node_of(const struct workflow *workflow, const char *task)
{
	for (size_t i = 0; i < workflow->count; i++) {
		if (strcmp(workflow->nodes[i].task, task) == 0)
			return &workflow->nodes[i];
	}
	return NULL;
}

/* A parameter's value in a list of {name, value}. */
static const json_t *parameter(const json_t *holder, const char *name)
{
	return json_object_get(named(json_object_get(holder, "parameters"), name), "value");
}

/* What stands between the braces, split at its dots: at most four words, the last may hold dots. */
static const json_t *look_up(const struct workflow *workflow, const struct workflow_node *node,
                             const json_t *inputs, const char *expression)
{
	char task[128], name[128];
	if (sscanf(expression, "inputs.parameters.%127s", name) == 1)
		return parameter(inputs, name);
	if (sscanf(expression, "workflow.parameters.%127s", name) == 1)
		return parameter(json_object_get(spec_of(workflow), "arguments"), name);
	if (strcmp(expression, "workflow.name") == 0)
		return json_object_get(json_object_get(workflow->document, "metadata"), "name");
	if (strcmp(expression, "item") == 0)
		return node->item;
	if (sscanf(expression, "tasks.%127[^.].outputs.%127s", task, name) == 2) {
		const struct workflow_node *other = node_of(workflow, task);
		const json_t *outputs = other == NULL ? NULL : other->outputs;
		if (strncmp(name, "parameters.", 11) == 0)
			return parameter(outputs, name + 11);
		if (strncmp(name, "artifacts.", 10) == 0)
			return named(json_object_get(outputs, "artifacts"), name + 10);
		return json_object_get(outputs, name);
	}
	return NULL;
}

static void append(char **text, size_t *size, const char *more, size_t count)
{
	*text = realloc(*text, *size + count + 1);
	memcpy(*text + *size, more, count);
	*size += count;
	(*text)[*size] = '\0';
}

/* A string with its {{…}} replaced; what is not known stays. */
static json_t *replaced(const struct workflow *workflow, const struct workflow_node *node,
                        const json_t *inputs, const char *text)
{
	char *out = NULL;
	size_t size = 0;
	append(&out, &size, "", 0);
	while (*text != '\0') {
		const char *open = strstr(text, "{{"), *close = open == NULL ? NULL : strstr(open, "}}");
		if (close == NULL) {
			append(&out, &size, text, strlen(text));
			break;
		}
		append(&out, &size, text, (size_t)(open - text));
		char expression[256];
		snprintf(expression, sizeof expression, "%.*s", (int)(close - open - 2), open + 2);
		const json_t *value = look_up(workflow, node, inputs, expression);
		if (strcmp(expression, "retries") == 0) {
			char text_of_it[16];
			int digits = snprintf(text_of_it, sizeof text_of_it, "%u", node->retries);
			append(&out, &size, text_of_it, (size_t)digits);
		} else if (json_is_string(value)) {
			append(&out, &size, json_string_value(value), json_string_length(value));
		} else if (value != NULL) {
			char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
			append(&out, &size, dump, strlen(dump));
			free(dump);
		} else {
			append(&out, &size, open, (size_t)(close - open + 2));
		}
		text = close + 2;
	}
	json_t *string = json_stringn(out, size);
	free(out);
	return string;
}

/* A copy with all strings replaced. */
static json_t *filled(const struct workflow *workflow, const struct workflow_node *node,
                      const json_t *inputs, const json_t *value)
{
	const char *key;
	json_t *item, *copy;
	size_t i;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		copy = json_object();
		json_object_foreach((json_t *)(size_t)value, key, item)
		    json_object_set_new(copy, key, filled(workflow, node, inputs, item));
		return copy;
	case JSON_ARRAY:
		copy = json_array();
		json_array_foreach(value, i, item)
		    json_array_append_new(copy, filled(workflow, node, inputs, item));
		return copy;
	case JSON_STRING:
		return replaced(workflow, node, inputs, json_string_value(value));
	default:
		return json_deep_copy(value);
	}
}

/* ---- the request of a node ---- */

/* The template's inputs with the task's arguments in their places. */
static json_t *inputs_of(const struct workflow *workflow, const struct workflow_node *node,
                         const json_t *template)
{
	json_t *inputs = json_deep_copy(json_object_get(template, "inputs")), *item, *merged;
	const json_t *arguments = json_object_get(node->spec, "arguments"), *given;
	size_t i;
	if (inputs == NULL)
		inputs = json_object();
	json_array_foreach(json_object_get(inputs, "parameters"), i, item)
	{
		const json_t *value = parameter(arguments, text_of(item, "name"));
		if (value != NULL)
			json_object_set_new(item, "value", filled(workflow, node, NULL, value));
	}
	json_array_foreach(json_object_get(inputs, "artifacts"), i, item)
	{
		given = named(json_object_get(arguments, "artifacts"), text_of(item, "name"));
		const char *from = text_of(given, "from");
		char expression[256];
		if (sscanf(from, "{{%255[^}]}}", expression) == 1) {
			/* The other's location at this one's path. */
			const json_t *source = look_up(workflow, node, NULL, expression);
			merged = json_deep_copy(source);
			json_object_update(merged, item);
			json_object_update(item, merged);
			json_decref(merged);
		} else if (given != NULL) {
			merged = filled(workflow, node, NULL, given);
			json_object_update(item, merged);
			json_decref(merged);
		}
	}
	return inputs;
}

static char *body_of(const struct workflow *workflow, const struct workflow_node *node)
{
	const json_t *template = template_of(workflow, text_of(node->spec, "template"));
	json_t *inputs = inputs_of(workflow, node, template);
	json_t *whole = filled(workflow, node, inputs, template);
	json_object_set_new(whole, "inputs", filled(workflow, node, inputs, inputs));
	json_decref(inputs);
	const json_t *metadata = json_object_get(workflow->document, "metadata");
	json_t *request =
	    json_pack("{s:{s:{s:s,s:s,s:s}},s:o}", "workflow", "metadata", "name",
	              text_of(metadata, "name"), "namespace", text_of(metadata, "namespace"), "uid",
	              text_of(metadata, "uid"), "template", whole);
	char *body = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	return body;
}

/* ---- the DAG ---- */

static bool refuse(const char *path, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "agent: %s: ", path);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	return false;
}

static void add_node(struct workflow *workflow, const json_t *task, json_t *item, size_t index)
{
	workflow->nodes = realloc(workflow->nodes, (workflow->count + 1) * sizeof *workflow->nodes);
	struct workflow_node *node = &workflow->nodes[workflow->count++];
	*node = (struct workflow_node){.task = text_of(task, "name"), .spec = task, .item = item};
	if (item == NULL) {
		node->name = strdup(node->task);
		return;
	}
	char *text = json_dumps(item, JSON_ENCODE_ANY | JSON_COMPACT);
	if (asprintf(&node->name, "%s(%zu:%s)", node->task, index, text) < 0)
		abort();
	free(text);
}

/* How often a node of the template is tried again; false for a strategy that is not known here. */
static bool retry_limit(const json_t *template, long *limit)
{
	static const char *const known[] = {"limit", "retryPolicy"};
	const json_t *strategy = json_object_get(template, "retryStrategy"), *value;
	size_t count = 0;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		count += json_object_get(strategy, known[i]) != NULL;
	value = json_object_get(strategy, "limit");
	*limit = json_is_string(value) ? atol(json_string_value(value)) : json_integer_value(value);
	return count == json_object_size(strategy) && (strategy == NULL || *limit > 0);
}

static bool add_task(struct workflow *workflow, const char *path, const json_t *task)
{
	static const char *const known[] = {"name", "template", "dependencies", "arguments",
	                                    "withItems"};
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(size_t)task, key, value)
	{
		bool is_known = false;
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			is_known = is_known || strcmp(key, known[i]) == 0;
		if (!is_known)
			return refuse(path, "task %s: %s is not known here", text_of(task, "name"), key);
	}
	const json_t *template = template_of(workflow, text_of(task, "template"));
	long limit;
	if (json_object_get(template, "plugin") == NULL)
		return refuse(path, "task %s: its template is no plugin template", text_of(task, "name"));
	if (!retry_limit(template, &limit))
		return refuse(path, "task %s: its template's retryStrategy is not known here",
		              text_of(task, "name"));
	json_t *items = json_object_get(task, "withItems"), *item;
	size_t i;
	json_array_foreach(items, i, item) add_node(workflow, task, item, i);
	if (items == NULL)
		add_node(workflow, task, NULL, 0);
	return true;
}

struct workflow *workflow_load(const char *path)
{
	json_error_t where;
	struct workflow *workflow = calloc(1, sizeof *workflow);
	workflow->document = json_load_file(path, 0, &where);
	bool fine = workflow->document != NULL;
	if (!fine)
		refuse(path, "line %d: %s", where.line, where.text);
	const json_t *entry = template_of(workflow, text_of(spec_of(workflow), "entrypoint"));
	const json_t *tasks = json_object_get(json_object_get(entry, "dag"), "tasks"), *task;
	size_t i;
	if (fine && !json_is_array(tasks))
		fine = refuse(path, "its entrypoint is no dag");
	json_array_foreach(tasks, i, task) fine = fine && add_task(workflow, path, task);
	if (fine)
		return workflow;
	workflow_destroy(workflow);
	return NULL;
}

void workflow_destroy(struct workflow *workflow)
{
	for (size_t i = 0; i < workflow->count; i++) {
		struct workflow_node *node = &workflow->nodes[i];
		free(node->name);
		free(node->body);
		free(node->message);
		free(node->progress);
		json_decref(node->outputs);
	}
	free(workflow->nodes);
	json_decref(workflow->document);
	free(workflow);
}

bool workflow_retry(const struct workflow *workflow, struct workflow_node *node)
{
	const json_t *template = template_of(workflow, text_of(node->spec, "template"));
	const char *policy = text_of(json_object_get(template, "retryStrategy"), "retryPolicy");
	bool always = strcmp(policy, "Always") == 0;
	bool of_failure = always || *policy == '\0' || strcmp(policy, "OnFailure") == 0;
	bool of_error = always || strcmp(policy, "OnError") == 0;
	long limit;
	if (!retry_limit(template, &limit) || (long)node->retries >= limit ||
	    !((of_failure && strcmp(node->phase, "Failed") == 0) ||
	      (of_error && strcmp(node->phase, "Error") == 0)))
		return false;
	node->retries++;
	node->phase = "Pending";
	free(node->body);
	node->body = body_of(workflow, node);
	return true;
}

bool workflow_node_is_over(const struct workflow_node *node)
{
	return node->phase != NULL && strcmp(node->phase, "Running") != 0 &&
	       strcmp(node->phase, "Pending") != 0;
}

/* 1: all have succeeded; 0: not yet; -1: one never will. */
static int dependencies(const struct workflow *workflow, const struct workflow_node *node)
{
	const json_t *name;
	size_t i;
	int verdict = 1;
	json_array_foreach(json_object_get(node->spec, "dependencies"), i, name)
	{
		for (size_t j = 0; j < workflow->count; j++) {
			const struct workflow_node *other = &workflow->nodes[j];
			if (strcmp(other->task, json_string_value(name)) != 0)
				continue;
			if (!workflow_node_is_over(other))
				verdict = verdict < 0 ? verdict : 0;
			else if (strcmp(other->phase, "Succeeded") != 0)
				verdict = -1;
		}
	}
	return verdict;
}

struct workflow_node *workflow_next(struct workflow *workflow)
{
	for (size_t i = 0; i < workflow->count; i++) {
		struct workflow_node *node = &workflow->nodes[i];
		if (node->phase != NULL)
			continue;
		int verdict = dependencies(workflow, node);
		if (verdict < 0) {
			node->phase = "Omitted";
			i = (size_t)-1; /* those behind it may be omitted, too */
		} else if (verdict > 0) {
			node->phase = "Pending";
			node->body = body_of(workflow, node);
			return node;
		}
	}
	return NULL;
}

static void set_text(char **place, const char *text)
{
	if (*text != '\0') {
		free(*place);
		*place = strdup(text);
	}
}

void workflow_take(struct workflow_node *node, const json_t *result)
{
	static const char *const phases[] = {"Pending", "Running", "Succeeded", "Failed", "Error"};
	for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
		if (strcmp(text_of(result, "phase"), phases[i]) == 0)
			node->phase = phases[i];
	}
	set_text(&node->message, text_of(result, "message"));
	set_text(&node->progress, text_of(result, "progress"));
	json_decref(node->outputs);
	node->outputs = json_incref(json_object_get(result, "outputs"));
}

void workflow_fail(struct workflow_node *node, const char *message)
{
	node->phase = "Error";
	set_text(&node->message, message);
}

json_t *workflow_report(const struct workflow *workflow)
{
	json_t *report = json_object();
	for (size_t i = 0; i < workflow->count; i++) {
		const struct workflow_node *node = &workflow->nodes[i];
		json_object_set_new(report, node->name,
		                    json_pack("{s:s, s:s*, s:s*, s:O*, s:i}", "phase",
		                              node->phase == NULL ? "" : node->phase, "message",
		                              node->message, "progress", node->progress, "outputs",
		                              node->outputs, "retries", (int)node->retries));
	}
	return report;
}
