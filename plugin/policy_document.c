#include "plugin/policy_document.h"

#include "plugin/options.h"

#include <yaml.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 512

struct builder {
	yaml_parser_t parser;
	const char *source;
	json_t *marks;
	struct error *err;
	unsigned depth;
	char path[PATH_SIZE]; /* of the value that is being built */
};

__attribute__((format(printf, 3, 4))) static json_t *wrong(struct builder *builder, yaml_mark_t at,
                                                           const char *fmt, ...)
{
	char what[256];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	error_put(builder->err, ERROR_USAGE, "%s:%zu:%zu: %s", builder->source, at.line + 1,
	          at.column + 1, what);
	return NULL;
}

static bool next_event(struct builder *builder, yaml_event_t *event)
{
	if (yaml_parser_parse(&builder->parser, event))
		return true;
	const yaml_parser_t *parser = &builder->parser;
	yaml_mark_t at = parser->problem_mark;
	if (parser->error == YAML_MEMORY_ERROR)
		error_put(builder->err, ERROR_NO_MEMORY, "no memory for a policy");
	else
		wrong(builder, at, "is no YAML: %s%s%s",
		      parser->problem != NULL ? parser->problem : "it cannot be read",
		      parser->context != NULL ? ", " : "", parser->context != NULL ? parser->context : "");
	return false;
}

/* Notes where the value at builder->path stands. */
static bool mark(struct builder *builder, yaml_mark_t at)
{
	json_int_t column = at.column + 1 < 0xffff ? (json_int_t)at.column + 1 : 0xffff;
	json_t *packed = json_integer((json_int_t)(at.line + 1) << 16 | column);
	if (json_object_set_new(builder->marks, builder->path, packed) == 0)
		return true;
	error_put(builder->err, ERROR_NO_MEMORY, "no memory for a policy");
	return false;
}

/* ---- scalars: as the core schema of YAML 1.2 has them, which is JSON's ---- */

static json_t *number_of(const char *text)
{
	size_t sign = *text == '-' || *text == '+';
	size_t digits = strspn(text + sign, "0123456789");
	char *end;
	if (digits == 0)
		return NULL;
	if (text[sign + digits] == '\0') {
		errno = 0;
		long long value = strtoll(text, &end, 10);
		return errno == 0 ? json_integer(value) : NULL;
	}
	double real = strtod(text, &end);
	return strspn(text, "+-0123456789.eE") == strlen(text) && *end == '\0' ? json_real(real) : NULL;
}

static json_t *plain_of(const char *text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	static const char *const trues[] = {"true", "True", "TRUE"};
	static const char *const falses[] = {"false", "False", "FALSE"};
	for (size_t i = 0; i < 5; i++) {
		if (strcmp(text, nulls[i]) == 0)
			return json_null();
	}
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(text, trues[i]) == 0)
			return json_true();
		if (strcmp(text, falses[i]) == 0)
			return json_false();
	}
	json_t *number = number_of(text);
	return number != NULL ? number : json_string(text);
}

static json_t *scalar(struct builder *builder, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	if (strlen(text) != event->data.scalar.length)
		return wrong(builder, event->start_mark, "holds a NUL character");
	json_t *value =
	    event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_of(text) : json_string(text);
	return value != NULL ? value : wrong(builder, event->start_mark, "cannot be read");
}

/* ---- collections ---- */

static json_t *build(struct builder *builder, yaml_event_t *event);

/* Lengthens builder->path for one child; cut it again at the length that is returned. */
__attribute__((format(printf, 2, 3))) static size_t lengthen(struct builder *builder,
                                                             const char *fmt, ...)
{
	size_t len = strlen(builder->path);
	va_list args;
	va_start(args, fmt);
	vsnprintf(builder->path + len, sizeof builder->path - len, fmt, args);
	va_end(args);
	return len;
}

static bool add_item(struct builder *builder, json_t *array, yaml_event_t *event)
{
	size_t len = lengthen(builder, "[%zu]", json_array_size(array));
	json_t *item = build(builder, event);
	builder->path[len] = '\0';
	return item != NULL && json_array_append_new(array, item) == 0;
}

static bool add_member(struct builder *builder, json_t *object, yaml_event_t *key)
{
	yaml_event_t event;
	const char *name = (const char *)key->data.scalar.value;
	if (key->type != YAML_SCALAR_EVENT || strlen(name) != key->data.scalar.length)
		return wrong(builder, key->start_mark, "a name must be a text");
	if (json_object_get(object, name) != NULL)
		return wrong(builder, key->start_mark, "%.60s is given twice", name);
	if (!next_event(builder, &event))
		return false;
	size_t len = lengthen(builder, "%s%s", *builder->path != '\0' ? "." : "", name);
	/* The name is where a person looks; a list below it would be marked at its first item. */
	json_t *value = build(builder, &event);
	bool ok = value != NULL && mark(builder, key->start_mark);
	yaml_event_delete(&event);
	builder->path[len] = '\0';
	return ok && json_object_set_new(object, name, value) == 0;
}

static json_t *collect(struct builder *builder, json_t *into, yaml_event_type_t end,
                       bool (*add)(struct builder *, json_t *, yaml_event_t *))
{
	yaml_event_t event;
	bool ok = into != NULL;
	while (ok && next_event(builder, &event)) {
		bool is_end = event.type == end;
		ok = is_end || add(builder, into, &event);
		yaml_event_delete(&event);
		if (is_end)
			return into;
	}
	json_decref(into);
	return NULL;
}

static bool is_tagged(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.tag != NULL || event->data.scalar.anchor != NULL;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.tag != NULL || event->data.sequence_start.anchor != NULL;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.tag != NULL || event->data.mapping_start.anchor != NULL;
	default:
		return event->type == YAML_ALIAS_EVENT;
	}
}

/* The value that begins with the event. */
static json_t *build(struct builder *builder, yaml_event_t *event)
{
	json_t *value = NULL;
	if (is_tagged(event))
		return wrong(builder, event->start_mark,
		             "anchors, aliases and tags are not supported; write the value out");
	if (builder->depth == POLICY_DEPTH_MAX)
		return wrong(builder, event->start_mark, "nests deeper than %d levels", POLICY_DEPTH_MAX);
	if (!mark(builder, event->start_mark))
		return NULL;
	builder->depth++;
	if (event->type == YAML_SCALAR_EVENT)
		value = scalar(builder, event);
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		value = collect(builder, json_array(), YAML_SEQUENCE_END_EVENT, add_item);
	else if (event->type == YAML_MAPPING_START_EVENT)
		value = collect(builder, json_object(), YAML_MAPPING_END_EVENT, add_member);
	builder->depth--;
	return value;
}

/* Skips to the first event of the one document there is. */
static bool build_document(struct builder *builder, json_t **document)
{
	yaml_event_t event;
	for (;;) {
		if (!next_event(builder, &event))
			return false;
		yaml_event_type_t type = event.type;
		yaml_mark_t at = event.start_mark;
		bool is_value = type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
		                type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT;
		if (is_value && *document != NULL)
			wrong(builder, at, "a second document begins; a policy is one");
		else if (is_value)
			*document = build(builder, &event);
		yaml_event_delete(&event);
		if (is_value && builder->err->kind != ERROR_NONE)
			return false;
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	if (*document == NULL)
		wrong(builder, (yaml_mark_t){0}, "is empty; a policy that grants nothing is {}");
	return *document != NULL;
}

bool policy_document_parse(const char *text, size_t size, const char *source, json_t **document,
                           json_t **marks, struct error *err)
{
	struct builder builder = {.source = source, .err = err};
	*document = NULL;
	*marks = builder.marks = json_object();
	if (*marks == NULL || !yaml_parser_initialize(&builder.parser))
		return error_set(err, ERROR_NO_MEMORY, "no memory for a policy");
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, size);
	bool ok = build_document(&builder, document);
	yaml_parser_delete(&builder.parser);
	return ok;
}
