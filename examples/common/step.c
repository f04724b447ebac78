#include "examples/common/step.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Argo keeps a step's inputs in a Kubernetes object of at most about 1 MiB. */
enum { INPUT_BYTES_MAX = 4 << 20 };

__attribute__((format(printf, 2, 3))) static bool refuse(struct step *step, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(step->why, sizeof step->why, fmt, args);
	va_end(args);
	return false;
}

static void path_of(char *buf, size_t size, const char *folder, const char *name)
{
	snprintf(buf, size, "%s/%s", folder, name);
}

bool step_is_here(const char *folder)
{
	char path[300];
	path_of(path, sizeof path, folder, "input.json");
	return access(path, F_OK) == 0;
}

bool step_open(struct step *step, const char *folder)
{
	char path[300];
	*step = (struct step){0};
	snprintf(step->folder, sizeof step->folder, "%s", folder);
	path_of(path, sizeof path, folder, "input.json");
	FILE *file = fopen(path, "rb");
	if (!file)
		return refuse(step, "%s: %s", path, strerror(errno));
	char *text = malloc(INPUT_BYTES_MAX);
	size_t len = text ? fread(text, 1, INPUT_BYTES_MAX, file) : 0;
	bool is_read = text && !ferror(file) && len < INPUT_BYTES_MAX;
	fclose(file);
	if (is_read) {
		const char *why;
		size_t at;
		step->input = json_parse(text, len, &why, &at);
		if (!step->input)
			refuse(step, "%s: byte %zu: %s", path, at, why);
		else if (step->input->type != JSON_OBJECT)
			is_read = refuse(step, "%s: is no object", path);
	} else {
		refuse(step, "%s: cannot be read, or is over %d bytes", path, INPUT_BYTES_MAX);
	}
	free(text);
	return is_read && step->input;
}

void step_close(struct step *step)
{
	json_free(step->input);
	step->input = NULL;
}

static const char *value_text(const struct json *value, size_t *len)
{
	const char *text = NULL;
	size_t size = 0;
	if (value && value->type == JSON_TRUE)
		text = "true";
	else if (value && value->type == JSON_FALSE)
		text = "false";
	else if (value && value->text) {
		text = value->text;
		size = value->len;
	}
	if (len)
		*len = size ? size : text ? strlen(text) : 0;
	return text;
}

static const char *find(const struct step *step, const char *list, const char *name, size_t *len)
{
	const struct json *items = json_get(step->input, list);
	for (const struct json *item = items ? items->child : NULL; item; item = item->next) {
		const struct json *found = json_get(item, "name");
		if (found && found->type == JSON_STRING && strcmp(found->text, name) == 0)
			return value_text(json_get(item, "value"), len);
	}
	return NULL;
}

const char *step_parameter(const struct step *step, const char *name, size_t *len)
{
	return find(step, "parameters", name, len);
}

const char *step_option(const struct step *step, const char *name, size_t *len)
{
	return find(step, "plugin_options", name, len);
}

static bool write_result(struct step *step, const char *phase, const char *message,
                         const char *name, const char *value, size_t len)
{
	char path[300];
	path_of(path, sizeof path, step->folder, "result.json");
	FILE *file = fopen(path, "wb");
	if (!file)
		return refuse(step, "%s: %s", path, strerror(errno));
	fprintf(file, "{\"phase\":\"%s\",\"message\":", phase);
	bool is_text = json_write_string(file, message, strlen(message));
	fputs(",\"outputs\":{\"artifacts\":[],\"parameters\":[", file);
	if (name) {
		fputs("{\"name\":", file);
		is_text = is_text && json_write_string(file, name, strlen(name));
		fputs(",\"value\":", file);
		is_text = is_text && json_write_string(file, value, len);
		fputc('}', file);
	}
	fputs("]}}\n", file);
	bool is_written = !ferror(file);
	is_written = fclose(file) == 0 && is_written;
	if (!is_text)
		return refuse(step, "%s: a result that is not UTF-8", path);
	return is_written || refuse(step, "%s: cannot be written", path);
}

bool step_succeed(struct step *step, const char *message, const char *name, const char *value,
                  size_t len)
{
	return write_result(step, "Succeeded", message, name, value, len);
}

bool step_fail(struct step *step)
{
	char why[sizeof step->why];
	memcpy(why, step->why, sizeof why);
	return write_result(step, "Failed", why, NULL, NULL, 0);
}
