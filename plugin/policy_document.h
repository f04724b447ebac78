/* Documents in YAML, or in JSON, which is YAML too: from text to JSON values, with the place of
 * each. A policy is read by people who must see what it grants: anchors, aliases and tags, by which
 * a part of it would mean something that stands elsewhere, are refused. */
#ifndef PLUGIN_POLICY_DOCUMENT_H
#define PLUGIN_POLICY_DOCUMENT_H

#include "validator/error.h"

#include <jansson.h>

#define POLICY_BYTES_MAX ((size_t)256 << 10)
#define POLICY_DEPTH_MAX 16

/* *marks becomes an object of path: line << 16 | column. Both are the caller's to json_decref(),
 * also after a failure. Messages begin with "SOURCE:LINE:COLUMN: ". */
bool policy_document_parse(const char *text, size_t size, const char *source, json_t **document,
                           json_t **marks, struct error *err);

#endif
