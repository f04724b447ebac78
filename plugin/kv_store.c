#include "plugin/kv_store.h"

#include "caps/cleanup.h"
#include "plugin/hash.h"
#include "plugin/now.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

struct entry {
	char *key; /* terminated */
	size_t key_size;
	char *value;
	size_t value_size;
};

struct space {
	char *name;
	struct entry *entries; /* in the order of their keys */
	size_t count, room;
	uint64_t bytes;
	uint64_t asked; /* when, in seconds */
	struct space *next;
};

#define BUCKETS 256u

struct kv_store {
	pthread_mutex_t lock;
	struct kv_limits limits;
	struct space *buckets[BUCKETS];
	uint64_t bytes;
	uint64_t (*now)(void);
	uint64_t swept; /* when the idle were last looked for */
};

struct kv_store *kv_store_create(const struct kv_limits *limits, struct error *err)
{
	struct kv_store *store = calloc(1, sizeof *store);
	if (store == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for what workflows keep");
		return NULL;
	}
	store->limits = (struct kv_limits){
	    .entries = limits->entries != 0 ? limits->entries : KV_ENTRIES_DEFAULT,
	    .space_bytes = limits->space_bytes != 0 ? limits->space_bytes : KV_SPACE_BYTES_DEFAULT,
	    .total_bytes = limits->total_bytes != 0 ? limits->total_bytes : KV_TOTAL_BYTES_DEFAULT,
	    .idle_seconds = limits->idle_seconds != 0 ? limits->idle_seconds : KV_IDLE_SECONDS_DEFAULT,
	};
	store->now = now_seconds;
	pthread_mutex_init(&store->lock, NULL);
	return store;
}

void kv_store_set_clock(struct kv_store *store, uint64_t (*now)(void))
{
	store->now = now;
}

static void entry_clear(struct entry *entry)
{
	free(entry->key);
	free(entry->value);
}

static void space_destroy(struct space *space)
{
	for (size_t i = 0; i < space->count; i++)
		entry_clear(&space->entries[i]);
	free(space->entries);
	free(space->name);
	free(space);
}

void kv_store_destroy(struct kv_store *store)
{
	if (store == NULL)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct space *space = store->buckets[i], *next; space != NULL; space = next) {
			next = space->next;
			space_destroy(space);
		}
	}
	pthread_mutex_destroy(&store->lock);
	free(store);
}

/* ---- spaces ---- */

static struct space **bucket_of(struct kv_store *store, const char *name)
{
	return &store->buckets[hash_text(name) % BUCKETS];
}

/* Forgets what nobody asked for. Looked for once in a while, or when room is wanted. */
static void sweep(struct kv_store *store, bool at_once)
{
	uint64_t now = store->now();
	if (!at_once && now - store->swept < store->limits.idle_seconds / 16 + 1)
		return;
	store->swept = now;
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct space **link = &store->buckets[i]; *link != NULL;) {
			struct space *space = *link;
			if (now - space->asked < store->limits.idle_seconds) {
				link = &space->next;
				continue;
			}
			*link = space->next;
			store->bytes -= space->bytes;
			space_destroy(space);
		}
	}
}

/* NULL when the space is empty, or without memory. */
static struct space *space_of(struct kv_store *store, const char *name, bool create)
{
	struct space **bucket = bucket_of(store, name), *space = *bucket;
	while (space != NULL && strcmp(space->name, name) != 0)
		space = space->next;
	if (space == NULL && create && (space = calloc(1, sizeof *space)) != NULL) {
		space->name = strdup(name);
		if (space->name == NULL) {
			free(space);
			return NULL;
		}
		space->next = *bucket;
		*bucket = space;
	}
	if (space != NULL)
		space->asked = store->now();
	return space;
}

/* ---- entries ---- */

static int compare(const struct entry *entry, struct kv_bytes key)
{
	size_t least = entry->key_size < key.size ? entry->key_size : key.size;
	int order = least == 0 ? 0 : memcmp(entry->key, key.bytes, least);
	return order != 0 ? order : (entry->key_size > key.size) - (entry->key_size < key.size);
}

/* The first entry that is not before the key. */
static size_t place_of(const struct space *space, struct kv_bytes key)
{
	size_t low = 0, high = space->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(&space->entries[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *entry_of(struct space *space, struct kv_bytes key)
{
	if (space == NULL)
		return NULL;
	size_t at = place_of(space, key);
	return at < space->count && compare(&space->entries[at], key) == 0 ? &space->entries[at] : NULL;
}

static int check_key(struct kv_bytes key, struct error *err)
{
	if (key.size > 0 && key.size <= KV_KEY_MAX && memchr(key.bytes, '\0', key.size) == NULL)
		return 0;
	error_set(err, ERROR_USAGE, "a key has 1 to %u bytes, and none of them is 0", KV_KEY_MAX);
	return -EINVAL;
}

static int no_entry(struct kv_bytes key, struct error *err)
{
	error_set(err, ERROR_USAGE, "nothing is kept as \"%.*s\"", (int)key.size,
	          (const char *)key.bytes);
	return -ENOENT;
}

int kv_store_get(struct kv_store *store, const char *space, struct kv_bytes key, void *to,
                 size_t *size, struct error *err)
{
	int result = check_key(key, err);
	if (result < 0)
		return result;
	pthread_mutex_lock(&store->lock);
	sweep(store, false);
	const struct entry *entry = entry_of(space_of(store, space, false), key);
	if (entry != NULL) {
		*size = entry->value_size;
		memcpy(to, entry->value, entry->value_size);
	} else {
		result = no_entry(key, err);
	}
	pthread_mutex_unlock(&store->lock);
	return result;
}

static int no_room(const char *of, uint64_t limit, const char *unit, struct error *err)
{
	error_set(err, ERROR_LIMIT, "what %s may keep is limited to %llu %s", of,
	          (unsigned long long)limit, unit);
	return -ENOSPC;
}

static int no_memory(struct error *err)
{
	error_set(err, ERROR_NO_MEMORY, "no memory for a value");
	return -ENOMEM;
}

/* Room for one more entry at `at`, which the caller fills. */
static bool make_room(struct space *space, size_t at)
{
	if (space->count == space->room) {
		size_t room = space->room == 0 ? 8 : 2 * space->room;
		struct entry *entries = reallocarray(space->entries, room, sizeof *entries);
		if (entries == NULL)
			return false;
		space->entries = entries;
		space->room = room;
	}
	memmove(&space->entries[at + 1], &space->entries[at],
	        (space->count - at) * sizeof *space->entries);
	space->count++;
	return true;
}

static void forget(struct kv_store *store, struct space *space, struct entry *entry)
{
	uint64_t bytes = entry->key_size + entry->value_size;
	size_t at = (size_t)(entry - space->entries);
	entry_clear(entry);
	space->count--;
	memmove(entry, entry + 1, (space->count - at) * sizeof *entry);
	space->bytes -= bytes;
	store->bytes -= bytes;
}

static int put(struct kv_store *store, struct space *space, struct kv_bytes key,
               struct kv_bytes value, struct error *err)
{
	const struct kv_limits *limits = &store->limits;
	struct entry *old = entry_of(space, key);
	uint64_t gone = old != NULL ? old->key_size + old->value_size : 0;
	uint64_t bytes = key.size + value.size;
	if (old == NULL && space->count >= limits->entries)
		return no_room("a workflow", limits->entries, "values", err);
	if (space->bytes - gone + bytes > limits->space_bytes)
		return no_room("a workflow", limits->space_bytes, "bytes", err);
	if (store->bytes - gone + bytes > limits->total_bytes)
		return no_room("all workflows", limits->total_bytes, "bytes", err);
	cleanup_free char *key_copy = malloc(key.size + 1), *value_copy = malloc(value.size + 1);
	if (key_copy == NULL || value_copy == NULL)
		return no_memory(err);
	memcpy(key_copy, key.bytes, key.size);
	key_copy[key.size] = '\0';
	if (value.size > 0)
		memcpy(value_copy, value.bytes, value.size);
	if (old == NULL) {
		size_t at = place_of(space, key);
		if (!make_room(space, at))
			return no_memory(err);
		old = &space->entries[at];
		*old = (struct entry){.key = take_ptr(&key_copy), .key_size = key.size};
	}
	free(old->value);
	old->value = take_ptr(&value_copy);
	old->value_size = value.size;
	space->bytes += bytes - gone;
	store->bytes += bytes - gone;
	return 0;
}

int kv_store_put(struct kv_store *store, const char *space, struct kv_bytes key,
                 struct kv_bytes value, struct error *err)
{
	int result = check_key(key, err);
	if (result < 0)
		return result;
	if (value.size > KV_VALUE_MAX) {
		error_set(err, ERROR_LIMIT, "a value has at most %u bytes", KV_VALUE_MAX);
		return -EFBIG;
	}
	pthread_mutex_lock(&store->lock);
	sweep(store, store->bytes + key.size + value.size > store->limits.total_bytes);
	struct space *own = space_of(store, space, true);
	result = own != NULL ? put(store, own, key, value, err) : no_memory(err);
	pthread_mutex_unlock(&store->lock);
	return result;
}

int kv_store_delete(struct kv_store *store, const char *space, struct kv_bytes key,
                    struct error *err)
{
	int result = check_key(key, err);
	if (result < 0)
		return result;
	pthread_mutex_lock(&store->lock);
	struct space *own = space_of(store, space, false);
	struct entry *entry = entry_of(own, key);
	if (entry != NULL)
		forget(store, own, entry);
	else
		result = no_entry(key, err);
	pthread_mutex_unlock(&store->lock);
	return result;
}

size_t kv_store_list(struct kv_store *store, const char *space, struct kv_bytes prefix,
                     struct kv_bytes after, char *to, size_t room)
{
	size_t used = 0;
	pthread_mutex_lock(&store->lock);
	const struct space *own = space_of(store, space, false);
	size_t at = 0;
	if (own != NULL) {
		at = place_of(own, after);
		if (after.size > 0 && at < own->count && compare(&own->entries[at], after) == 0)
			at++;
		size_t first = place_of(own, prefix);
		at = at < first ? first : at;
	}
	for (; own != NULL && at < own->count; at++) {
		const struct entry *entry = &own->entries[at];
		bool begins = entry->key_size >= prefix.size &&
		              (prefix.size == 0 || memcmp(entry->key, prefix.bytes, prefix.size) == 0);
		if (!begins || entry->key_size + 1 > room - used)
			break;
		memcpy(to + used, entry->key, entry->key_size + 1);
		used += entry->key_size + 1;
	}
	pthread_mutex_unlock(&store->lock);
	return used;
}
