/* Scalars of JSON as the text that Argo makes of them. */
#ifndef PLUGIN_SCALAR_H
#define PLUGIN_SCALAR_H

#include <jansson.h>
#include <stdbool.h>

/* A string, an integer, a real number (in its shortest form that reads back as the same number,
 * without an exponent where a person would write none) or a boolean as a new JSON string. NULL for
 * null, arrays and objects, and without memory. */
json_t *scalar_to_string(const json_t *value);

/* "a string", "a number", "an object" …: for messages. */
const char *json_kind(const json_t *value);

#endif
