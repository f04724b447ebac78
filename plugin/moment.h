/* Points in time as people write them. */
#ifndef PLUGIN_MOMENT_H
#define PLUGIN_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* "2024-01-31T12:00:00Z", or whole seconds since 1970; nanoseconds since then. False for another
 * text, a day that is none, and a time before 1970 or beyond what 63 bits hold. */
bool moment_parse(const char *text, int64_t *ns);

#endif
