/* Small values that the steps of a workflow keep for each other, in memory. Each workflow has a
 * space of its own; spaces that nobody has asked for a while are forgotten. Used by many threads at
 * once. */
#ifndef PLUGIN_KV_STORE_H
#define PLUGIN_KV_STORE_H

#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KV_KEY_MAX 256u     /* bytes */
#define KV_VALUE_MAX 65536u /* bytes; what crosses to a run at once */
#define KV_ENTRIES_DEFAULT 1024u
#define KV_SPACE_BYTES_DEFAULT ((uint64_t)1 << 20)
#define KV_TOTAL_BYTES_DEFAULT ((uint64_t)64 << 20)
#define KV_IDLE_SECONDS_DEFAULT 86400u

/* 0: the default. */
struct kv_limits {
	uint64_t entries;      /* of a space */
	uint64_t space_bytes;  /* keys and values of a space */
	uint64_t total_bytes;  /* of all spaces */
	uint64_t idle_seconds; /* until a space is forgotten */
};

struct kv_store;

struct kv_store *kv_store_create(const struct kv_limits *limits, struct error *err);
/* NULL is allowed. */
void kv_store_destroy(struct kv_store *store);

/* A key or a value: bytes that may be anything, but that a key holds no NUL. */
struct kv_bytes {
	const void *bytes;
	size_t size;
};

/* Copies the value to `to` of KV_VALUE_MAX bytes. 0, or with *err set -ENOENT, -EINVAL. */
int kv_store_get(struct kv_store *store, const char *space, struct kv_bytes key, void *to,
                 size_t *size, struct error *err);

/* -EINVAL: no key; -EFBIG: the value is too large; -ENOSPC: a limit of the store, which *err names.
 */
int kv_store_put(struct kv_store *store, const char *space, struct kv_bytes key,
                 struct kv_bytes value, struct error *err);

int kv_store_delete(struct kv_store *store, const char *space, struct kv_bytes key,
                    struct error *err);

/* The keys that begin with `prefix` and stand behind `after` in the order of their bytes, each
 * ended by a NUL: as many as fit `room`. Nothing: there are no more. */
size_t kv_store_list(struct kv_store *store, const char *space, struct kv_bytes prefix,
                     struct kv_bytes after, char *to, size_t room);

/* For tests: a clock in place of the machine's, in seconds. */
void kv_store_set_clock(struct kv_store *store, uint64_t (*now)(void));

#endif
