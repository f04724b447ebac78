/* What modules.c and publish.c share of struct modules. */
#ifndef PLUGIN_MODULES_STATE_H
#define PLUGIN_MODULES_STATE_H

#include "plugin/cache_room.h"
#include "plugin/recall.h"
#include "plugin/resolve.h"

#include <pthread.h>

struct flight;

struct modules {
	struct resolver resolver;
	struct layout **stores;
	size_t store_count;
	struct recall *recall;
	struct cache_room *room; /* NULL: the cache has no bound */
	pthread_mutex_t lock;    /* of flights and what they hold */
	pthread_cond_t landed;
	struct flight *flights;
};

#endif
