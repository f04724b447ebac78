#include "plugin/turns.h"

#include "plugin/hash.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct lane {
	TAILQ_ENTRY(lane) order, bucket;
	STAILQ_HEAD(, turn) turns;
	struct lane_list *home; /* the bucket */
	char who[];
};

void turns_init(struct turns *turns)
{
	TAILQ_INIT(&turns->order);
	for (size_t i = 0; i < TURNS_BUCKETS; i++)
		TAILQ_INIT(&turns->buckets[i]);
	turns->count = 0;
}

static struct lane_list *home_of(struct turns *turns, const char *who)
{
	return &turns->buckets[hash_text(who) % TURNS_BUCKETS];
}

static struct lane *lane_of(struct turns *turns, const char *who)
{
	struct lane_list *home = home_of(turns, who);
	struct lane *lane;
	TAILQ_FOREACH(lane, home, bucket)
	{
		if (strcmp(lane->who, who) == 0)
			return lane;
	}
	size_t size = strlen(who) + 1;
	lane = malloc(sizeof *lane + size);
	if (lane == NULL)
		return NULL;
	memcpy(lane->who, who, size);
	lane->home = home;
	STAILQ_INIT(&lane->turns);
	TAILQ_INSERT_TAIL(home, lane, bucket);
	TAILQ_INSERT_TAIL(&turns->order, lane, order);
	return lane;
}

bool turns_add(struct turns *turns, struct turn *turn)
{
	struct lane *lane = lane_of(turns, turn->who);
	if (lane == NULL)
		return false;
	STAILQ_INSERT_TAIL(&lane->turns, turn, next);
	turns->count++;
	return true;
}

struct turn *turns_take(struct turns *turns)
{
	struct lane *lane = TAILQ_FIRST(&turns->order);
	if (lane == NULL)
		return NULL;
	struct turn *turn = STAILQ_FIRST(&lane->turns);
	STAILQ_REMOVE_HEAD(&lane->turns, next);
	turns->count--;
	TAILQ_REMOVE(&turns->order, lane, order);
	if (STAILQ_EMPTY(&lane->turns)) {
		TAILQ_REMOVE(lane->home, lane, bucket);
		free(lane);
	} else {
		TAILQ_INSERT_TAIL(&turns->order, lane, order);
	}
	return turn;
}
