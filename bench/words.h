/* Commands that are given as one text. */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include "validator/error.h"

#include <stddef.h>

/* Parts a text at blanks; '…' and "…" hold blanks together, and what stands in them is taken as it
 * is. An array of *count texts that ends with NULL, for words_free(); NULL with *err set for a
 * quote that does not end, or without memory. */
char **words_split(const char *text, size_t *count, struct error *err);
void words_free(char **words);

/* The text with the directories of absolute paths in it left out: they tell of the machine and not
 * of what was measured. For free(); NULL without memory. */
char *words_without_directories(const char *text);

#endif
