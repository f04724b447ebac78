/* What modules.c and publish.c share of struct modules. */
#ifndef PLUGIN_MODULES_STATE_H
#define PLUGIN_MODULES_STATE_H

#include "plugin/recall.h"
#include "plugin/resolve.h"

#include <pthread.h>

struct flight;

struct modules {
	struct resolver resolver;
	struct layout **stores;
	size_t store_count;
	struct recall *recall;
	pthread_mutex_t lock; /* of flights and what they hold */
	pthread_cond_t landed;
	struct flight *flights;
};

#endif
