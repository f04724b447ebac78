#include "examples/common/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	const char *at, *start, *end;
	const char *why;
	unsigned depth;
};

/* The length of the UTF-8 character at `text`, 0 when there is none: overlong forms, surrogates and
 * what lies beyond U+10FFFF are none (RFC 3629). */
static size_t utf8_length(const char *text, const char *end)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t len = *c < 0x80 ? 1 : *c < 0xc2 ? 0 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : *c < 0xf5 ? 4 : 0;
	if (len == 0 || (size_t)(end - text) < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
	    (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
		return 0;
	return len;
}

static bool refuse(struct parser *parser, const char *why)
{
	if (!parser->why)
		parser->why = why;
	return false;
}

static void skip_space(struct parser *parser)
{
	while (parser->at < parser->end && memchr(" \t\n\r", *parser->at, 4))
		parser->at++;
}

static bool take(struct parser *parser, char c)
{
	if (parser->at == parser->end || *parser->at != c)
		return false;
	parser->at++;
	return true;
}

static bool read_hex(struct parser *parser, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++, parser->at++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit =
		    parser->at < parser->end && *parser->at ? strchr(digits, *parser->at) : NULL;
		if (!digit)
			return refuse(parser, "\\u wants four hexadecimal digits");
		uint32_t value = (uint32_t)(digit - digits);
		*out = *out << 4 | (value > 15 ? value - 6 : value);
	}
	return true;
}

static bool read_escaped_code(struct parser *parser, char **out)
{
	uint32_t code, low;
	if (!read_hex(parser, &code))
		return false;
	if (code >= 0xd800 && code < 0xe000) {
		bool is_pair = code < 0xdc00 && take(parser, '\\') && take(parser, 'u');
		if (is_pair && !read_hex(parser, &low))
			return false;
		if (!is_pair || low < 0xdc00 || low > 0xdfff)
			return refuse(parser, "a surrogate without its pair");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
	*(*out)++ = (char)(lead[more] | code >> 6 * more);
	while (more-- > 0)
		*(*out)++ = (char)(0x80 | (code >> 6 * more & 0x3f));
	return true;
}

static bool read_escape(struct parser *parser, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (take(parser, 'u'))
		return read_escaped_code(parser, out);
	const char *found = parser->at < parser->end && *parser->at ? strchr(from, *parser->at) : NULL;
	if (!found)
		return refuse(parser, "an unknown escape");
	*(*out)++ = to[found - from];
	parser->at++;
	return true;
}

/* At the opening quote. No escape is shorter than what it stands for, so the source's length is
 * enough. */
static bool read_string(struct parser *parser, char **text, size_t *len)
{
	if (!take(parser, '"'))
		return refuse(parser, "a string is due");
	char *out = *text = malloc((size_t)(parser->end - parser->at) + 1);
	if (!out)
		return refuse(parser, "out of memory");
	while (!take(parser, '"')) {
		if (parser->at == parser->end)
			return refuse(parser, "a string without its closing quote");
		if ((unsigned char)*parser->at < 0x20)
			return refuse(parser, "a control character in a string");
		if (take(parser, '\\')) {
			if (!read_escape(parser, &out))
				return false;
			continue;
		}
		size_t size = utf8_length(parser->at, parser->end);
		if (size == 0)
			return refuse(parser, "text that is not UTF-8");
		memcpy(out, parser->at, size);
		out += size;
		parser->at += size;
	}
	*len = (size_t)(out - *text);
	*out = 0;
	char *fitting = realloc(*text, *len + 1);
	*text = fitting ? fitting : *text;
	return true;
}

static bool read_digits(struct parser *parser)
{
	const char *start = parser->at;
	while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9')
		parser->at++;
	return parser->at > start || refuse(parser, "a digit is due");
}

static bool read_number(struct parser *parser, struct json *out)
{
	const char *start = parser->at;
	take(parser, '-');
	if (!take(parser, '0') && !read_digits(parser))
		return false;
	if (take(parser, '.') && !read_digits(parser))
		return false;
	if (take(parser, 'e') || take(parser, 'E')) {
		if (!take(parser, '+'))
			take(parser, '-');
		if (!read_digits(parser))
			return false;
	}
	out->type = JSON_NUMBER;
	out->len = (size_t)(parser->at - start);
	out->text = strndup(start, out->len);
	return out->text || refuse(parser, "out of memory");
}

static bool read_word(struct parser *parser, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(parser->end - parser->at) < len || memcmp(parser->at, word, len) != 0)
		return refuse(parser, "a value is due");
	parser->at += len;
	return true;
}

static bool read_value(struct parser *parser, struct json *out);

static bool has_key(const struct json *object, const struct json *member)
{
	for (const struct json *other = object->child; other != member; other = other->next) {
		if (other->key_len == member->key_len &&
		    memcmp(other->key, member->key, member->key_len) == 0)
			return true;
	}
	return false;
}

static bool read_member(struct parser *parser, struct json *object, struct json *member)
{
	if (!read_string(parser, &member->key, &member->key_len))
		return false;
	if (has_key(object, member))
		return refuse(parser, "a name that the object has already");
	skip_space(parser);
	return take(parser, ':') || refuse(parser, "a colon is due");
}

static bool read_container(struct parser *parser, struct json *out, char close)
{
	struct json **last = &out->child;
	out->type = close == '}' ? JSON_OBJECT : JSON_ARRAY;
	if (++parser->depth > JSON_DEPTH_MAX)
		return refuse(parser, "nested too deeply");
	skip_space(parser);
	for (bool is_empty = take(parser, close); !is_empty; is_empty = take(parser, close)) {
		if (out->child && !take(parser, ','))
			return refuse(parser, "a comma or the end is due");
		skip_space(parser);
		struct json *item = *last = calloc(1, sizeof *item);
		if (!item)
			return refuse(parser, "out of memory");
		last = &item->next;
		if ((close == '}' && !read_member(parser, out, item)) || !read_value(parser, item))
			return false;
		skip_space(parser);
	}
	parser->depth--;
	return true;
}

static bool read_value(struct parser *parser, struct json *out)
{
	skip_space(parser);
	if (parser->at == parser->end)
		return refuse(parser, "a value is due");
	switch (*parser->at) {
	case '{':
		parser->at++;
		return read_container(parser, out, '}');
	case '[':
		parser->at++;
		return read_container(parser, out, ']');
	case '"':
		out->type = JSON_STRING;
		return read_string(parser, &out->text, &out->len);
	case 't':
		out->type = JSON_TRUE;
		return read_word(parser, "true");
	case 'f':
		out->type = JSON_FALSE;
		return read_word(parser, "false");
	case 'n':
		out->type = JSON_NULL;
		return read_word(parser, "null");
	default:
		if (*parser->at != '-' && (*parser->at < '0' || *parser->at > '9'))
			return refuse(parser, "a value is due");
		return read_number(parser, out);
	}
}

struct json *json_parse(const char *text, size_t len, const char **why, size_t *at)
{
	struct parser parser = {.at = text, .start = text, .end = text + len};
	struct json *root = calloc(1, sizeof *root);
	bool is_read = root ? read_value(&parser, root) : refuse(&parser, "out of memory");
	if (is_read)
		skip_space(&parser);
	if (is_read && parser.at < parser.end)
		is_read = refuse(&parser, "text behind the value");
	if (is_read)
		return root;
	*why = parser.why;
	*at = (size_t)(parser.at - parser.start);
	json_free(root);
	return NULL;
}

void json_free(struct json *json)
{
	while (json) {
		struct json *next = json->next;
		json_free(json->child);
		free(json->text);
		free(json->key);
		free(json);
		json = next;
	}
}

const struct json *json_get(const struct json *json, const char *key)
{
	if (!json || json->type != JSON_OBJECT)
		return NULL;
	for (const struct json *member = json->child; member; member = member->next) {
		if (member->key_len == strlen(key) && memcmp(member->key, key, member->key_len) == 0)
			return member;
	}
	return NULL;
}

bool json_write_string(FILE *out, const char *text, size_t len)
{
	const char *end = text + len;
	for (const char *at = text; at < end;) {
		size_t size = utf8_length(at, end);
		if (size == 0)
			return false;
		at += size;
	}
	fputc('"', out);
	for (; text < end; text++) {
		static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
		const char *found = *text ? strchr(from, *text) : NULL;
		if (found)
			fprintf(out, "\\%c", to[found - from]);
		else if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", (unsigned)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
	return true;
}
