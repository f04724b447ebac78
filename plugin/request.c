#include "plugin/request.h"

#include "plugin/json_fault.h"
#include "plugin/scalar.h"
#include "plugin/suggest.h"
#include "validator/printable.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Objects and arrays in a request may be this deep; jansson itself stops at 2048. */
#define DOCUMENT_DEPTH_MAX 64

/* How the fields are read: `at` is the path of the object that is looked into, for messages. `kind`
 * says whom an error is for, see request_decode(). */
struct reader {
	struct request *out;
	struct error *err;
	enum error_kind kind;
};

static bool wrong(struct reader *reader, const char *at, const char *key, const json_t *value,
                  const char *expected)
{
	return error_set(reader->err, reader->kind, "%s.%s: is %s, must be %s", at, key,
	                 json_kind(value), expected);
}

static bool out_of_memory(struct reader *reader)
{
	return error_set(reader->err, ERROR_NO_MEMORY, "while decoding the request");
}

/* Null counts as absent, as Go's decoder has it. */
static json_t *field(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	return json_is_null(value) ? NULL : value;
}

/* NULL in *value when the field is absent. */
static bool read_object(struct reader *reader, const char *at, const json_t *object,
                        const char *key, json_t **value)
{
	*value = field(object, key);
	if (*value != NULL && !json_is_object(*value))
		return wrong(reader, at, key, *value, "an object");
	return true;
}

static bool read_array(struct reader *reader, const char *at, const json_t *object, const char *key,
                       json_t **value)
{
	*value = field(object, key);
	if (*value != NULL && !json_is_array(*value))
		return wrong(reader, at, key, *value, "an array");
	return true;
}

static bool read_string(struct reader *reader, const char *at, const json_t *object,
                        const char *key, const char *absent, const char **text)
{
	json_t *value = field(object, key);
	if (value != NULL && !json_is_string(value))
		return wrong(reader, at, key, value, "a string");
	*text = value == NULL ? absent : json_string_value(value);
	return true;
}

/* The text of a scalar, kept by the request. */
static bool keep_scalar(struct reader *reader, const char *at, const char *key, const json_t *value,
                        const char **text)
{
	if (!json_is_string(value) && !json_is_number(value) && !json_is_boolean(value))
		return wrong(reader, at, key, value, "a string, a number or a boolean");
	json_t *string = scalar_to_string(value);
	if (string == NULL || json_array_append_new(reader->out->texts, string) != 0)
		return out_of_memory(reader);
	*text = json_string_value(string);
	return true;
}

static const char *format_at(char *buf, size_t size, const char *at, const char *key, size_t index)
{
	snprintf(buf, size, "%s.%s[%zu]", at, key, index);
	return buf;
}

/* The objects of an array, each of which must have a non-empty string "name". */
static bool read_named(struct reader *reader, const char *at, const char *key, const json_t *array,
                       size_t index, json_t **item, const char **name)
{
	char here[128];
	format_at(here, sizeof here, at, key, index);
	*item = json_array_get(array, index);
	if (!json_is_object(*item))
		return error_set(reader->err, reader->kind, "%s: is %s, must be an object", here,
		                 json_kind(*item));
	if (!read_string(reader, here, *item, "name", "", name))
		return false;
	if (**name == '\0')
		return error_set(reader->err, reader->kind, "%s.name: is missing", here);
	return true;
}

static bool read_parameters(struct reader *reader, const json_t *inputs)
{
	struct request_values *list = &reader->out->parameters;
	json_t *array, *item;
	if (!read_array(reader, "template.inputs", inputs, "parameters", &array) || array == NULL)
		return array == NULL && reader->err->kind == ERROR_NONE;
	list->items = calloc(json_array_size(array) + 1, sizeof *list->items);
	if (list->items == NULL)
		return out_of_memory(reader);
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct request_value *parameter = &list->items[i];
		if (!read_named(reader, "template.inputs", "parameters", array, i, &item, &parameter->name))
			return false;
		parameter->value = json_object_get(item, "value");
		if (parameter->value == NULL)
			parameter->value = json_null();
		list->count++;
	}
	return true;
}

static bool read_artifacts(struct reader *reader, const char *at, const json_t *holder,
                           struct request_artifacts *list)
{
	json_t *array, *item;
	if (!read_array(reader, at, holder, "artifacts", &array) || array == NULL)
		return array == NULL && reader->err->kind == ERROR_NONE;
	list->items = calloc(json_array_size(array) + 1, sizeof *list->items);
	if (list->items == NULL)
		return out_of_memory(reader);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *name;
		char here[160];
		format_at(here, sizeof here, at, "artifacts", i);
		if (!read_named(reader, at, "artifacts", array, i, &item, &name) ||
		    !artifact_decode(item, name, here, reader->kind, &list->items[i], reader->err))
			return false;
		list->count++;
	}
	return true;
}

static bool read_outputs(struct reader *reader, const json_t *outputs)
{
	struct request_outputs *list = &reader->out->outputs;
	json_t *array, *item, *from;
	if (!read_array(reader, "template.outputs", outputs, "parameters", &array) || array == NULL)
		return array == NULL && reader->err->kind == ERROR_NONE;
	list->items = calloc(json_array_size(array) + 1, sizeof *list->items);
	if (list->items == NULL)
		return out_of_memory(reader);
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct request_output *output = &list->items[i];
		char here[160];
		format_at(here, sizeof here, "template.outputs", "parameters", i);
		if (!read_named(reader, "template.outputs", "parameters", array, i, &item, &output->name) ||
		    !read_object(reader, here, item, "valueFrom", &from))
			return false;
		strncat(here, ".valueFrom", sizeof here - strlen(here) - 1);
		if (!read_string(reader, here, from, "path", NULL, &output->path))
			return false;
		json_t *otherwise = field(from, "default");
		if (otherwise == NULL)
			otherwise = field(item, "value");
		if (otherwise != NULL &&
		    !keep_scalar(reader, here, "default", otherwise, &output->otherwise))
			return false;
		list->count++;
	}
	return true;
}

/* ---- what the author wrote: template.plugin.wasm ---- */

#define OURS "template.plugin.wasm"

/* What a person most likely took for the field that is missing. */
static bool no_module(struct reader *reader, const json_t *wasm)
{
	char shown[PRINTABLE_NAME_SIZE];
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)wasm, key, value)
	{
		if (strcmp(key, "module") == 0 || suggest_distance(key, "module") > 2)
			continue;
		printable_text(key, strlen(key), shown, sizeof shown);
		return error_set(reader->err, reader->kind,
		                 OURS ".%s: unknown field; did you mean \"module\"?", shown);
	}
	return error_set(reader->err, reader->kind,
	                 OURS ".module: is missing; give the reference of a module, as "
	                      "{oci: \"registry/name:tag\"}");
}

static bool read_module(struct reader *reader, const json_t *wasm)
{
	const json_t *module = field(wasm, "module");
	const char *key;
	json_t *value;
	if (module == NULL)
		return no_module(reader, wasm);
	if (json_is_string(module)) {
		reader->out->module = json_string_value(module);
	} else if (json_is_object(module)) {
		json_object_foreach((json_t *)module, key, value)
		{
			if (strcmp(key, "oci") != 0)
				return error_set(reader->err, reader->kind,
				                 OURS ".module.%.100s: is not known; a module is given as "
				                      "{oci: REFERENCE}",
				                 key);
		}
		if (!read_string(reader, OURS ".module", module, "oci", "", &reader->out->module))
			return false;
	} else {
		return wrong(reader, OURS, "module", module, "a string or {oci: REFERENCE}");
	}
	if (*reader->out->module == '\0')
		return error_set(reader->err, reader->kind,
		                 OURS ".module: the reference is empty; give it as {oci: "
		                      "\"registry/name:tag\"}");
	return true;
}

static bool read_permissions(struct reader *reader, const json_t *wasm)
{
	const json_t *permissions = field(wasm, "permissions");
	return permissions == NULL || policy_read(permissions, NULL, OURS ".permissions", POLICY_GRANTS,
	                                          &reader->out->permissions, reader->err);
}

static bool read_args(struct reader *reader, const json_t *wasm)
{
	struct request_texts *list = &reader->out->args;
	json_t *array;
	if (!read_array(reader, OURS, wasm, "args", &array))
		return false;
	list->items = calloc(json_array_size(array) + 1, sizeof *list->items);
	if (list->items == NULL)
		return out_of_memory(reader);
	for (size_t i = 0; i < json_array_size(array); i++) {
		char key[40];
		snprintf(key, sizeof key, "args[%zu]", i);
		if (!keep_scalar(reader, OURS, key, json_array_get(array, i), &list->items[i]))
			return false;
		list->count++;
	}
	return true;
}

static bool add_variable(struct reader *reader, const char *at, const char *name,
                         const json_t *value)
{
	struct request_texts *list = &reader->out->env;
	const char *text = "";
	if (*name == '\0' || strchr(name, '=') != NULL)
		return error_set(reader->err, reader->kind,
		                 "%s: a variable's name must not be empty or hold '='", at);
	if (!json_is_null(value) && !keep_scalar(reader, at, name, value, &text))
		return false;
	json_t *pair = json_sprintf("%s=%s", name, text);
	if (pair == NULL || json_array_append_new(reader->out->texts, pair) != 0)
		return out_of_memory(reader);
	list->items[list->count++] = json_string_value(pair);
	return true;
}

/* Either {NAME: VALUE} or Kubernetes' own [{name, value}]. */
static bool read_env(struct reader *reader, const json_t *wasm)
{
	json_t *env = field(wasm, "env"), *value;
	const char *name;
	if (env != NULL && !json_is_object(env) && !json_is_array(env))
		return wrong(reader, OURS, "env", env, "an object or an array of {name, value}");
	size_t count = json_is_array(env) ? json_array_size(env) : json_object_size(env);
	reader->out->env.items = calloc(count + 1, sizeof *reader->out->env.items);
	if (reader->out->env.items == NULL)
		return out_of_memory(reader);
	if (!json_is_array(env)) {
		json_object_foreach(env, name, value)
		{
			if (!add_variable(reader, OURS ".env", name, value))
				return false;
		}
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		json_t *item;
		char here[64];
		format_at(here, sizeof here, OURS, "env", i);
		if (!read_named(reader, OURS, "env", env, i, &item, &name))
			return false;
		value = json_object_get(item, "value");
		if (json_object_get(item, "valueFrom") != NULL)
			return error_set(reader->err, reader->kind,
			                 "%s.valueFrom: a module reads no Secret or ConfigMap; pass the value "
			                 "as an input parameter",
			                 here);
		if (!add_variable(reader, here, name, value == NULL ? json_null() : value))
			return false;
	}
	return true;
}

static bool read_stdin(struct reader *reader, const json_t *wasm)
{
	json_t *value = field(wasm, "stdin");
	return value == NULL || keep_scalar(reader, OURS, "stdin", value, &reader->out->stdin_text);
}

static const char *const ours[] = {"module", "permissions", "args", "env", "stdin", "workdir"};

#define OURS_COUNT (sizeof ours / sizeof ours[0])

/* A plain command reads no options: what is none of our fields there is a slip. */
static bool no_option(struct reader *reader, const char *key)
{
	char shown[PRINTABLE_NAME_SIZE];
	struct suggestion suggestion;
	suggestion_init(&suggestion, key);
	for (size_t i = 0; i < OURS_COUNT; i++)
		suggestion_offer(&suggestion, ours[i]);
	printable_text(key, strlen(key), shown, sizeof shown);
	if (suggestion.best != NULL)
		return error_set(reader->err, reader->kind, OURS ".%s: unknown field; did you mean \"%s\"?",
		                 shown, suggestion.best);
	return error_set(reader->err, reader->kind,
	                 OURS ".%s: unknown field; a plain command has module, permissions, args, env, "
	                      "stdin and workdir, and only a module of the contract gets options",
	                 shown);
}

/* Options of a module bear any name but one that is ours, or that a person took for ours. Short
 * names (arg, mode) are no slips. */
static bool is_slip(const char *key)
{
	for (size_t i = 0; i < OURS_COUNT; i++) {
		if (strcasecmp(key, ours[i]) == 0)
			return true;
	}
	/* Two edits: "versions" is four away, "permission" and "permisions" one. */
	return suggest_distance(key, "permissions") <= 2;
}

static bool read_options(struct reader *reader, const json_t *wasm)
{
	struct request_values *list = &reader->out->options;
	const char *key;
	json_t *value;
	list->items = calloc(json_object_size(wasm) + 1, sizeof *list->items);
	if (list->items == NULL)
		return out_of_memory(reader);
	json_object_foreach((json_t *)wasm, key, value)
	{
		bool is_ours = false;
		for (size_t i = 0; i < OURS_COUNT; i++)
			is_ours = is_ours || strcmp(key, ours[i]) == 0;
		if (!is_ours && (reader->out->form == REQUEST_COMMAND || is_slip(key)))
			return no_option(reader, key);
		if (!is_ours)
			list->items[list->count++] = (struct request_value){.name = key, .value = value};
	}
	return true;
}

static bool read_ours(struct reader *reader, const json_t *wasm)
{
	reader->kind = ERROR_USAGE;
	if (!json_is_object(wasm))
		return error_set(reader->err, reader->kind, OURS ": is %s, must be an object",
		                 json_kind(wasm));
	if (field(wasm, "args") != NULL || field(wasm, "env") != NULL || field(wasm, "stdin") != NULL ||
	    field(wasm, "workdir") != NULL)
		reader->out->form = REQUEST_COMMAND;
	return read_module(reader, wasm) && read_permissions(reader, wasm) && read_args(reader, wasm) &&
	       read_env(reader, wasm) && read_stdin(reader, wasm) &&
	       read_string(reader, OURS, wasm, "workdir", NULL, &reader->out->workdir) &&
	       read_options(reader, wasm);
}

static bool read_document(struct reader *reader)
{
	struct request *out = reader->out;
	json_t *workflow, *metadata, *template, *plugin, *inputs, *outputs;
	if (!json_is_object(out->document))
		return error_set(reader->err, reader->kind, "the body is %s, must be an object",
		                 json_kind(out->document));
	if (!read_object(reader, "body", out->document, "workflow", &workflow) ||
	    !read_object(reader, "workflow", workflow, "metadata", &metadata) ||
	    !read_string(reader, "workflow.metadata", metadata, "name", "", &out->workflow) ||
	    !read_string(reader, "workflow.metadata", metadata, "namespace", "", &out->namespace) ||
	    !read_string(reader, "workflow.metadata", metadata, "uid", "", &out->uid) ||
	    !read_object(reader, "body", out->document, "template", &template))
		return false;
	if (template == NULL)
		return error_set(reader->err, reader->kind, "template: is missing");
	if (!read_string(reader, "template", template, "name", "", &out->template) ||
	    !read_object(reader, "template", template, "plugin", &plugin))
		return false;
	json_t *wasm = json_object_get(plugin, "wasm");
	if (wasm == NULL)
		return true;
	out->form = REQUEST_CONTRACT;
	return read_object(reader, "template", template, "inputs", &inputs) &&
	       read_parameters(reader, inputs) &&
	       read_artifacts(reader, "template.inputs", inputs, &out->artifacts) &&
	       read_object(reader, "template", template, "outputs", &outputs) &&
	       read_outputs(reader, outputs) &&
	       read_artifacts(reader, "template.outputs", outputs, &out->output_artifacts) &&
	       read_ours(reader, wasm);
}

/* False when the text nests deeper than the limit, counted without decoding it. */
static bool depth_is_bounded(const char *body, size_t size)
{
	unsigned depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < size; i++) {
		if (in_string) {
			if (body[i] == '\\')
				i++;
			else if (body[i] == '"')
				in_string = false;
		} else if (body[i] == '"') {
			in_string = true;
		} else if (body[i] == '[' || body[i] == '{') {
			if (++depth > DOCUMENT_DEPTH_MAX)
				return false;
		} else if ((body[i] == ']' || body[i] == '}') && depth > 0) {
			depth--;
		}
	}
	return true;
}

bool request_decode(const char *body, size_t size, struct request *out, struct error *err)
{
	*out = (struct request){
	    .workflow = "", .namespace = "", .uid = "", .template = "", .texts = json_array()};
	struct reader reader = {.out = out, .err = err, .kind = ERROR_MALFORMED};
	if (!depth_is_bounded(body, size))
		return error_set(err, ERROR_MALFORMED, "the body nests deeper than %d levels",
		                 DOCUMENT_DEPTH_MAX);
	json_error_t fault;
	char words[JSON_FAULT_SIZE];
	out->document = json_loadb(body, size, 0, &fault);
	if (out->document == NULL)
		return error_set(err, ERROR_MALFORMED, "the body is not JSON: %s",
		                 json_fault_words(&fault, words));
	if (out->texts == NULL)
		return out_of_memory(&reader);
	return read_document(&reader);
}

size_t request_keep_names(struct request *request)
{
	const char *names[] = {request->workflow, request->namespace, request->uid, request->template};
	enum { NAMES = sizeof names / sizeof names[0] };
	size_t sizes[NAMES], size = 0;
	for (size_t i = 0; i < NAMES; i++)
		size += sizes[i] = strlen(names[i]) + 1;
	char *all = malloc(size), *at = all;
	for (size_t i = 0; i < NAMES; i++) {
		/* Without memory they are forgotten, too. */
		names[i] = all == NULL ? "" : memcpy(at, names[i], sizes[i]);
		at += all == NULL ? 0 : sizes[i];
	}
	/* Not before they are copied: a second call finds them in what it frees. */
	request_clear(request);
	request->names = all;
	request->workflow = names[0];
	request->namespace = names[1];
	request->uid = names[2];
	request->template = names[3];
	return size;
}

void request_clear(struct request *request)
{
	free(request->names);
	free(request->parameters.items);
	free(request->artifacts.items);
	free(request->outputs.items);
	free(request->output_artifacts.items);
	free(request->options.items);
	free(request->args.items);
	free(request->env.items);
	policy_clear(&request->permissions);
	json_decref(request->document);
	json_decref(request->texts);
	*request = (struct request){.workflow = "", .namespace = "", .uid = "", .template = ""};
}
