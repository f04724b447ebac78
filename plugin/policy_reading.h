/* Reading a policy, shared by policy_read.c (which field) and policy_values.c (what it says). */
#ifndef PLUGIN_POLICY_READING_H
#define PLUGIN_POLICY_READING_H

#include "plugin/policy.h"

struct policy_reading {
	struct policy *out;
	const json_t *marks; /* NULL: none */
	enum policy_role role;
	struct error *err;
};

/* A value of the document and its path in it. */
struct policy_value {
	const char *path;
	const json_t *json;
};

struct policy_mark policy_mark_of(const struct policy_reading *reading, const char *path);

/* Sets the error, with the place before it; false. */
__attribute__((format(printf, 3, 4))) bool policy_wrong(struct policy_reading *reading,
                                                        const char *path, const char *fmt, ...);

/* "is a number, must be EXPECTED" */
bool policy_wrong_kind(struct policy_reading *reading, const struct policy_value *value,
                       const char *expected);

/* "is not known", with the nearest of the names; `count` of them, NULLs are passed over. */
bool policy_unknown(struct policy_reading *reading, const char *path, const char *key,
                    const char *const *names, size_t count);

/* Memory that lives as long as the policy: zeroed; NULL with the error set. */
void *policy_room(struct policy_reading *reading, size_t count, size_t size);
const char *policy_keep(struct policy_reading *reading, const char *text);

/* ---- parts of values ---- */

#define POLICY_PATH_SIZE 256

/* A string that is not empty, kept; NULL with the error set. */
const char *policy_text_of(struct policy_reading *reading, const struct policy_value *value);

/* A scalar as text, kept; NULL with the error set. */
const char *policy_scalar_of(struct policy_reading *reading, const struct policy_value *value);

/* An item of an array; `path` is the caller's room for its path. */
struct policy_value policy_item_of(const struct policy_value *array, size_t index,
                                   char path[POLICY_PATH_SIZE]);

/* A field of a mapping; .json is NULL when it is absent. */
struct policy_value policy_member_of(const struct policy_value *object, const char *key,
                                     char path[POLICY_PATH_SIZE]);

/* True for a mapping with no other keys than these. */
bool policy_object_of(struct policy_reading *reading, const struct policy_value *value,
                      const char *const *keys, size_t count, const char *expected);
#define POLICY_OBJECT_OF(reading, value, keys, expected)                                           \
	policy_object_of(reading, value, keys, sizeof(keys) / sizeof(*(keys)), expected)

/* The items of an array, each read by `read` into `size` bytes: kept; NULL with the error set. */
typedef bool policy_item_reader(struct policy_reading *reading, const struct policy_value *value,
                                void *item);
void *policy_items_of(struct policy_reading *reading, const struct policy_value *value,
                      const char *what, size_t size, policy_item_reader *read, size_t *count);

bool policy_read_access(struct policy_reading *reading, const struct policy_value *value,
                        enum policy_access *access);

/* policy_places.c: into struct policy_origin, policy_endpoint, policy_bucket, policy_text */
policy_item_reader policy_read_origin, policy_read_endpoint, policy_read_bucket,
    policy_read_registry;

/* Reads a value of the row's kind into the member. */
bool policy_read_value(struct policy_reading *reading, const struct policy_row *row,
                       const struct policy_value *value, void *member);

#endif
