#include "plugin/suggest.h"

#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned suggest_distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b);
	if (rows > SUGGEST_NAME_MAX || columns > SUGGEST_NAME_MAX)
		return SUGGEST_FAR;

	/* cost[i][j]: edits from the first i of a to the first j of b. */
	unsigned cost[SUGGEST_NAME_MAX + 1][SUGGEST_NAME_MAX + 1];
	for (unsigned i = 0; i <= rows; i++)
		cost[i][0] = i;
	for (unsigned j = 0; j <= columns; j++)
		cost[0][j] = j;
	for (unsigned i = 1; i <= rows; i++) {
		for (unsigned j = 1; j <= columns; j++) {
			unsigned replace = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			cost[i][j] = least(replace, least(cost[i - 1][j], cost[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[rows][columns];
}

void suggestion_init(struct suggestion *suggestion, const char *meant)
{
	*suggestion = (struct suggestion){.meant = meant, .distance = SUGGEST_FAR};
}

void suggestion_offer(struct suggestion *suggestion, const char *name)
{
	unsigned distance = suggest_distance(suggestion->meant, name);
	size_t typed = strlen(suggestion->meant);

	/* A beginning of the name counts as one edit, however much is missing. */
	if (typed > 1 && strncmp(suggestion->meant, name, typed) == 0)
		distance = least(distance, 1);
	/* More than a third of the name wrong is another word, not a slip. */
	if (distance > strlen(name) / 3 + 1)
		return;
	if (distance < suggestion->distance) {
		suggestion->distance = distance;
		suggestion->best = name;
	}
}
