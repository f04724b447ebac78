#include "spec-tests/script.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	bool is_assertion;
} commands[] = {
#define X(id, word, is_assertion) {word, is_assertion},
    SCRIPT_COMMANDS(X)
#undef X
};

static const char *const types[] = {
#define X(id, word) word,
    SCRIPT_TYPES(X)
#undef X
};

const char *command_word(enum command_type type)
{
	return commands[type].word;
}

bool command_is_assertion(enum command_type type)
{
	return commands[type].is_assertion;
}

const char *script_type_word(enum script_type type)
{
	return types[type];
}

/* Arrays of values live in one list of blocks, freed with the script. */
struct block {
	struct block *next;
	struct script_value values[];
};

static struct script_value *new_values(struct script *script, size_t count, struct error *err)
{
	struct block *block = calloc(1, sizeof *block + count * sizeof block->values[0]);
	if (!block) {
		error_set(err, ERROR_NO_MEMORY, "%zu values of a script", count);
		return NULL;
	}
	block->next = script->pool;
	script->pool = block;
	return block->values;
}

static bool read_string(const json_t *object, const char *key, bool is_wanted,
                        struct script_name *out, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value && !is_wanted)
		return true;
	if (!json_is_string(value))
		return error_set(err, ERROR_USAGE, "\"%s\" is missing or no string", key);
	*out = (struct script_name){json_string_value(value), json_string_length(value)};
	return true;
}

/* Decimal, signed or unsigned, that fits the width; two's complement in *out. */
static bool read_integer(const char *text, unsigned bytes, uint64_t *out, struct error *err)
{
	char *end;
	errno = 0;
	bool is_negative = text[0] == '-';
	uint64_t bits = is_negative ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
	if (errno || end == text || *end)
		return error_set(err, ERROR_USAGE, "\"%s\" is no integer of %u bytes", text, bytes);
	if (bytes < 8) {
		uint64_t over = bits >> (8 * bytes - (is_negative ? 1 : 0));
		if (over != (is_negative ? UINT64_MAX >> (8 * bytes - 1) : 0))
			return error_set(err, ERROR_USAGE, "\"%s\" does not fit %u bytes", text, bytes);
		bits &= (UINT64_C(1) << 8 * bytes) - 1;
	}
	*out = bits;
	return true;
}

static bool read_number(const char *text, enum script_type type, unsigned bytes, uint64_t *bits,
                        enum pattern *pattern, struct error *err)
{
	bool is_float = type == SCRIPT_F32 || type == SCRIPT_F64;
	*bits = 0;
	*pattern = PATTERN_EXACT;
	if (is_float && strcmp(text, "nan:canonical") == 0) {
		*pattern = PATTERN_NAN_CANONICAL;
		return true;
	}
	if (is_float && strcmp(text, "nan:arithmetic") == 0) {
		*pattern = PATTERN_NAN_ARITHMETIC;
		return true;
	}
	return read_integer(text, bytes, bits, err);
}

static bool read_v128(const json_t *json, struct script_value *out, struct error *err)
{
	static const struct {
		const char *word;
		enum script_type type;
		unsigned bytes;
	} lanes[] = {{"i8", SCRIPT_I64, 1},  {"i16", SCRIPT_I64, 2}, {"i32", SCRIPT_I64, 4},
	             {"i64", SCRIPT_I64, 8}, {"f32", SCRIPT_F32, 4}, {"f64", SCRIPT_F64, 8}};
	const char *word = json_string_value(json_object_get(json, "lane_type"));
	const json_t *values = json_object_get(json, "value");
	for (size_t i = 0; word && i < sizeof lanes / sizeof lanes[0]; i++) {
		if (strcmp(word, lanes[i].word) != 0)
			continue;
		unsigned bytes = lanes[i].bytes;
		if (!json_is_array(values) || json_array_size(values) != 16 / bytes)
			return error_set(err, ERROR_USAGE, "v128 of %s has not %u lanes", word, 16 / bytes);
		out->lane_type = lanes[i].type;
		out->lane_bytes = (uint8_t)bytes;
		for (unsigned lane = 0; lane < 16 / bytes; lane++) {
			const char *text = json_string_value(json_array_get(values, lane));
			uint64_t bits;
			enum pattern pattern;
			if (!text)
				return error_set(err, ERROR_USAGE, "lane %u of a v128 is no string", lane);
			if (!read_number(text, lanes[i].type, bytes, &bits, &pattern, err))
				return false;
			if (lane < FLOAT_LANES_MAX)
				out->lane_pattern[lane] = (uint8_t)pattern;
			for (unsigned byte = 0; byte < bytes; byte++)
				out->v128[lane * bytes + byte] = (uint8_t)(bits >> 8 * byte);
		}
		return true;
	}
	return error_set(err, ERROR_USAGE, "v128 with unknown lane_type \"%s\"", word ? word : "");
}

static bool read_values(struct script *script, const json_t *array, struct script_value **out,
                        size_t *count, struct error *err);

static bool read_value(struct script *script, const json_t *json, struct script_value *out,
                       struct error *err)
{
	const char *word = json_string_value(json_object_get(json, "type"));
	unsigned type = 0;
	while (type < SCRIPT_TYPE_COUNT && (!word || strcmp(word, types[type]) != 0))
		type++;
	if (type == SCRIPT_TYPE_COUNT)
		return error_set(err, ERROR_USAGE, "unknown type of value \"%s\"", word ? word : "");
	out->type = type;

	if (type == SCRIPT_EITHER)
		return read_values(script, json_object_get(json, "values"), &out->choices,
		                   &out->choice_count, err);
	if (type == SCRIPT_V128)
		return read_v128(json, out, err);

	const json_t *value = json_object_get(json, "value");
	if (!value) {
		out->pattern = type >= SCRIPT_NULLREF ? PATTERN_NULL : PATTERN_ANY;
		return true;
	}
	const char *text = json_string_value(value);
	if (!text)
		return error_set(err, ERROR_USAGE, "value of type %s is no string", word);
	if (type >= SCRIPT_FUNCREF && strcmp(text, "null") == 0) {
		out->pattern = PATTERN_NULL;
		return true;
	}
	unsigned bytes = type == SCRIPT_I32 || type == SCRIPT_F32 ? 4 : 8;
	return read_number(text, type, bytes, &out->bits, &out->pattern, err);
}

static bool read_values(struct script *script, const json_t *array, struct script_value **out,
                        size_t *count, struct error *err)
{
	if (!json_is_array(array))
		return error_set(err, ERROR_USAGE, "a list of values is missing");
	*count = json_array_size(array);
	*out = new_values(script, *count, err);
	if (!*out)
		return false;
	for (size_t i = 0; i < *count; i++) {
		if (!read_value(script, json_array_get(array, i), &(*out)[i], err)) {
			error_wrap(err, "value %zu", i);
			return false;
		}
	}
	return true;
}

static bool read_action(struct script *script, const json_t *json, struct command *out,
                        struct error *err)
{
	const json_t *action = json_object_get(json, "action");
	const char *word = json_string_value(json_object_get(action, "type"));
	if (!word || (strcmp(word, "invoke") != 0 && strcmp(word, "get") != 0))
		return error_set(err, ERROR_USAGE, "action \"%s\" is neither invoke nor get",
		                 word ? word : "");
	out->is_get = strcmp(word, "get") == 0;
	return read_string(action, "module", false, &out->module, err) &&
	       read_string(action, "field", true, &out->field, err) &&
	       (out->is_get ||
	        read_values(script, json_object_get(action, "args"), &out->args, &out->arg_count, err));
}

/* The file to load: the binary one where the converter could make it, also from quoted text. */
static bool read_file_name(const json_t *json, struct command *out, struct error *err)
{
	struct script_name file = {0}, binary = {0};
	const char *kind = json_string_value(json_object_get(json, "module_type"));
	if (!read_string(json, "filename", true, &file, err) ||
	    !read_string(json, "binary_filename", false, &binary, err))
		return false;
	if (kind && strcmp(kind, "text") != 0 && strcmp(kind, "binary") != 0)
		return error_set(err, ERROR_USAGE, "unknown module_type \"%s\"", kind);
	out->is_text = kind && strcmp(kind, "text") == 0 && !binary.data;
	out->filename = binary.data ? binary.data : file.data;
	return true;
}

static bool read_command(struct script *script, const json_t *json, struct command *out,
                         struct error *err)
{
	const char *word = json_string_value(json_object_get(json, "type"));
	unsigned type = 0;
	while (type < COMMAND_TYPE_COUNT && (!word || strcmp(word, commands[type].word) != 0))
		type++;
	out->line = (int)json_integer_value(json_object_get(json, "line"));
	if (type == COMMAND_TYPE_COUNT)
		return error_set(err, ERROR_USAGE, "line %d: unknown command \"%s\"", out->line,
		                 word ? word : "");
	out->type = type;

	struct script_name text = {0};
	bool is_read = read_string(json, "text", false, &text, err);
	out->text = text.data;
	switch (out->type) {
	case COMMAND_MODULE_INSTANCE:
		is_read = is_read && read_string(json, "module", false, &out->name, err) &&
		          read_string(json, "instance", false, &out->as, err);
		break;
	case COMMAND_REGISTER:
		is_read = is_read && read_string(json, "name", false, &out->name, err) &&
		          read_string(json, "as", true, &out->as, err);
		break;
	case COMMAND_ACTION:
	case COMMAND_ASSERT_RETURN:
	case COMMAND_ASSERT_TRAP:
	case COMMAND_ASSERT_EXHAUSTION:
	case COMMAND_ASSERT_EXCEPTION:
		is_read = is_read && read_action(script, json, out, err);
		break;
	default:
		is_read = is_read && read_string(json, "name", false, &out->name, err) &&
		          read_file_name(json, out, err);
		break;
	}
	if (is_read && out->type == COMMAND_ASSERT_RETURN) {
		out->has_expected = true;
		is_read = read_values(script, json_object_get(json, "expected"), &out->expected,
		                      &out->expected_count, err);
	}
	if (!is_read)
		error_wrap(err, "line %d, %s", out->line, word);
	return is_read;
}

/* "…/core/address/address.json" → dir "…/core/address/", title "core/address". A proposal's group
 * has two parts, "proposals/threads". */
static bool set_names(struct script *script, const char *path)
{
	const char *slash = strrchr(path, '/');
	script->dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("./");

	const char *file = slash ? slash + 1 : path;
	const char *dot = strrchr(file, '.');
	int file_len = (int)(dot ? dot - file : (long)strlen(file));
	const char *parts[4] = {0};
	size_t count = 0;
	for (const char *at = slash; at && count < 4;) {
		const char *start = at;
		while (start > path && start[-1] != '/')
			start--;
		parts[count++] = start;
		at = start > path ? start - 1 : NULL;
	}
	bool is_suite_path =
	    count >= 2 && strncmp(parts[0], file, (size_t)file_len) == 0 && parts[0][file_len] == '/';
	const char *group = is_suite_path ? parts[1] : NULL;
	if (group && count >= 3 && strncmp(parts[2], "proposals/", 10) == 0)
		group = parts[2];
	int group_len = group ? (int)(parts[0] - group) : 0;
	size_t size = (size_t)group_len + (size_t)file_len + 1;
	script->title = malloc(size);
	if (!script->dir || !script->title)
		return false;
	if (group)
		memcpy(script->title, group, (size_t)group_len);
	memcpy(script->title + group_len, file, (size_t)file_len);
	script->title[size - 1] = 0;
	return true;
}

struct script *script_load(const char *path, struct error *err)
{
	struct script *script = calloc(1, sizeof *script);
	if (!script || !set_names(script, path)) {
		script_destroy(script);
		error_set(err, ERROR_NO_MEMORY, "%s", path);
		return NULL;
	}

	json_error_t at;
	json_t *root = json_load_file(path, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &at);
	script->json = root;
	const json_t *list = json_object_get(root, "commands");
	if (!root)
		error_set(err, ERROR_USAGE, "%s:%d: %s", path, at.line, at.text);
	else if (!json_is_array(list))
		error_set(err, ERROR_USAGE, "%s: no \"commands\"; is this a script of the suite?", path);
	else if (json_array_size(list) == 0)
		error_set(err, ERROR_USAGE, "%s: no command in \"commands\": it proves nothing", path);
	else if (!(script->commands = calloc(json_array_size(list) + 1, sizeof *script->commands)))
		error_set(err, ERROR_NO_MEMORY, "%s", path);
	else {
		size_t count = json_array_size(list);
		while (script->command_count < count &&
		       read_command(script, json_array_get(list, script->command_count),
		                    &script->commands[script->command_count], err))
			script->command_count++;
		if (script->command_count == count)
			return script;
		error_wrap(err, "%s: command %zu", path, script->command_count);
	}
	script_destroy(script);
	return NULL;
}

void script_destroy(struct script *script)
{
	if (!script)
		return;
	for (struct block *block = script->pool; block;) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
	json_decref(script->json);
	free(script->commands);
	free(script->dir);
	free(script->title);
	free(script);
}
