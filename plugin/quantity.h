/* How many, how large and how long, as people write it. */
#ifndef PLUGIN_QUANTITY_H
#define PLUGIN_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal number of digits alone. False when it is not one or too large. */
bool number_parse(const char *text, uint64_t *number);

/* Bytes: such a number with nothing, K, M or G (KiB, MiB, GiB) behind it. False when it is not one
 * or too large. */
bool size_parse(const char *text, uint64_t *bytes);

/* The longest duration, a year: what is added to a clock does not wrap. */
#define DURATION_MAX_MS UINT64_C(31536000000)
#define DURATION_MAX "8760h"

/* A decimal number and one of ms, s, m, h; without a unit seconds. False when it is not one or
 * longer than DURATION_MAX. */
bool duration_parse(const char *text, uint64_t *ms);

#endif
