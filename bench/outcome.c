#include "bench/outcome.h"

void outcome_note(struct results *results, const char *bench, enum figure figure,
                  const struct peers *peers, const struct cell *cells, size_t count)
{
	for (size_t i = 0; i < peers->count; i++)
		results_contender(results, peers->items[i].name, peers->items[i].version, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct cell *cell = &cells[i];
		bool is_user = figure == FIGURE_USER;
		results_series(results, bench, cell->job, cell->contender, is_user ? "user" : "wall", "s",
		               is_user ? cell->user : cell->wall, cell->count);
		if (cell->refusal[0] != '\0')
			results_refusal(results, bench, cell->job, cell->contender, cell->refusal);
	}
}

void outcome_print(const struct results *results, const struct peers *peers,
                   const struct cell *cells, size_t count, FILE *out)
{
	results_print_machine(results, out);
	for (size_t i = 0; i < peers->count; i++)
		fprintf(out, "%s: %s\n", peers->items[i].name, peers->items[i].version);
	for (size_t i = 0; i < count; i++)
		if (cells[i].refusal[0] != '\0')
			fprintf(out, "%s refuses %s: %s\n", cells[i].contender, cells[i].job, cells[i].refusal);
}
