/* Whether what was measured is as good as it should be. */
#ifndef BENCH_TARGETS_H
#define BENCH_TARGETS_H

#include "bench/sheet.h"

#include <jansson.h>

/* A table of the rows of target.def that the results have figures for, with what was measured and
 * whether that is within the bound; false when there is no such row. `root` is as bench/results.h
 * says. */
bool targets_table(const json_t *root, const char *bench, struct sheet *sheet);

#endif
