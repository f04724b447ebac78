/* A report for people, from the results alone. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/results.h"

/* Makes DIRECTORY and writes results.json, report.md, report.html and chart.svg there. The page and
 * the picture, which is the page's first chart, need no other file and no network. What report.md
 * has between its marks is what the README shows. */
bool report_write(const struct results *results, const char *directory, struct error *err);

#endif
