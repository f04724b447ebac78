/* Why a text is no JSON, for the person who wrote it: the library's words name its own flags and
 * repeat the text's bytes as they are. */
#ifndef PLUGIN_JSON_FAULT_H
#define PLUGIN_JSON_FAULT_H

#include <jansson.h>

#define JSON_FAULT_SIZE 320

/* "line 1, column 6: what is wrong, at "…"", of printable ASCII. Returns `words`. */
const char *json_fault_words(const json_error_t *fault, char words[JSON_FAULT_SIZE]);

#endif
