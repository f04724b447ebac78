/* What goes when the module cache holds more than it may: the files that were used longest ago, and
 * none that a step has.
 *
 * When a file was last used is known of those that this process used, and else by its times: the
 * kernel notes when a file was read, though no oftener than once a day. So a file that another
 * process has just looked up is not safe, but one that it has opened is: it only loses its name. */
#ifndef PLUGIN_CACHE_ROOM_H
#define PLUGIN_CACHE_ROOM_H

#include "validator/error.h"

#include <stdbool.h>
#include <stdint.h>

struct cache_room;

/* `root` is the cache's folder (plugin/cache.h); `bytes`: what its files may take on the disk; of
 * what was used in the last `spare_s` seconds nothing goes. */
struct cache_room *cache_room_create(const char *root, uint64_t bytes, uint64_t spare_s,
                                     struct error *err);
void cache_room_destroy(struct cache_room *room);

/* Default of `spare_s`: longer than it takes from finding a file to opening it. */
#define CACHE_ROOM_SPARE_S 10

/* The file stays until it is let go as often as it was held. False when it is not there any more;
 * then it is not held. Of files elsewhere nothing is noted. Thread-safe. */
bool cache_room_hold(struct cache_room *room, const char *path);
void cache_room_let_go(struct cache_room *room, const char *path);

/* Something was added: the next cache_room_make() looks. */
void cache_room_grew(struct cache_room *room);

/* Removes files until the others fit. Does nothing when nothing was added since the last time.
 * Errors are none: it is tried again when something else is added. */
void cache_room_make(struct cache_room *room);

#endif
