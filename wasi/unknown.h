/* Functions of a WASI snapshot that this build does not know: a module built for a later one
 * imports them and often never calls them. So they link, and a call answers NOSYS. */
#ifndef WASI_UNKNOWN_H
#define WASI_UNKNOWN_H

#include "wasi/guest.h"

/* Makes the host function that stands for `import`, of whatever type the module gave it. With a
 * result other than one i32 there is no errno to answer, and a call traps instead. NULL:
 * ERROR_NO_MEMORY, or ERROR_LIMIT or ERROR_LINK for a type that no function of the host can have.
 */
struct func *unknown_create(struct wasi *wasi, struct store *store, const struct import *import,
                            struct error *err);

/* Frees what unknown_create() made for this run. */
void unknown_clear(struct wasi *wasi);

#endif
