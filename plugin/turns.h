/* A queue that is fair between those who wait in it: each gets one turn a round, in the order in
 * which they came, however many things one of them has put there. Not thread-safe. */
#ifndef PLUGIN_TURNS_H
#define PLUGIN_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* Embedded in what waits. */
struct turn {
	const char *who; /* borrowed while it waits */
	STAILQ_ENTRY(turn) next;
};

#define TURNS_BUCKETS 256

struct lane;
TAILQ_HEAD(lane_list, lane);

/* Lanes exist while something waits in them. */
struct turns {
	struct lane_list order; /* whose turn it is stands first */
	struct lane_list buckets[TURNS_BUCKETS];
	size_t count; /* of all that wait */
};

void turns_init(struct turns *turns);

/* False without memory. */
bool turns_add(struct turns *turns, struct turn *turn);

/* NULL when nobody waits. */
struct turn *turns_take(struct turns *turns);

#endif
