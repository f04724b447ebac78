/* What the measurements have in common when they are done: series, tables of them, a file. */
#ifndef BENCH_OUTCOME_H
#define BENCH_OUTCOME_H

#include "bench/measure.h"
#include "bench/peer.h"
#include "bench/results.h"

enum figure { FIGURE_WALL, FIGURE_USER };

/* The peers as contenders, the cells' figures as series, and what was refused. */
void outcome_note(struct results *results, const char *bench, enum figure figure,
                  const struct peers *peers, const struct cell *cells, size_t count);

/* Prints the tables and, unless `json` is NULL, writes the results to that file. */
bool outcome_tell(const struct results *results, const char *json, struct error *err);

#endif
