/* The tables of `tiphys bench kernels` and `tiphys bench start`, for tables.c: each fills *sheet
 * and the paragraph *text for free(); false when the results hold nothing for it, or without
 * memory.
 */
#ifndef BENCH_TABLES_ENGINE_H
#define BENCH_TABLES_ENGINE_H

#include "bench/sheet.h"

#include <jansson.h>

bool tables_kernels(const json_t *root, struct sheet *sheet, char **text);
bool tables_kernels_targets(const json_t *root, struct sheet *sheet, char **text);
bool tables_start(const json_t *root, struct sheet *sheet, char **text);
bool tables_start_targets(const json_t *root, struct sheet *sheet, char **text);

#endif
