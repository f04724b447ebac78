/* The name that a person most likely meant. */
#ifndef PLUGIN_SUGGEST_H
#define PLUGIN_SUGGEST_H

#include <stddef.h>

/* Collects the best of a list of names, offered one by one. */
struct suggestion {
	const char *meant; /* what was typed */
	const char *best;  /* NULL when nothing was near */
	unsigned distance; /* edits between the two */
};

void suggestion_init(struct suggestion *suggestion, const char *meant);
void suggestion_offer(struct suggestion *suggestion, const char *name);

/* Edits (insert, delete, replace, swap two neighbours) that turn one into the other; names longer
 * than SUGGEST_NAME_MAX are SUGGEST_FAR from everything. */
unsigned suggest_distance(const char *a, const char *b);

#define SUGGEST_NAME_MAX 40
#define SUGGEST_FAR 1000u

#endif
