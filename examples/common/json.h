/* JSON for guests: strict (RFC 8259), small, for the few kilobytes of a step's input and result.
 *
 * Refused besides what the grammar refuses: text that is not UTF-8, lone surrogates, a name twice
 * in one object, and nesting over JSON_DEPTH_MAX. */
#ifndef EXAMPLES_JSON_H
#define EXAMPLES_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 64

enum json_type {
	JSON_NULL,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	enum json_type type;
	char *text; /* a string's UTF-8; a number as it was written; terminated; else NULL */
	size_t len; /* of text: a string may hold NUL */
	char *key;  /* of an object's member, terminated; else NULL */
	size_t key_len;
	struct json *child; /* the first element or member */
	struct json *next;  /* the next one of the same parent */
};

/* NULL on failure: *why is a static text and *at the byte it happened at. Freed by json_free(). */
struct json *json_parse(const char *text, size_t len, const char **why, size_t *at);
void json_free(struct json *json);

/* The object's member of that name; NULL when there is none or json is no object (or NULL). */
const struct json *json_get(const struct json *json, const char *key);

/* Writes a string with its quotes, escaped. False when it is not UTF-8 (nothing is written). */
bool json_write_string(FILE *out, const char *text, size_t len);

#endif
