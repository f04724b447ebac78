#include "bench/outcome.h"

void outcome_note(struct results *results, const char *bench, enum figure figure,
                  const struct peers *peers, const struct cell *cells, size_t count)
{
	for (size_t i = 0; i < peers->count; i++) {
		const struct peer *peer = &peers->items[i];
		results_contender(results, peer->name, peer->version, NULL);
		results_words(results, peer->words, peer->word_count);
	}
	for (size_t i = 0; i < count; i++) {
		const struct cell *cell = &cells[i];
		bool is_user = figure == FIGURE_USER;
		results_series(results, bench, cell->job, cell->contender, is_user ? "user" : "wall", "s",
		               is_user ? cell->user : cell->wall, cell->count);
		if (cell->refusal[0] != '\0')
			results_refusal(results, bench, cell->job, cell->contender, cell->refusal);
	}
}
