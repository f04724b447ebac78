/* Connections on which something whole is expected, a request or the taking of a reply: one that is
 * not there in its time is shut down, so that a caller who moves a byte now and then keeps none for
 * ever. Thread-safe. */
#ifndef PLUGIN_OVERDUE_H
#define PLUGIN_OVERDUE_H

#include "validator/error.h"

struct overdue;

/* One connection. */
struct overdue_line;

/* Looks from a thread of its own. What is shut down is logged as `message`, with the names of the
 * `limits` that bound it; both are static texts. */
struct overdue *overdue_create(unsigned seconds, const char *message, const char *limits,
                               struct error *err);
/* No call below may be under way; all lines have left. NULL is allowed. */
void overdue_destroy(struct overdue *overdue);

/* A connection, on which nothing is expected yet. `fd` is the caller's, and open until
 * overdue_leave(). NULL, which all below allow, when there is no memory. */
struct overdue_line *overdue_enter(struct overdue *overdue, int fd);
void overdue_leave(struct overdue *overdue, struct overdue_line *line);

/* It is expected from now on. */
void overdue_expect(struct overdue *overdue, struct overdue_line *line);
/* It is there. */
void overdue_met(struct overdue *overdue, struct overdue_line *line);

#endif
