#include "bench/outcome.h"

#include "bench/tables.h"

#include <stdio.h>

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
		if (is_user)
			results_series(results, bench, cell->job, cell->contender, "user", "s", cell->user,
			               cell->count);
		else
			results_series_of_runs(results, bench, cell->job, cell->contender, "wall", "s",
			                       cell->wall, cell->count, cell->runs, cell->run_count);
		if (cell->refusal[0] != '\0')
			results_refusal(results, bench, cell->job, cell->contender, cell->refusal);
	}
}

bool outcome_tell(const struct results *results, const char *json, struct error *err)
{
	if (!tables_print(results->root, stdout))
		return error_set(err, ERROR_NO_MEMORY, "no memory for the tables");
	return json == NULL || results_write(results, json, err);
}
