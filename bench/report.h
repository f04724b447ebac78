/* A report for people, from the results alone. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/results.h"

/* Makes DIRECTORY and writes results.json, report.md and report.html there. The page needs no other
 * file and no network. */
bool report_write(const struct results *results, const char *directory, struct error *err);

#endif
