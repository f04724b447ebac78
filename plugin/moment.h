/* Times as people write them. */
#ifndef PLUGIN_MOMENT_H
#define PLUGIN_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* "2024-01-31T12:00:00Z", or whole seconds since 1970; nanoseconds since then. False for another
 * text, a day that is none, and a time before 1970 or beyond what 63 bits hold. */
bool moment_parse(const char *text, int64_t *ns);

/* The longest duration, a year: what is added to a clock does not wrap. */
#define DURATION_MAX_MS UINT64_C(31536000000)
#define DURATION_MAX "8760h"

/* A decimal number and one of ms, s, m, h; without a unit seconds. False when it is not one or
 * longer than DURATION_MAX. */
bool duration_parse(const char *text, uint64_t *ms);

#endif
