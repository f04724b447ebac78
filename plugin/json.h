/* The few things all JSON borders need. */
#ifndef PLUGIN_JSON_H
#define PLUGIN_JSON_H

#include <jansson.h>

static inline void cleanup_json_reference(json_t **value)
{
	json_decref(*value);
}
/* Drops the reference that the variable owns. */
#define cleanup_json __attribute__((cleanup(cleanup_json_reference)))

#endif
