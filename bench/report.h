/* A report for people, from the results alone. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/results.h"

/* Before a measurement: makes DIRECTORY and tries whether report_write() can write there. Refuses
 * an empty name. */
bool report_probe(const char *directory, struct error *err);

/* Makes DIRECTORY and writes results.json, report.md, report.html and chart.svg there. The page and
 * the picture, which is the page's first chart, need no other file and no network. What report.md
 * has between its marks is what the README shows. */
bool report_write(const struct results *results, const char *directory, struct error *err);

#endif
